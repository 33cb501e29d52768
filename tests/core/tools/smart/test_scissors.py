"""Intelligent scissors: the outline follows edges between the clicks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.base.geometry import Box, Point
from core.tools.smart.livewire import MAX_SIDE, search_window, snap_to_edge
from core.tools.smart.scissors import Scissors
from core.tools.tool import Modifiers
from tests.tool_driver import ALT, ToolDriver, disc_picture, iou

PLAIN = Modifiers()


def on_ring(share: float, radius: float = 36.0) -> tuple[float, float]:
    angle = 2 * math.pi * share
    return 80 + radius * math.cos(angle), 60 + radius * math.sin(angle)


@pytest.mark.parametrize("seed", range(3))
def test_four_clicks_near_the_edge_cut_out_a_disc(seed: int) -> None:
    picture, disc = disc_picture(seed=seed)
    hand = ToolDriver(Scissors(), picture)
    for share in (0.02, 0.26, 0.49, 0.77):
        hand.click(*on_ring(share, 37.5))
    assert hand.outline is not None and len(hand.outline.anchors) == 4
    hand.enter()
    assert iou(hand.painted, disc) > 0.94
    assert [(edit.name, edit.tool) for edit in hand.edits] == [("Intelligent scissors, tree", "scissors")]
    assert not hand.tool.is_busy and hand.outline is None


def test_with_straight_lines_four_clicks_are_a_square() -> None:
    picture, _ = disc_picture()
    hand = ToolDriver(Scissors(), picture)
    for x, y in ((40, 20), (120, 20), (120, 100), (40, 100)):
        hand.click(x, y, held=ALT)
    hand.take(hand.tool.hover(hand.context, Point(10, 50), ALT))
    assert hand.outline is not None
    assert hand.outline.points == ((40, 20), (120, 20), (120, 100), (40, 100), (10, 50))
    hand.take(hand.tool.deactivate(hand.context))
    square = np.zeros_like(hand.painted)
    square[20:100, 40:120] = True
    # The last side is found along edges: there are none at its place.
    assert iou(hand.painted, square) > 0.7


def test_the_way_to_the_cursor_is_shown_live_and_a_click_keeps_it() -> None:
    hand = ToolDriver(Scissors(), disc_picture()[0])
    hand.click(*on_ring(0.0))
    cursor = Point(*on_ring(0.25))
    hand.take(hand.tool.hover(hand.context, cursor, PLAIN))
    assert hand.outline is not None
    away = [abs(math.dist(point, (80, 60)) - 36) for point in hand.outline.points]
    assert len(away) > 4 and max(away) < 4
    anchors = hand.outline.anchors
    hand.click(*cursor)
    assert hand.outline is not None and len(hand.outline.anchors) == 2 and hand.outline.anchors[:1] == anchors
    hand.take(hand.tool.undo_step(hand.context))
    assert hand.outline is not None and hand.outline.anchors == anchors
    hand.take(hand.tool.undo_step(hand.context))
    assert hand.outline is None and not hand.tool.is_busy


def test_enter_before_the_ways_are_known_fills_when_they_are() -> None:
    picture, disc = disc_picture()
    hand = ToolDriver(Scissors(), picture)
    for share in (0.0, 0.25, 0.5):
        hand.click(*on_ring(share))
    asked = hand.tool.press(hand.context, Point(*on_ring(0.75)), PLAIN)
    assert asked.task is not None
    hand.enter()
    assert hand.edits == [] and hand.tool.is_busy
    hand.take(hand.tool.on_task_done(hand.context, asked.task.run(lambda: False)))
    assert len(hand.edits) == 1 and iou(hand.painted, disc) > 0.9


def test_a_click_on_the_first_anchor_closes() -> None:
    hand = ToolDriver(Scissors(), disc_picture()[0])
    for share in (0.0, 0.3, 0.6):
        hand.click(*on_ring(share))
    hand.take(hand.tool.hover(hand.context, Point(*on_ring(0.01)), PLAIN))
    assert hand.outline is not None and hand.outline.closing
    hand.click(*on_ring(0.01))
    assert len(hand.edits) == 1


def test_the_last_side_never_goes_back_along_the_first_ones() -> None:
    picture, disc = disc_picture()
    hand = ToolDriver(Scissors(), picture)
    for share in (0.0, 0.15, 0.35):
        hand.click(*on_ring(share))
    hand.enter()
    # The cheapest way back is the arc itself; what is meant is the part of the disc that a straight line cuts off.
    assert hand.painted.sum() > 0.1 * disc.sum() and not hand.painted[~disc].mean() > 0.01


def test_esc_throws_the_outline_away_and_two_anchors_are_no_shape() -> None:
    hand = ToolDriver(Scissors(), disc_picture()[0])
    hand.click(*on_ring(0.0))
    hand.click(*on_ring(0.3))
    hand.enter()
    assert hand.tool.is_busy and hand.edits == []
    hand.take(hand.tool.cancel(hand.context))
    assert not hand.tool.is_busy and hand.outline is None and not hand.labels.values.any()
    hand.click(*on_ring(0.0))
    hand.take(hand.tool.deactivate(hand.context))
    assert not hand.tool.is_busy and hand.edits == []


def test_locked_pixels_are_spared() -> None:
    picture, disc = disc_picture()
    hand = ToolDriver(Scissors(), picture)
    hand.labels.values[:60] = 7
    hand.context.options.locked = frozenset({7})
    for share in (0.0, 0.25, 0.5, 0.75):
        hand.click(*on_ring(share))
    hand.enter()
    assert (hand.labels.values[:60] == 7).all()
    assert iou(hand.painted[60:], disc[60:]) > 0.9


@pytest.mark.parametrize("scale", [0.02, 0.3, 1.0, 7.0])
def test_what_is_thought_about_stays_bounded(scale: float) -> None:
    """However large the picture and however far away one looks from."""
    whole = Box(0, 0, 16_000, 12_000)
    crop = search_window(Point(15_990, 5_000), scale, whole)
    assert max(crop.width, crop.height) <= MAX_SIDE
    assert crop.box.intersection(whole) == crop.box
    assert crop.box.y0 <= 4_900 and crop.box.y1 >= 5_100


def test_the_way_goes_straight_where_it_leaves_the_window() -> None:
    picture, _ = disc_picture(900, 300, (450, 150), 60)
    hand = ToolDriver(Scissors(), picture, scale=8.0)
    hand.click(20, 150, held=ALT)
    hand.take(hand.tool.hover(hand.context, Point(880, 20), PLAIN))
    assert hand.outline is not None
    assert hand.outline.points[-1] == (880, 20) and max(p.x for p in hand.outline.points[:-1]) < 200


def test_a_click_goes_to_the_edge_beside_it() -> None:
    picture, _ = disc_picture()
    drawn = snap_to_edge(picture, Point(113, 60), 6)
    assert abs(math.dist(drawn, (80, 60)) - 36) < 1.5
    flat = np.full((50, 50, 3), 90, np.uint8)
    assert snap_to_edge(flat, Point(20.2, 20.7), 6) == (20.2, 20.7)
