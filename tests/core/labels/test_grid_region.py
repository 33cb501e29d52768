"""A region on a coarse grid, in pixels of its picture; accepting such regions."""

from __future__ import annotations

import numpy as np
import pytest

from core.base.geometry import Box
from core.labels.accept import accept_similar
from core.labels.grid_region import GridRegion
from core.labels.label_map import LabelMap, Origin


def test_at_the_size_of_the_grid_the_pixels_are_the_cells() -> None:
    mask = np.array([[True, False, True], [True, True, False]])
    region = GridRegion(Box(2, 1, 5, 3), mask, (8, 6))
    whole = region.pixels_in(Box(0, 0, 8, 6), (8, 6))
    expected = np.zeros((6, 8), bool)
    expected[1:3, 2:5] = mask
    np.testing.assert_array_equal(whole, expected)


@pytest.mark.parametrize("size", [(80, 60), (77, 51), (640, 480)])
def test_parts_are_the_same_as_that_part_of_the_whole(size: tuple[int, int]) -> None:
    mask = np.random.default_rng(0).random((20, 30)) > 0.4
    region = GridRegion(Box(0, 4, 30, 24), mask, (40, 30))
    whole = region.pixels_in(Box(0, 0, *size), size)
    box = region.picture_box(size)
    assert whole[box.slices].sum() == whole.sum() > 0
    for band in box.bands():
        differ = region.pixels_in(band, size) != whole[band.slices]
        assert differ.mean() < 0.01  # interpolation counts in 1/32 of a cell


def test_a_region_at_the_edge_reaches_the_edge_and_keeps_its_area() -> None:
    region = GridRegion(Box(0, 0, 10, 10), np.ones((10, 10), bool), (20, 10))
    inside = region.pixels_in(Box(0, 0, 200, 100), (200, 100))
    assert inside[:, :100].all()
    assert not inside[:, 100:].any()


def test_only_unlabelled_pixels_are_accepted_and_as_one_edit() -> None:
    labels = LabelMap.blank(80, 60)
    labels.begin_edit("Stroke", "brush", 1)
    labels.paint(Box(0, 0, 5, 60), np.ones((60, 5), bool), 1)
    assert labels.finish_edit() is not None
    regions = [GridRegion(Box(x, 2, x + 4, 6), np.ones((4, 4), bool), (20, 15)) for x in (0, 10)]
    edit = accept_similar(labels, regions, 3, "pond").apply(labels)
    assert edit is not None
    assert (edit.origin, edit.run_id, edit.name) == (Origin.ACCEPTED, None, "Accept 2 similar places, pond")
    assert (labels.values[:, :5] == 1).all()
    # Corners are rounded a little.
    assert (labels.values[9:23, 5:15] == 3).all()
    assert (labels.values[9:23, 41:55] == 3).all()
    assert (labels.values == 3).sum() <= 16 * 11 + 16 * 16
    assert edit.box.y0 == 8
