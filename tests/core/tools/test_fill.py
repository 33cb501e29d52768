"""Polygon and fill, driven by the calls that a canvas makes."""

import cv2
import numpy as np
import pytest

from core.base.geometry import Point
from core.labels.label_map import LabelMap
from core.tools.fill import Fill
from core.tools.shapes.polygon import Polygon
from core.tools.tool import NO_RESULT, Modifiers, ToolContext, ToolResult
from core.tools.tool_options import PaintOver, ToolOptions

WIDTH, HEIGHT = 80, 60
PLAIN = Modifiers()


def context_of(labels: LabelMap, value: int = 2, name: str = "tree", scale: float = 1.0) -> ToolContext:
    picture = np.zeros((labels.height, labels.width, 3), np.uint8)
    return ToolContext(labels, value, name, picture, None, ToolOptions(), scale)


def click(tool: Polygon | Fill, context: ToolContext, x: float, y: float) -> ToolResult:
    pressed = tool.press(context, Point(x, y), PLAIN)
    released = tool.release(context, Point(x, y), PLAIN)
    return pressed if pressed.edit is not None else released


CORNERS = [(10, 10), (50, 12), (62, 40), (20, 44)]


def inside(corners: list[tuple[float, float]]) -> np.ndarray:
    """Tested by OpenCV pixel by pixel; pixel centres are integers in its coordinates."""
    outline = np.array(corners, np.float32) - 0.5
    grid = [[cv2.pointPolygonTest(outline, (x, y), False) > 0 for x in range(WIDTH)] for y in range(HEIGHT)]
    return np.array(grid)


def test_enter_fills_the_shape() -> None:
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    context = context_of(labels)
    for x, y in CORNERS:
        click(polygon, context, x + 0.2, y + 0.3)
    assert polygon.is_busy
    assert not labels.values.any()
    outcome = polygon.finish(context)
    assert outcome.edit is not None
    assert (outcome.edit.name, outcome.edit.tool) == ("Polygon, tree", "polygon")
    assert np.array_equal(labels.values == 2, inside([(x + 0.2, y + 0.3) for x, y in CORNERS]))
    assert outcome.dirty.intersection(outcome.edit.box) == outcome.edit.box
    assert not polygon.is_busy
    assert outcome.outline is None


@pytest.mark.parametrize(
    ("scale", "away", "closes"), [(1.0, 8, True), (1.0, 12, False), (10.0, 2, False), (0.5, 17, True)]
)
def test_a_click_near_the_first_corner_closes(scale: float, away: float, closes: bool) -> None:
    """The distance is in screen pixels, not image pixels."""
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    context = context_of(labels, scale=scale)
    for x, y in CORNERS:
        click(polygon, context, x, y)
    shown = polygon.hover(context, Point(10 + away, 10), PLAIN).outline
    assert shown is not None
    assert shown.closing == closes
    outcome = click(polygon, context, 10 + away, 10)
    assert (outcome.edit is not None) == closes
    assert polygon.is_busy != closes


def test_the_preview_follows_clicks_and_pointer() -> None:
    polygon, context = Polygon(), context_of(LabelMap.blank(WIDTH, HEIGHT))
    assert polygon.hover(context, Point(5, 5), PLAIN).outline is None
    click(polygon, context, 10, 10)
    click(polygon, context, 50, 12)
    shown = polygon.hover(context, Point(30, 30), PLAIN).outline
    assert shown is not None
    assert (shown.points, shown.cursor) == ((Point(10, 10), Point(50, 12)), Point(30, 30))
    shown = polygon.undo_step(context).outline
    assert shown is not None
    assert shown.points == (Point(10, 10),)
    assert polygon.undo_step(context).outline is None
    assert not polygon.is_busy


def test_two_corners_fill_nothing_and_are_kept() -> None:
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    context = context_of(labels)
    click(polygon, context, 10, 10)
    click(polygon, context, 50, 12)
    outcome = polygon.finish(context)
    assert outcome.edit is None
    assert outcome.outline is not None
    assert polygon.is_busy


def test_cancel_discards_the_shape() -> None:
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    context = context_of(labels)
    for x, y in CORNERS:
        click(polygon, context, x, y)
    polygon.cancel(context)
    assert not polygon.is_busy
    assert polygon.finish(context).edit is None
    assert not labels.values.any()


