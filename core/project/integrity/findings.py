"""The findings of an integrity check, as immutable values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from core.base.geometry import TileKey

ProgressReport = Callable[[int, int], None]
"""Called with the number of items checked and their total."""


class FindingKind(StrEnum):
    """What a finding is about; the values are part of the output of `maskloop check --json`."""

    FILE = "file damaged"
    INDEX = "index damaged"
    VALUE = "value damaged"
    CLASS = "class damaged"
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
    DOUBLE = "picture labelled twice"


@dataclass(frozen=True, slots=True)
class IntegrityFinding:
    """One thing that is wrong, with a sentence for the user. `repairable`: `repair_project` can repair it.

    The other fields say where it is; `path` is the new path of a moved picture, or a file without a row.
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
    column: str | None = None
