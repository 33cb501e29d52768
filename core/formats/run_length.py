"""Run-length codes of masks as in COCO: decoding of counts and compressed strings, and runs of a mask.

`core.formats.writers.region_outlines` encodes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.formats.malformed import MalformedValueError
from core.images.image_reader import MAX_PIXELS

Runs = NDArray[np.int64]
"""Run lengths in column-major order, alternately outside and inside, starting with outside (as in COCO)."""

MAX_RLE_DIGITS = 11
"""Index of the last character that a number of a compressed run-length code may have."""


def runs_from_counts(counts: Sequence[Any], height: int, width: int) -> Runs:
    """Run lengths from a list of counts. Raises ValueError if they do not add up to the picture."""
    return _check_runs(np.fromiter(counts, np.int64, len(counts)), height, width)


def _check_runs(runs: Runs, height: int, width: int) -> Runs:
    """No run may be longer than the picture, which also prevents an overflow of the sum."""
    pixels = height * width
    if not 0 < pixels <= MAX_PIXELS or runs.min(initial=0) < 0 or runs.max(initial=0) > pixels:
        raise MalformedValueError(f"the run lengths do not add up to a picture of {width} x {height}")
    if runs.sum() != pixels:
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


def mask_to_runs(mask: NDArray[np.bool_]) -> Runs:
    """Run lengths of a (height, width) bool mask in column-major order, starting with outside."""
    flat = mask.ravel("F")
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    ends = np.concatenate([[0] if flat.size and flat[0] else [], turns, [flat.size]])
    return np.diff(ends, prepend=0).astype(np.int64)