def test_deactivate_finishes_the_shape() -> None:
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    context = context_of(labels)
    for x, y in CORNERS:
        click(polygon, context, x, y)
    assert polygon.deactivate(context).edit is not None
    click(polygon, context, 3, 3)
    assert polygon.deactivate(context).edit is None
    assert not polygon.is_busy


def test_corners_outside_the_picture_move_to_its_border() -> None:
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    context = context_of(labels)
    for x, y in [(-30, -30), (200, -30), (200, 200), (-30, 200)]:
        click(polygon, context, x, y)
    polygon.finish(context)
    assert (labels.values == 2).all()


def test_a_polygon_can_paint_unlabelled_pixels_only() -> None:
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    labels.values[20:30] = 9
    context = context_of(labels)
    context.options.over = PaintOver.UNLABELLED
    for x, y in CORNERS:
        click(polygon, context, x + 0.2, y + 0.3)
    polygon.finish(context)
    expected = np.where(inside([(x + 0.2, y + 0.3) for x, y in CORNERS]), 2, 0)
    expected[20:30] = 9
    assert np.array_equal(labels.values, expected)


def test_fill_changes_the_region_under_the_pointer() -> None:
    labels, fill = LabelMap.blank(WIDTH, HEIGHT), Fill()
    cv2.circle(labels.values, (40, 30), 20, 5, 3)
    _, regions = cv2.connectedComponents((labels.values == 0).astype(np.uint8), connectivity=4)
    edit = click(fill, context_of(labels, 3, "water"), 40.7, 30.2).edit
    assert edit is not None
    assert (edit.name, edit.tool) == ("Fill, water", "fill")
    assert np.array_equal(labels.values == 3, regions == regions[30, 40])
    assert (labels.values == 5).any()


def test_fill_of_the_same_class_or_outside_the_picture_does_nothing() -> None:
    labels, fill = LabelMap.blank(WIDTH, HEIGHT), Fill()
    labels.values[:] = 3
    for x, y in [(10, 10), (-1, 10), (10, HEIGHT)]:
        assert click(fill, context_of(labels, 3, "water"), x, y).edit is None
    assert not labels.is_editing


def large(value: int = 0) -> LabelMap:
    """A label with a region larger than the first window, with a border all along."""
    labels = LabelMap.blank(1400, 900)
    labels.values[:] = value
    labels.values[:, 1200:1210] = 7
    return labels


def test_a_large_region_is_filled_by_a_deferred_edit() -> None:
    labels, fill = large(5), Fill()
    context = context_of(labels, 3, "water")
    asked = fill.press(context, Point(100, 100), PLAIN)
    fill.release(context, Point(100, 100), PLAIN)
    assert asked.deferred is not None and asked.edit is None
    assert (labels.values[:, :1200] == 5).all(), "nothing is painted yet"
    context.options.locked = frozenset({5})  # what is locked afterwards has no say in what was clicked before
    asked.deferred.run()
    filled = asked.deferred.edit
    assert filled is not None and filled.name == "Fill, water" and filled.pixels == 1200 * 900
    assert (labels.values[:, :1200] == 3).all() and (labels.values[:, 1210:] == 5).all()
    asked.deferred.run()
    assert asked.deferred.edit is filled, "once is enough"
    assert not labels.is_editing


@pytest.mark.parametrize("what", ["cancel", "deactivate"])
def test_a_deferred_fill_does_not_depend_on_the_tool(what: str) -> None:
    """Esc is handled by the canvas, which cancels the deferred edit; activating another tool loses nothing."""
    labels, fill = large(), Fill()
    context = context_of(labels, 3, "water")
    asked = fill.press(context, Point(100, 100), PLAIN)
    assert asked.deferred is not None and not fill.is_busy
    assert getattr(fill, what)(context) == NO_RESULT
    asked.deferred.run()
    assert (labels.values[:, :1200] == 3).all()


def test_no_other_edit_can_begin_during_a_deferred_fill() -> None:
    labels, fill = large(), Fill()
    asked = fill.press(context_of(labels, 3, "water"), Point(100, 100), PLAIN)
    assert asked.deferred is not None
    with pytest.raises(RuntimeError):
        labels.begin_edit("Stroke", "test", 1)
    with pytest.raises(RuntimeError):
        labels.replace_tiles({})
    asked.deferred.cancel()
    assert asked.deferred.is_done and asked.deferred.edit is None
    assert not (labels.values == 3).any() and not labels.is_editing
