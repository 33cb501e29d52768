"""The polygon tool: moving corners, holes, snapping, and editing the outline of a label."""

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


class PolygonDriver:
    """A polygon tool with a label, driven as by a canvas; one widget pixel is one image pixel."""

    def __init__(self, labels: LabelMap | None = None, value: int = 2, name: str = "tree") -> None:
        self.labels = labels or LabelMap.blank(WIDTH, HEIGHT)
        picture = np.zeros((self.labels.height, self.labels.width, 3), np.uint8)
        self.tool, self.options = Polygon(), ToolOptions()
        self.context = ToolContext(self.labels, value, name, picture, None, self.options, 1.0)

    def click(self, x: float, y: float, held: Modifiers = PLAIN) -> ToolResult:
        return self.drag((x, y), held=held)

    def drag(self, *path: tuple[float, float], held: Modifiers = PLAIN) -> ToolResult:
        self.tool.hover(self.context, Point(*path[0]), held)
        self.run(self.tool.press(self.context, Point(*path[0]), held))
        for place in path[1:]:
            self.tool.drag(self.context, Point(*place), held)
        return self.tool.release(self.context, Point(*path[-1]), held)

    def run(self, asked: ToolResult) -> ToolResult:
        """Runs the tool's background task at once."""
        if asked.task is None:
            return asked
        return self.tool.on_task_done(self.context, asked.task.run(lambda: False))

    def clicks(self, places: list[tuple[float, float]]) -> OutlinePreview:
        for place in places:
            outcome = self.click(*place)
        assert outcome.outline is not None
        return outcome.outline

    def finish(self) -> np.ndarray:
        assert self.tool.finish(self.context).edit is not None
        return self.labels.values == self.context.class_value

    @property
    def outline(self) -> OutlinePreview:
        shown = self.tool.hover(self.context, Point(99, 1), PLAIN).outline
        assert shown is not None
        return shown


def inside(*rings: list[tuple[float, float]]) -> np.ndarray:
    whole = np.zeros((HEIGHT, WIDTH), bool)
    box, mask = polygons(rings, Box(0, 0, WIDTH, HEIGHT))
    whole[box.slices] = mask
    return whole


def test_a_corner_can_be_moved_but_not_by_a_tiny_drag() -> None:
    driver = PolygonDriver()
    driver.clicks(SQUARE)
    driver.drag((69, 11), (68, 12))
    assert driver.outline.points == tuple(SQUARE)
    driver.drag((70, 10), (75, 8), (90, 5))
    assert driver.outline.points[1] == (90, 5)
    assert np.array_equal(driver.finish(), inside([SQUARE[0], (90, 5), *SQUARE[2:]]))


def test_the_first_corner_can_be_moved_and_a_click_on_it_still_fills() -> None:
    driver = PolygonDriver()
    driver.clicks(SQUARE)
    assert driver.drag((10, 10), (4, 4)).edit is None
    edit = driver.click(4, 4).edit
    assert edit is not None and edit.name == "Polygon, tree"
    assert np.array_equal(driver.labels.values == 2, inside([(4, 4), *SQUARE[1:]]))


def test_the_midpoint_of_an_edge_inserts_a_corner() -> None:
    driver = PolygonDriver()
    driver.clicks(SQUARE)
    shown = driver.tool.hover(driver.context, Point(42, 20), PLAIN).outline
    assert shown is not None and shown.insertion_points == ((40, 10),)
    driver.drag((41, 11), (40, 2))
    assert driver.outline.points == (SQUARE[0], (40, 2), *SQUARE[1:])
    # The open side has no middle, and short edges have none: corners can be set close to each other.
    driver.click(10, 35)
    assert driver.outline.points[-1] == (10, 35)


