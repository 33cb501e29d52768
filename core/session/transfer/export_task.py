"""One picture of an export becomes files, in any process: read, shaped, given to the format, counted."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.base.errors import FormatError, ImageError
from core.formats.writers.base import DatasetWriter, ExportPicture, Values
from core.formats.writers.resize_and_tile import ResizeOptions, resize_and_tile
from core.images.image_reader import read_size
from core.project.stored_label import StoredLabel

LABELS, PREDICTIONS = "labels", "predictions"


@dataclass(frozen=True, slots=True)
class ExportItem:
    """A picture that is to be written. path: as the project calls it; size: as it was when it was last opened, if
    anybody noted it; label: None when none is wanted; prediction and confidence: (H, W) uint8 or None."""

    id: int
    path: str
    source: Path
    name: str
    split: str
    size: tuple[int, int] | None
    tags: tuple[str, ...] = ()
    label: StoredLabel | None = None
    prediction: Values | None = None
    confidence: Values | None = None

    @property
    def weight(self) -> int:
        """Pixels, as far as they are known."""
        return self.size[0] * self.size[1] if self.size else 0

    def signature(self) -> str:
        """The same as long as the picture, its file and all that is wanted of it are."""
        digest = hashlib.blake2b(digest_size=16)
        facts = (self.path, self.name, self.split, self.size, self.tags, self.label and self.label.digest())
        digest.update(repr(facts).encode("utf-8", "surrogateescape"))
        with contextlib.suppress(OSError):
            status = self.source.stat()
            digest.update(f"{status.st_size} {status.st_mtime_ns}".encode())
        for plane in (self.prediction, self.confidence):
            if plane is not None:
                digest.update(np.ascontiguousarray(plane).data)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class ExportItemResult:
    """A picture that was written, or that could not be: then `problem` says why. parts: for each tile and dataset the
    number of the dataset and what its format noted; tally: what it adds to the card; said: pixels by who said so."""

    files: dict[str, int] = field(default_factory=dict)
    parts: list[tuple[int, Any]] = field(default_factory=list)
    tally: dict[str, Any] = field(default_factory=dict)
    pixels_by_origin: Counter[int] = field(default_factory=Counter)
    problems: tuple[str, ...] = ()
    problem: str | None = None
    label: bool = False
    prediction: bool = False


@dataclass(frozen=True, slots=True)
class DatasetSink:
    """One dataset that is written. A format that is not layered holds one mask a picture: `only` says which."""

    writer: DatasetWriter
    only: str | None

    def select(self, picture: ExportPicture) -> ExportPicture | None:
        """The picture as this dataset holds it; None when it has no such mask."""
        if self.only is None:
            return picture
        mask = picture.prediction if self.only == PREDICTIONS else picture.label
        return None if mask is None else replace(picture, label=mask, prediction=None, confidence=None)


@dataclass(frozen=True, slots=True)
class ExportTask:
    """Writes pictures below `root`, in any process."""

    root: Path
    sinks: tuple[DatasetSink, ...]
    shape: ResizeOptions

    def __call__(self, leaving: ExportItem | None) -> ExportItemResult | None:
        """None for None. Raises OSError when the disk refuses, and ProjectError when a label is damaged."""
        if leaving is None:
            return None
        try:
            return self._export(leaving)
        except (ImageError, FormatError) as problem:
            return ExportItemResult(problem=str(problem))

    def _export(self, leaving: ExportItem) -> ExportItemResult:
        whole, problems = _picture(leaving)
        if whole is None:
            return ExportItemResult(problems=problems)
        files: dict[str, int] = {}
        parts: list[tuple[int, Any]] = []
        tally = _ItemTally()
        for piece in resize_and_tile(whole, self.shape):
            for number, sink in enumerate(self.sinks):
                picture = sink.select(piece)
                if picture is not None:
                    written = sink.writer.write(picture)
                    parts.append((number, written.entry))
                    for path in written.files:
                        files[path.relative_to(self.root).as_posix()] = path.stat().st_size
            tally.count(piece)
        said: Counter[int] = Counter()
        if leaving.label is not None:
            said = leaving.label.pixels_by_origin(whole.width, whole.height)
        there = whole.label is not None, whole.prediction is not None
        return ExportItemResult(files, parts, tally.as_json(), said, problems, None, *there)


class _ItemTally:
    """Pictures, masks, pixels by value and pictures that hold a value, of one picture's tiles."""

    def __init__(self) -> None:
        self._pieces = self._masks = 0
        self._split = ""
        self._pixels: Counter[int] = Counter()
        self._holding: Counter[int] = Counter()

    def count(self, piece: ExportPicture) -> None:
        values = piece.prediction if piece.label is None else piece.label
        self._split = piece.split
        self._pieces += 1
        if values is None:
            return
        self._masks += 1
        counts = np.bincount(values.ravel(), minlength=256)
        there = {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
        self._pixels.update(there)
        self._holding.update(there.keys())

    def as_json(self) -> dict[str, Any]:
        """JSON knows no numbers as keys."""
        return {
            "split": self._split,
            "pieces": self._pieces,
            "masks": self._masks,
            "pixels": list(self._pixels.items()),
            "holding": list(self._holding.items()),
        }


def _picture(leaving: ExportItem) -> tuple[ExportPicture | None, tuple[str, ...]]:
    """The picture with what is wanted of it, None when nothing is there, and what is missing. Raises ImageError."""
    size = read_size(leaving.source)
    if leaving.size is not None and size != leaving.size:
        raise ImageError(
            f"{leaving.path} is now {size[0]} x {size[1]} pixels, but it was {leaving.size[0]} x {leaving.size[1]} "
            "when it was last opened; it was left out."
        )
    problems: tuple[str, ...] = ()
    prediction, confidence = leaving.prediction, leaving.confidence
    if prediction is not None and prediction.shape[::-1] != size:
        problems = (f"The prediction of {leaving.path} is of another size; predict it again.",)
        prediction = confidence = None
    label = None if leaving.label is None else leaving.label.values(*size)
    if label is None and prediction is None:
        return None, problems
    picture = ExportPicture(
        leaving.name, leaving.split, leaving.source, *size, label, prediction, confidence, leaving.tags
    )
    return picture, problems
