"""Regions, run-length codes and polygon rows agree with OpenCV, pycocotools and one-by-one rasterization."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from core.base.geometry import Box
from core.formats.run_length import decode_rle
from core.formats.writers.region_outlines import encode_rles, find_regions
from core.labels.outlines import trace_outlines
from core.labels.rasterization import polygon, polygon_runs

labels = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(1, 16), st.integers(1, 16)),
    elements=st.sampled_from([0, 1, 1, 2, 255]),
)


@settings(deadline=None, max_examples=60)
@given(labels)
def test_regions_agree_with_opencv(values: np.ndarray) -> None:
    found = find_regions(values, [255, 1])
    expected = []
    for value in (255, 1):
        count, marks = cv2.connectedComponents((values == value).astype(np.uint8), connectivity=4)
        expected += [(value, marks == number) for number in range(1, count)]
    assert [region.value for region in found] == [value for value, _ in expected]
    for value, mask in expected:
        top, left = (int(n) for n in np.argwhere(mask)[0])
        region = next(
            r for r in found if r.value == value and mask[r.box.slices].shape == r.mask.shape
            and r.box.y0 <= top < r.box.y1 and r.box.x0 <= left < r.box.x1
            and r.mask[top - r.box.y0, left - r.box.x0]
        )  # fmt: skip
        np.testing.assert_array_equal(region.mask, mask[region.box.slices])
        assert region.area == mask.sum() == region.mask.sum()
        assert len(region.corners) == len(trace_outlines(region.box, region.mask))


@settings(deadline=None, max_examples=60)
@given(labels)
def test_run_length_codes_agree_with_pycocotools(values: np.ndarray) -> None:
    height, width = values.shape
    regions = find_regions(values, [1, 2, 255])
    for region, code in zip(regions, encode_rles(regions, width, height), strict=True):
        whole = np.zeros(values.shape, np.uint8, order="F")
        whole[region.box.slices] = region.mask
        assert coco.encode(whole)["counts"].decode() == code
        runs = decode_rle(code, height, width)
        inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T
        np.testing.assert_array_equal(inside, whole)


corner = st.tuples(*[st.floats(-9, 30).map(lambda n: round(n * 4) / 4)] * 2)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(corner, min_size=3, max_size=8), min_size=1, max_size=4))
def test_rows_of_many_polygons_agree_with_each_polygon(rings: list[list[tuple[float, float]]]) -> None:
    whole = Box(0, 0, 21, 17)
    found = np.zeros((len(rings), 17, 21), bool)
    for ring, row, left, right in zip(*polygon_runs([np.array(r) for r in rings], whole), strict=True):
        assert not found[ring, row, left:right].any()
        found[ring, row, left:right] = True
    for ring, mask in zip(rings, found, strict=True):
        expected = np.zeros((17, 21), bool)
        box, inside = polygon(ring, whole)
        expected[box.slices] = inside
        np.testing.assert_array_equal(mask, expected)
