"""Brush and eraser, driven by the calls that a canvas makes."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.geometry import Point
from core.labels.label_map import Edit, LabelMap, Origin
from core.labels.prediction import PredictedMask
from core.tools.brush import Brush, Eraser
from core.tools.tool import Modifiers, Tool, ToolContext
from core.tools.tool_options import LARGEST_RADIUS, SMALLEST_RADIUS, BrushTip, PaintOver, ToolOptions

WIDTH, HEIGHT = 80, 60
PLAIN, SHIFT, CTRL = Modifiers(), Modifiers(shift=True), Modifiers(ctrl=True)


def context_of(labels: LabelMap, radius: float = 4.0, value: int = 1, name: str = "road") -> ToolContext:
    picture = np.zeros((labels.height, labels.width, 3), np.uint8)
    return ToolContext(labels, value, name, picture, None, ToolOptions(radius, radius), 1.0)


def stroke(tool: Tool, context: ToolContext, path: list[Point], held: Modifiers = PLAIN) -> Edit | None:
    """Press at the first point, move through the others, release at the last."""
    outcomes = [tool.press(context, path[0], held)]
    outcomes += [tool.drag(context, at, held) for at in path[1:]]
    assert all(outcome.edit is None for outcome in outcomes)
    return tool.release(context, path[-1], held).edit


def near(path: list[Point], radius: float) -> np.ndarray:
    """Pixels whose centre is within the radius of the path, tested one by one."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    closest = np.full((HEIGHT, WIDTH), np.inf)
    for start, end in zip(path, path[1:] or path, strict=False):
        dx, dy = end.x - start.x, end.y - start.y
        length2 = dx * dx + dy * dy
        along = np.clip(((x - start.x) * dx + (y - start.y) * dy) / length2, 0, 1) if length2 else 0
        closest = np.minimum(closest, np.hypot(x - start.x - along * dx, y - start.y - along * dy))
    return closest <= radius


places = st.tuples(st.floats(-15, 95), st.floats(-15, 75)).map(
    lambda p: Point(round(p[0], 2), round(p[1], 2))
)
places_inside = st.builds(Point, st.floats(0.01, WIDTH - 0.01), st.floats(0.01, HEIGHT - 0.01))


@settings(max_examples=60, deadline=None)
@given(st.lists(places, min_size=1, max_size=6), st.floats(1, 25).map(lambda r: round(r, 1) + 0.0137))
def test_a_stroke_covers_exactly_the_pixels_within_the_radius(path: list[Point], radius: float) -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    edit = stroke(Brush(), context_of(labels, radius), path)
    expected = near(path, radius)
    assert np.array_equal(labels.values == 1, expected)
    assert (edit.pixels if edit else 0) == expected.sum()


@settings(max_examples=40, deadline=None)
@given(st.lists(places, min_size=2, max_size=4))
def test_the_dirty_box_contains_all_changed_pixels(path: list[Point]) -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    brush, context = Brush(), context_of(labels)
    before = labels.values.copy()
    for number, at in enumerate(path):
        outcome = brush.drag(context, at, PLAIN) if number else brush.press(context, at, PLAIN)
        changed = labels.values != before
        changed[outcome.dirty.slices] = False
        assert not changed.any()
        before = labels.values.copy()
    brush.finish(context)


@settings(max_examples=40, deadline=None)
@given(st.lists(places_inside, min_size=1, max_size=4))
def test_the_smallest_brush_draws_a_thin_line_without_gaps(path: list[Point]) -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    stroke(Brush(), context_of(labels, SMALLEST_RADIUS), path)
    for at in path:
        assert labels.values[int(at.y), int(at.x)] == 1
    for start, end in itertools.pairwise(path):
        for part in np.linspace(0, 1, 200):
            x = int(start.x) + 0.5 + (int(end.x) - int(start.x)) * part
            y = int(start.y) + 0.5 + (int(end.y) - int(start.y)) * part
            around = labels.values[
                max(0, int(y - 0.51)) : int(y + 0.51) + 1, max(0, int(x - 0.51)) : int(x + 0.51) + 1
            ]
            assert around.any()


