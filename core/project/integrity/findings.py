"""What can be wrong with a project, as plain values: the doctor's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from core.base.geometry import TileKey

ProgressReport = Callable[[int, int], None]
"""Told how many of how many have been looked at."""


class FindingKind(StrEnum):
    """What is wrong."""

    FILE = "file damaged"
    INDEX = "index damaged"
    ORPHAN = "orphan row"
    TILE = "tile damaged"
    ORIGINS = "origins damaged"
    OUTSIDE = "tile outside"
    SIZE = "size unknown"
    COUNTS = "counts wrong"
    NO_CLASS = "class missing"
    EDIT = "edit damaged"
    NO_FILE = "prediction without file"
    NO_ROW = "prediction without row"
    WEIGHTS = "weights missing"
    MISSING = "picture missing"
    MOVED = "picture moved"
    CHANGED = "picture changed"


@dataclass(frozen=True, slots=True)
class IntegrityFinding:
    """One thing that is wrong, in a sentence for people. `repairable`: `repair` knows what to do.

    The rest says what is meant; `path` is where a moved picture lies now, or a file that nobody knows.
    """

    kind: FindingKind
    sentence: str
    repairable: bool
    picture_id: int | None = None
    edit_id: int | None = None
    run_id: int | None = None
    tile: TileKey | None = None
    row: tuple[str, int] | None = None
    class_value: int | None = None
    path: str | None = None
