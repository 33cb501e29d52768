"""Lasso, rectangle and ellipse, driven by the calls that a canvas makes, against brute force."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.geometry import Box, Point
from core.labels.label_map import LabelMap
from core.labels.rasterization import polygon
from core.tools.shapes.drag_shape import DragShapeTool, Lasso
from core.tools.shapes.polygon import Polygon
from core.tools.shapes.rectangle_ellipse import Ellipse, Rectangle
from core.tools.tool import Modifiers, Tool, ToolContext, ToolResult
from core.tools.tool_options import PaintOver, ToolOptions

WIDTH, HEIGHT = 90, 70
PLAIN, SHIFT, CTRL, ALT = Modifiers(), Modifiers(shift=True), Modifiers(ctrl=True), Modifiers(alt=True)
BOTH = Modifiers(shift=True, alt=True)


def context_of(labels: LabelMap, value: int = 2, scale: float = 1.0) -> ToolContext:
    picture = np.zeros((labels.height, labels.width, 3), np.uint8)
    return ToolContext(labels, value, "tree", picture, None, ToolOptions(), scale)


def drag(
    tool: DragShapeTool, context: ToolContext, path: list[tuple[float, float]], held: Modifiers = PLAIN
) -> ToolResult:
    tool.press(context, Point(*path[0]), held)
    for place in path[1:]:
        tool.drag(context, Point(*place), held)
    return tool.release(context, Point(*path[-1]), held)


def loop(count: int, reach: float = 25.0, turns: int = 1) -> list[tuple[float, float]]:
    """A wavy closed path around the centre."""
    around = np.linspace(0, 2 * math.pi * turns, count, endpoint=False)
    far = reach + 4 * np.sin(5 * around)
    return [(45 + r * math.cos(a), 35 + r * math.sin(a)) for r, a in zip(far, around, strict=True)]


@pytest.mark.parametrize("count", [30, 500, 5000])
def test_a_lasso_fills_what_it_surrounds(count: int) -> None:
    labels, lasso = LabelMap.blank(WIDTH, HEIGHT), Lasso()
    outcome = drag(lasso, context_of(labels, scale=40.0), loop(count))
    assert outcome.edit is not None
    assert (outcome.edit.name, outcome.edit.tool) == ("Lasso, tree", "lasso")
    box, mask = polygon(loop(count))
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[box.slices] = mask
    # At this zoom the line that is kept is nowhere farther than a hundredth of a pixel from the hand.
    assert np.count_nonzero((labels.values == 2) != expected) <= 3
    assert not lasso.is_busy


def test_a_long_drag_is_simplified() -> None:
    labels, lasso = LabelMap.blank(WIDTH, HEIGHT), Lasso()
    context = context_of(labels, scale=20.0)
    path = loop(20_000)
    lasso.press(context, Point(*path[0]), PLAIN)
    lengths = []
    for place in path[1:]:
        shown = lasso.drag(context, Point(*place), PLAIN).outline
        assert shown is not None
        lengths.append(len(shown.points))
    assert lengths[-1] < 600
    assert shown.closed and shown.points[0] == path[0]


places = st.tuples(st.floats(-10, 100), st.floats(-10, 80))


@settings(max_examples=60, deadline=None)
@given(st.lists(places, min_size=1, max_size=150))
def test_any_lasso_paints_only_inside_its_path(path: list[tuple[float, float]]) -> None:
    labels, lasso = LabelMap.blank(WIDTH, HEIGHT), Lasso()
    drag(lasso, context_of(labels), path)
    assert not labels.is_editing
    rows, columns = np.nonzero(labels.values)
    if len(rows):
        xs, ys = zip(*path, strict=True)
        assert min(xs) - 0.5 <= columns.min() + 0.5 <= columns.max() + 0.5 <= max(xs) + 0.5
        assert min(ys) - 0.5 <= rows.min() + 0.5 <= rows.max() + 0.5 <= max(ys) + 0.5


@settings(max_examples=80, deadline=None)
@given(places, places, st.sampled_from([PLAIN, SHIFT, ALT, BOTH]), st.sampled_from([Rectangle, Ellipse]))
def test_rectangles_and_ellipses_against_brute_force(
    start: tuple[float, float], end: tuple[float, float], held: Modifiers, kind: type[Rectangle]
) -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    drag(kind(), context_of(labels), [start, end], held)
    (x, y), (x1, y1) = ((math.floor(a + 0.5), math.floor(b + 0.5)) for a, b in (start, end))
    across, down = x1 - x, y1 - y
    if held.shift:
        side = max(abs(across), abs(down))
        across, down = side * (1 if across >= 0 else -1), side * (1 if down >= 0 else -1)
    middle = (x, y) if held.alt else (x + across / 2, y + down / 2)
    wide, high = (abs(across), abs(down)) if held.alt else (abs(across) / 2, abs(down) / 2)
    columns, rows = np.meshgrid(np.arange(WIDTH) + 0.5 - middle[0], np.arange(HEIGHT) + 0.5 - middle[1])
    if not wide or not high:
        expected = sure = np.zeros((HEIGHT, WIDTH), bool)
    elif kind is Rectangle:
        expected = (np.abs(columns) < wide) & (np.abs(rows) < high)
        sure = np.ones_like(expected)
    else:
        distance = np.hypot(columns / wide, rows / high)
        expected, sure = distance <= 1, np.abs(distance - 1) > 1e-9
    assert np.array_equal((labels.values == 2)[sure], expected[sure])


def test_the_preview_is_what_is_painted_and_the_size_is_shown() -> None:
    labels, rectangle = LabelMap.blank(WIDTH, HEIGHT), Rectangle()
    context = context_of(labels)
    rectangle.press(context, Point(10.2, 10.4), PLAIN)
    assert rectangle.drag(context, Point(10.4, 30), PLAIN).outline is None
    shown = rectangle.drag(context, Point(30.4, 500), PLAIN)
    assert shown.message == "20 × 60 pixels"
    assert shown.outline is not None and shown.outline.points == ((10, 10), (30, 10), (30, 70), (10, 70))
    assert not labels.values.any()
    edit = rectangle.release(context, Point(30.4, 500), PLAIN).edit
    assert edit is not None and (edit.name, edit.pixels) == ("Rectangle, tree", 20 * 60)


def test_shapes_outside_the_picture_cost_nothing() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    far = [(-4e5, -4e5), (4e5, 4e5)]
    assert drag(Ellipse(), context_of(labels), far).edit is not None
    assert (labels.values == 2).all()
    assert drag(Rectangle(), context_of(labels, 3), far).edit is not None
    assert (labels.values == 3).all()


@pytest.mark.parametrize("kind", [Lasso, Rectangle, Ellipse])
def test_ctrl_erases_and_esc_cancels(kind: type[DragShapeTool]) -> None:
    labels, tool = LabelMap.blank(WIDTH, HEIGHT), kind()
    labels.values[:] = 5
    context = context_of(labels)
    path = [(10.0, 10.0), (40.0, 12.0), (42.0, 40.0)]
    tool.press(context, Point(*path[0]), CTRL)
    shown = tool.drag(context, Point(*path[1]), PLAIN)
    tool.cancel(context)
    assert tool.release(context, Point(*path[2]), PLAIN).edit is None
    assert (labels.values == 5).all()
    # The key may be let go on the way: what the drag began as, it stays.
    tool.press(context, Point(*path[0]), CTRL)
    for place in path[1:]:
        shown = tool.drag(context, Point(*place), PLAIN)
    assert shown.outline is not None and shown.outline.erases
    edit = tool.release(context, Point(*path[2]), PLAIN).edit
    assert edit is not None and (edit.name, edit.class_value) == ("Erase", 0)
    assert edit.pixels == np.count_nonzero(labels.values == 0) > 100


@pytest.mark.parametrize("kind", [Lasso, Rectangle, Ellipse])
def test_locks_and_paint_over_are_respected(kind: type[DragShapeTool]) -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    labels.values[:20], labels.values[20:40] = 5, 6
    before = labels.values.copy()
    context = context_of(labels)
    context.options.locked = frozenset({6})
    path = [(10.0, 5.0), (60.0, 8.0), (50.0, 60.0), (10.0, 50.0)]
    drag(kind(), context, [*path, (60.0, 60.0)])
    assert (labels.values[:20] == 2).any() and (labels.values[40:] == 2).any()
    assert np.array_equal(labels.values[20:40], before[20:40])
    labels = LabelMap(before.copy())
    context = context_of(labels, 3)
    context.options.over = PaintOver.UNLABELLED
    drag(kind(), context, [*path, (60.0, 60.0)])
    assert np.array_equal(labels.values[:40], before[:40]) and (labels.values[40:] == 3).any()


def test_a_click_is_no_shape() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    for tool in (Lasso(), Rectangle(), Ellipse()):
        assert drag(tool, context_of(labels), [(20.3, 20.3)]).edit is None
        assert not tool.is_busy and not labels.is_editing


def bands_of(box: Box, rows: int) -> Iterator[Box]:
    for top in range(box.y0, box.y1, rows):
        yield Box(box.x0, top, box.x1, min(top + rows, box.y1))


@pytest.mark.parametrize("over", [PaintOver.ALL, PaintOver.SAME, PaintOver.UNLABELLED])
@pytest.mark.parametrize("kind", [Lasso, Rectangle, Ellipse, Polygon])
def test_a_shape_is_the_same_in_one_part_and_in_bands(
    kind: type[Tool], over: PaintOver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large shapes are painted in rows of tiles; what may change is decided before the first."""
    labels = []
    for rows in (256, 7):
        monkeypatch.setattr(Box, "bands", lambda box, rows=rows: bands_of(box, rows))
        made, tool = LabelMap.blank(WIDTH, HEIGHT), kind()
        made.values[20:40, 10:60] = 7
        made.values[30:, 50:] = 5
        context = context_of(made)
        context.options.over, context.options.locked = over, frozenset({5})
        for at in [(30.3, 25.2), (80.1, 30), (70, 66.6), (9, 64)]:
            tool.press(context, Point(*at), PLAIN)
            if isinstance(tool, Polygon):
                tool.release(context, Point(*at), PLAIN)
            else:
                tool.drag(context, Point(*at), PLAIN)
        edit = tool.finish(context).edit
        assert edit is not None and edit.pixels > 100
        labels.append(made.values)
    assert np.array_equal(*labels)
