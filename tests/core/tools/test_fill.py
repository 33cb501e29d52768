"""Polygon and fill, driven by the calls a canvas makes."""

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


def stage_of(labels: LabelMap, value: int = 2, name: str = "tree", scale: float = 1.0) -> ToolContext:
    picture = np.zeros((labels.height, labels.width, 3), np.uint8)
    return ToolContext(labels, value, name, picture, None, ToolOptions(), scale)


def click(tool: Polygon | Fill, stage: ToolContext, x: float, y: float) -> ToolResult:
    pressed = tool.press(stage, Point(x, y), PLAIN)
    released = tool.release(stage, Point(x, y), PLAIN)
    return pressed if pressed.edit is not None else released


CORNERS = [(10, 10), (50, 12), (62, 40), (20, 44)]


def inside(corners: list[tuple[float, float]]) -> np.ndarray:
    """Asked of OpenCV pixel by pixel, whose centres are whole numbers in its own coordinates."""
    outline = np.array(corners, np.float32) - 0.5
    grid = [[cv2.pointPolygonTest(outline, (x, y), False) > 0 for x in range(WIDTH)] for y in range(HEIGHT)]
    return np.array(grid)


def test_enter_fills_the_shape() -> None:
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    stage = stage_of(labels)
    for x, y in CORNERS:
        click(polygon, stage, x + 0.2, y + 0.3)
    assert polygon.is_busy
    assert not labels.values.any()
    outcome = polygon.finish(stage)
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
    """Near for the hand: screen pixels count, not image pixels."""
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    stage = stage_of(labels, scale=scale)
    for x, y in CORNERS:
        click(polygon, stage, x, y)
    shown = polygon.hover(stage, Point(10 + away, 10), PLAIN).outline
    assert shown is not None
    assert shown.closing == closes
    outcome = click(polygon, stage, 10 + away, 10)
    assert (outcome.edit is not None) == closes
    assert polygon.is_busy != closes


def test_the_outline_follows_the_clicks_and_the_cursor() -> None:
    polygon, stage = Polygon(), stage_of(LabelMap.blank(WIDTH, HEIGHT))
    assert polygon.hover(stage, Point(5, 5), PLAIN).outline is None
    click(polygon, stage, 10, 10)
    click(polygon, stage, 50, 12)
    shown = polygon.hover(stage, Point(30, 30), PLAIN).outline
    assert shown is not None
    assert (shown.points, shown.cursor) == ((Point(10, 10), Point(50, 12)), Point(30, 30))
    shown = polygon.undo_step(stage).outline
    assert shown is not None
    assert shown.points == (Point(10, 10),)
    assert polygon.undo_step(stage).outline is None
    assert not polygon.is_busy


def test_two_corners_are_no_shape_yet_and_are_kept() -> None:
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    stage = stage_of(labels)
    click(polygon, stage, 10, 10)
    click(polygon, stage, 50, 12)
    outcome = polygon.finish(stage)
    assert outcome.edit is None
    assert outcome.outline is not None
    assert polygon.is_busy


def test_cancel_throws_the_shape_away() -> None:
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    stage = stage_of(labels)
    for x, y in CORNERS:
        click(polygon, stage, x, y)
    polygon.cancel(stage)
    assert not polygon.is_busy
    assert polygon.finish(stage).edit is None
    assert not labels.values.any()


def test_putting_the_tool_down_finishes_a_shape() -> None:
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    stage = stage_of(labels)
    for x, y in CORNERS:
        click(polygon, stage, x, y)
    assert polygon.deactivate(stage).edit is not None
    click(polygon, stage, 3, 3)
    assert polygon.deactivate(stage).edit is None
    assert not polygon.is_busy


def test_corners_beyond_the_border_reach_the_border() -> None:
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    stage = stage_of(labels)
    for x, y in [(-30, -30), (200, -30), (200, 200), (-30, 200)]:
        click(polygon, stage, x, y)
    polygon.finish(stage)
    assert (labels.values == 2).all()


