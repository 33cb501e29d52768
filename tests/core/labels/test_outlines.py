"""Tracing outlines of masks and rasterizing them gives the same pixels back."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.base.geometry import Box, Point
from core.labels.outlines import simplify_ring, trace_outlines
from core.labels.rasterization import connected_region, polygons

masks = arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def raster(rings: list[tuple[Point, ...]], box: Box) -> np.ndarray:
    found, mask = polygons(rings, box)
    whole = np.zeros((box.height, box.width), bool)
    whole[found.moved(-box.x0, -box.y0).slices] = mask
    return whole


@settings(max_examples=300, deadline=None)
@given(masks, st.integers(-3, 40), st.integers(-3, 40))
def test_rasterizing_a_traced_outline_gives_the_same_pixels(mask: np.ndarray, x: int, y: int) -> None:
    box = Box(x, y, x + mask.shape[1], y + mask.shape[0])
    rings = trace_outlines(box, mask)
    assert np.array_equal(raster(rings, box), mask)
    # Each corner turns: none lies within a straight side, and steps go along the edges of pixels.
    for ring in rings:
        for before, at, after in zip((ring[-1], *ring), ring, (*ring[1:], ring[0]), strict=False):
            assert (before.x == at.x) != (before.y == at.y)
            assert (before.x == at.x) == (at.y == after.y)


@settings(max_examples=200, deadline=None)
@given(masks)
def test_a_region_has_one_outline_and_one_for_each_hole(mask: np.ndarray) -> None:
    """Counted by OpenCV: regions are four-connected, holes eight-connected."""
    box = Box(0, 0, mask.shape[1], mask.shape[0])
    regions = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] - 1
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    holes = cv2.connectedComponents(outside, connectivity=8)[0] - 2
    assert len(trace_outlines(box, mask)) == regions + holes


def test_an_empty_mask_has_no_outline() -> None:
    assert trace_outlines(Box(2, 3, 6, 7), np.zeros((4, 4), bool)) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 1.0, 2.5]), st.sampled_from([0, 16_000]))
def test_a_simplified_outline_stays_within_the_tolerance(seed: int, slack: float, far: int) -> None:
    """Also at large coordinates, where float32 would be too coarse."""
    chance = np.random.default_rng(seed)
    values = (cv2.GaussianBlur(chance.random((60, 80)), (0, 0), 5) > 0.5).astype(np.uint8)
    box, mask = connected_region(values, Point(40, 30))
    box = box.moved(far, far)
    exact = trace_outlines(box, mask)
    rings = [ring for ring in (simplify_ring(ring, slack) for ring in exact) if len(ring) > 2]
    # Within half a pixel an outline may have no corner to drop: steps of two pixels are not straight.
    corners = sum(map(len, rings)), sum(map(len, exact))
    assert corners[0] < corners[1] if slack >= 1 else corners[0] <= corners[1]
    assert {corner for ring in rings for corner in ring} <= {corner for ring in exact for corner in ring}
    grown = box.grown(4)
    wrong = raster(rings, grown) ^ raster(exact, grown)
    # Wrong pixels lie along the outline; only holes smaller than the slack may vanish with all their inside.
    side = 2 * int(np.ceil(slack)) + 1
    inner = cv2.erode(raster(exact, grown).astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)
    outer = cv2.dilate(raster(exact, grown).astype(np.uint8), np.ones((side, side), np.uint8)).astype(bool)
    assert not (wrong & inner).any() and not (wrong & ~outer).any()
