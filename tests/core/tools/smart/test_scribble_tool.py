"""GrabCut and watershed: strokes say what belongs to a thing."""

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
    """Two dark blobs on a light ground that touch, with a lighter line between; and their masks."""
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
def test_a_box_around_a_disc_finds_it(scale: float) -> None:
    picture, disc = disc_picture()
    hand = ToolDriver(GrabCut(), picture, scale)
    hand.stroke((35, 15), (90, 80), (125, 105))
    assert iou(hand.previewed, disc) > 0.95
    assert not hand.labels.values.any()
    promised = hand.previewed
    hand.enter()
    assert np.array_equal(hand.painted, promised)
    assert [(edit.name, edit.tool) for edit in hand.edits] == [("GrabCut, tree", "grabcut")]
    assert not hand.tool.is_busy and hand.outline is None and hand.mask_preview is None


def test_the_same_box_always_gives_the_same() -> None:
    found = []
    for _ in range(2):
        hand = ToolDriver(GrabCut(), disc_picture()[0])
        hand.stroke((35, 15), (125, 105))
        found.append(hand.previewed)
        cv2.setRNGSeed(99)
    assert np.array_equal(*found)


def test_a_line_around_it_does_as_well() -> None:
    picture, disc = disc_picture()
    hand = ToolDriver(GrabCut(), picture)
    hand.stroke((80, 15), (122, 35), (122, 85), (80, 107), (36, 85), (36, 35), held=ALT)
    assert hand.outline is not None and hand.outline.closed and len(hand.outline.points) > 5
    assert iou(hand.previewed, disc) > 0.95


def test_strokes_add_and_take_away() -> None:
    picture, disc = disc_picture()
    picture[20:40, 120:150] = picture[60, 80]  # of the disc's colour, beside it
    hand = ToolDriver(GrabCut(), picture)
    hand.stroke((35, 15), (118, 105))
    assert not hand.previewed[:, 120:].any()
    hand.stroke((125, 30), (145, 30))
    assert hand.previewed[22:38, 122:148].mean() > 0.9
    hand.stroke((125, 25), (145, 25), (125, 35), (145, 35), held=CTRL)
    assert hand.outline is not None and [s.is_background for s in hand.outline.scribbles] == [False, True]
    assert not hand.previewed[25, 128:142].any()
    hand.take(hand.tool.undo_step(hand.context))
    assert hand.previewed[25, 128:142].any()
    hand.enter()
    assert len(hand.edits) == 1 and iou(hand.painted[:, :118], disc[:, :118]) > 0.9


def test_the_whole_picture_can_be_the_box() -> None:
    picture, disc = disc_picture()
    hand = ToolDriver(GrabCut(), picture)
    hand.stroke((-20, -20), (400, 400))
    assert iou(hand.previewed, disc) > 0.95


def test_a_large_thing_is_cut_out_of_a_smaller_copy() -> None:
    picture, disc = disc_picture(1200, 900, (600, 450), 300)
    hand = ToolDriver(GrabCut(), picture, 0.5)
    hand.stroke((260, 110), (940, 800))
    assert DownscaledCrop.fit(Box(0, 0, 1200, 900), FINE_SIDE).factor > 1.5
    assert iou(hand.previewed, disc) > 0.985


def test_a_stray_click_is_no_box() -> None:
    hand = ToolDriver(GrabCut(), disc_picture()[0])
    hand.click(50, 50)
    assert not hand.tool.is_busy and hand.works == 0 and hand.said == ["Drag a box around the object."]


# Watershed


def test_watershed_parts_two_blobs() -> None:
    picture, left, right = two_blobs()
    hand = ToolDriver(Watershed(), picture)
    hand.stroke((45, 50), (65, 50))
    assert hand.mask_preview is None and hand.said == ["Now draw a stroke outside the object."]
    hand.stroke((95, 50), (118, 50), (150, 92), (80, 94), (10, 92), (8, 8), (150, 8))  # the second is outside
    assert iou(hand.previewed, left) > 0.93
    hand.enter()
    assert not hand.painted[right].mean() > 0.05
    assert [(edit.name, edit.tool) for edit in hand.edits] == [("Watershed, tree", "watershed")]