def test_ctrl_click_and_delete_remove_corners() -> None:
    driver = PolygonDriver()
    driver.clicks(SQUARE)
    driver.click(70, 60, CTRL)
    assert driver.outline.points == (*SQUARE[:2], SQUARE[3])
    driver.tool.hover(driver.context, Point(11, 59), PLAIN)
    driver.tool.delete_point(driver.context)
    assert driver.outline.points == tuple(SQUARE[:2])
    driver.click(*SQUARE[1], CTRL)
    driver.click(*SQUARE[0], CTRL)
    assert not driver.tool.is_busy
    assert driver.tool.delete_point(driver.context).outline is None


def test_shift_closes_and_a_second_ring_is_a_hole() -> None:
    driver = PolygonDriver()
    driver.clicks(SQUARE)
    assert driver.click(*SQUARE[0], SHIFT).edit is None
    assert driver.outline.rings == (tuple(SQUARE),)
    driver.clicks(HOLE)
    assert np.array_equal(driver.finish(), inside(SQUARE, HOLE))
    assert driver.labels.values[30, 48] == 0


def test_a_closed_ring_stays_editable() -> None:
    driver = PolygonDriver()
    driver.clicks(SQUARE)
    driver.click(*SQUARE[0], SHIFT)
    driver.drag((10, 35), (2, 35))  # the edge that closes has a middle now
    driver.drag((70, 10), (90, 10))
    driver.clicks(HOLE[:2])  # begun, but no ring: it does not count
    assert np.array_equal(driver.finish(), inside([SQUARE[0], (90, 10), *SQUARE[2:], (2, 35)]))


def test_backspace_undoes_the_last_change() -> None:
    driver = PolygonDriver()
    states = []

    def then(*path: tuple[float, float], held: Modifiers = PLAIN) -> None:
        driver.drag(*path, held=held)
        states.append((driver.outline.points, driver.outline.rings))

    for place in SQUARE:
        then(place)
    then((70, 10), (80, 12), (90, 5))  # a move is one change, however long
    then((40, 8), (40, 2))  # and so is a corner that is set and dragged
    then((70, 60), held=CTRL)
    then((10, 10), held=SHIFT)
    then((30, 25), (35, 28))
    for state in reversed(states):
        assert (driver.outline.points, driver.outline.rings) == state
        driver.tool.undo_step(driver.context)
    assert not driver.tool.is_busy


def test_changing_the_class_keeps_the_outline() -> None:
    driver = PolygonDriver()
    shown = driver.clicks(SQUARE)
    after = driver.tool.refresh(driver.context).outline
    assert after is not None and after.points == shown.points


rings = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda p: Point(*p)), max_size=5)


