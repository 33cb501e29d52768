"""The polygon that can be changed: corners, holes, snapping, and outlines of labels opened again."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.geometry import Box, Point
from core.labels.label_map import LabelMap
from core.labels.rasterization import connected_region, polygons
from core.tools.region import NEARBY_PIXELS
from core.tools.shapes.edge_snap import snap_corner
from core.tools.shapes.polygon import Polygon
from core.tools.shapes.polygon_draft import PolygonDraft
from core.tools.tool import Modifiers, OutlinePreview, ToolContext, ToolResult
from core.tools.tool_options import OutlineDetail, ToolOptions

WIDTH, HEIGHT = 100, 80
PLAIN, SHIFT, CTRL, ALT = Modifiers(), Modifiers(shift=True), Modifiers(ctrl=True), Modifiers(alt=True)
SQUARE = [(10.0, 10.0), (70.0, 10.0), (70.0, 60.0), (10.0, 60.0)]
HOLE = [(30.0, 25.0), (50.0, 25.0), (50.0, 45.0)]


class Desk:
    """A polygon tool with a label, worked as a canvas does; one widget pixel is one image pixel."""

    def __init__(self, labels: LabelMap | None = None, value: int = 2, name: str = "tree") -> None:
        self.labels = labels or LabelMap.blank(WIDTH, HEIGHT)
        picture = np.zeros((self.labels.height, self.labels.width, 3), np.uint8)
        self.tool, self.options = Polygon(), ToolOptions()
        self.stage = ToolContext(self.labels, value, name, picture, None, self.options, 1.0)

    def click(self, x: float, y: float, held: Modifiers = PLAIN) -> ToolResult:
        return self.drag((x, y), held=held)

    def drag(self, *path: tuple[float, float], held: Modifiers = PLAIN) -> ToolResult:
        self.tool.hover(self.stage, Point(*path[0]), held)
        self.run(self.tool.press(self.stage, Point(*path[0]), held))
        for place in path[1:]:
            self.tool.drag(self.stage, Point(*place), held)
        return self.tool.release(self.stage, Point(*path[-1]), held)

    def run(self, asked: ToolResult) -> ToolResult:
        """What a tool asks for is done at once."""
        if asked.task is None:
            return asked
        return self.tool.on_task_done(self.stage, asked.task.run(lambda: False))

    def clicks(self, places: list[tuple[float, float]]) -> OutlinePreview:
        for place in places:
            outcome = self.click(*place)
        assert outcome.outline is not None
        return outcome.outline

    def finish(self) -> np.ndarray:
        assert self.tool.finish(self.stage).edit is not None
        return self.labels.values == self.stage.class_value

    @property
    def outline(self) -> OutlinePreview:
        shown = self.tool.hover(self.stage, Point(99, 1), PLAIN).outline
        assert shown is not None
        return shown


def inside(*rings: list[tuple[float, float]]) -> np.ndarray:
    whole = np.zeros((HEIGHT, WIDTH), bool)
    box, mask = polygons(rings, Box(0, 0, WIDTH, HEIGHT))
    whole[box.slices] = mask
    return whole


def test_a_corner_can_be_moved_and_stays_put_when_the_hand_trembles() -> None:
    desk = Desk()
    desk.clicks(SQUARE)
    desk.drag((69, 11), (68, 12))
    assert desk.outline.points == tuple(SQUARE)
    desk.drag((70, 10), (75, 8), (90, 5))
    assert desk.outline.points[1] == (90, 5)
    assert np.array_equal(desk.finish(), inside([SQUARE[0], (90, 5), *SQUARE[2:]]))


def test_the_first_corner_can_be_moved_and_a_click_on_it_still_fills() -> None:
    desk = Desk()
    desk.clicks(SQUARE)
    assert desk.drag((10, 10), (4, 4)).edit is None
    edit = desk.click(4, 4).edit
    assert edit is not None and edit.name == "Polygon, tree"
    assert np.array_equal(desk.labels.values == 2, inside([(4, 4), *SQUARE[1:]]))


def test_the_middle_of_an_edge_offers_a_corner() -> None:
    desk = Desk()
    desk.clicks(SQUARE)
    shown = desk.tool.hover(desk.stage, Point(42, 20), PLAIN).outline
    assert shown is not None and shown.insertion_points == ((40, 10),)
    desk.drag((41, 11), (40, 2))
    assert desk.outline.points == (SQUARE[0], (40, 2), *SQUARE[1:])
    # The open side has no middle, and short edges have none: corners can be set close to each other.
    desk.click(10, 35)
    assert desk.outline.points[-1] == (10, 35)


def test_corners_are_taken_away_by_ctrl_click_and_by_delete() -> None:
    desk = Desk()
    desk.clicks(SQUARE)
    desk.click(70, 60, CTRL)
    assert desk.outline.points == (*SQUARE[:2], SQUARE[3])
    desk.tool.hover(desk.stage, Point(11, 59), PLAIN)
    desk.tool.delete_point(desk.stage)
    assert desk.outline.points == tuple(SQUARE[:2])
    desk.click(*SQUARE[1], CTRL)
    desk.click(*SQUARE[0], CTRL)
    assert not desk.tool.is_busy
    assert desk.tool.delete_point(desk.stage).outline is None


def test_shift_closes_and_a_second_ring_is_a_hole() -> None:
    desk = Desk()
    desk.clicks(SQUARE)
    assert desk.click(*SQUARE[0], SHIFT).edit is None
    assert desk.outline.rings == (tuple(SQUARE),)
    desk.clicks(HOLE)
    assert np.array_equal(desk.finish(), inside(SQUARE, HOLE))
    assert desk.labels.values[30, 48] == 0


def test_a_closed_ring_stays_adjustable() -> None:
    desk = Desk()
    desk.clicks(SQUARE)
    desk.click(*SQUARE[0], SHIFT)
    desk.drag((10, 35), (2, 35))  # the edge that closes has a middle now
    desk.drag((70, 10), (90, 10))
    desk.clicks(HOLE[:2])  # begun, but no ring: it does not count
    assert np.array_equal(desk.finish(), inside([SQUARE[0], (90, 10), *SQUARE[2:], (2, 35)]))


def test_backspace_takes_back_whatever_the_last_change_was() -> None:
    desk = Desk()
    states = []

    def then(*path: tuple[float, float], held: Modifiers = PLAIN) -> None:
        desk.drag(*path, held=held)
        states.append((desk.outline.points, desk.outline.rings))

    for place in SQUARE:
        then(place)
    then((70, 10), (80, 12), (90, 5))  # a move is one change, however long
    then((40, 8), (40, 2))  # and so is a corner that is set and dragged
    then((70, 60), held=CTRL)
    then((10, 10), held=SHIFT)
    then((30, 25), (35, 28))
    for state in reversed(states):
        assert (desk.outline.points, desk.outline.rings) == state
        desk.tool.undo_step(desk.stage)
    assert not desk.tool.is_busy


def test_another_class_while_it_is_drawn_keeps_the_outline() -> None:
    desk = Desk()
    shown = desk.clicks(SQUARE)
    after = desk.tool.refresh(desk.stage).outline
    assert after is not None and after.points == shown.points


rings = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda p: Point(*p)), max_size=5)


@settings(max_examples=100, deadline=None)
@given(rings, st.lists(rings, max_size=3), st.integers(0, 40), st.integers(0, 40), st.floats(0, 50))
def test_what_is_near_by_brute_force(
    line: list[Point], more: list[list[Point]], x: int, y: int, reach: float
) -> None:
    draft = PolygonDraft(tuple(line), tuple(tuple(ring) for ring in more))
    everything = [*line, *(point for ring in more for point in ring)]
    distances = [np.hypot(point.x - x, point.y - y) for point in everything]
    found = draft.nearest_point(Point(x, y), reach)
    if found is None:
        assert all(distance > reach - 1e-9 for distance in distances)
    else:
        assert distances[found] == min(distances) <= reach + 1e-9
    edges, start = [], 0
    for place, ring in enumerate([line, *more]):
        last = len(ring) if place else len(ring) - 1
        edges += [(start + n, ring[n], ring[(n + 1) % len(ring)]) for n in range(last)]
        start += len(ring)
    middles = {
        (n, ((a.x + b.x) / 2, (a.y + b.y) / 2)) for n, a, b in edges if np.hypot(a.x - b.x, a.y - b.y) >= 4
    }
    middle = draft.nearest_midpoint(Point(x, y), reach, 4)
    assert (middle in middles) if middle else not any(np.hypot(a - x, b - y) < reach for _, (a, b) in middles)


def test_a_corner_snaps_to_a_border_of_labels_and_to_an_edge_of_the_picture() -> None:
    desk = Desk()
    desk.labels.values[:, 60:] = 3
    desk.stage.picture[:, 20:] = 200
    assert snap_corner(desk.stage, Point(24.3, 40.2)).x == 20
    assert snap_corner(desk.stage, Point(55.8, 40.2)) == (60, 40)
    assert snap_corner(desk.stage, Point(40.3, 40.2)) == (40.3, 40.2)  # nothing there
    desk.stage.picture[:, 58:] = 0  # the label wins: neighbours shall meet
    assert snap_corner(desk.stage, Point(57.8, 40.2)) == (60, 40)
    for place in [(-3, -3), (0, 0), (WIDTH, HEIGHT), (WIDTH + 50, 3), (60.2, -5)]:
        x, y = snap_corner(desk.stage, Point(*place))
        assert np.hypot(x - place[0], y - place[1]) <= 8
    desk.options.snap = True
    shown = desk.tool.hover(desk.stage, Point(24.3, 40.2), PLAIN).outline
    assert shown is not None and shown.insertion_points[0].x == 20
    desk.click(24.3, 40.2)
    desk.click(24.3, 70.2, ALT)
    assert [point.x for point in desk.outline.points] == [20, 24.3]


def island(seed: int) -> LabelMap:
    """A label of three classes with holes and ragged borders."""
    chance = np.random.default_rng(seed)
    heights = cv2.GaussianBlur(chance.random((HEIGHT, WIDTH)), (0, 0), 3)
    return LabelMap((np.digitize(heights, [0.47, 0.53]) + 1).astype(np.uint8))


def test_a_large_region_is_looked_for_on_another_thread() -> None:
    side = 2 * NEARBY_PIXELS + 200
    labels = LabelMap(np.full((side, side), 2, np.uint8))
    labels.values[:, :9] = 1
    desk = Desk(labels, 2, "wood")
    asked = desk.tool.press(desk.stage, Point(300.5, 300.5), ALT)
    assert asked.task is not None and asked.outline is None
    assert desk.tool._outline_edit is not None and desk.tool._outline_edit.shape is None
    labels.begin_edit("Band", "test", 1)  # somebody else was faster: the outline is that of the click
    labels.paint(Box(0, 0, side, 40), np.ones((40, side), bool), 1)
    labels.finish_edit()
    opened = desk.tool.on_task_done(desk.stage, asked.task.run(lambda: False))
    assert opened.outline is not None
    (ring,) = opened.outline.rings
    assert {(p.x, p.y) for p in ring} == {(9, 0), (side, 0), (side, side), (9, side)}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 500), st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1), st.sampled_from(OutlineDetail)
)
def test_an_outline_opened_and_put_back_changes_nothing(
    seed: int, x: int, y: int, detail: OutlineDetail
) -> None:
    labels = island(seed)
    before = labels.values.copy()
    desk = Desk(labels, int(before[y, x]), "wood")
    desk.options.detail = detail
    opened = desk.click(x + 0.5, y + 0.5, ALT)
    assert desk.tool.is_busy and opened.edit is None
    assert desk.tool.finish(desk.stage).edit is None
    assert np.array_equal(labels.values, before)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 500), st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1), st.data())
def test_an_exact_outline_with_a_moved_corner_gives_exactly_the_new_shape(
    seed: int, x: int, y: int, data: st.DataObject
) -> None:
    labels = island(seed)
    before = labels.values.copy()
    value = int(before[y, x])
    desk = Desk(labels, value, "wood")
    desk.options.detail = OutlineDetail.EXACT
    desk.click(x + 0.5, y + 0.5, ALT)
    rings = desk.outline.rings
    corner = data.draw(st.sampled_from([p for ring in rings for p in ring]))
    target = (corner.x + data.draw(st.integers(4, 20)), corner.y - data.draw(st.integers(4, 20)))
    desk.drag(corner, target)
    after = desk.outline.rings
    assert after != rings
    desk.tool.finish(desk.stage)
    box, mask = connected_region(before, Point(x, y))
    region = np.zeros_like(before, bool)
    region[box.slices] = mask
    expected = before.copy()
    expected[region] = 0
    expected[inside(*map(list, after))] = value
    assert np.array_equal(labels.values, expected)


@pytest.mark.parametrize("detail", [OutlineDetail.FINE, OutlineDetail.COARSE])
def test_a_change_of_a_coarse_outline_stays_where_it_was_made(detail: OutlineDetail) -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    cv2.circle(labels.values, (40, 40), 25, 7, -1)
    labels.values[38:43, 38:43] = 0
    before = labels.values.copy()
    desk = Desk(labels, 7, "pond")
    desk.options.detail = detail
    asked = desk.tool.press(desk.stage, Point(25.5, 40.5), ALT)
    assert asked.picks_class and desk.tool.is_busy
    assert "Enter" in desk.run(asked).message
    outer = max(desk.outline.rings, key=len)
    corner = max(outer)  # the farthest to the right
    desk.drag(corner, (90, 40))
    edit = desk.tool.finish(desk.stage).edit
    assert edit is not None and edit.name == "Edit outline, pond"
    assert np.array_equal(labels.values[:, :45], before[:, :45])  # ragged, and with its hole, as it was
    assert (labels.values[40, 66:85] == 7).all()


def test_less_of_a_region_is_unlabelled_and_no_crumbs_stay() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    cv2.circle(labels.values, (40, 40), 25, 7, -1)
    desk = Desk(labels, 7, "pond")
    desk.options.detail = OutlineDetail.COARSE
    desk.click(40.5, 40.5, ALT)
    for corner in [p for p in desk.outline.rings[0] if p.x > 45]:
        desk.click(*corner, CTRL)
    desk.finish()
    assert not labels.values[25:55, 50:].any()
    assert (labels.values[38:42, 20:40] == 7).all()
    pieces = cv2.connectedComponents((labels.values == 7).astype(np.uint8))[0] - 1
    assert pieces == 1


def test_an_outline_of_another_class_gives_the_whole_region_to_it() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    labels.values[20:40, 20:40] = 7
    desk = Desk(labels, 3, "car")
    desk.click(25, 25, ALT)
    assert np.array_equal(desk.finish(), inside([(20, 20), (40, 20), (40, 40), (20, 40)]))
    assert not (labels.values == 7).any()


def test_what_cannot_be_opened_is_said() -> None:
    desk = Desk()
    for place in [(20, 20), (-5, 20), (WIDTH, HEIGHT)]:
        assert "labelled region" in desk.click(*place, ALT).message or not desk.tool.is_busy
    assert "labelled region" in desk.tool.press(desk.stage, Point(20, 20), ALT).message
    desk.labels.values[:] = 7
    desk.options.locked = frozenset({7})
    assert "locked" in desk.tool.press(desk.stage, Point(20, 20), ALT).message
    assert not desk.tool.is_busy


def test_backspace_puts_an_outline_down_and_another_detail_shows_at_once() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    cv2.circle(labels.values, (40, 40), 25, 7, -1)
    desk = Desk(labels, 7, "pond")
    desk.click(40, 40, ALT)
    fine = len(desk.outline.rings[0])
    desk.options.detail = OutlineDetail.EXACT
    shown = desk.run(desk.tool.refresh(desk.stage)).outline
    assert shown is not None and len(shown.rings[0]) > fine
    assert desk.tool.refresh(desk.stage).task is None
    desk.tool.undo_step(desk.stage)
    assert not desk.tool.is_busy
    assert desk.tool.finish(desk.stage).edit is None


def test_an_outline_that_comes_late_takes_nothing_away() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    labels.values[20:40, 20:40] = 7
    desk = Desk(labels, 7, "pond")
    for then in (desk.tool.cancel, desk.tool.undo_step, desk.tool.deactivate):
        asked = desk.tool.press(desk.stage, Point(30, 30), ALT)
        then(desk.stage)
        assert not desk.tool.is_busy
        assert desk.run(asked).outline is None and not desk.tool.is_busy
    asked = desk.tool.press(desk.stage, Point(30, 30), ALT)
    desk.clicks(SQUARE)
    late = desk.run(asked).outline
    assert late is not None and late.points == tuple(SQUARE)
    desk.tool.cancel(desk.stage)
    desk.tool.press(desk.stage, Point(30, 30), ALT)
    assert desk.tool.on_task_done(desk.stage, None).outline is None and not desk.tool.is_busy


def test_seen_from_afar_an_outline_has_fewer_corners() -> None:
    desk = Desk(island(3), 2, "wood")
    counts = []
    for scale in (4.0, 1.0, 0.2):
        desk.stage = replace(desk.stage, scale=scale)
        desk.click(50.5, 40.5, ALT)
        counts.append(sum(map(len, desk.outline.rings)))
        desk.tool.cancel(desk.stage)
    assert counts[0] == counts[1] > counts[2] > 0