def test_a_polygon_can_spare_what_is_labelled() -> None:
    labels, polygon = LabelMap.blank(WIDTH, HEIGHT), Polygon()
    labels.values[20:30] = 9
    stage = stage_of(labels)
    stage.options.over = PaintOver.UNLABELLED
    for x, y in CORNERS:
        click(polygon, stage, x + 0.2, y + 0.3)
    polygon.finish(stage)
    expected = np.where(inside([(x + 0.2, y + 0.3) for x, y in CORNERS]), 2, 0)
    expected[20:30] = 9
    assert np.array_equal(labels.values, expected)


def test_fill_takes_the_region_under_the_cursor() -> None:
    labels, fill = LabelMap.blank(WIDTH, HEIGHT), Fill()
    cv2.circle(labels.values, (40, 30), 20, 5, 3)
    _, regions = cv2.connectedComponents((labels.values == 0).astype(np.uint8), connectivity=4)
    edit = click(fill, stage_of(labels, 3, "water"), 40.7, 30.2).edit
    assert edit is not None
    assert (edit.name, edit.tool) == ("Fill, water", "fill")
    assert np.array_equal(labels.values == 3, regions == regions[30, 40])
    assert (labels.values == 5).any()


def test_fill_of_the_same_class_or_beside_the_picture_does_nothing() -> None:
    labels, fill = LabelMap.blank(WIDTH, HEIGHT), Fill()
    labels.values[:] = 3
    for x, y in [(10, 10), (-1, 10), (10, HEIGHT)]:
        assert click(fill, stage_of(labels, 3, "water"), x, y).edit is None
    assert not labels.is_editing


def large(value: int = 0) -> LabelMap:
    """A label in which a region runs on farther than is looked at once, with a border all along."""
    labels = LabelMap.blank(1400, 900)
    labels.values[:] = value
    labels.values[:, 1200:1210] = 7
    return labels


def test_a_large_region_is_looked_for_elsewhere_and_filled_in_one_edit() -> None:
    labels, fill = large(5), Fill()
    stage = stage_of(labels, 3, "water")
    asked = fill.press(stage, Point(100, 100), PLAIN)
    fill.release(stage, Point(100, 100), PLAIN)
    assert asked.deferred is not None and asked.edit is None
    assert (labels.values[:, :1200] == 5).all(), "nothing is painted yet"
    stage.options.locked = frozenset({5})  # what is locked afterwards has no say in what was clicked before
    asked.deferred.run()
    filled = asked.deferred.edit
    assert filled is not None and filled.name == "Fill, water" and filled.pixels == 1200 * 900
    assert (labels.values[:, :1200] == 3).all() and (labels.values[:, 1210:] == 5).all()
    asked.deferred.run()
    assert asked.deferred.edit is filled, "once is enough"
    assert not labels.is_editing


@pytest.mark.parametrize("what", ["cancel", "deactivate"])
def test_a_large_fill_that_was_clicked_does_not_depend_on_the_tool_any_more(what: str) -> None:
    """Esc is a matter of the canvas, which gives the painting up; another tool in the hand loses nothing."""
    labels, fill = large(), Fill()
    stage = stage_of(labels, 3, "water")
    asked = fill.press(stage, Point(100, 100), PLAIN)
    assert asked.deferred is not None and not fill.is_busy
    assert getattr(fill, what)(stage) == NO_RESULT
    asked.deferred.run()
    assert (labels.values[:, :1200] == 3).all()


def test_nobody_can_change_a_label_while_it_is_lent_to_a_large_fill() -> None:
    labels, fill = large(), Fill()
    asked = fill.press(stage_of(labels, 3, "water"), Point(100, 100), PLAIN)
    assert asked.deferred is not None
    with pytest.raises(RuntimeError):
        labels.begin_edit("Stroke", "test", 1)
    with pytest.raises(RuntimeError):
        labels.replace_tiles({})
    asked.deferred.cancel()
    assert asked.deferred.is_done and asked.deferred.edit is None
    assert not (labels.values == 3).any() and not labels.is_editing
