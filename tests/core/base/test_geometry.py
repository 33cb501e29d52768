"""Boxes agree with the sets of pixels that they stand for."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.geometry import TILE_SIZE, Box, TileKey, tile_box

places = st.integers(-7, 7)
boxes = st.builds(Box, places, places, places, places)
points = st.tuples(st.floats(-500, 500), st.floats(-500, 500))


def pixels(box: Box) -> set[tuple[int, int]]:
    return set(product(range(box.x0, box.x1), range(box.y0, box.y1)))


@given(boxes)
def test_size_and_emptiness_count_pixels(box: Box) -> None:
    assert box.area == len(pixels(box))
    assert box.is_empty == (not pixels(box))
    assert box.is_empty or (box.width, box.height) == (box.x1 - box.x0, box.y1 - box.y0)


@given(boxes, boxes)
def test_intersection(one: Box, other: Box) -> None:
    shared = one.intersection(other)
    assert pixels(shared) == pixels(one) & pixels(other)
    assert shared == other.intersection(one)
    assert not shared.is_empty or shared == Box.empty()


@given(boxes, boxes)
def test_union(one: Box, other: Box) -> None:
    both = pixels(one) | pixels(other)
    united = one.union(other)
    assert pixels(united) >= both
    assert pixels(united) == pixels(other.union(one))
    if both:
        xs, ys = {x for x, _ in both}, {y for _, y in both}
        assert united == Box(min(xs), min(ys), max(xs) + 1, max(ys) + 1)
    assert pixels(one.union(Box.empty())) == pixels(one)


@given(boxes, places, places, st.integers(0, 4))
def test_moved_and_grown(box: Box, dx: int, dy: int, margin: int) -> None:
    assert pixels(box.moved(dx, dy)) == {(x + dx, y + dy) for x, y in pixels(box)}
    if not box.is_empty:
        near = range(-margin, margin + 1)
        grown = {(x + right, y + down) for x, y in pixels(box) for right in near for down in near}
        assert pixels(box.grown(margin)) == grown


@given(boxes, st.integers(1, 7), st.integers(1, 7))
def test_slices_of_a_clipped_box_index_its_pixels(box: Box, width: int, height: int) -> None:
    found = np.zeros((height, width), bool)
    found[box.clipped(width, height).slices] = True
    assert {(int(x), int(y)) for y, x in zip(*np.nonzero(found), strict=True)} == (
        pixels(box) & set(product(range(width), range(height)))
    )


@given(st.lists(points, min_size=1, max_size=5), st.floats(0, 20))
def test_bounding_box_is_the_smallest_that_contains_the_points(
    listed: list[tuple[float, float]], margin: float
) -> None:
    box = Box.bounding(listed, margin)
    for x, y in listed:
        assert box.x0 <= x - margin
        assert x + margin < box.x1
        assert box.y0 <= y - margin
        assert y + margin < box.y1
    left, right = min(x for x, _ in listed), max(x for x, _ in listed)
    assert box.width <= right - left + 2 * margin + 2


def test_bounding_box_without_points_is_empty() -> None:
    assert Box.bounding([]) == Box.empty()


@given(st.integers(-300, 700), st.integers(-300, 700), st.integers(0, 600), st.integers(0, 600))
def test_tiles_are_those_that_share_a_pixel(x: int, y: int, width: int, height: int) -> None:
    box = Box(x, y, x + width, y + height)
    columns = {column // TILE_SIZE for column in range(box.x0, box.x1)}
    rows = {row // TILE_SIZE for row in range(box.y0, box.y1)}
    found = list(box.tiles())
    assert found == [TileKey(column, row) for row in sorted(rows) for column in sorted(columns)]


@given(st.integers(-300, 700), st.integers(-300, 700), st.integers(0, 600), st.integers(0, 600))
def test_bands_are_the_box_cut_where_tiles_meet(x: int, y: int, width: int, height: int) -> None:
    box = Box(x, y, x + width, y + height)
    bands = list(box.bands())
    rows = [row for band in bands for row in range(band.y0, band.y1)]
    assert rows == (list(range(y, y + height)) if width else [])
    for band in bands:
        assert (band.x0, band.x1) == (box.x0, box.x1)
        assert band.y0 // TILE_SIZE == (band.y1 - 1) // TILE_SIZE


@pytest.mark.parametrize(("width", "height"), [(1, 1), (256, 256), (257, 511), (300, 20), (512, 513)])
def test_tiles_cover_a_picture_without_overlap(width: int, height: int) -> None:
    covered = np.zeros((height, width), int)
    for key in Box(0, 0, width, height).tiles():
        covered[tile_box(key, width, height).slices] += 1
    assert (covered == 1).all()


def test_a_tile_outside_the_picture_is_empty() -> None:
    assert tile_box(TileKey(2, 0), 512, 100) == Box.empty()