def test_the_name_of_the_edit() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    edit = stroke(Brush(), context_of(labels, value=3, name="tree"), [Point(20, 20), Point(30, 20)])
    assert edit is not None
    assert (edit.name, edit.tool, edit.class_value) == ("Brush stroke, tree", "brush", 3)
    assert edit.origin == Origin.PAINTED


@pytest.mark.parametrize(("tool", "held"), [(Brush(), CTRL), (Eraser(), PLAIN)])
def test_erasing_makes_pixels_unlabelled(tool: Tool, held: Modifiers) -> None:
    labels = LabelMap(np.full((HEIGHT, WIDTH), 7, np.uint8))
    path = [Point(20.2, 20.1), Point(40.4, 30.3)]
    edit = stroke(tool, context_of(labels), path, held)
    assert edit is not None
    assert (edit.name, edit.class_value) == ("Erase", 0)
    assert np.array_equal(labels.values == 0, near(path, 4))
    assert set(np.unique(labels.values)) == {0, 7}


def test_releasing_ctrl_during_a_stroke_keeps_erasing() -> None:
    labels = LabelMap(np.full((HEIGHT, WIDTH), 7, np.uint8))
    brush, context = Brush(), context_of(labels)
    brush.press(context, Point(20, 20), CTRL)
    brush.drag(context, Point(40, 20), PLAIN)
    brush.release(context, Point(40, 20), PLAIN)
    assert set(np.unique(labels.values)) == {0, 7}


def test_brush_and_eraser_have_separate_sizes() -> None:
    options = ToolOptions()
    Brush().set_radius(options, 30)
    Eraser().set_radius(options, 7)
    assert (Brush().radius(options), Eraser().radius(options)) == (30, 7)
    Brush().set_radius(options, 1e9)
    Eraser().set_radius(options, -3)
    assert (Brush().radius(options), Eraser().radius(options)) == (LARGEST_RADIUS, SMALLEST_RADIUS)


def test_shift_click_draws_a_straight_line_from_the_last_point() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    brush, context = Brush(), context_of(labels, 2.5)
    stroke(brush, context, [Point(10, 10), Point(15, 12)])
    shown = brush.hover(context, Point(60, 40), SHIFT).outline
    assert shown is not None
    assert (shown.points, shown.cursor) == ((Point(15, 12),), Point(60, 40))
    assert brush.hover(context, Point(60, 40), PLAIN).outline is None
    stroke(brush, context, [Point(60, 40)], SHIFT)
    assert np.array_equal(labels.values == 1, near([Point(10, 10), Point(15, 12), Point(60, 40)], 2.5))


def test_the_last_point_is_forgotten_on_deactivate() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    brush, context = Brush(), context_of(labels, 2.5)
    stroke(brush, context, [Point(10, 10)])
    brush.deactivate(context)
    stroke(brush, context, [Point(60, 40)], SHIFT)
    assert np.array_equal(labels.values == 1, near([Point(10, 10)], 2.5) | near([Point(60, 40)], 2.5))


def test_painting_only_unlabelled_pixels() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    labels.values[:, 30:50] = 9
    context = context_of(labels)
    context = replace(context, options=ToolOptions(6.2, 6.2, over=PaintOver.UNLABELLED))
    path = [Point(10, 20), Point(70, 20)]
    stroke(Brush(), context, path)
    expected = np.where(near(path, 6.2), 1, 0)
    expected[:, 30:50] = 9
    assert np.array_equal(labels.values, expected)


def test_cancel_restores_the_label_and_ends_the_stroke() -> None:
    labels = LabelMap(np.random.default_rng(0).integers(0, 3, (HEIGHT, WIDTH)).astype(np.uint8))
    before = labels.values.copy()
    brush, context = Brush(), context_of(labels)
    brush.press(context, Point(20, 20), PLAIN)
    brush.drag(context, Point(40, 30), PLAIN)
    assert brush.is_busy
    left_out = near([Point(20, 20), Point(40, 30)], 4)
    left_out[brush.cancel(context).dirty.slices] = False
    assert not left_out.any()
    assert np.array_equal(labels.values, before)
    assert brush.drag(context, Point(60, 50), PLAIN).dirty.is_empty
    assert brush.release(context, Point(60, 50), PLAIN).edit is None
    assert np.array_equal(labels.values, before)
    assert not brush.is_busy


