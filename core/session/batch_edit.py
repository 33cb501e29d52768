"""One operation on pictures that can be undone as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.project.journal import JournalRepository


@dataclass(frozen=True, slots=True)
class BatchEdit:
    """One operation on many pictures, kept for undo. edits: ids of its edits by picture id, oldest first."""

    name: str
    edits: Mapping[int, tuple[int, ...]]
    problems: tuple[str, ...] = ()


def newest_edit(journal: JournalRepository, picture_id: int) -> int:
    """Document lane: id of the edit that undo would revert next; 0 when there is none."""
    done = [e.id for e in journal.history(picture_id) if not e.undone and not e.thinned]
    return done[-1] if done else 0
