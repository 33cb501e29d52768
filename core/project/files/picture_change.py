"""A change of what is known about one picture besides its label: status, split, note and tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.base.changes import Changes
from core.project.project import Project
from core.project.row_changes import RowChange


@dataclass(frozen=True, slots=True)
class PictureChange:
    """values: columns of the picture; added, removed: tags. Differences, never the whole list of tags: a window that is
    behind would remove a tag that is new."""

    picture_id: int
    name: str
    values: Mapping[str, str | None] = field(default_factory=dict)
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


def store_change(project: Project, change: PictureChange) -> Changes:
    """Store it as one edit that can be undone. Raises ProjectError."""
    present = set(project.pictures.get(change.picture_id).tags) if change.added or change.removed else set()
    rows = [RowChange("pictures", str(change.picture_id), change.values)] if change.values else []
    for tag in sorted(present & change.removed):
        rows.append(RowChange("picture_tags", f"{change.picture_id}:{tag}", None))
    for tag in sorted(change.added - present):
        rows.append(RowChange("picture_tags", f"{change.picture_id}:{tag}", {}))
    if not rows:
        return Changes()
    return project.journal.change_rows(change.picture_id, change.name, "mark", rows)