@settings(max_examples=100, deadline=None)
@given(rings, st.lists(rings, max_size=3), st.integers(0, 40), st.integers(0, 40), st.floats(0, 50))
def test_nearest_point_and_midpoint_agree_with_brute_force(
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


def test_a_corner_snaps_to_label_borders_and_picture_edges() -> None:
    driver = PolygonDriver()
    driver.labels.values[:, 60:] = 3
    driver.context.picture[:, 20:] = 200
    assert snap_corner(driver.context, Point(24.3, 40.2)).x == 20
    assert snap_corner(driver.context, Point(55.8, 40.2)) == (60, 40)
    assert snap_corner(driver.context, Point(40.3, 40.2)) == (40.3, 40.2)  # nothing there
    driver.context.picture[:, 58:] = 0  # the label wins: neighbours shall meet
    assert snap_corner(driver.context, Point(57.8, 40.2)) == (60, 40)
    for place in [(-3, -3), (0, 0), (WIDTH, HEIGHT), (WIDTH + 50, 3), (60.2, -5)]:
        x, y = snap_corner(driver.context, Point(*place))
        assert np.hypot(x - place[0], y - place[1]) <= 8
    driver.options.snap = True
    shown = driver.tool.hover(driver.context, Point(24.3, 40.2), PLAIN).outline
    assert shown is not None and shown.insertion_points[0].x == 20
    driver.click(24.3, 40.2)
    driver.click(24.3, 70.2, ALT)
    assert [point.x for point in driver.outline.points] == [20, 24.3]


def island(seed: int) -> LabelMap:
    """A label of three classes with holes and ragged borders."""
    chance = np.random.default_rng(seed)
    heights = cv2.GaussianBlur(chance.random((HEIGHT, WIDTH)), (0, 0), 3)
    return LabelMap((np.digitize(heights, [0.47, 0.53]) + 1).astype(np.uint8))


def test_the_outline_of_a_large_region_is_traced_in_a_background_task() -> None:
    side = 2 * NEARBY_PIXELS + 200
    labels = LabelMap(np.full((side, side), 2, np.uint8))
    labels.values[:, :9] = 1
    driver = PolygonDriver(labels, 2, "wood")
    asked = driver.tool.press(driver.context, Point(300.5, 300.5), ALT)
    assert asked.task is not None and asked.outline is None
    assert driver.tool._outline_edit is not None and driver.tool._outline_edit.shape is None
    labels.begin_edit("Band", "test", 1)  # somebody else was faster: the outline is that of the click
    labels.paint(Box(0, 0, side, 40), np.ones((40, side), bool), 1)
    labels.finish_edit()
    opened = driver.tool.on_task_done(driver.context, asked.task.run(lambda: False))
    assert opened.outline is not None
    (ring,) = opened.outline.rings
    assert {(p.x, p.y) for p in ring} == {(9, 0), (side, 0), (side, side), (9, side)}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 500), st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1), st.sampled_from(OutlineDetail)
)
def test_an_unchanged_outline_changes_nothing(seed: int, x: int, y: int, detail: OutlineDetail) -> None:
    labels = island(seed)
    before = labels.values.copy()
    driver = PolygonDriver(labels, int(before[y, x]), "wood")
    driver.options.detail = detail
    opened = driver.click(x + 0.5, y + 0.5, ALT)
    assert driver.tool.is_busy and opened.edit is None
    assert driver.tool.finish(driver.context).edit is None
    assert np.array_equal(labels.values, before)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 500), st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1), st.data())
def test_an_exact_outline_with_a_moved_corner_gives_exactly_the_new_shape(
    seed: int, x: int, y: int, data: st.DataObject
) -> None:
    labels = island(seed)
    before = labels.values.copy()
    value = int(before[y, x])
    driver = PolygonDriver(labels, value, "wood")
    driver.options.detail = OutlineDetail.EXACT
    driver.click(x + 0.5, y + 0.5, ALT)
    rings = driver.outline.rings
    corner = data.draw(st.sampled_from([p for ring in rings for p in ring]))
    target = (corner.x + data.draw(st.integers(4, 20)), corner.y - data.draw(st.integers(4, 20)))
    driver.drag(corner, target)
    after = driver.outline.rings
    assert after != rings
    driver.tool.finish(driver.context)
    box, mask = connected_region(before, Point(x, y))
    region = np.zeros_like(before, bool)
    region[box.slices] = mask
    expected = before.copy()
    expected[region] = 0
    expected[inside(*map(list, after))] = value
    assert np.array_equal(labels.values, expected)


@pytest.mark.parametrize("detail", [OutlineDetail.FINE, OutlineDetail.COARSE])
def test_editing_a_coarse_outline_changes_only_pixels_near_the_edit(detail: OutlineDetail) -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    cv2.circle(labels.values, (40, 40), 25, 7, -1)
    labels.values[38:43, 38:43] = 0
    before = labels.values.copy()
    driver = PolygonDriver(labels, 7, "pond")
    driver.options.detail = detail
    asked = driver.tool.press(driver.context, Point(25.5, 40.5), ALT)
    assert asked.picks_class and driver.tool.is_busy
    assert "Enter" in driver.run(asked).message
    outer = max(driver.outline.rings, key=len)
    corner = max(outer)  # the farthest to the right
    driver.drag(corner, (90, 40))
    edit = driver.tool.finish(driver.context).edit
    assert edit is not None and edit.name == "Edit outline, pond"
    assert np.array_equal(labels.values[:, :45], before[:, :45])  # ragged, and with its hole, as it was
    assert (labels.values[40, 66:85] == 7).all()


