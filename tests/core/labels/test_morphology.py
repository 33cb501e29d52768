"""Morphology of regions against its definitions, checked pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.labels import morphology
from core.labels.rasterization import connected_region

Bools = NDArray[np.bool_]


@st.composite
def pictures(draw: st.DrawFn, values: int = 2) -> NDArray[np.uint8]:
    """A small label of blobs and specks: (h, w) uint8 of 0..values."""
    height, width = draw(st.integers(1, 22)), draw(st.integers(1, 22))
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    coarse = chance.integers(0, values + 1, (height // 4 + 1, width // 4 + 1))
    made = np.kron(coarse, np.ones((4, 4), int))[:height, :width].astype(np.uint8)
    specks = chance.random(made.shape) < draw(st.sampled_from((0.0, 0.05, 0.3)))
    made[specks] = chance.integers(0, values + 1, int(specks.sum()))
    return made


def whole(values: NDArray[np.uint8]) -> Box:
    return Box(0, 0, values.shape[1], values.shape[0])


def full(shape: morphology.RegionMask, values: NDArray[np.uint8]) -> Bools:
    """The region as a mask of the picture; it must lie inside."""
    box, mask = shape
    assert mask.shape == (box.height, box.width)
    assert box.intersection(whole(values)) == box
    return morphology.mask_in_box(shape, whole(values))


def near(mask: Bools, by: int) -> Bools:
    """Pixels at most `by` from a true one, by trying every offset."""
    height, width = mask.shape
    wide, reached = np.pad(mask, by), np.zeros_like(mask)
    for down in range(-by, by + 1):
        for across in range(-by, by + 1):
            if down * down + across * across <= by * by:
                reached |= wide[by + down : by + down + height, by + across : by + across + width]
    return reached


def parts(mask: Bools) -> list[Bools]:
    """Four-connected components, by flood fill."""
    left, found = mask.copy(), []
    while left.any():
        part, edge = np.zeros_like(mask), np.zeros_like(mask)
        edge[tuple(np.argwhere(left)[0])] = True
        while edge.any():
            part |= edge
            wide = np.pad(part, 1)
            wide = wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
            edge = wide & left & ~part
        found.append(part)
        left &= ~part
    return found


@settings(max_examples=60, deadline=None)
@given(pictures(), st.integers(0, 7))
def test_dilate_adds_all_pixels_within_the_distance(values: NDArray[np.uint8], by: int) -> None:
    shape = morphology.class_region(values, 1)
    assert np.array_equal(full(morphology.dilate(shape, by, whole(values)), values), near(values == 1, by))


@settings(max_examples=60, deadline=None)
@given(pictures(), st.integers(0, 7))
def test_erode_keeps_pixels_far_from_all_others(values: NDArray[np.uint8], by: int) -> None:
    shape = morphology.class_region(values, 1)
    expected = (values == 1) & ~near(values != 1, by)
    assert np.array_equal(full(morphology.erode(shape, by, whole(values)), values), expected)


@settings(max_examples=60, deadline=None)
@given(pictures(), st.integers(0, 4))
def test_smooth_opens_then_closes_with_a_disc(values: NDArray[np.uint8], by: int) -> None:
    shape = morphology.class_region(values, 1)
    wide = np.pad(values == 1, 20, mode="edge")
    opened = near(~near(~wide, by), by) if by else wide
    closed = ~near(~near(opened, by), by) if by else opened
    shown = full(morphology.smooth(shape, by, whole(values)), values)
    assert np.array_equal(shown, closed[20:-20, 20:-20])


@settings(max_examples=60, deadline=None)
@given(pictures())
def test_holes_are_not_connected_to_the_outside(values: NDArray[np.uint8]) -> None:
    mask = values == 1
    outside = parts(np.pad(~mask, 1, constant_values=True))[0][1:-1, 1:-1]
    filled = full(morphology.fill_holes(morphology.class_region(values, 1)), values)
    assert np.array_equal(filled, ~outside)


@settings(max_examples=60, deadline=None)
@given(pictures(), st.integers(1, 30))
def test_islands_and_the_largest_component(values: NDArray[np.uint8], size: int) -> None:
    shape, found = morphology.class_region(values, 1), parts(values == 1)
    small = np.zeros(values.shape, bool)
    for part in found:
        small |= part if part.sum() < size else False
    assert np.array_equal(full(morphology.small_components(shape, size), values), small)
    lost = full(morphology.all_but_largest_component(shape), values)
    kept = (values == 1) & ~lost
    assert len(parts(kept)) == min(1, len(found))
    assert kept.sum() == max((part.sum() for part in found), default=0)


@settings(max_examples=60, deadline=None)
@given(pictures(values=3), st.integers(1, 30))
def test_majority_neighbours(values: NDArray[np.uint8], size: int) -> None:
    lost = morphology.small_components(morphology.class_region(values, 1), size)
    heirs = morphology.majority_neighbours(values, lost)
    for part in parts(full(lost, values)):
        votes = np.zeros(256, int)
        for y, x in np.argwhere(part):
            for down, across in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                there = y + down, x + across
                inside = 0 <= there[0] < values.shape[0] and 0 <= there[1] < values.shape[1]
                if inside and not part[there]:
                    votes[values[there]] += 1
        got = set(heirs[part[lost[0].slices]].tolist())
        assert got == {int(votes.argmax()) if votes.any() else 0}


@settings(max_examples=60, deadline=None)
@given(pictures(values=3), st.integers(1, 4))
def test_nearest_other_values(values: NDArray[np.uint8], by: int) -> None:
    shape = morphology.class_region(values, 1)
    mask = values == 1
    lost = morphology.trim((whole(values), mask & near(~mask, by)))
    heirs = morphology.nearest_other_values(values, lost, shape)
    others = np.argwhere(~mask)
    for y, x in np.argwhere(full(lost, values)):
        away = np.hypot(*(others - (y, x)).T)
        # OpenCV's way to the nearest may be a little longer than the crow flies.
        likely = {int(values[tuple(other)]) for other in others[away <= away.min() * 1.06 + 1e-9]}
        assert int(heirs[y - lost[0].y0, x - lost[0].x0]) in likely


@settings(max_examples=60, deadline=None)
@given(pictures(), st.integers(-30, 30), st.integers(-30, 30))
def test_translate_drops_what_leaves_the_picture(values: NDArray[np.uint8], dx: int, dy: int) -> None:
    wide = np.pad(values == 1, 60)
    rolled = np.roll(wide, (dy, dx), (0, 1))[60:-60, 60:-60]
    shape = morphology.translate(morphology.class_region(values, 1), dx, dy, whole(values))
    assert np.array_equal(full(shape, values), rolled)


@settings(max_examples=60, deadline=None)
@given(pictures(), st.data())
def test_nearby_region_is_the_region_or_none(values: NDArray[np.uint8], data: st.DataObject) -> None:
    at = Point(
        data.draw(st.integers(0, values.shape[1] - 1)) + 0.4,
        data.draw(st.integers(0, values.shape[0] - 1)) + 0.6,
    )
    reach = data.draw(st.integers(1, 25))
    box, mask = connected_region(values, at)
    near_one = morphology.nearby_region(values, at, reach)
    if near_one is not None:
        assert near_one[0] == box and np.array_equal(near_one[1], mask)
    else:
        assert max(at.x - box.x0, box.x1 - at.x, at.y - box.y0, box.y1 - at.y) > reach


def test_outside_the_picture_there_is_no_region() -> None:
    with pytest.raises(IndexError):
        morphology.nearby_region(np.zeros((4, 4), np.uint8), Point(4.0, 1.0), 10)
