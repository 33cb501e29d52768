"""Rows of the project file as immutable values that any thread may use."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from core.base.changes import Changes
from core.base.geometry import Box, TileKey
from core.labels.label_map import Origin, Values


class Status(StrEnum):
    """How far the user is with a picture."""

    NEW = "new"
    IN_PROGRESS = "in progress"
    DONE = "done"
    TO_REVIEW = "to review"
    SKIPPED = "skipped"


class Split(StrEnum):
    """The part of the dataset a picture belongs to."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class PictureRecord(msgspec.Struct, frozen=True, gc=False):
    """One picture of the project. `path` is relative to the folder of the pictures, with forward slashes.

    labelled_pixels counts pixels with a class or void; mean_confidence is that of the newest prediction, 0..1.
    is_replaced: the file has other content than the label was made for, and nobody has said what becomes of the label.

    A struct that the garbage collector does not know, because a project has a hundred thousand.
    """

    id: int
    path: str
    width: int | None = None
    height: int | None = None
    status: Status = Status.NEW
    split: Split | None = None
    problem: str | None = None
    labelled_pixels: int = 0
    mean_confidence: float | None = None
    note: str = ""
    tags: tuple[str, ...] = ()
    is_replaced: bool = False

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def is_labelled(self) -> bool:
        return self.labelled_pixels > 0

    @property
    def is_predicted(self) -> bool:
        return self.mean_confidence is not None

    @property
    def labelled_share(self) -> float:
        """Share of the pixels that are labelled, 0..1."""
        area = (self.width or 0) * (self.height or 0)
        return min(1.0, self.labelled_pixels / area) if area else 0.0

    @property
    def uncertainty(self) -> float | None:
        """1 - mean confidence, None without a prediction."""
        return None if self.mean_confidence is None else 1.0 - self.mean_confidence


@dataclass(frozen=True, slots=True)
class EditRecord:
    """One row of the journal. `picture_id` is None for an edit of the whole project; a thinned one cannot be undone."""

    id: int
    picture_id: int | None
    name: str
    tool: str
    class_value: int
    box: Box
    pixels: int
    seconds: float
    origin: Origin
    run_id: int | None
    made_at: str
    undone: bool
    thinned: bool = False


@dataclass(frozen=True, slots=True)
class UndoNames:
    """The names of the edits of one picture that undo and redo would take next; None where there is none."""

    undo_name: str | None = None
    redo_name: str | None = None


@dataclass(frozen=True, slots=True)
class UndoResult:
    """Result of an undo or redo: the edit, the new tiles of the picture asked for, what can be undone next, and all
    that changed."""

    edit: EditRecord
    tiles: dict[TileKey, Values]
    undo_names: UndoNames
    changes: Changes


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One training run. `model` and `recipe` are JSON; `published` counts its published checkpoints.

    note, is_starred, tags: of the person; is_deleted: a person deleted its files, and it has no weights any more
    """

    id: int
    state: str
    started_at: str
    ended_at: str | None
    device: str | None
    model: str
    recipe: str
    base_run_id: int | None
    labelled_pictures: int
    best_miou: float | None
    published: int
    message: str | None
    after_move_id: int = 0
    note: str = ""
    is_starred: bool = False
    is_deleted: bool = False
    tags: tuple[str, ...] = ()


BASIS_NAMES = ("scored_pictures", "scored_share", "miou_low", "miou_high", "scored_pixels")
"""Measurements of what a mean IoU rests on, the last by class."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One point of a training curve: `name` is loss, iou (with class_value), a mean score, in BASIS_NAMES, or
    learning_rate, pictures_per_second, epoch; checkpoint is the number of one that was published."""

    run_id: int
    name: str
    class_value: int | None
    step: int
    seconds: float
    labelled_pictures: int
    value: float


@dataclass(frozen=True, slots=True)
class ProjectCounts:
    """Counts over the whole project."""

    pictures: int = 0
    labelled: int = 0
    done: int = 0
    predicted: int = 0
    unreadable: int = 0
    by_split: dict[str, int] = field(default_factory=dict)
    class_pixels: dict[int, int] = field(default_factory=dict)
    class_pictures: dict[int, int] = field(default_factory=dict)
    edits: int = 0


def now() -> str:
    """The present time as it is stored."""
    return timestamp(time.time())


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as they are stored: UTC, ISO 8601, milliseconds, so that the text sorts by time."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
