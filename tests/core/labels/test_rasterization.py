"""Rasterized shapes against brute force: every pixel centre is tested on its own."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.geometry import Box, Point
from core.labels.rasterization import capsule, connected_region, ellipse, polygon, polygons

SIDE = 48
WHOLE = Box(0, 0, SIDE, SIDE)
places = st.floats(-20, 70, allow_nan=False).map(lambda v: round(v, 3))
points = st.tuples(places, places).map(lambda p: Point(*p))
halves = st.integers(-8, 100).map(lambda v: v / 2)
half_points = st.tuples(halves, halves).map(lambda p: Point(*p))


def on_canvas(box: Box, mask: np.ndarray) -> np.ndarray:
    """The mask on a canvas of SIDE x SIDE pixels; what lies outside is dropped."""
    assert mask.shape == (box.height, box.width)
    canvas = np.zeros((SIDE, SIDE), bool)
    inside = box.intersection(WHOLE)
    if not inside.is_empty:
        canvas[inside.slices] = mask[inside.moved(-box.x0, -box.y0).slices]
    return canvas


def distances(start: Point, end: Point) -> np.ndarray:
    """From each pixel centre of the canvas to the segment."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    dx, dy = end.x - start.x, end.y - start.y
    length2 = dx * dx + dy * dy
    along = np.clip(((x - start.x) * dx + (y - start.y) * dy) / length2, 0, 1) if length2 else 0.0
    return np.hypot(x - start.x - along * dx, y - start.y - along * dy)


@settings(max_examples=150, deadline=None)
@given(points | half_points, points | half_points, st.floats(0.5, 30))
def test_capsule_contains_the_centres_within_the_radius(start: Point, end: Point, radius: float) -> None:
    found = on_canvas(*capsule(start, end, radius))
    distance = distances(start, end)
    sure = np.abs(distance - radius) > 1e-6
    assert np.array_equal(found[sure], (distance <= radius)[sure])


@settings(max_examples=50, deadline=None)
@given(points, points, st.floats(0.5, 200))
def test_capsule_within_a_box_is_the_same_capsule(start: Point, end: Point, radius: float) -> None:
    box, mask = capsule(start, end, radius, WHOLE)
    assert box == box.intersection(WHOLE)
    assert np.array_equal(on_canvas(box, mask), on_canvas(*capsule(start, end, radius)))


def test_capsule_outside_the_picture_is_empty() -> None:
    box, mask = capsule(Point(-50, 5), Point(-40, 5), 4, WHOLE)
    assert box.is_empty
    assert mask.size == 0


def test_a_wide_capsule_does_not_overflow() -> None:
    box, mask = capsule(Point(10, 3), Point(39_990, 3), 2)
    assert mask[2:4, 1000:39_000].all()
    assert mask.sum() == pytest.approx(39_980 * 4 + math.pi * 4, rel=1e-3)
    assert box.width > 39_980


def is_inside(x: float, y: float, corners: list[Point]) -> bool:
    """Crossing number of a ray to the right."""
    inside = False
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            inside = not inside
    return inside


def distance_to_outline(corners: list[Point]) -> np.ndarray:
    edges = zip(corners, corners[1:] + corners[:1], strict=True)
    return np.min([distances(a, b) for a, b in edges], axis=0)


@settings(max_examples=100, deadline=None)
@given(st.lists(points, min_size=3, max_size=9))
def test_polygon_contains_the_centres_inside(corners: list[Point]) -> None:
    found = on_canvas(*polygon(corners))
    expected = np.array([[is_inside(x + 0.5, y + 0.5, corners) for x in range(SIDE)] for y in range(SIDE)])
    sure = distance_to_outline(corners) > 1e-6
    assert np.array_equal(found[sure], expected[sure])


@settings(max_examples=50, deadline=None)
@given(st.lists(points | half_points, min_size=3, max_size=9), st.data())
def test_polygon_does_not_depend_on_its_first_corner(corners: list[Point], data: st.DataObject) -> None:
    turn = data.draw(st.integers(0, len(corners) - 1))
    turned = corners[turn:] + corners[:turn]
    assert np.array_equal(on_canvas(*polygon(corners)), on_canvas(*polygon(turned[::-1])))