def test_pixels_outside_the_edited_outline_become_unlabelled() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    cv2.circle(labels.values, (40, 40), 25, 7, -1)
    driver = PolygonDriver(labels, 7, "pond")
    driver.options.detail = OutlineDetail.COARSE
    driver.click(40.5, 40.5, ALT)
    for corner in [p for p in driver.outline.rings[0] if p.x > 45]:
        driver.click(*corner, CTRL)
    driver.finish()
    assert not labels.values[25:55, 50:].any()
    assert (labels.values[38:42, 20:40] == 7).all()
    pieces = cv2.connectedComponents((labels.values == 7).astype(np.uint8))[0] - 1
    assert pieces == 1


def test_an_outline_of_another_class_gives_the_whole_region_to_it() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    labels.values[20:40, 20:40] = 7
    driver = PolygonDriver(labels, 3, "car")
    driver.click(25, 25, ALT)
    assert np.array_equal(driver.finish(), inside([(20, 20), (40, 20), (40, 40), (20, 40)]))
    assert not (labels.values == 7).any()


def test_what_cannot_be_opened_is_explained() -> None:
    driver = PolygonDriver()
    for place in [(20, 20), (-5, 20), (WIDTH, HEIGHT)]:
        assert "labelled region" in driver.click(*place, ALT).message or not driver.tool.is_busy
    assert "labelled region" in driver.tool.press(driver.context, Point(20, 20), ALT).message
    driver.labels.values[:] = 7
    driver.options.locked = frozenset({7})
    assert "locked" in driver.tool.press(driver.context, Point(20, 20), ALT).message
    assert not driver.tool.is_busy


def test_backspace_closes_an_outline_and_detail_changes_apply_at_once() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    cv2.circle(labels.values, (40, 40), 25, 7, -1)
    driver = PolygonDriver(labels, 7, "pond")
    driver.click(40, 40, ALT)
    fine = len(driver.outline.rings[0])
    driver.options.detail = OutlineDetail.EXACT
    shown = driver.run(driver.tool.refresh(driver.context)).outline
    assert shown is not None and len(shown.rings[0]) > fine
    assert driver.tool.refresh(driver.context).task is None
    driver.tool.undo_step(driver.context)
    assert not driver.tool.is_busy
    assert driver.tool.finish(driver.context).edit is None


def test_a_late_outline_does_not_replace_a_new_drawing() -> None:
    labels = LabelMap.blank(WIDTH, HEIGHT)
    labels.values[20:40, 20:40] = 7
    driver = PolygonDriver(labels, 7, "pond")
    for then in (driver.tool.cancel, driver.tool.undo_step, driver.tool.deactivate):
        asked = driver.tool.press(driver.context, Point(30, 30), ALT)
        then(driver.context)
        assert not driver.tool.is_busy
        assert driver.run(asked).outline is None and not driver.tool.is_busy
    asked = driver.tool.press(driver.context, Point(30, 30), ALT)
    driver.clicks(SQUARE)
    late = driver.run(asked).outline
    assert late is not None and late.points == tuple(SQUARE)
    driver.tool.cancel(driver.context)
    driver.tool.press(driver.context, Point(30, 30), ALT)
    assert driver.tool.on_task_done(driver.context, None).outline is None and not driver.tool.is_busy


def test_a_zoomed_out_outline_has_fewer_corners() -> None:
    driver = PolygonDriver(island(3), 2, "wood")
    counts = []
    for scale in (4.0, 1.0, 0.2):
        driver.context = replace(driver.context, scale=scale)
        driver.click(50.5, 40.5, ALT)
        counts.append(sum(map(len, driver.outline.rings)))
        driver.tool.cancel(driver.context)
    assert counts[0] == counts[1] > counts[2] > 0
