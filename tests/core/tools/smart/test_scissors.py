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
    driver = ToolDriver(Scissors(), picture)
    for share in (0.02, 0.26, 0.49, 0.77):
        driver.click(*on_ring(share, 37.5))
    assert driver.outline is not None and len(driver.outline.anchors) == 4
    driver.enter()
    assert iou(driver.painted, disc) > 0.94
    assert [(edit.name, edit.tool) for edit in driver.edits] == [("Intelligent scissors, tree", "scissors")]
    assert not driver.tool.is_busy and driver.outline is None


def test_with_alt_four_clicks_are_a_square() -> None:
    picture, _ = disc_picture()
    driver = ToolDriver(Scissors(), picture)
    for x, y in ((40, 20), (120, 20), (120, 100), (40, 100)):
        driver.click(x, y, held=ALT)
    driver.take(driver.tool.hover(driver.context, Point(10, 50), ALT))
    assert driver.outline is not None
    assert driver.outline.points == ((40, 20), (120, 20), (120, 100), (40, 100), (10, 50))
    driver.take(driver.tool.deactivate(driver.context))
    square = np.zeros_like(driver.painted)
    square[20:100, 40:120] = True
    # The last side is found along edges: there are none at its place.
    assert iou(driver.painted, square) > 0.7


def test_the_path_to_the_pointer_is_previewed_and_a_click_keeps_it() -> None:
    driver = ToolDriver(Scissors(), disc_picture()[0])
    driver.click(*on_ring(0.0))
    cursor = Point(*on_ring(0.25))
    driver.take(driver.tool.hover(driver.context, cursor, PLAIN))
    assert driver.outline is not None
    away = [abs(math.dist(point, (80, 60)) - 36) for point in driver.outline.points]
    assert len(away) > 4 and max(away) < 4
    anchors = driver.outline.anchors
    driver.click(*cursor)
    assert (
        driver.outline is not None
        and len(driver.outline.anchors) == 2
        and driver.outline.anchors[:1] == anchors
    )
    driver.take(driver.tool.undo_step(driver.context))
    assert driver.outline is not None and driver.outline.anchors == anchors
    driver.take(driver.tool.undo_step(driver.context))
    assert driver.outline is None and not driver.tool.is_busy


def test_enter_before_the_paths_are_known_fills_when_they_are() -> None:
    picture, disc = disc_picture()
    driver = ToolDriver(Scissors(), picture)
    for share in (0.0, 0.25, 0.5):
        driver.click(*on_ring(share))
    asked = driver.tool.press(driver.context, Point(*on_ring(0.75)), PLAIN)
    assert asked.task is not None
    driver.enter()
    assert driver.edits == [] and driver.tool.is_busy
    driver.take(driver.tool.on_task_done(driver.context, asked.task.run(lambda: False)))
    assert len(driver.edits) == 1 and iou(driver.painted, disc) > 0.9


def test_a_click_on_the_first_anchor_closes() -> None:
    driver = ToolDriver(Scissors(), disc_picture()[0])
    for share in (0.0, 0.3, 0.6):
        driver.click(*on_ring(share))
    driver.take(driver.tool.hover(driver.context, Point(*on_ring(0.01)), PLAIN))
    assert driver.outline is not None and driver.outline.closing
    driver.click(*on_ring(0.01))
    assert len(driver.edits) == 1


def test_the_closing_path_does_not_run_back_along_the_line() -> None:
    picture, disc = disc_picture()
    driver = ToolDriver(Scissors(), picture)
    for share in (0.0, 0.15, 0.35):
        driver.click(*on_ring(share))
    driver.enter()
    # The cheapest way back is the arc itself; what is meant is the part of the disc that a straight line cuts off.
    assert driver.painted.sum() > 0.1 * disc.sum() and not driver.painted[~disc].mean() > 0.01


def test_esc_discards_the_outline_and_two_anchors_fill_nothing() -> None:
    driver = ToolDriver(Scissors(), disc_picture()[0])
    driver.click(*on_ring(0.0))
    driver.click(*on_ring(0.3))
    driver.enter()
    assert driver.tool.is_busy and driver.edits == []
    driver.take(driver.tool.cancel(driver.context))
    assert not driver.tool.is_busy and driver.outline is None and not driver.labels.values.any()
    driver.click(*on_ring(0.0))
    driver.take(driver.tool.deactivate(driver.context))
    assert not driver.tool.is_busy and driver.edits == []


def test_locked_pixels_do_not_change() -> None:
    picture, disc = disc_picture()
    driver = ToolDriver(Scissors(), picture)
    driver.labels.values[:60] = 7
    driver.context.options.locked = frozenset({7})
    for share in (0.0, 0.25, 0.5, 0.75):
        driver.click(*on_ring(share))
    driver.enter()
    assert (driver.labels.values[:60] == 7).all()
    assert iou(driver.painted[60:], disc[60:]) > 0.9


@pytest.mark.parametrize("scale", [0.02, 0.3, 1.0, 7.0])
def test_the_search_window_is_bounded(scale: float) -> None:
    """However large the picture and however far it is zoomed out."""
    whole = Box(0, 0, 16_000, 12_000)
    crop = search_window(Point(15_990, 5_000), scale, whole)
    assert max(crop.width, crop.height) <= MAX_SIDE
    assert crop.box.intersection(whole) == crop.box
    assert crop.box.y0 <= 4_900 and crop.box.y1 >= 5_100


def test_the_path_is_straight_outside_the_window() -> None:
    picture, _ = disc_picture(900, 300, (450, 150), 60)
    driver = ToolDriver(Scissors(), picture, scale=8.0)
    driver.click(20, 150, held=ALT)
    driver.take(driver.tool.hover(driver.context, Point(880, 20), PLAIN))
    assert driver.outline is not None
    assert driver.outline.points[-1] == (880, 20) and max(p.x for p in driver.outline.points[:-1]) < 200


def test_a_click_snaps_to_a_near_edge() -> None:
    picture, _ = disc_picture()
    drawn = snap_to_edge(picture, Point(113, 60), 6)
    assert abs(math.dist(drawn, (80, 60)) - 36) < 1.5
    flat = np.full((50, 50, 3), 90, np.uint8)
    assert snap_to_edge(flat, Point(20.2, 20.7), 6) == (20.2, 20.7)