def test_more_strokes_refine() -> None:
    picture, left, right = two_blobs()
    hand = ToolDriver(Watershed(), picture)
    hand.stroke((45, 50), (65, 50))
    hand.stroke((10, 92), (8, 8), (150, 8), (150, 92), (10, 92))
    hand.stroke((95, 50), (118, 50))
    assert iou(hand.previewed, left | right) > 0.93
    hand.take(hand.tool.undo_step(hand.context))
    hand.stroke((95, 50), (118, 50), held=CTRL)
    assert iou(hand.previewed, left) > 0.93


def test_a_thing_at_the_border_reaches_it() -> None:
    picture = np.full((60, 80, 3), 200, np.uint8)
    picture[40:] = 40
    hand = ToolDriver(Watershed(), picture)
    hand.stroke((10, 50), (70, 50))
    hand.stroke((10, 20), (70, 20))
    assert hand.previewed[41:].all() and not hand.previewed[:39].any()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.lists(st.tuples(st.floats(-40, 140), st.floats(-40, 100)), min_size=1, max_size=4)),
        min_size=2, max_size=4,
    ),
    st.floats(0.01, 20.0),
)  # fmt: skip
def test_any_strokes_are_survived_and_obeyed(
    strokes: list[tuple[bool, list[tuple[float, float]]]], scale: float
) -> None:
    """Wherever they lie: what is promised is then painted, and nothing else is."""
    picture, _ = disc_picture(96, 64, (50, 30), 20)
    hand = ToolDriver(Watershed(), picture, scale)
    for against, way in strokes:
        hand.stroke(*way, held=CTRL if against else PLAIN)
    promised = hand.previewed
    hand.enter()
    assert np.array_equal(hand.painted, promised)


# Both


TOOLS = [GrabCut, Watershed]


def begun(kind: type[ScribbleTool]) -> ToolDriver:
    hand = ToolDriver(kind(), disc_picture()[0])
    if kind is GrabCut:
        hand.stroke((35, 15), (125, 105))
    else:
        hand.stroke((70, 60), (90, 60))
        hand.stroke((20, 10), (140, 10), (140, 110), (20, 110))
    assert hand.previewed.any()
    return hand


@pytest.mark.parametrize("kind", TOOLS)
def test_esc_leaves_the_label_untouched(kind: type[ScribbleTool]) -> None:
    hand = begun(kind)
    hand.take(hand.tool.cancel(hand.context))
    hand.enter()
    assert not hand.tool.is_busy and hand.edits == [] and not hand.labels.values.any()
    assert hand.outline is None and hand.mask_preview is None


@pytest.mark.parametrize("kind", TOOLS)
def test_putting_the_tool_down_paints_what_was_shown(kind: type[ScribbleTool]) -> None:
    hand = begun(kind)
    promised = hand.previewed
    hand.take(hand.tool.deactivate(hand.context))
    assert np.array_equal(hand.painted, promised) and len(hand.edits) == 1 and not hand.tool.is_busy


@pytest.mark.parametrize("kind", TOOLS)
def test_enter_while_it_is_looked_for_paints_what_is_found(kind: type[ScribbleTool]) -> None:
    hand = begun(kind)
    hand.take(hand.tool.press(hand.context, Point(75, 50), PLAIN))
    asked = hand.tool.release(hand.context, Point(85, 50), PLAIN)
    assert asked.task is not None
    hand.enter()
    assert hand.edits == []
    hand.take(hand.tool.on_task_done(hand.context, asked.task.run(lambda: False)))
    assert len(hand.edits) == 1 and hand.painted.any()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("kind", TOOLS)
def test_locked_pixels_are_neither_promised_nor_painted(
    kind: type[ScribbleTool], large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        make_all_large(monkeypatch)
    hand = begun(kind)
    hand.labels.values[:60] = 7
    hand.context.options.locked = frozenset({7})
    hand.take(hand.tool.refresh(hand.context))
    assert hand.previewed[60:].any() and not hand.previewed[:60].any()
    hand.enter()
    assert (hand.labels.values[:60] == 7).all() and hand.painted[60:].any()


def test_a_crop_and_its_picture_agree_on_places() -> None:
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
