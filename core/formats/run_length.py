"""Run-length codes of masks: the one place where those of all formats are decoded, checked and placed in a picture.

Lengths are checked one by one before they are added, so that no sum can overflow, and against the size of the mask,
before anything of that size is allocated. `core.formats.writers.region_outlines` encodes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box
from core.formats.malformed import MalformedValueError
from core.images.image_reader import MAX_PIXELS

Runs = NDArray[np.int64]
"""Run lengths in column-major order, alternately outside and inside, starting with outside (as in COCO)."""

MAX_RLE_DIGITS = 6
"""Index of the last character that a number of a compressed run-length code may have: 35 bits, more than a difference
of two lengths needs and too few for the sum of a code to overflow."""


def check_mask_size(width: int, height: int) -> None:
    """Raises MalformedValueError for a size that no picture has."""
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise MalformedValueError(f"its picture would have {width} x {height} pixels")


def fills(runs: Runs, pixels: int) -> bool:
    """Whether run lengths add up to a number of pixels."""
    return bool(len(runs) and runs.min() >= 0 and runs.max() <= pixels <= MAX_PIXELS and runs.sum() == pixels)


def runs_from_counts(counts: Sequence[Any], height: int, width: int) -> Runs:
    """Run lengths from a list of counts. Raises ValueError if they do not add up to the picture."""
    check_mask_size(width, height)
    if not isinstance(counts, list | tuple):
        raise MalformedValueError("the run lengths are not a list of numbers")
    return _check_runs(_numbers(counts, width * height), height, width)


@dataclass(frozen=True, slots=True)
class BoxMask:
    """A mask in a box of the picture, which may reach out of it. runs: row-major, starting with outside, of the box."""

    runs: Runs
    box: Box

    @classmethod
    def from_counts(cls, counts: Sequence[Any], box: Box) -> BoxMask:
        """As CVAT writes them. The box must not be larger than the picture, which only the caller knows. Raises
        ValueError."""
        check_mask_size(box.width, box.height)
        return cls(_check_runs(_numbers(counts, box.width * box.height), box.height, box.width), box)

    @property
    def area(self) -> int:
        """In pixels, those outside the picture included."""
        return int(self.runs[1::2].sum())


def _numbers(counts: Sequence[Any], pixels: int) -> Runs:
    if len(counts) > 2 * pixels + 2:
        raise MalformedValueError(f"it has {len(counts):,} run lengths, more than its mask has pixels")
    try:
        return np.fromiter(map(int, counts), np.int64, len(counts))
    except (TypeError, ValueError, OverflowError) as problem:
        raise MalformedValueError(
            "the run lengths contain something else than numbers of pixels"
        ) from problem


def _check_runs(runs: Runs, height: int, width: int) -> Runs:
    """No run may be longer than the picture, which also prevents an overflow of the sum."""
    check_mask_size(width, height)
    if not fills(runs, height * width):
        raise MalformedValueError(f"the run lengths do not add up to a picture of {width} x {height}")
    return runs


def decode_rle(text: str, height: int, width: int) -> Runs:
    """Decode one compressed run-length code, see `decode_rles`. Raises ValueError."""
    return decode_rles([text], height, width)[0]


def decode_rles(texts: Sequence[str], height: int, width: int) -> list[Runs]:
    """Decode COCO's compressed run-length codes: 5 bits per character, each run relative to the one two before it.

    Source: COCO API, maskApi.c, rleFrString, which does not check the lengths and would write past the picture. Raises
    ValueError for a damaged code and if the runs do not add up to the picture.
    """
    if not texts:
        return []
    check_mask_size(width, height)
    codes = [text.encode("ascii", "replace") for text in texts]
    if not all(codes):
        raise MalformedValueError("an empty run-length code")
    bits = np.frombuffer(b"".join(codes), np.uint8).astype(np.int64) - 48
    if bits.min() < 0 or bits.max() > 63:
        raise MalformedValueError("the run-length code is damaged")
    goes_on = (bits & 32) != 0
    last = np.cumsum([len(code) for code in codes]) - 1
    if goes_on[last].any():
        raise MalformedValueError("the run-length code ends within a number")
    ends = np.flatnonzero(~goes_on)
    begins = np.append(0, ends[:-1] + 1)
    position = np.arange(len(bits)) - np.repeat(begins, ends - begins + 1)
    if position.max() > MAX_RLE_DIGITS:
        raise MalformedValueError("the run-length code is damaged")
    counts = np.add.reduceat((bits & 31) << 5 * position, begins)
    counts -= np.where(bits[ends] & 16, np.left_shift(1, 5 * (position[ends] + 1)), 0)
    found = np.split(counts, np.searchsorted(ends, last[:-1], "right"))
    for numbers in found:
        # From the fourth run on a number is the difference from the run two before it.
        numbers[1::2] = np.cumsum(numbers[1::2])
        numbers[2::2] = np.cumsum(numbers[2::2])
    return [_check_runs(numbers, height, width) for numbers in found]


def place_mask(part: NDArray[np.bool_], x: int, y: int, size: tuple[int, int]) -> Runs:
    """Run lengths of a picture of `size` (width, height) from a part (h, w) bool with its top left corner at x, y.

    Takes memory for the part, not for the picture. Raises ValueError for an impossible size.
    """
    width, height = size
    check_mask_size(width, height)
    x0, y0, x1, y1 = max(0, x), max(0, y), min(width, x + part.shape[1]), min(height, y + part.shape[0])
    pixels = width * height
    if x0 >= x1 or y0 >= y1:
        return np.array([pixels], np.int64)
    inside = part[y0 - y : y1 - y, x0 - x : x1 - x].T
    # Turns between outside and inside in each column, with an outside pixel before and after it.
    edges = np.zeros((x1 - x0, y1 - y0 + 1), bool)
    edges[:, 0], edges[:, -1] = inside[:, 0], inside[:, -1]
    np.not_equal(inside[:, 1:], inside[:, :-1], out=edges[:, 1:-1])
    column, row = np.nonzero(edges)
    turns = (column + x0) * height + row + y0
    # What ends at the bottom of a column and goes on at the top of the next is one run.
    goes_on = np.flatnonzero(turns[1::2][:-1] == turns[2::2])
    turns = np.delete(turns, np.concatenate([2 * goes_on + 1, 2 * goes_on + 2]))
    last = [] if len(turns) and turns[-1] == pixels else [pixels]
    return np.diff(np.concatenate([turns, last]), prepend=0).astype(np.int64)


def mask_to_runs(mask: NDArray[np.bool_]) -> Runs:
    """Run lengths of a (height, width) bool mask in column-major order, starting with outside."""
    flat = mask.ravel("F")
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    ends = np.concatenate([[0] if flat.size and flat[0] else [], turns, [flat.size]])
    return np.diff(ends, prepend=0).astype(np.int64)
