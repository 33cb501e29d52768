"""The magic wand: its region agrees with a search pixel by pixel."""

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


def find_similar_brute_force(
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
def test_the_region_agrees_with_brute_force(
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
    driver = ToolDriver(Wand(), picture)
    options = driver.context.options
    options.tolerance, options.contiguous, options.colours = tolerance, contiguous, colours
    driver.click(x + 0.5, y + 0.5)
    assert np.array_equal(
        driver.painted, find_similar_brute_force(picture, x, y, tolerance, contiguous, colours)
    )
    assert [(edit.name, edit.tool) for edit in driver.edits] == [("Magic wand, tree", "wand")]


@pytest.mark.parametrize("colours", list(ColourSpace))
@pytest.mark.parametrize("contiguous", [True, False])
def test_a_large_region_is_found_in_a_background_task(contiguous: bool, colours: ColourSpace) -> None:
    picture, _ = disc_picture(900, 700, (450, 350), 200)
    driver = ToolDriver(Wand(), picture)
    options = driver.context.options
    options.tolerance, options.contiguous, options.colours = 60, contiguous, colours
    driver.click(30.5, 40.5)
    assert driver.works == 1
    assert picture.shape[0] * picture.shape[1] > MAX_IMMEDIATE_SEARCH
    assert np.array_equal(driver.painted, find_similar_brute_force(picture, 30, 40, 60, contiguous, colours))


def test_distances_are_reused_for_another_tolerance() -> None:
    picture, _ = disc_picture(700, 600, (350, 300), 100)
    seed = Seed(350, 300, ColourSpace.LAB)
    wide = find_similar_region(picture, seed, 200, True, None)
    assert wide is not None and wide.box.area == 700 * 600
    again = find_similar_region(picture, seed, 25, True, wide.distance)
    fresh = find_similar_region(picture, seed, 25, True, None)
    assert again is not None and fresh is not None
    assert again.distance is wide.distance
    assert again.box == fresh.box and np.array_equal(again.mask, fresh.mask)


def test_a_cancelled_search_ends_early() -> None:
    picture, _ = disc_picture(700, 600)
    assert (
        find_similar_region(picture, Seed(5, 5, ColourSpace.RGB), 9, False, None, is_cancelled=lambda: True)
        is None
    )


def test_a_sideways_drag_changes_tolerance_and_preview() -> None:
    picture, _ = disc_picture()
    driver = ToolDriver(Wand(), picture)
    tool, context = driver.tool, driver.context
    driver.take(tool.press(context, Point(80.5, 60.5), PLAIN))
    first = driver.previewed.sum()
    driver.take(tool.drag(context, Point(82, 60.5), PLAIN))  # a trembling hand
    assert context.options.tolerance == 12
    outcome = tool.drag(context, Point(140, 60.5), PLAIN)
    driver.take(outcome)
    assert outcome.options_changed and context.options.tolerance > 25
    assert driver.previewed.sum() > first
    previewed, more = driver.previewed, context.options.tolerance
    assert not driver.labels.values.any()
    driver.take(tool.drag(context, Point(20, 60.5), PLAIN))
    assert context.options.tolerance < 12
    driver.take(tool.drag(context, Point(140, 60.5), PLAIN))
    driver.take(tool.release(context, Point(140, 60.5), PLAIN))
    assert context.options.tolerance == more
    assert np.array_equal(driver.painted, previewed)


def test_esc_restores_the_tolerance_and_paints_nothing() -> None:
    driver = ToolDriver(Wand(), disc_picture()[0])
    driver.take(driver.tool.press(driver.context, Point(80, 60), PLAIN))
    driver.take(driver.tool.drag(driver.context, Point(140, 60), PLAIN))
    assert driver.tool.is_busy
    driver.take(driver.tool.cancel(driver.context))
    driver.take(driver.tool.release(driver.context, Point(140, 60), PLAIN))
    assert (driver.context.options.tolerance, driver.edits, driver.mask_preview) == (12, [], None)
    assert not driver.labels.values.any() and not driver.labels.is_editing


def test_the_wheel_previews_what_a_press_would_select() -> None:
    driver = ToolDriver(Wand(), disc_picture()[0])
    driver.take(driver.tool.hover(driver.context, Point(80, 60), PLAIN))
    outcome = driver.tool.adjust(driver.context, 20)
    assert outcome is not None and outcome.options_changed
    driver.take(outcome)
    assert driver.context.options.tolerance == 32
    previewed = driver.previewed
    assert previewed.any()
    driver.take(driver.tool.hover(driver.context, Point(60, 60), PLAIN))
    assert driver.mask_preview is None
    driver.click(80, 60)
    assert np.array_equal(driver.painted, previewed)


def test_a_release_before_the_region_is_known_paints_it_when_it_is() -> None:
    driver = ToolDriver(Wand(), disc_picture(900, 700)[0])
    driver.context.options.tolerance = 200
    asked = driver.tool.press(driver.context, Point(5, 5), PLAIN)
    assert asked.task is not None
    driver.take(driver.tool.release(driver.context, Point(5, 5), PLAIN))
    driver.enter()  # as a double click does
    assert driver.tool.is_busy and not driver.labels.is_editing
    driver.take(driver.tool.on_task_done(driver.context, asked.task.run(lambda: False)))
    assert driver.painted.all() and len(driver.edits) == 1 and not driver.tool.is_busy


def test_deactivate_drops_a_region_that_was_never_shown() -> None:
    driver = ToolDriver(Wand(), disc_picture(900, 700)[0])
    driver.context.options.tolerance = 200
    driver.stroke((5, 5), waits=False)
    driver.take(driver.tool.deactivate(driver.context))
    assert not driver.tool.is_busy and driver.edits == [] and not driver.labels.values.any()


@pytest.mark.parametrize("large", [False, True])
def test_locked_and_labelled_pixels_do_not_change(large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if large:
        make_all_large(monkeypatch)
    picture, disc = disc_picture()
    driver = ToolDriver(Wand(), picture)
    driver.labels.values[:60], driver.labels.values[60:70] = 7, 5
    options = driver.context.options
    options.tolerance, options.locked, options.over = 80, frozenset({7}), PaintOver.ALL
    driver.click(80, 65)
    assert np.array_equal(driver.painted, disc & (np.arange(120) >= 60)[:, None])
    options.over = PaintOver.UNLABELLED
    driver.labels.values[60:] = 0
    driver.labels.values[65:70] = 5
    driver.take(driver.tool.press(driver.context, Point(80, 90), PLAIN))
    assert driver.previewed.any() and not driver.previewed[:60].any() and not driver.previewed[65:70].any()
    driver.take(driver.tool.release(driver.context, Point(80, 90), PLAIN))
    assert (driver.labels.values[65:70] == 5).all()


def test_a_press_outside_the_picture_does_nothing() -> None:
    driver = ToolDriver(Wand(), disc_picture()[0])
    driver.click(-3, 5)
    driver.click(160, 5)
    assert driver.edits == [] and not driver.tool.is_busy
