"""The rule by which training starts automatically."""

from __future__ import annotations

from dataclasses import dataclass

from core.base.settings import Settings
from core.base.text import count_of
from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.records import ProjectCounts, RunRecord
from core.session.training.next_run import spec_of

MIN_LABELLED_PICTURES = 3
"""Labelled pictures that the first training needs."""


@dataclass(frozen=True, slots=True)
class StartRule:
    """When an automatic training starts again; whichever comes first. A newly labelled class starts it in any case.

    pictures: after so many with changed labels; minutes: after the first change; idle_seconds: after the last change;
    0 for not by this rule
    """

    pictures: int = 2
    minutes: float = 0.0
    idle_seconds: float = 0.0

    def seconds_until_due(
        self, changed_pictures: int, first_change: float, last_change: float
    ) -> float | None:
        """From the last change on, 0 for at once; None when only more changed pictures can make it due.

        first_change, last_change: seconds of one clock
        """
        if not changed_pictures:
            return None
        if 0 < self.pictures <= changed_pictures:
            return 0.0
        waits = [first_change + 60 * self.minutes - last_change] if self.minutes else []
        waits += [self.idle_seconds] if self.idle_seconds else []
        return max(0.0, min(waits)) if waits else None

    def __str__(self) -> str:
        """In words: "after 2 changed pictures or 5 min after a change"."""
        parts = [f"after {count_of(self.pictures, 'changed picture')}"] if self.pictures else []
        parts += [f"{self.minutes:g} min after a change"] if self.minutes else []
        parts += [f"{self.idle_seconds:g} s after the last change"] if self.idle_seconds else []
        return " or ".join(parts) or "when a new class is labelled"


def start_rule(settings: Settings) -> StartRule:
    """The rule that the settings give."""
    return StartRule(
        settings.get("retrain_pictures"),
        settings.get("retrain_minutes"),
        settings.get("retrain_idle_seconds"),
    )


def missing_for_training(counts: ProjectCounts, classes: ClassList) -> str:
    """What has to be labelled before the first training, in a sentence; empty when nothing is missing."""
    if len(classes) < 2:
        return "Add two classes, then paint a few strokes of each."
    if (missing := MIN_LABELLED_PICTURES - counts.labelled) > 0:
        return {
            1: "Label one more picture to start training.",
            2: "Label two more pictures to start training.",
            3: "Label a few strokes in three pictures to start training.",
        }[missing]
    if len(set(counts.class_pixels) & set(classes.values)) < 2:
        return "Paint a second class to start training."
    return ""


def is_training_due(project: Project, newest: RunRecord | None, *, changes_suffice: bool) -> bool:
    """Whether enough was labelled for a first training, or enough changed since the `newest` published run.

    Three labelled pictures with two classes start the first one. Changes that suffice by the `StartRule`, or a painted
    class that the newest weights do not know, start the next.
    """
    counts = project.pictures.counts()
    painted = set(project.classes.read().values) & set(counts.class_pixels)
    if counts.labelled < MIN_LABELLED_PICTURES or len(painted) < 2:
        return False
    if newest is None or changes_suffice:
        return True
    now = project.classes.mapping_since(newest.after_move_id)
    known = {int(now[value]) for value in spec_of(newest).class_values}
    return bool(painted - known)
