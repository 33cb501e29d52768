"""Superpixels: the picture falls into pieces without rest, and whole pieces are painted."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.geometry import Box, Point
from core.tools.smart.superpixel_grid import CELL_SIDE, cell_at, compute_superpixels, window_of
from core.tools.smart.superpixels import Superpixels
from core.tools.tool import Modifiers
from tests.tool_driver import ToolDriver, disc_picture, iou

PLAIN = Modifiers()


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([1.0, 0.5, 0.11, 8.0]), st.integers(6, 40))
def test_pieces_cover_every_pixel_once_and_are_connected(
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


def test_pieces_keep_to_the_edges_of_things() -> None:
    picture, disc = disc_picture()
    sheet = compute_superpixels(picture, cell_at(Point(80, 60), 1.0, 12), Box(0, 0, 160, 120))
    inside = np.zeros_like(disc)
    for number in np.unique(sheet.labels):
        box, mask = sheet.mask_of(int(number))
        if disc[box.slices][mask].mean() > 0.5:
            inside[box.slices] |= mask
    assert iou(inside, disc) > 0.94


@pytest.mark.parametrize("scale", [8.0, 1.0, 0.2, 0.01])
def test_what_is_looked_at_stays_bounded_and_holds_its_cell(scale: float) -> None:
    whole, at = Box(0, 0, 16_000, 12_000), Point(15_999.5, 7_000)
    cell = cell_at(at, scale, 24)
    crop = window_of(cell, whole)
    assert max(crop.width, crop.height) <= 2 * CELL_SIDE
    assert crop.box.x0 <= at.x < crop.box.x1 and crop.box.y0 <= at.y < crop.box.y1
    assert crop.box.intersection(whole) == crop.box


def test_hovering_shows_the_piece_and_a_click_paints_it_whole() -> None:
    hand = ToolDriver(Superpixels(), disc_picture()[0])
    hand.take(hand.tool.hover(hand.context, Point(80, 60), PLAIN))
    promised = hand.previewed
    assert promised[60, 80] and 100 < promised.sum() < 2000
    assert not hand.tool.is_busy
    hand.click(80, 60)
    assert np.array_equal(hand.painted, promised)
    assert [(edit.name, edit.tool) for edit in hand.edits] == [("Superpixels, tree", "superpixels")]
    assert hand.works == 1  # pieces are kept


def test_a_drag_paints_all_pieces_on_its_way_as_one_edit() -> None:
    hand = ToolDriver(Superpixels(), disc_picture()[0])
    hand.stroke((60, 60), (100, 60))
    assert len(hand.edits) == 1 and hand.painted[60, 60:101].all()
    sheet = compute_superpixels(hand.context.picture, cell_at(Point(60, 60), 1.0, 24), Box(0, 0, 160, 120))
    for number in np.unique(sheet.labels):
        part = hand.painted[sheet.labels == number]
        assert part.all() or not part.any()


def test_a_drag_across_cells_goes_on() -> None:
    picture = np.random.default_rng(3).integers(0, 256, (80, 700, 3), np.uint8)
    hand = ToolDriver(Superpixels(), picture)
    hand.stroke((20, 40), (680, 40))
    assert hand.painted[40, 20:681].all() and hand.works >= 2


def test_a_click_before_the_pieces_are_known_paints_when_they_are() -> None:
    hand = ToolDriver(Superpixels(), disc_picture()[0])
    asked = hand.tool.press(hand.context, Point(80, 60), PLAIN)
    assert asked.task is not None
    assert hand.tool.release(hand.context, Point(80, 60), PLAIN).task is None
    assert hand.tool.is_busy and not hand.labels.is_editing
    hand.take(hand.tool.on_task_done(hand.context, asked.task.run(lambda: False)))
    assert hand.painted[60, 80] and len(hand.edits) == 1 and not hand.tool.is_busy


def test_clicks_before_the_pieces_are_known_are_all_kept() -> None:
    hand = ToolDriver(Superpixels(), disc_picture()[0])
    asked = hand.tool.press(hand.context, Point(80, 60), PLAIN)
    assert asked.task is not None
    hand.tool.release(hand.context, Point(80, 60), PLAIN)
    hand.take(hand.tool.press(hand.context, Point(10, 10), PLAIN))
    hand.take(hand.tool.on_task_done(hand.context, asked.task.run(lambda: False)))
    hand.take(hand.tool.release(hand.context, Point(10, 10), PLAIN))
    assert hand.painted[60, 80] and hand.painted[10, 10] and not hand.tool.is_busy


def test_the_wheel_changes_the_size_of_pieces() -> None:
    hand = ToolDriver(Superpixels(), disc_picture()[0])
    areas = []
    for steps in (-20, 5, 20):
        outcome = hand.tool.adjust(hand.context, steps)
        assert outcome is not None and outcome.options_changed
        hand.take(outcome)
        hand.take(hand.tool.hover(hand.context, Point(80, 60), PLAIN))
        areas.append(int(hand.previewed.sum()))
    assert areas == sorted(areas) and areas[0] < 120 < areas[2]
    assert hand.context.options.segment_size == 96
    for _ in range(200):
        hand.tool.adjust(hand.context, -1)
    assert hand.context.options.segment_size == 6


def test_esc_takes_a_stroke_back() -> None:
    hand = ToolDriver(Superpixels(), disc_picture()[0])
    hand.labels.values[50:] = 3
    hand.take(hand.tool.press(hand.context, Point(60, 60), PLAIN))
    hand.take(hand.tool.drag(hand.context, Point(100, 60), PLAIN))
    assert hand.painted.any()
    hand.take(hand.tool.cancel(hand.context))
    assert not hand.painted.any() and (hand.labels.values[50:] == 3).all() and not hand.tool.is_busy
    hand.take(hand.tool.release(hand.context, Point(100, 60), PLAIN))
    assert hand.edits == []


def test_locked_pixels_are_spared() -> None:
    hand = ToolDriver(Superpixels(), disc_picture()[0])
    hand.labels.values[:60] = 7
    hand.context.options.locked = frozenset({7})
    hand.stroke((80, 50), (80, 70))
    assert (hand.labels.values[:60] == 7).all() and hand.painted[60:].any()


def test_another_picture_has_pieces_of_its_own() -> None:
    tool = Superpixels()
    first = ToolDriver(tool, disc_picture(centre=(40, 60))[0])
    first.click(40, 60)
    first.take(tool.deactivate(first.context))
    other = ToolDriver(tool, disc_picture(centre=(120, 60))[0])
    other.take(tool.hover(other.context, Point(120, 60), PLAIN))
    assert other.works == 1 and other.previewed[60, 120]


def test_beside_the_picture_there_are_no_pieces() -> None:
    hand = ToolDriver(Superpixels(), disc_picture()[0])
    hand.stroke((-20, 60), (-5, 60))
    assert hand.edits == [] and hand.works == 0 and not hand.labels.is_editing
