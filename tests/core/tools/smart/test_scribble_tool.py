"""GrabCut and watershed: scribbles mark object and background."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.geometry import Box, Point
from core.tools.smart.downscaled_crop import DownscaledCrop
from core.tools.smart.grabcut import FINE_SIDE, GrabCut
from core.tools.smart.scribble_tool import ScribbleTool
from core.tools.smart.watershed import Watershed
from core.tools.tool import Modifiers
from tests.tool_driver import ALT, CTRL, ToolDriver, disc_picture, iou, make_all_large

PLAIN = Modifiers()


def two_blobs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two dark blobs on a light background that touch, with a lighter line between them; and their masks."""
    left, right = np.zeros((100, 160), np.uint8), np.zeros((100, 160), np.uint8)
    cv2.circle(left, (55, 50), 27, 1, -1)
    cv2.circle(right, (105, 50), 27, 1, -1)
    left[:, 80:], right[:, :80] = 0, 0
    picture = np.full((100, 160, 3), 200, np.int16)
    picture[(left | right) > 0] = (60, 70, 110)
    picture[(cv2.dilate(left, np.ones((3, 3))) & cv2.dilate(right, np.ones((3, 3)))) > 0] = (120, 130, 150)
    picture += np.random.default_rng(1).integers(-6, 7, picture.shape, np.int16)
    return picture.astype(np.uint8), left > 0, right > 0


# GrabCut


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_a_box_around_a_disc_segments_it(scale: float) -> None:
    picture, disc = disc_picture()
    driver = ToolDriver(GrabCut(), picture, scale)
    driver.stroke((35, 15), (90, 80), (125, 105))
    assert iou(driver.previewed, disc) > 0.95
    assert not driver.labels.values.any()
    previewed = driver.previewed
    driver.enter()
    assert np.array_equal(driver.painted, previewed)
    assert [(edit.name, edit.tool) for edit in driver.edits] == [("GrabCut, tree", "grabcut")]
    assert not driver.tool.is_busy and driver.outline is None and driver.mask_preview is None


def test_the_result_is_deterministic() -> None:
    found = []
    for _ in range(2):
        driver = ToolDriver(GrabCut(), disc_picture()[0])
        driver.stroke((35, 15), (125, 105))
        found.append(driver.previewed)
        cv2.setRNGSeed(99)
    assert np.array_equal(*found)


def test_a_freehand_line_segments_it_too() -> None:
    picture, disc = disc_picture()
    driver = ToolDriver(GrabCut(), picture)
    driver.stroke((80, 15), (122, 35), (122, 85), (80, 107), (36, 85), (36, 35), held=ALT)
    assert driver.outline is not None and driver.outline.closed and len(driver.outline.points) > 5
    assert iou(driver.previewed, disc) > 0.95


def test_scribbles_add_and_remove() -> None:
    picture, disc = disc_picture()
    picture[20:40, 120:150] = picture[60, 80]  # of the disc's colour, beside it
    driver = ToolDriver(GrabCut(), picture)
    driver.stroke((35, 15), (118, 105))
    assert not driver.previewed[:, 120:].any()
    driver.stroke((125, 30), (145, 30))
    assert driver.previewed[22:38, 122:148].mean() > 0.9
    driver.stroke((125, 25), (145, 25), (125, 35), (145, 35), held=CTRL)
    assert driver.outline is not None and [s.is_background for s in driver.outline.scribbles] == [False, True]
    assert not driver.previewed[25, 128:142].any()
    driver.take(driver.tool.undo_step(driver.context))
    assert driver.previewed[25, 128:142].any()
    driver.enter()
    assert len(driver.edits) == 1 and iou(driver.painted[:, :118], disc[:, :118]) > 0.9


def test_the_whole_picture_can_be_the_box() -> None:
    picture, disc = disc_picture()
    driver = ToolDriver(GrabCut(), picture)
    driver.stroke((-20, -20), (400, 400))
    assert iou(driver.previewed, disc) > 0.95


def test_a_large_object_is_segmented_in_a_reduced_crop() -> None:
    picture, disc = disc_picture(1200, 900, (600, 450), 300)
    driver = ToolDriver(GrabCut(), picture, 0.5)
    driver.stroke((260, 110), (940, 800))
    assert DownscaledCrop.fit(Box(0, 0, 1200, 900), FINE_SIDE).factor > 1.5
    assert iou(driver.previewed, disc) > 0.985


def test_a_click_is_no_box() -> None:
    driver = ToolDriver(GrabCut(), disc_picture()[0])
    driver.click(50, 50)
    assert not driver.tool.is_busy and driver.works == 0 and driver.said == ["Drag a box around the object."]


# Watershed


def test_watershed_separates_two_blobs() -> None:
    picture, left, right = two_blobs()
    driver = ToolDriver(Watershed(), picture)
    driver.stroke((45, 50), (65, 50))
    assert driver.mask_preview is None and driver.said == ["Now draw a stroke outside the object."]
    driver.stroke(
        (95, 50), (118, 50), (150, 92), (80, 94), (10, 92), (8, 8), (150, 8)
    )  # the second is outside
    assert iou(driver.previewed, left) > 0.93
    driver.enter()
    assert not driver.painted[right].mean() > 0.05
    assert [(edit.name, edit.tool) for edit in driver.edits] == [("Watershed, tree", "watershed")]


