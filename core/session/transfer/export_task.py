"""Exports one picture in a worker process: reads, resizes and tiles it, writes its files, counts its pixels."""

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
from core.labels.value_counts import count_pixels
from core.project.content.file_content import replaced_sentence
from core.project.packed_picture import file_digest
from core.project.stored_label import StoredLabel

LABELS, PREDICTIONS = "labels", "predictions"


@dataclass(frozen=True, slots=True)
class ExportItem:
    """A picture to export.

    path: in the project; size: (width, height) when it was last opened, None when unknown; label: None when not wanted
    prediction, confidence: (H, W) uint8 or None; digest: of the content that the label was made for, if known
    """

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
    digest: str | None = None

    @property
    def weight(self) -> int:
        """Number of pixels, 0 when unknown."""
        return self.size[0] * self.size[1] if self.size else 0

    def signature(self) -> str:
        """Changes when anything changes that the exported files are made of."""
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
    """What became of an ExportItem.

    files: size by path below the root
    parts: for each tile and dataset the number of the dataset, and what its writer noted for the end
    tally: counts for the dataset card, as JSON; pixels_by_origin: number of pixels by id of their origin
    problems: sentences about masks left out; problem: why the picture was not written, else None
    label, prediction: whether there is one
    """

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
    """One dataset to write. only: which mask, for formats that hold one mask a picture; None for both."""

    writer: DatasetWriter
    only: str | None

    def select(self, picture: ExportPicture) -> ExportPicture | None:
        """The picture as this dataset holds it, None when it has no such mask."""
        if self.only is None:
            return picture
        mask = picture.prediction if self.only == PREDICTIONS else picture.label
        return None if mask is None else replace(picture, label=mask, prediction=None, confidence=None)


@dataclass(frozen=True, slots=True)
class ExportTask:
    """Writes pictures below `root`, in any process. Called with None for a picture that is written already."""

    root: Path
    sinks: tuple[DatasetSink, ...]
    shape: ResizeOptions

    def __call__(self, item: ExportItem | None) -> ExportItemResult | None:
        """Raises OSError when the disk refuses, and ProjectError when a label is damaged."""
        if item is None:
            return None
        try:
            return self._export(item)
        except (ImageError, FormatError) as problem:
            return ExportItemResult(problem=str(problem))

    def _export(self, item: ExportItem) -> ExportItemResult:
        whole, problems = _picture(item)
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
        origins: Counter[int] = Counter()
        if item.label is not None:
            origins = item.label.pixels_by_origin(whole.width, whole.height)
        has_masks = whole.label is not None, whole.prediction is not None
        return ExportItemResult(files, parts, tally.as_json(), origins, problems, None, *has_masks)


class _ItemTally:
    """Over the tiles of one picture: tiles, masks, pixels by value, and tiles that contain a value."""

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
        counts = count_pixels(values)
        present = {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
        self._pixels.update(present)
        self._holding.update(present.keys())

    def as_json(self) -> dict[str, Any]:
        """Lists of pairs, because keys in JSON are never numbers."""
        return {
            "split": self._split,
            "pieces": self._pieces,
            "masks": self._masks,
            "pixels": list(self._pixels.items()),
            "holding": list(self._holding.items()),
        }


def _picture(item: ExportItem) -> tuple[ExportPicture | None, tuple[str, ...]]:
    """The picture with its masks, None when it has none, and sentences about masks left out. Raises ImageError."""
    size = read_size(item.source)
    if item.size is not None and size != item.size:
        raise ImageError(
            f"{item.path} is now {size[0]} x {size[1]} pixels, but it was {item.size[0]} x {item.size[1]} "
            "when it was last opened."
        )
    if item.digest is not None and file_digest(item.source) != item.digest:
        raise ImageError(replaced_sentence(item.path))
    problems: tuple[str, ...] = ()
    prediction, confidence = item.prediction, item.confidence
    if prediction is not None and prediction.shape[::-1] != size:
        problems = (f"The prediction of {item.path} has another size; predict it again.",)
        prediction = confidence = None
    label = None if item.label is None else item.label.values(*size)
    if label is None and prediction is None:
        return None, problems
    picture = ExportPicture(
        item.name, item.split, item.source, *size, label, prediction, confidence, item.tags
    )
    return picture, problems
