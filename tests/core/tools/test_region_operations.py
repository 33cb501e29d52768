"""Region operations and the region tool: results, locks and "paint over", undo."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.labels import morphology
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from core.labels.rasterization import connected_region
from core.tools.region import NEARBY_PIXELS, RegionTool
from core.tools.region_operations import RegionOperation, RegionParams, apply_result, compute_result
from core.tools.tool import Modifiers, ToolContext
from core.tools.tool_options import FreedPixels, PaintOver, ToolOptions

PLAIN, CTRL = Modifiers(), Modifiers(ctrl=True)


def context_of(values: NDArray[np.uint8], **options: object) -> ToolContext:
    picture = np.zeros((*values.shape, 3), np.uint8)
    return ToolContext(LabelMap(values), 2, "tree", picture, None, ToolOptions(**options), 1.0)


@st.composite
def labels_with_a_pixel(draw: st.DrawFn) -> tuple[NDArray[np.uint8], Point]:
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    side = draw(st.sampled_from((1, 3, 8)))
    coarse = chance.integers(0, 4, (height // side + 1, width // side + 1))
    values = np.kron(coarse, np.ones((side, side), int))[:height, :width].astype(np.uint8)
    at = Point(draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1)))
    return values, at


wishes = st.builds(
    RegionParams,
    st.sampled_from(RegionOperation),
    st.integers(1, 9),
    st.integers(1, 60),
    st.sampled_from(FreedPixels),
    st.booleans(),
)


@settings(max_examples=200, deadline=None)
@given(labels_with_a_pixel(), wishes, st.sampled_from(PaintOver), st.sets(st.integers(1, 3)))
def test_only_editable_pixels_change_and_undo_is_exact(
    drawn: tuple[NDArray[np.uint8], Point], params: RegionParams, over: PaintOver, locked: set[int]
) -> None:
    values, at = drawn
    before = values.copy()
    value = int(values[int(at.y), int(at.x)])
    whole = params.whole_class or params.operation.is_whole_class
    shape = morphology.class_region(values, value) if whole else connected_region(values, at)
    context = context_of(values, over=over, locked=frozenset(locked))
    edit = apply_result(context, compute_result(before, shape, params), "road")
    changed = values != before
    assert not np.isin(before[changed], list(locked)).any()
    gained = changed & (values == value)
    if over == PaintOver.UNLABELLED and value:
        assert not before[gained].any()
    assert (before[changed & ~gained] == value).all()
    if params.freed == FreedPixels.UNLABELLED or params.operation == RegionOperation.DELETE:
        assert not values[changed & ~gained].any()
    assert (edit is None) == (not changed.any())
    if edit is not None:
        assert edit.pixels == changed.sum()
        context.labels.replace_tiles({tile.key: tile.before for tile in edit.tiles})
    assert np.array_equal(values, before)


@pytest.mark.parametrize(
    ("way", "whole", "name"),
    [
        (RegionOperation.GROW, False, "Grow region, road"),
        (RegionOperation.SMOOTH, True, "Smooth class, road"),
        (RegionOperation.REMOVE_ISLANDS, True, "Remove islands, road"),
        (RegionOperation.DELETE, False, "Delete region, road"),
    ],
)
def test_undo_steps_have_names(way: RegionOperation, whole: bool, name: str) -> None:
    values = np.zeros((40, 40), np.uint8)
    values[5:30, 5:30] = 1
    values[17, 30:38] = 1  # a spur
    values[38, 38] = 1  # an island
    shape = morphology.class_region(values, 1) if whole else connected_region(values, Point(10, 10))
    params = RegionParams(way, 3, 10, whole_class=whole)
    edit = apply_result(context_of(values), compute_result(values.copy(), shape, params), "road")
    assert edit is not None and edit.name == name


def test_an_island_can_take_the_class_around_it() -> None:
    values = np.full((30, 30), 3, np.uint8)
    values[10:12, 10:12] = 1
    values[20:28, 20:28] = 1
    params = RegionParams(RegionOperation.REMOVE_ISLANDS, island_size=10, freed=FreedPixels.NEIGHBOUR)
    apply_result(
        context_of(values), compute_result(values.copy(), morphology.class_region(values, 1), params), "road"
    )
    assert (values[:20, :20] == 3).all() and (values[20:28, 20:28] == 1).all()


def test_growing_inside_the_prediction_stops_at_its_border() -> None:
    values = np.zeros((20, 20), np.uint8)
    values[8:12, 8:12] = 1
    said = np.full((20, 20), 2, np.uint8)
    said[:, :12] = 1
    context = context_of(values, over=PaintOver.PREDICTED)
    context = ToolContext(
        context.labels, 2, "tree", context.picture, PredictedMask(said, said), context.options, 1.0
    )
    params = RegionParams(RegionOperation.GROW, 4)
    apply_result(
        context, compute_result(values.copy(), connected_region(values, Point(9, 9)), params), "road"
    )
    assert values[9, 4] == 1 and not values[:, 12:].any()


# The tool, by the calls that a canvas makes ---------------------------------------------------------


def square() -> tuple[NDArray[np.uint8], ToolContext, RegionTool]:
    values = np.zeros((60, 80), np.uint8)
    values[10:20, 10:30] = 1
    context, tool = context_of(values), RegionTool()
    tool.name_of = {1: "road"}.__getitem__
    tool.press(context, Point(15.5, 15.5), PLAIN)
    tool.release(context, Point(15.5, 15.5), PLAIN)
    return values, context, tool


def test_the_preview_is_what_is_painted() -> None:
    values, context, tool = square()
    tool.press(context, Point(15.5, 15.5), PLAIN)
    preview = tool.drag(context, Point(40.2, 55.9), PLAIN).mask_preview
    assert preview is not None and preview.value == 1
    edit = tool.release(context, Point(40.2, 55.9), PLAIN).edit
    assert edit is not None and edit.name == "Move region, road"
    painted = np.zeros_like(values)
    painted[preview.box.slices][preview.mask] = 1
    assert np.array_equal(values, painted)
    assert preview.box == Box(35, 50, 55, 60)  # what leaves the picture is gone


def test_a_moved_region_stays_partly_in_the_picture() -> None:
    values, context, tool = square()
    for _ in range(30):
        tool.press_key(context, "Shift+Right")
    tool.finish(context)
    assert np.array_equal(np.argwhere(values)[:, 1], [79] * 10)


def test_moves_without_effect_are_no_edits() -> None:
    values, context, tool = square()
    tool.press(context, Point(15, 15), PLAIN)
    tool.drag(context, Point(40, 40), PLAIN)
    assert tool.release(context, Point(15, 15), PLAIN).edit is None
    tool.press(context, Point(15, 15), CTRL)
    tool.drag(context, Point(18, 15), CTRL)
    edit = tool.release(context, Point(18, 15), CTRL).edit
    assert edit is not None and edit.pixels == 30 and values[10:20, 10:33].all()


def test_a_move_keeps_pixels_that_may_not_change() -> None:
    values, context, tool = square()
    values[10:20, 32:36] = 3
    context.options.over = PaintOver.UNLABELLED
    tool.press(context, Point(15, 15), PLAIN)
    tool.release(context, Point(25, 15), PLAIN)
    assert (values[10:20, 32:36] == 3).all()
    assert not values[10:20, 10:20].any() and (values[10:20, 20:32] == 1).all()
    assert (values[10:20, 36:40] == 1).all()


def test_a_paste_is_moved_into_a_smaller_picture() -> None:
    _values, context, tool = square()
    tool.press_key(context, "Ctrl+C")
    tool.deactivate(context)
    small = np.zeros((12, 25), np.uint8)
    other = context_of(small)
    assert tool.handles_key("Ctrl+V") and not tool.handles_key("Left")
    tool.press_key(other, "Ctrl+V")
    assert tool.finish(other).edit is not None
    assert small.sum() == 10 * 20


def test_undo_deselects_a_region_that_no_longer_matches() -> None:
    values, context, tool = square()
    values[:] = 0
    assert tool.revalidate(context).mask_preview is None
    assert not tool.handles_key("Right")


def test_a_large_region_is_selected_by_a_background_task() -> None:
    values = np.ones((40, 2 * NEARBY_PIXELS + 300), np.uint8)
    values[:3, :3] = 2
    context, tool = context_of(values), RegionTool()

    def asked() -> object:
        tool.cancel(context)
        work = tool.press(context, Point(700, 20), PLAIN).task
        assert work is not None and tool.selected is None
        return work.run(lambda: False)

    tool.on_task_done(context, asked())
    assert tool.selected is not None and tool.selected.shape[1].sum() == values.size - 9

    older = asked()
    tool.press(context, Point(1, 1), PLAIN)  # the newer click counts
    tool.on_task_done(context, older)
    assert tool.selected is not None and tool.selected.value == 2

    late = asked()
    values[30, 30] = 2  # the label has changed meanwhile
    tool.on_task_done(context, late)
    assert tool.selected is None
