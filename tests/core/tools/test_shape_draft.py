"""Shapes under way as values: stored text and back, and every tool goes on where it was left."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.geometry import Point
from core.tools import shape_draft
from core.tools.shape_draft import DraftRegion, DraftStroke, ShapeDraft, decode_drafts, encode_drafts
from core.tools.shapes.drag_shape import Lasso
from core.tools.shapes.polygon import Polygon
from core.tools.shapes.rectangle_ellipse import Ellipse, Rectangle
from core.tools.smart.grabcut import GrabCut
from core.tools.smart.scissors import Scissors
from core.tools.smart.watershed import Watershed
from core.tools.tool import Modifiers, Tool
from tests.tool_driver import ALT, CTRL, ToolDriver, disc_picture, make_all_large

numbers = st.floats(-1e9, 1e9)
rings = st.lists(st.builds(Point, numbers, numbers), max_size=5).map(tuple)
drafts = st.builds(
    ShapeDraft,
    st.text(max_size=9),
    st.text(max_size=9),
    st.integers(0, 255),
    st.text(max_size=9),
    rings,
    st.lists(rings, max_size=3).map(tuple),
    st.lists(rings, max_size=3).map(tuple),
    st.lists(st.builds(DraftStroke, rings, numbers, st.booleans()), max_size=3).map(tuple),
    st.none()
    | st.builds(DraftRegion, st.builds(Point, numbers, numbers), st.integers(1, 254), numbers, st.just(())),
    st.booleans(),
)


@given(st.lists(drafts, max_size=3))
def test_drafts_survive_being_stored(some: list[ShapeDraft]) -> None:
    assert decode_drafts(encode_drafts(some)) == some


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "{}",
        "[1]",
        '[{"tool": "polygon"}]',
        '[{"tool": "polygon", "title": "", "class_value": 1, "class_name": "a", "line": [[1]]}]',
        '[{"tool": "polygon", "title": "", "class_value": 1, "class_name": "a", "line": [[NaN, 1]]}]',
        "[" * 100_000,
    ],
)
def test_what_is_no_draft_is_refused(stored: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_drafts(stored)


def test_drafts_beyond_the_limits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    one = ShapeDraft("polygon", "polygon", 1, "road", tuple(Point(n, n) for n in range(40)))
    stored = encode_drafts([one, one])
    monkeypatch.setattr(shape_draft, "MAX_POINTS", 79)
    with pytest.raises(ValueError, match="too many points"):
        decode_drafts(stored)
    monkeypatch.setattr(shape_draft, "MAX_STORED_BYTES", len(stored) - 1)
    with pytest.raises(ValueError, match="too long"):
        decode_drafts(stored)


def test_the_oldest_drafts_are_left_out_where_all_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    drafts = [
        ShapeDraft("polygon", name, 1, "road", (Point(1, 2),) * 40) for name in ("old", "new", "newest")
    ]
    monkeypatch.setattr(shape_draft, "MAX_POINTS", 80)
    assert decode_drafts(encode_drafts(drafts)) == drafts[1:]
    monkeypatch.setattr(shape_draft, "MAX_STORED_BYTES", len(encode_drafts(drafts[2:])))
    assert decode_drafts(encode_drafts(drafts)) == drafts[2:]


def test_points_outside_the_picture_move_onto_its_border() -> None:
    far = (Point(-5, 1e300), Point(3, 4))
    draft = ShapeDraft(
        "grabcut",
        "",
        1,
        "road",
        far,
        (far,),
        (far, far),
        (DraftStroke(far, 2.0, False),),
        DraftRegion(far[1], 1, 0.0, (far,)),
    ).within(20, 10)
    near = (Point(0, 10), Point(3, 4))
    assert draft.line == near and draft.rings == (near,) and draft.paths == (near, near)
    assert draft.strokes[0].points == near
    assert draft.region is not None and draft.region.rings == (near,)


CORNERS = ((50, 30), (110, 30), (110, 90), (50, 90))


def draw_polygon(driver: ToolDriver) -> None:
    for x, y in CORNERS:
        driver.click(x, y)
    for call in (driver.tool.press, driver.tool.release):  # closes the ring
        driver.take(call(driver.context, Point(*CORNERS[0]), Modifiers(shift=True)))
    driver.click(70, 50)
    driver.click(90, 50)
    driver.click(80, 70)


def draw_with_scissors(driver: ToolDriver) -> None:
    for x, y in CORNERS[:3]:
        driver.click(x, y)
    driver.click(*CORNERS[3], held=ALT)


def draw_scribbles(driver: ToolDriver) -> None:
    driver.stroke((70, 60), (90, 60))
    driver.stroke((20, 20), (30, 100), held=CTRL)


def draw_box_and_scribble(driver: ToolDriver) -> None:
    driver.stroke((40, 20), (120, 100))
    driver.stroke((70, 60), (90, 60))


@pytest.mark.parametrize(
    ("kind", "draw"),
    [
        (Polygon, draw_polygon),
        (Scissors, draw_with_scissors),
        (GrabCut, draw_box_and_scribble),
        (Watershed, draw_scribbles),
    ],
)
def test_a_tool_goes_on_where_another_was_left(kind: type[Tool], draw) -> None:
    picture, _ = disc_picture(seed=1)
    first, second = ToolDriver(kind(), picture), ToolDriver(kind(), picture)
    assert first.tool.draft(first.context) is None
    draw(first)
    draft = first.tool.draft(first.context)
    assert draft is not None and (draft.class_value, draft.class_name) == (2, "tree") and draft.point_count
    (stored,) = decode_drafts(encode_drafts([draft]))
    second.take(second.tool.restore(second.context, stored))
    assert second.tool.draft(second.context) == draft
    first.enter()
    second.enter()
    assert first.painted.any() and np.array_equal(first.painted, second.painted)
    assert second.tool.draft(second.context) is None


@pytest.mark.parametrize("kind", [Polygon, Scissors, GrabCut, Watershed])
def test_an_empty_draft_starts_nothing(kind: type[Tool]) -> None:
    driver = ToolDriver(kind(), disc_picture()[0])
    driver.take(driver.tool.restore(driver.context, ShapeDraft(kind.name, "", 2, "tree")))
    driver.enter()
    assert not driver.tool.is_busy and driver.edits == []


@pytest.mark.parametrize("kind", [Lasso, Rectangle, Ellipse])
def test_a_drag_that_is_interrupted_goes_on_as_a_polygon(kind: type[Tool]) -> None:
    first, second = ToolDriver(kind(), disc_picture()[0]), ToolDriver(Polygon(), disc_picture()[0])
    first.take(first.tool.press(first.context, Point(20, 20), Modifiers()))
    for at in ((60, 22), (70, 60)):
        first.take(first.tool.drag(first.context, Point(*at), Modifiers()))
    draft = first.tool.draft(first.context)
    assert draft is not None and draft.tool == "polygon"
    first.enter()
    second.take(second.tool.restore(second.context, draft))
    second.enter()
    both = np.count_nonzero(first.painted & second.painted)
    assert both / np.count_nonzero(first.painted | second.painted) > 0.97


def edited_outline(driver: ToolDriver) -> ShapeDraft:
    """A labelled square whose corner was dragged outwards."""
    driver.labels.begin_edit("square", "test", 2)
    driver.labels.values[40:60, 40:60] = 2
    driver.labels.finish_edit()
    driver.click(50, 50, held=ALT)
    assert driver.tool.draft(driver.context) is None, "an outline that is only shown is no draft"
    driver.stroke((60, 60), (65, 64), (70, 70))
    draft = driver.tool.draft(driver.context)
    assert draft is not None and draft.region is not None
    return draft


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("changed", [False, True])
def test_the_outline_of_a_region_goes_on(monkeypatch: pytest.MonkeyPatch, large: bool, changed: bool) -> None:
    if large:
        make_all_large(monkeypatch)
        monkeypatch.setattr("core.tools.shapes.outline_edit.NEARBY_PIXELS", 0)
    first, second = ToolDriver(Polygon(), disc_picture()[0]), ToolDriver(Polygon(), disc_picture()[0])
    draft = edited_outline(first)
    second.labels.values[:] = first.labels.values
    if changed:
        second.labels.values[30:40, 40:60] = 2
    second.take(second.tool.restore(second.context, draft), waits=False)
    if large:
        second.enter()
        assert second.edits == [], "the region is still looked for"
    second.take(second.tool.restore(second.context, draft))
    first.enter()
    second.enter()
    assert [edit.name for edit in second.edits] == ["Polygon, tree" if changed else "Edit outline, tree"]
    assert bool(second.said) == changed
    assert np.array_equal(first.painted[40:], second.painted[40:])


def test_the_text_is_plain_json() -> None:
    one = ShapeDraft("polygon", "polygon", 1, "road", (Point(np.float64(1.5), 2),))
    assert json.loads(encode_drafts([one]))[0]["line"] == [[1.5, 2]]
