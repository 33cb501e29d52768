"""Brush and eraser, driven by the calls a canvas makes."""

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


def stage_of(labels: LabelMap, radius: float = 4.0, value: int = 1, name: str = "road") -> ToolContext:
    picture = np.zeros((labels.height, labels.width, 3), np.uint8)
    return ToolContext(labels, value, name, picture, None, ToolOptions(radius, radius), 1.0)


def stroke(tool: Tool, stage: ToolContext, path: list[Point], held: Modifiers = PLAIN) -> Edit | None:
    """Press at the first point, move through the others, release at the last."""
    outcomes = [tool.press(stage, path[0], held)]
    outcomes += [tool.drag(stage, at, held) for at in path[1:]]
    assert all(outcome.edit is None for outcome in outcomes)
    return tool.release(stage, path[-1], held).edit


def near(path: list[Point], radius: float) -> np.ndarray:
    """Pixels whose centre is within the radius of the path: looked at one by one."""
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


@settings(max_examples=60, deadline=None)
@given(st.lists(places, min_size=1, max_size=6), st.floats(1, 25).map(lambda r: round(r, 1) + 0.0137))
def test_a_stroke_covers_all_within_the_radius_and_nothing_else(path: list[Point], radius: float) -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    edit = stroke(Brush(), stage_of(labels, radius), path)
    expected = near(path, radius)
    assert np.array_equal(labels.values == 1, expected)
    assert (edit.pixels if edit else 0) == expected.sum()


@settings(max_examples=40, deadline=None)
@given(st.lists(places, min_size=2, max_size=4))
def test_what_is_reported_as_dirty_holds_all_that_changed(path: list[Point]) -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    brush, stage = Brush(), stage_of(labels)
    before = labels.values.copy()
    for number, at in enumerate(path):
        outcome = brush.drag(stage, at, PLAIN) if number else brush.press(stage, at, PLAIN)
        changed = labels.values != before
        changed[outcome.dirty.slices] = False
        assert not changed.any()
        before = labels.values.copy()
    brush.finish(stage)


@settings(max_examples=40, deadline=None)
@given(st.lists(places.filter(lambda p: 0 < p.x < WIDTH and 0 < p.y < HEIGHT), min_size=1, max_size=4))
def test_the_smallest_brush_draws_a_thin_line_without_gaps(path: list[Point]) -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    stroke(Brush(), stage_of(labels, SMALLEST_RADIUS), path)
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


def test_the_edit_is_named_for_people() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    edit = stroke(Brush(), stage_of(labels, value=3, name="tree"), [Point(20, 20), Point(30, 20)])
    assert edit is not None
    assert (edit.name, edit.tool, edit.class_value) == ("Brush stroke, tree", "brush", 3)
    assert edit.origin == Origin.PAINTED


@pytest.mark.parametrize(("tool", "held"), [(Brush(), CTRL), (Eraser(), PLAIN)])
def test_erasing_makes_pixels_unlabelled(tool: Tool, held: Modifiers) -> None:
    labels = LabelMap(np.full((HEIGHT, WIDTH), 7, np.uint8))
    path = [Point(20.2, 20.1), Point(40.4, 30.3)]
    edit = stroke(tool, stage_of(labels), path, held)
    assert edit is not None
    assert (edit.name, edit.class_value) == ("Erase", 0)
    assert np.array_equal(labels.values == 0, near(path, 4))
    assert set(np.unique(labels.values)) == {0, 7}


def test_ctrl_let_go_during_a_stroke_goes_on_erasing() -> None:
    labels = LabelMap(np.full((HEIGHT, WIDTH), 7, np.uint8))
    brush, stage = Brush(), stage_of(labels)
    brush.press(stage, Point(20, 20), CTRL)
    brush.drag(stage, Point(40, 20), PLAIN)
    brush.release(stage, Point(40, 20), PLAIN)
    assert set(np.unique(labels.values)) == {0, 7}


def test_brush_and_eraser_have_sizes_of_their_own() -> None:
    options = ToolOptions()
    Brush().set_radius(options, 30)
    Eraser().set_radius(options, 7)
    assert (Brush().radius(options), Eraser().radius(options)) == (30, 7)
    Brush().set_radius(options, 1e9)
    Eraser().set_radius(options, -3)
    assert (Brush().radius(options), Eraser().radius(options)) == (LARGEST_RADIUS, SMALLEST_RADIUS)


def test_shift_and_click_draws_a_straight_line_from_the_last_point() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    brush, stage = Brush(), stage_of(labels, 2.5)
    stroke(brush, stage, [Point(10, 10), Point(15, 12)])
    shown = brush.hover(stage, Point(60, 40), SHIFT).outline
    assert shown is not None
    assert (shown.points, shown.cursor) == ((Point(15, 12),), Point(60, 40))
    assert brush.hover(stage, Point(60, 40), PLAIN).outline is None
    stroke(brush, stage, [Point(60, 40)], SHIFT)
    assert np.array_equal(labels.values == 1, near([Point(10, 10), Point(15, 12), Point(60, 40)], 2.5))


