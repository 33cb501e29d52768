"""An evaluation as JSON. What is read back is checked as if a stranger had written it, because a project may come from
one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.evaluation.evaluation import Evaluation
from core.evaluation.picture_counts import SIZE_NAMES, PictureCounts
from core.labels.class_list import MAX_CLASS_VALUE

_VERSION = 1
MAX_FILE_BYTES = 256 << 20
_MAX_COUNT = 1 << 40
"""More pixels than any picture has; sums of a million pictures fit int64."""


class _PictureRow(msgspec.Struct, frozen=True, array_like=True):
    """confidence: (level, pixels, right) of the levels that occur; see `PictureCounts`."""

    number: int
    path: str
    cells: tuple[int, ...]
    pixels: tuple[int, ...]
    boundary: tuple[tuple[int, int], ...]
    confidence: tuple[tuple[int, int, int], ...]
    regions: tuple[tuple[float, float], ...]


class _EvaluationRow(msgspec.Struct, frozen=True):
    version: int
    values: tuple[int, ...]
    all_pixels: int
    pictures: tuple[_PictureRow, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def encode_evaluation(found: Evaluation) -> bytes:
    """JSON, UTF-8."""
    rows = tuple(_row(picture, found.paths.get(picture.picture_id, "")) for picture in found.pictures)
    problems, notes = (tuple(map(_valid, texts)) for texts in (found.problems, found.notes))
    return msgspec.json.encode(
        _EvaluationRow(_VERSION, found.values, found.all_pixels, rows, problems, notes)
    )


def decode_evaluation(content: bytes) -> Evaluation:
    """What `encode_evaluation` wrote. Raises ValueError for anything else."""
    row = msgspec.json.decode(content, type=_EvaluationRow)
    classes = len(row.values)
    known = row.version == _VERSION and 0 < classes == len(set(row.values))
    if not known or not all(0 < value <= MAX_CLASS_VALUE for value in row.values) or not row.pictures:
        raise ValueError("not an evaluation")
    if len({picture.number for picture in row.pictures}) < len(row.pictures):
        raise ValueError("a picture occurs twice")
    if not 0 <= row.all_pixels <= _MAX_COUNT:
        raise ValueError("the number of pixels is out of range")
    return Evaluation(
        row.values,
        tuple(_counts(picture, classes) for picture in row.pictures),
        row.all_pixels,
        {picture.number: picture.path for picture in row.pictures},
        row.problems,
        row.notes,
    )


def _row(picture: PictureCounts, path: str) -> _PictureRow:
    levels = np.flatnonzero(picture.confidence[:, 0])
    return _PictureRow(
        picture.picture_id,
        _valid(path),
        tuple(picture.cells.tolist()),
        tuple(picture.pixels.tolist()),
        tuple(map(tuple, picture.boundary.tolist())),
        tuple((int(level), *picture.confidence[level].tolist()) for level in levels),
        tuple(map(tuple, picture.regions.tolist())),
    )


def _counts(row: _PictureRow, classes: int) -> PictureCounts:
    cells = np.array(_bounded(row.cells, classes * (classes + 1) - 1), np.int32)
    if len(cells) != len(row.pixels) or (np.diff(cells) <= 0).any():
        raise ValueError("the cells of a picture are damaged")
    if len(row.boundary) != classes or len(row.regions) != len(SIZE_NAMES):
        raise ValueError("the counts of a picture are damaged")
    confidence = np.zeros((256, 2), np.int64)
    for level, pixels, right in row.confidence:
        _bounded((level,), 255)
        confidence[level] = _bounded((pixels, right), _MAX_COUNT)
    regions = np.array(row.regions, np.float64)
    if not np.isfinite(regions).all() or regions.min() < 0 or regions.max() > _MAX_COUNT:
        raise ValueError("the regions of a picture are damaged")
    return PictureCounts(
        row.number,
        cells,
        _int64(row.pixels),
        _int64([count for pair in row.boundary for count in pair]).reshape(classes, 2),
        confidence,
        regions,
    )


def _valid(text: str) -> str:
    """Without the lone surrogates that names of files may have."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _int64(counts: Sequence[int]) -> NDArray[np.int64]:
    return np.array(_bounded(counts, _MAX_COUNT), np.int64)


def _bounded(numbers: Sequence[int], highest: int) -> Any:
    if not all(0 <= number <= highest for number in numbers):
        raise ValueError("a count is out of range")
    return numbers
