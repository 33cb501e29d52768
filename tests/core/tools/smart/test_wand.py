"""The magic wand: its region is what one would find pixel by pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.geometry import Point
from core.tools.smart.colour_similarity import Seed, find_similar_region
from core.tools.smart.wand import MAX_IMMEDIATE_SEARCH, Wand
from core.tools.tool import Modifiers
from core.tools.tool_options import ColourSpace, PaintOver
from tests.tool_driver import ToolDriver, disc_picture, make_all_large

PLAIN = Modifiers()


def alike(
    picture: np.ndarray, x: int, y: int, tolerance: int, contiguous: bool, colours: ColourSpace
) -> np.ndarray:
    """The region pixel by pixel, without OpenCV's flood fill."""
    space = cv2.cvtColor(picture, cv2.COLOR_RGB2Lab) if colours == ColourSpace.LAB else picture
    apart = space.astype(int) - space[y, x].astype(int)
    close = np.minimum(np.rint(np.sqrt((apart**2).sum(axis=2))), 255) <= tolerance
    if not contiguous:
        return close
    found, todo = np.zeros(close.shape, bool), [(x, y)]
    while todo:
        column, row = todo.pop()
        inside = 0 <= column < close.shape[1] and 0 <= row < close.shape[0]
        if inside and close[row, column] and not found[row, column]:
            found[row, column] = True
            todo += [(column + 1, row), (column - 1, row), (column, row + 1), (column, row - 1)]
    return found


@settings(deadline=None)
@given(
    st.integers(1, 12), st.integers(1, 12), st.integers(0, 99), st.integers(0, 200), st.booleans(),
    st.sampled_from(ColourSpace), st.data(),
)  # fmt: skip
def test_the_region_is_what_brute_force_finds(
    width: int,
    height: int,
    seed: int,
    tolerance: int,
    contiguous: bool,
    colours: ColourSpace,
    data: st.DataObject,
) -> None:
    chance = np.random.default_rng(seed)
    palette = chance.integers(0, 256, (4, 3))
    picture = np.clip(palette[chance.integers(0, 4, (height, width))], 0, 255).astype(np.uint8)
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    hand = ToolDriver(Wand(), picture)
    options = hand.context.options
    options.tolerance, options.contiguous, options.colours = tolerance, contiguous, colours
    hand.click(x + 0.5, y + 0.5)
    assert np.array_equal(hand.painted, alike(picture, x, y, tolerance, contiguous, colours))
    assert [(edit.name, edit.tool) for edit in hand.edits] == [("Magic wand, tree", "wand")]


@pytest.mark.parametrize("colours", list(ColourSpace))
@pytest.mark.parametrize("contiguous", [True, False])
def test_a_region_that_runs_on_is_found_whole_by_another_thread(
    contiguous: bool, colours: ColourSpace
) -> None:
    picture, _ = disc_picture(900, 700, (450, 350), 200)
    hand = ToolDriver(Wand(), picture)
    options = hand.context.options
    options.tolerance, options.contiguous, options.colours = 60, contiguous, colours
    hand.click(30.5, 40.5)
    assert hand.works == 1
    assert picture.shape[0] * picture.shape[1] > MAX_IMMEDIATE_SEARCH
    assert np.array_equal(hand.painted, alike(picture, 30, 40, 60, contiguous, colours))


def test_what_was_found_once_serves_another_tolerance() -> None:
    picture, _ = disc_picture(700, 600, (350, 300), 100)
    seed = Seed(350, 300, ColourSpace.LAB)
    wide = find_similar_region(picture, seed, 200, True, None)
    assert wide is not None and wide.box.area == 700 * 600
    again = find_similar_region(picture, seed, 25, True, wide.distance)
    fresh = find_similar_region(picture, seed, 25, True, None)
    assert again is not None and fresh is not None
    assert again.distance is wide.distance
    assert again.box == fresh.box and np.array_equal(again.mask, fresh.mask)


def test_work_that_is_not_wanted_ends_early() -> None:
    picture, _ = disc_picture(700, 600)
    assert (
        find_similar_region(picture, Seed(5, 5, ColourSpace.RGB), 9, False, None, is_cancelled=lambda: True)
        is None
    )