def test_shift_has_no_last_point_after_the_tool_was_put_down() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    brush, stage = Brush(), stage_of(labels, 2.5)
    stroke(brush, stage, [Point(10, 10)])
    brush.deactivate(stage)
    stroke(brush, stage, [Point(60, 40)], SHIFT)
    assert np.array_equal(labels.values == 1, near([Point(10, 10)], 2.5) | near([Point(60, 40)], 2.5))


def test_painting_only_where_nobody_has_said_anything() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    labels.values[:, 30:50] = 9
    stage = stage_of(labels)
    stage = replace(stage, options=ToolOptions(6.2, 6.2, over=PaintOver.UNLABELLED))
    path = [Point(10, 20), Point(70, 20)]
    stroke(Brush(), stage, path)
    expected = np.where(near(path, 6.2), 1, 0)
    expected[:, 30:50] = 9
    assert np.array_equal(labels.values, expected)


def test_cancel_restores_and_the_rest_of_the_press_does_nothing() -> None:
    labels = LabelMap(np.random.default_rng(0).integers(0, 3, (HEIGHT, WIDTH)).astype(np.uint8))
    before = labels.values.copy()
    brush, stage = Brush(), stage_of(labels)
    brush.press(stage, Point(20, 20), PLAIN)
    brush.drag(stage, Point(40, 30), PLAIN)
    assert brush.is_busy
    left_out = near([Point(20, 20), Point(40, 30)], 4)
    left_out[brush.cancel(stage).dirty.slices] = False
    assert not left_out.any()
    assert np.array_equal(labels.values, before)
    assert brush.drag(stage, Point(60, 50), PLAIN).dirty.is_empty
    assert brush.release(stage, Point(60, 50), PLAIN).edit is None
    assert np.array_equal(labels.values, before)
    assert not brush.is_busy


def test_putting_the_brush_down_finishes_the_stroke() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    brush, stage = Brush(), stage_of(labels)
    brush.press(stage, Point(20, 20), PLAIN)
    edit = brush.deactivate(stage).edit
    assert edit is not None
    assert edit.pixels == (labels.values == 1).sum() > 0


def test_a_large_brush_that_trembles_still_ends_where_the_hand_ends() -> None:
    labels = LabelMap.blank(400, 300)
    stage = stage_of(labels, 120)
    brush = Brush()
    brush.press(stage, Point(150, 150), PLAIN)
    for step in range(12):
        brush.drag(stage, Point(150 + step * 0.1, 150), PLAIN)
    brush.release(stage, Point(151.1, 150), PLAIN)
    assert labels.values[150, 270] == 1
    assert labels.values[150, 271] == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(places, min_size=1, max_size=4), st.floats(1, 25).map(lambda r: round(r, 1) + 0.0137))
def test_a_square_tip_covers_what_the_square_sweeps(path: list[Point], radius: float) -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    stage = stage_of(labels, radius)
    stage.options.tip = BrushTip.SQUARE
    stroke(Brush(), stage, path)
    assert np.array_equal(labels.values == 1, swept(path, radius))


def swept(path: list[Point], reach: float) -> np.ndarray:
    """Pixels whose centre an upright square passes over: there is a moment at which it is near in x and in y."""
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


def test_a_brush_stays_off_locked_classes_and_where_the_options_forbid_it() -> None:
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[:20], values[20:40] = 2, 3
    prediction = PredictedMask(np.zeros_like(values), np.full_like(values, 200))
    prediction.values[:, :30] = 1
    across = [Point(0, 5), Point(WIDTH, 25), Point(WIDTH, 55), Point(0, 55)]

    def painted(over: PaintOver, locked: frozenset[int] = frozenset()) -> np.ndarray:
        labels = LabelMap(values.copy())
        stage = replace(stage_of(labels, 8.2), prediction=prediction)
        stage.options.over, stage.options.locked = over, locked
        stroke(Brush(), stage, across)
        return labels.values != values

    everything = painted(PaintOver.ALL)
    assert np.array_equal(painted(PaintOver.UNLABELLED), everything & (values == 0))
    assert np.array_equal(painted(PaintOver.SAME), everything & (values == 2))
    assert np.array_equal(painted(PaintOver.PREDICTED), everything & (prediction.values == 1))
    assert np.array_equal(painted(PaintOver.ALL, frozenset({3})), everything & (values != 3))
    labels = LabelMap(values.copy())
    stage = stage_of(labels, 8.2)
    stage.options.locked, stage.options.over = frozenset({2}), PaintOver.UNLABELLED
    stroke(Eraser(), stage, across)
    assert (labels.values[values == 2] == 2).all() and (labels.values[values == 3] == 0).any()


def test_a_lighter_pen_paints_a_smaller_spot() -> None:
    def spot(pressure: float, obeyed: bool = True) -> int:
        labels = LabelMap.blank(WIDTH, HEIGHT)
        stage = stage_of(labels, 12)
        stage.options.pressure = obeyed
        edit = stroke(Brush(), stage, [Point(40, 30)], Modifiers(pressure=pressure))
        return edit.pixels if edit else 0

    assert 0 < spot(0.1) < spot(0.5) < spot(1.0) == spot(0.1, obeyed=False)