def test_more_scribbles_refine_the_result() -> None:
    picture, left, right = two_blobs()
    driver = ToolDriver(Watershed(), picture)
    driver.stroke((45, 50), (65, 50))
    driver.stroke((10, 92), (8, 8), (150, 8), (150, 92), (10, 92))
    driver.stroke((95, 50), (118, 50))
    assert iou(driver.previewed, left | right) > 0.93
    driver.take(driver.tool.undo_step(driver.context))
    driver.stroke((95, 50), (118, 50), held=CTRL)
    assert iou(driver.previewed, left) > 0.93


def test_an_object_at_the_border_is_segmented_up_to_it() -> None:
    picture = np.full((60, 80, 3), 200, np.uint8)
    picture[40:] = 40
    driver = ToolDriver(Watershed(), picture)
    driver.stroke((10, 50), (70, 50))
    driver.stroke((10, 20), (70, 20))
    assert driver.previewed[41:].all() and not driver.previewed[:39].any()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.tuples(st.floats(-40, 140), st.floats(-40, 100)), min_size=1, max_size=4)),
        min_size=2, max_size=4,
    ),
    st.floats(0.01, 20.0),
)  # fmt: skip
def test_any_scribbles_are_accepted_and_respected(
    strokes: list[tuple[bool, list[tuple[float, float]]]], scale: float
) -> None:
    """Wherever they are: exactly the previewed pixels are painted."""
    picture, _ = disc_picture(96, 64, (50, 30), 20)
    driver = ToolDriver(Watershed(), picture, scale)
    for against, way in strokes:
        driver.stroke(*way, held=CTRL if against else PLAIN)
    previewed = driver.previewed
    driver.enter()
    assert np.array_equal(driver.painted, previewed)


# Both


TOOLS = [GrabCut, Watershed]


def begun(kind: type[ScribbleTool]) -> ToolDriver:
    driver = ToolDriver(kind(), disc_picture()[0])
    if kind is GrabCut:
        driver.stroke((35, 15), (125, 105))
    else:
        driver.stroke((70, 60), (90, 60))
        driver.stroke((20, 10), (140, 10), (140, 110), (20, 110))
    assert driver.previewed.any()
    return driver


@pytest.mark.parametrize("kind", TOOLS)
def test_esc_leaves_the_label_untouched(kind: type[ScribbleTool]) -> None:
    driver = begun(kind)
    driver.take(driver.tool.cancel(driver.context))
    driver.enter()
    assert not driver.tool.is_busy and driver.edits == [] and not driver.labels.values.any()
    assert driver.outline is None and driver.mask_preview is None


@pytest.mark.parametrize("kind", TOOLS)
def test_deactivate_paints_the_preview(kind: type[ScribbleTool]) -> None:
    driver = begun(kind)
    previewed = driver.previewed
    driver.take(driver.tool.deactivate(driver.context))
    assert np.array_equal(driver.painted, previewed) and len(driver.edits) == 1 and not driver.tool.is_busy


@pytest.mark.parametrize("kind", TOOLS)
def test_enter_during_the_search_paints_its_result(kind: type[ScribbleTool]) -> None:
    driver = begun(kind)
    driver.take(driver.tool.press(driver.context, Point(75, 50), PLAIN))
    asked = driver.tool.release(driver.context, Point(85, 50), PLAIN)
    assert asked.task is not None
    driver.enter()
    assert driver.edits == []
    driver.take(driver.tool.on_task_done(driver.context, asked.task.run(lambda: False)))
    assert len(driver.edits) == 1 and driver.painted.any()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("kind", TOOLS)
def test_locked_pixels_are_neither_previewed_nor_painted(
    kind: type[ScribbleTool], large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        make_all_large(monkeypatch)
    driver = begun(kind)
    driver.labels.values[:60] = 7
    driver.context.options.locked = frozenset({7})
    driver.take(driver.tool.refresh(driver.context))
    assert driver.previewed[60:].any() and not driver.previewed[:60].any()
    driver.enter()
    assert (driver.labels.values[:60] == 7).all() and driver.painted[60:].any()


def test_crop_and_picture_positions_convert_both_ways() -> None:
    crop = DownscaledCrop.fit(Box(100, 50, 1100, 350), 250)
    assert (crop.width, crop.height, crop.factor) == (250, 75, 4.0)
    assert crop.to_crop(Point(102, 52)) == (0.5, 0.5)
    assert crop.to_picture(Point(0.5, 0.5)) == (102, 52)
    assert crop.pixel_at(Point(5000, -3)) == (249, 0)
    picture = np.zeros((400, 1200, 3), np.uint8)
    picture[50:54, 104:108] = 255
    small = crop.read(picture)
    assert small[0, 1].tolist() == [255] * 3 and small.sum() == 3 * 255
    far = DownscaledCrop.fit(Box(0, 0, 1200, 400), 100)
    assert far.read(picture).shape == (33, 100, 3)
