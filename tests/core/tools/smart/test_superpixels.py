"""Superpixels: segments cover the picture, and whole segments are painted."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.geometry import Box, Point
from core.tools.smart.superpixel_grid import (
    CELL_SIDE,
    cell_at,
    compute_superpixels,
    segments_of,
    window_of,
)
from core.tools.smart.superpixels import Superpixels
from core.tools.tool import Modifiers
from tests.tool_driver import ToolDriver, disc_picture, iou

PLAIN = Modifiers()


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([1.0, 0.5, 0.11, 8.0]), st.integers(6, 40))
def test_segments_cover_every_pixel_once_and_are_connected(
    width: int, height: int, scale: float, size: int
) -> None:
    picture = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    whole = Box(0, 0, width, height)
    sheet = compute_superpixels(picture, cell_at(Point(width / 2, height / 2), scale, size), whole)
    times = np.zeros((height, width), int)
    for number in np.unique(sheet.labels):
        box, mask = sheet.mask_of(int(number))
        assert mask.shape == (box.height, box.width)
        times[box.slices] += mask
        assert cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] == 2
    assert sheet.crop.box == whole and (times == 1).all()


def test_segments_follow_edges() -> None:
    picture, disc = disc_picture()
    sheet = compute_superpixels(picture, cell_at(Point(80, 60), 1.0, 12), Box(0, 0, 160, 120))
    inside = np.zeros_like(disc)
    for number in np.unique(sheet.labels):
        box, mask = sheet.mask_of(int(number))
        if disc[box.slices][mask].mean() > 0.5:
            inside[box.slices] |= mask
    assert iou(inside, disc) > 0.94


def test_segments_of_a_picture_are_those_of_its_cells() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (CELL_SIDE + 40, CELL_SIDE + 30, 3), np.uint8)
    whole = Box(0, 0, CELL_SIDE + 30, CELL_SIDE + 40)
    found = segments_of(picture, 24)
    assert found.shape == picture.shape[:2]
    assert np.unique(found).tolist() == list(range(int(found.max()) + 1))
    for at in (Point(100, 100), Point(CELL_SIDE + 10, 100), Point(CELL_SIDE + 10, CELL_SIDE + 20)):
        sheet = compute_superpixels(picture, cell_at(at, 1.0, 24), whole)
        box, mask = sheet.mask_of(sheet.label_at(at))
        side = (np.floor(np.divide(at, CELL_SIDE)) * CELL_SIDE).astype(int)
        expected = np.zeros(found.shape, bool)
        expected[box.slices] = mask
        expected[: side[1]] = expected[:, : side[0]] = False
        expected[side[1] + CELL_SIDE :] = expected[:, side[0] + CELL_SIDE :] = False
        np.testing.assert_array_equal(found == found[int(at.y), int(at.x)], expected)


@pytest.mark.parametrize("scale", [8.0, 1.0, 0.2, 0.01])
def test_the_crop_is_bounded_and_contains_its_cell(scale: float) -> None:
    whole, at = Box(0, 0, 16_000, 12_000), Point(15_999.5, 7_000)
    cell = cell_at(at, scale, 24)
    crop = window_of(cell, whole)
    assert max(crop.width, crop.height) <= 2 * CELL_SIDE
    assert crop.box.x0 <= at.x < crop.box.x1 and crop.box.y0 <= at.y < crop.box.y1
    assert crop.box.intersection(whole) == crop.box


def test_hover_previews_a_segment_and_a_click_paints_it() -> None:
    driver = ToolDriver(Superpixels(), disc_picture()[0])
    driver.take(driver.tool.hover(driver.context, Point(80, 60), PLAIN))
    previewed = driver.previewed
    assert previewed[60, 80] and 100 < previewed.sum() < 2000
    assert not driver.tool.is_busy
    driver.click(80, 60)
    assert np.array_equal(driver.painted, previewed)
    assert [(edit.name, edit.tool) for edit in driver.edits] == [("Superpixels, tree", "superpixels")]
    assert driver.works == 1  # pieces are kept


def test_a_drag_paints_all_segments_on_its_path_as_one_edit() -> None:
    driver = ToolDriver(Superpixels(), disc_picture()[0])
    driver.stroke((60, 60), (100, 60))
    assert len(driver.edits) == 1 and driver.painted[60, 60:101].all()
    sheet = compute_superpixels(driver.context.picture, cell_at(Point(60, 60), 1.0, 24), Box(0, 0, 160, 120))
    for number in np.unique(sheet.labels):
        part = driver.painted[sheet.labels == number]
        assert part.all() or not part.any()


def test_a_drag_across_cells_goes_on() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (80, 700, 3), np.uint8)
    driver = ToolDriver(Superpixels(), picture)
    driver.stroke((20, 40), (680, 40))
    assert driver.painted[40, 20:681].all() and driver.works >= 2


def test_a_click_before_the_segments_are_known_paints_when_they_are() -> None:
    driver = ToolDriver(Superpixels(), disc_picture()[0])
    asked = driver.tool.press(driver.context, Point(80, 60), PLAIN)
    assert asked.task is not None
    assert driver.tool.release(driver.context, Point(80, 60), PLAIN).task is None
    assert driver.tool.is_busy and not driver.labels.is_editing
    driver.take(driver.tool.on_task_done(driver.context, asked.task.run(lambda: False)))
    assert driver.painted[60, 80] and len(driver.edits) == 1 and not driver.tool.is_busy


def test_all_clicks_before_the_segments_are_known_are_kept() -> None:
    driver = ToolDriver(Superpixels(), disc_picture()[0])
    asked = driver.tool.press(driver.context, Point(80, 60), PLAIN)
    assert asked.task is not None
    driver.tool.release(driver.context, Point(80, 60), PLAIN)
    driver.take(driver.tool.press(driver.context, Point(10, 10), PLAIN))
    driver.take(driver.tool.on_task_done(driver.context, asked.task.run(lambda: False)))
    driver.take(driver.tool.release(driver.context, Point(10, 10), PLAIN))
    assert driver.painted[60, 80] and driver.painted[10, 10] and not driver.tool.is_busy


def test_the_wheel_changes_the_segment_size() -> None:
    driver = ToolDriver(Superpixels(), disc_picture()[0])
    areas = []
    for steps in (-20, 5, 20):
        outcome = driver.tool.adjust(driver.context, steps)
        assert outcome is not None and outcome.options_changed
        driver.take(outcome)
        driver.take(driver.tool.hover(driver.context, Point(80, 60), PLAIN))
        areas.append(int(driver.previewed.sum()))
    assert areas == sorted(areas) and areas[0] < 120 < areas[2]
    assert driver.context.options.segment_size == 96
    for _ in range(200):
        driver.tool.adjust(driver.context, -1)
    assert driver.context.options.segment_size == 6


def test_esc_restores_the_label() -> None:
    driver = ToolDriver(Superpixels(), disc_picture()[0])
    driver.labels.values[50:] = 3
    driver.take(driver.tool.press(driver.context, Point(60, 60), PLAIN))
    driver.take(driver.tool.drag(driver.context, Point(100, 60), PLAIN))
    assert driver.painted.any()
    driver.take(driver.tool.cancel(driver.context))
    assert not driver.painted.any() and (driver.labels.values[50:] == 3).all() and not driver.tool.is_busy
    driver.take(driver.tool.release(driver.context, Point(100, 60), PLAIN))
    assert driver.edits == []


def test_locked_pixels_do_not_change() -> None:
    driver = ToolDriver(Superpixels(), disc_picture()[0])
    driver.labels.values[:60] = 7
    driver.context.options.locked = frozenset({7})
    driver.stroke((80, 50), (80, 70))
    assert (driver.labels.values[:60] == 7).all() and driver.painted[60:].any()


def test_another_picture_has_its_own_segments() -> None:
    tool = Superpixels()
    first = ToolDriver(tool, disc_picture(centre=(40, 60))[0])
    first.click(40, 60)
    first.take(tool.deactivate(first.context))
    other = ToolDriver(tool, disc_picture(centre=(120, 60))[0])
    other.take(tool.hover(other.context, Point(120, 60), PLAIN))
    assert other.works == 1 and other.previewed[60, 120]


def test_outside_the_picture_there_are_no_segments() -> None:
    driver = ToolDriver(Superpixels(), disc_picture()[0])
    driver.stroke((-20, 60), (-5, 60))
    assert driver.edits == [] and driver.works == 0 and not driver.labels.is_editing
