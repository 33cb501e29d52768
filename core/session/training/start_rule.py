"""The rule by which training starts automatically."""

from __future__ import annotations

from core.project.project import Project
from core.project.records import RunRecord
from core.session.training.next_run import spec_of

MIN_LABELLED_PICTURES = 3
"""Labelled pictures that the first training needs."""
RESTART_AFTER_CHANGED = 2
"""Pictures with changed labels after which training starts again."""


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
