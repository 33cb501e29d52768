"""The rule by which training starts automatically."""

from __future__ import annotations

from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.records import ProjectCounts, RunRecord
from core.session.training.next_run import spec_of

MIN_LABELLED_PICTURES = 3
"""Labelled pictures that the first training needs."""
RESTART_AFTER_CHANGED = 2
"""Pictures with changed labels after which training starts again."""


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


def is_training_due(project: Project, newest: RunRecord | None, changed_pictures: int) -> bool:
    """Whether enough was labelled for a first training, or enough changed since the `newest` published run.

    Three labelled pictures with two classes start the first one. Two changed pictures, or a painted class that the
    newest weights do not know, start the next.
    """
    counts = project.pictures.counts()
    painted = set(project.classes.read().values) & set(counts.class_pixels)
    if counts.labelled < MIN_LABELLED_PICTURES or len(painted) < 2:
        return False
    if newest is None or changed_pictures >= RESTART_AFTER_CHANGED:
        return True
    now = project.classes.mapping_since(newest.after_move_id)
    known = {int(now[value]) for value in spec_of(newest).class_values}
    return bool(painted - known)