@settings(max_examples=100, deadline=None)
@given(st.lists(halves, min_size=2, max_size=6), st.data())
def test_neighbours_neither_overlap_nor_leave_a_gap(heights: list[float], data: st.DataObject) -> None:
    """A border across the canvas, of any shape and also through pixel centres, shared by two polygons."""
    xs = sorted(data.draw(st.lists(halves, min_size=len(heights), max_size=len(heights), unique=True)))
    border = [Point(-30, heights[0]), *map(Point, xs, heights), Point(90, heights[-1])]
    above = on_canvas(*polygon([Point(-30, -30), Point(90, -30), *border[::-1]]))
    below = on_canvas(*polygon([*border, Point(90, 120), Point(-30, 120)]))
    assert np.array_equal(above, ~below)


def test_polygon_along_pixel_edges_covers_exactly_those_pixels() -> None:
    box, mask = polygon([(0, 0), (2, 0), (2, 2), (0, 2)])
    assert np.array_equal(on_canvas(box, mask).nonzero(), np.nonzero(np.pad(np.ones((2, 2)), (0, SIDE - 2))))


@settings(max_examples=30, deadline=None)
@given(st.lists(points, min_size=3, max_size=6))
def test_polygon_within_a_box_is_the_same_polygon(corners: list[Point]) -> None:
    box, mask = polygon(corners, WHOLE)
    assert box == box.intersection(WHOLE)
    assert np.array_equal(on_canvas(box, mask), on_canvas(*polygon(corners)))


@pytest.mark.parametrize("corners", [[], [(1, 1)], [(1, 1), (20, 20)]])
def test_fewer_than_three_corners_are_empty(corners: list[tuple[float, float]]) -> None:
    box, mask = polygon(corners)
    assert box.is_empty
    assert not mask.any()


def spread(values: np.ndarray, x: int, y: int) -> np.ndarray:
    """The region by walking from neighbour to neighbour."""
    found, todo = np.zeros(values.shape, bool), [(y, x)]
    while todo:
        row, column = todo.pop()
        if found[row, column]:
            continue
        found[row, column] = True
        for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
            on = 0 <= near[0] < values.shape[0] and 0 <= near[1] < values.shape[1]
            if on and values[near] == values[y, x]:
                todo.append(near)
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 24), st.integers(1, 24), st.data())
def test_connected_region_is_four_connected(seed: int, width: int, height: int, data: st.DataObject) -> None:
    values = np.random.default_rng(seed).integers(0, 2, (height, width)).astype(np.uint8) * 255
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    before = values.copy()
    box, mask = connected_region(values, Point(x + 0.5, y + 0.5))
    expected = spread(values, x, y)
    whole = np.zeros_like(expected)
    whole[box.slices] = mask
    assert np.array_equal(whole, expected)
    assert np.array_equal(values, before)


def test_connected_region_larger_than_the_first_window() -> None:
    """A long winding corridor that leaves every window."""
    values = np.ones((200, 1400), np.uint8)
    values[:, ::8] = 0
    for number in range(0, 1400, 8):
        values[0 if number % 16 else -1, number] = 1
    expected = spread(values, 1201, 100)
    box, mask = connected_region(values, Point(1201.5, 100.5))
    whole = np.zeros_like(expected)
    whole[box.slices] = mask
    assert box.width > 1000
    assert np.array_equal(whole, expected)


@pytest.mark.parametrize("at", [Point(-0.1, 3), Point(3, 5.0), Point(8.0, 0)])
def test_connected_region_outside_the_picture_raises(at: Point) -> None:
    with pytest.raises(IndexError, match="outside a picture of 8 x 5"):
        connected_region(np.zeros((5, 8), np.uint8), at)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(points | half_points, max_size=7), max_size=4))
def test_rings_are_combined_even_odd(rings: list[list[Point]]) -> None:
    expected = np.zeros((SIDE, SIDE), bool)
    for ring in rings:
        expected ^= on_canvas(*polygon(ring, WHOLE))
    box, mask = polygons(rings, WHOLE)
    assert box == box.intersection(WHOLE)
    assert np.array_equal(on_canvas(box, mask), expected)
    assert np.array_equal(on_canvas(*polygons(rings)), expected)


@settings(max_examples=80, deadline=None)
@given(st.integers(-20, 60), st.integers(-20, 60), st.integers(1, 60), st.integers(1, 60))
def test_ellipse_contains_the_centres_inside(x: int, y: int, width: int, height: int) -> None:
    found = on_canvas(*ellipse(Box(x, y, x + width, y + height), WHOLE))
    down, across = np.mgrid[:SIDE, :SIDE] + 0.5
    distance = np.hypot((across - x - width / 2) / (width / 2), (down - y - height / 2) / (height / 2))
    sure = np.abs(distance - 1) > 1e-9
    assert np.array_equal(found[sure], (distance <= 1)[sure])
