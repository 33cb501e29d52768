"""Run lengths of all formats: no sum overflows, no claimed size is believed, and masks come back as they were."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.base.geometry import Box
from core.formats.malformed import MalformedValueError
from core.formats.rasterizer import FilledShape, rasterize
from core.formats.run_length import (
    BoxMask,
    decode_rle,
    decode_rles,
    fills,
    mask_to_runs,
    place_mask,
    runs_from_counts,
)
from tests.dataset_files import compressed

QUARTER = 1 << 62
"""Four of these add up to 0 in 64 bits."""
WRAPPING = ([QUARTER] * 3 + [QUARTER + 16], [QUARTER] * 4 + [16], [2**63 - 1, 2**63 - 1, 18], [2**32] * 9)
masks = arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, max_side=12))


def runs_of(counts: list[Any]) -> Any:
    return runs_from_counts(counts, 4, 4)


def box_of(counts: list[Any]) -> Any:
    return BoxMask.from_counts([str(count) for count in counts], Box(0, 0, 4, 4))


@pytest.mark.parametrize("decode", [runs_of, box_of])
@pytest.mark.parametrize(
    "counts",
    [
        *WRAPPING,
        [],
        [17],
        [-1, 17],
        [15],
        [None],
        ["x"],
        [10**30],
        [float("nan")],
        [[1]],
        [0] * 99,
        [16, -16, 16],
    ],
    ids=str,
)
def test_lengths_that_are_none_are_refused(decode: Callable[[list[Any]], Any], counts: list[Any]) -> None:
    with pytest.raises(MalformedValueError):
        decode(counts)


@pytest.mark.parametrize(
    "size", [(0, 4), (-4, -4), (1 << 40, 1 << 40), (17_000, 18_000), (4, 10**30)], ids=str
)
def test_impossible_sizes_are_refused_before_anything_is_allocated(size: tuple[int, int]) -> None:
    width, height = size
    for decode in (
        lambda: runs_from_counts([width * height], height, width),
        lambda: BoxMask.from_counts([width * height], Box(0, 0, width, height)),
        lambda: decode_rle("0", height, width),
        lambda: place_mask(np.ones((1, 1), bool), 0, 0, size),
    ):
        with pytest.raises(MalformedValueError, match="pixels"):
            decode()


@pytest.mark.parametrize("code", ["", "ooooooo1", "o", "~", "é", "P" * 7 + "0", "00", "0" * 5000])
def test_damaged_codes_are_refused(code: str) -> None:
    with pytest.raises(MalformedValueError):
        decode_rle(code, 4, 4)


def test_run_lengths_that_wrap_do_not_end_the_process() -> None:
    """In a process of its own with little memory, as a wrong check would write past a buffer."""
    code = (
        "import resource; from core.formats.run_length import *\n"
        "from core.formats.malformed import MalformedValueError\n"
        "box = Box(0, 0, 4, 4)\n"
        "from tests.core.formats.test_run_length import WRAPPING\n"
        "resource.setrlimit(resource.RLIMIT_AS, (3 << 30,) * 2)\n"
        "for counts in WRAPPING:\n"
        "    for decode in (lambda: BoxMask.from_counts(counts, box), lambda: runs_from_counts(counts, 4, 4)):\n"
        "        try: decode()\n"
        "        except MalformedValueError: print('refused')\n"
    )
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["refused"] * 2 * len(WRAPPING)


@given(masks)
def test_masks_come_back_from_each_code(mask: np.ndarray[Any, Any]) -> None:
    height, width = mask.shape
    runs = mask_to_runs(mask)
    code = compressed(mask)["counts"]
    np.testing.assert_array_equal(decode_rle(code, height, width), runs)
    np.testing.assert_array_equal(decode_rles([code, code], height, width)[1], runs)
    np.testing.assert_array_equal(runs_from_counts(runs.tolist(), height, width), runs)


@given(masks, st.integers(-15, 15), st.integers(-15, 15), st.tuples(st.integers(1, 14), st.integers(1, 14)))
@settings(max_examples=300)
def test_a_part_is_placed_as_in_a_whole_picture(
    part: np.ndarray[Any, Any], x: int, y: int, size: tuple[int, int]
) -> None:
    width, height = size
    wide = np.zeros((height + 60, width + 60), bool)
    wide[y + 30 : y + 30 + part.shape[0], x + 30 : x + 30 + part.shape[1]] = part
    runs = place_mask(part, x, y, size)
    assert fills(runs, width * height)
    np.testing.assert_array_equal(runs, mask_to_runs(wide[30 : 30 + height, 30 : 30 + width]))


places = st.integers(-15, 15)


@given(
    st.lists(st.tuples(masks, places, places), min_size=1, max_size=4), st.tuples(*[st.integers(1, 14)] * 2)
)
@settings(max_examples=300)
def test_masks_in_boxes_are_drawn_as_in_a_whole_picture(
    parts: list[tuple[np.ndarray[Any, Any], int, int]], size: tuple[int, int]
) -> None:
    width, height = size
    wide = np.zeros((height + 60, width + 60), np.uint8)
    shapes = []
    for value, (part, x, y) in enumerate(parts, 1):
        down, across = part.shape
        wide[y + 30 : y + 30 + down, x + 30 : x + 30 + across][part] = value
        counts = mask_to_runs(np.ascontiguousarray(part.T)).tolist()
        shapes.append(FilledShape(value, part=BoxMask.from_counts(counts, Box(x, y, x + across, y + down))))
    drawn = rasterize(size, shapes, later_on_top=True, source=Path("a.xml"))
    np.testing.assert_array_equal(drawn, wide[30 : 30 + height, 30 : 30 + width])


@given(st.lists(st.integers(-(2**62), 2**63 - 1), max_size=6), st.integers(1, 20))
def test_only_lengths_with_the_right_sum_fill(counts: list[int], pixels: int) -> None:
    is_right = bool(counts) and min(counts) >= 0 and sum(counts) == pixels
    assert fills(np.array(counts, np.int64), pixels) == is_right