def test_a_drag_to_the_side_changes_the_tolerance_and_the_promise() -> None:
    picture, _ = disc_picture()
    hand = ToolDriver(Wand(), picture)
    tool, stage = hand.tool, hand.context
    hand.take(tool.press(stage, Point(80.5, 60.5), PLAIN))
    first = hand.previewed.sum()
    hand.take(tool.drag(stage, Point(82, 60.5), PLAIN))  # a trembling hand
    assert stage.options.tolerance == 12
    outcome = tool.drag(stage, Point(140, 60.5), PLAIN)
    hand.take(outcome)
    assert outcome.options_changed and stage.options.tolerance > 25
    assert hand.previewed.sum() > first
    promised, more = hand.previewed, stage.options.tolerance
    assert not hand.labels.values.any()
    hand.take(tool.drag(stage, Point(20, 60.5), PLAIN))
    assert stage.options.tolerance < 12
    hand.take(tool.drag(stage, Point(140, 60.5), PLAIN))
    hand.take(tool.release(stage, Point(140, 60.5), PLAIN))
    assert stage.options.tolerance == more
    assert np.array_equal(hand.painted, promised)


def test_esc_takes_the_tolerance_back_and_paints_nothing() -> None:
    hand = ToolDriver(Wand(), disc_picture()[0])
    hand.take(hand.tool.press(hand.context, Point(80, 60), PLAIN))
    hand.take(hand.tool.drag(hand.context, Point(140, 60), PLAIN))
    assert hand.tool.is_busy
    hand.take(hand.tool.cancel(hand.context))
    hand.take(hand.tool.release(hand.context, Point(140, 60), PLAIN))
    assert (hand.context.options.tolerance, hand.edits, hand.mask_preview) == (12, [], None)
    assert not hand.labels.values.any() and not hand.labels.is_editing


def test_the_wheel_shows_what_a_press_would_take() -> None:
    hand = ToolDriver(Wand(), disc_picture()[0])
    hand.take(hand.tool.hover(hand.context, Point(80, 60), PLAIN))
    outcome = hand.tool.adjust(hand.context, 20)
    assert outcome is not None and outcome.options_changed
    hand.take(outcome)
    assert hand.context.options.tolerance == 32
    promised = hand.previewed
    assert promised.any()
    hand.take(hand.tool.hover(hand.context, Point(60, 60), PLAIN))
    assert hand.mask_preview is None
    hand.click(80, 60)
    assert np.array_equal(hand.painted, promised)


def test_a_release_before_the_region_is_known_paints_it_when_it_is() -> None:
    hand = ToolDriver(Wand(), disc_picture(900, 700)[0])
    hand.context.options.tolerance = 200
    asked = hand.tool.press(hand.context, Point(5, 5), PLAIN)
    assert asked.task is not None
    hand.take(hand.tool.release(hand.context, Point(5, 5), PLAIN))
    hand.enter()  # as a double click does
    assert hand.tool.is_busy and not hand.labels.is_editing
    hand.take(hand.tool.on_task_done(hand.context, asked.task.run(lambda: False)))
    assert hand.painted.all() and len(hand.edits) == 1 and not hand.tool.is_busy


def test_putting_the_wand_down_forgets_what_nobody_saw() -> None:
    hand = ToolDriver(Wand(), disc_picture(900, 700)[0])
    hand.context.options.tolerance = 200
    hand.stroke((5, 5), waits=False)
    hand.take(hand.tool.deactivate(hand.context))
    assert not hand.tool.is_busy and hand.edits == [] and not hand.labels.values.any()


@pytest.mark.parametrize("large", [False, True])
def test_locked_and_labelled_pixels_are_spared(large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if large:
        make_all_large(monkeypatch)
    picture, disc = disc_picture()
    hand = ToolDriver(Wand(), picture)
    hand.labels.values[:60], hand.labels.values[60:70] = 7, 5
    options = hand.context.options
    options.tolerance, options.locked, options.over = 80, frozenset({7}), PaintOver.ALL
    hand.click(80, 65)
    assert np.array_equal(hand.painted, disc & (np.arange(120) >= 60)[:, None])
    options.over = PaintOver.UNLABELLED
    hand.labels.values[60:] = 0
    hand.labels.values[65:70] = 5
    hand.take(hand.tool.press(hand.context, Point(80, 90), PLAIN))
    assert hand.previewed.any() and not hand.previewed[:60].any() and not hand.previewed[65:70].any()
    hand.take(hand.tool.release(hand.context, Point(80, 90), PLAIN))
    assert (hand.labels.values[65:70] == 5).all()


def test_a_press_beside_the_picture_does_nothing() -> None:
    hand = ToolDriver(Wand(), disc_picture()[0])
    hand.click(-3, 5)
    hand.click(160, 5)
    assert hand.edits == [] and not hand.tool.is_busy