def test_deactivate_finishes_the_stroke() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    brush, context = Brush(), context_of(labels)
    brush.press(context, Point(20, 20), PLAIN)
    edit = brush.deactivate(context).edit
    assert edit is not None
    assert edit.pixels == (labels.values == 1).sum() > 0


def test_a_large_brush_ends_at_the_release_position() -> None:
    labels = LabelMap.blank(400, 300)
    context = context_of(labels, 120)
    brush = Brush()
    brush.press(context, Point(150, 150), PLAIN)
    for step in range(12):
        brush.drag(context, Point(150 + step * 0.1, 150), PLAIN)
    brush.release(context, Point(151.1, 150), PLAIN)
    assert labels.values[150, 270] == 1
    assert labels.values[150, 271] == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(places, min_size=1, max_size=4), st.floats(1, 25).map(lambda r: round(r, 1) + 0.0137))
def test_a_square_tip_covers_the_swept_square(path: list[Point], radius: float) -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    context = context_of(labels, radius)
    context.options.tip = BrushTip.SQUARE
    stroke(Brush(), context, path)
    assert np.array_equal(labels.values == 1, swept(path, radius))


def swept(path: list[Point], reach: float) -> np.ndarray:
    """Pixels whose centre an axis-aligned square passes over: at some moment it is near in x and in y."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    found = np.zeros((HEIGHT, WIDTH), bool)
    for start, end in zip(path, path[1:] or path, strict=False):
        first, last = np.zeros((HEIGHT, WIDTH)), np.ones((HEIGHT, WIDTH))
        for centre, begin, step in ((x, start.x, end.x - start.x), (y, start.y, end.y - start.y)):
            away = centre - begin
            if step:
                enters, leaves = (away - reach) / step, (away + reach) / step
                first, last = (
                    np.maximum(first, np.minimum(enters, leaves)),
                    np.minimum(last, np.maximum(enters, leaves)),
                )
            else:
                last = np.where(np.abs(away) <= reach, last, -1)
        found |= first <= last
    return found


def test_a_brush_respects_locks_and_paint_over() -> None:
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[:20], values[20:40] = 2, 3
    prediction = PredictedMask(np.zeros_like(values), np.full_like(values, 200))
    prediction.values[:, :30] = 1
    across = [Point(0, 5), Point(WIDTH, 25), Point(WIDTH, 55), Point(0, 55)]

    def painted(over: PaintOver, locked: frozenset[int] = frozenset()) -> np.ndarray:
        labels = LabelMap(values.copy())
        context = replace(context_of(labels, 8.2), prediction=prediction)
        context.options.over, context.options.locked = over, locked
        stroke(Brush(), context, across)
        return labels.values != values

    everything = painted(PaintOver.ALL)
    assert np.array_equal(painted(PaintOver.UNLABELLED), everything & (values == 0))
    assert np.array_equal(painted(PaintOver.SAME), everything & (values == 2))
    assert np.array_equal(painted(PaintOver.PREDICTED), everything & (prediction.values == 1))
    prediction.values[:, 30:] = 5
    prediction.values[:30, :30] = 7  # the stroke begins here
    assert np.array_equal(painted(PaintOver.SEGMENT), everything & (prediction.values == 7))
    assert np.array_equal(
        painted(PaintOver.SEGMENT, frozenset({2})), everything & (prediction.values == 7) & (values != 2)
    )
    assert np.array_equal(painted(PaintOver.ALL, frozenset({3})), everything & (values != 3))
    labels = LabelMap(values.copy())
    context = context_of(labels, 8.2)
    context.options.locked, context.options.over = frozenset({2}), PaintOver.UNLABELLED
    stroke(Eraser(), context, across)
    assert (labels.values[values == 2] == 2).all() and (labels.values[values == 3] == 0).any()


def test_a_lighter_pen_paints_a_smaller_spot() -> None:
    def spot(pressure: float, obeyed: bool = True) -> int:
        labels = LabelMap.blank(WIDTH, HEIGHT)
        context = context_of(labels, 12)
        context.options.pressure = obeyed
        edit = stroke(Brush(), context, [Point(40, 30)], Modifiers(pressure=pressure))
        return edit.pixels if edit else 0

    assert 0 < spot(0.1) < spot(0.5) < spot(1.0) == spot(0.1, obeyed=False)
