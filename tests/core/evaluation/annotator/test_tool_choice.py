"""The simulated annotator: its edits produce the truth within the tolerance, with the quickest tools."""

from __future__ import annotations

import math
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.evaluation.annotator.brush_strokes import plan_strokes
from core.evaluation.annotator.edge_tolerance import harms_others, is_within_tolerance
from core.evaluation.annotator.planned_edit import (
    ALL_TOOLS,
    BRUSH_ALONE,
    VERDICTS,
    AnnotationTool,
    PlannedEdit,
    seconds_by_tool,
    seconds_of,
)
from core.evaluation.annotator.region_verdicts import plan_verdicts
from core.evaluation.annotator.superpixel_drags import plan_drags
from core.evaluation.annotator.time_model import AnnotatorModel, PointingModel
from core.evaluation.annotator.tool_choice import plan_corrections, plan_edits
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask
from core.labels.rasterization import capsule
from core.labels.uncertain_regions import UncertainRegion, find_uncertainty

Values = NDArray[np.uint8]


def scene(seed: int, width: int = 72, height: int = 56, classes: int = 4) -> Values:
    """Discs, boxes and thin lines of some classes over class 1, with a little void and unlabelled ground."""
    chance = np.random.default_rng(seed)
    values = np.ones((height, width), np.uint8)
    rows, columns = np.mgrid[:height, :width]
    for value in [*range(2, classes + 1), 255, 0, 2]:
        x, y, size = chance.integers(0, width), chance.integers(0, height), chance.integers(1, 14)
        match int(chance.integers(0, 3)):
            case 0:
                values[(rows - y) ** 2 + (columns - x) ** 2 <= size * size] = value
            case 1:
                values[y : y + size, x : x + 2 * size] = value
            case _:
                values[:, x : x + 1 + size // 6] = value
    return values


def painted(shown: Values, edits: list[PlannedEdit], segments: NDArray[np.int32] | None = None) -> Values:
    """What the edits make of it; a stroke is its capsules, pixel by pixel, but for those right on an edge, and a drag
    the superpixels under the pointer."""
    values = shown.copy()
    for edit in edits:
        inside = np.zeros(values.shape, bool)
        inside[edit.box.slices] = edit.mask
        if edit.tool is AnnotationTool.BRUSH:
            assert (swept(edit, edit.radius - 1e-6, values.shape) <= inside).all()
            assert (inside <= swept(edit, edit.radius + 1e-6, values.shape)).all()
        if edit.tool is AnnotationTool.SUPERPIXELS:
            assert segments is not None
            np.testing.assert_array_equal(inside, np.isin(segments, crossed(edit, segments)))
        values[inside] = edit.value
    return values


def crossed(drag: PlannedEdit, segments: NDArray[np.int32]) -> NDArray[np.int32]:
    """The superpixels that the tool paints: it looks under the pointer after each pixel of the way."""
    under = [segments[y, x] for x, y in drag.path.tolist()]
    for start, end in pairwise(drag.path):
        for share in np.linspace(0, 1, max(1, math.ceil(math.dist(start, end))) + 1):
            x, y = np.floor(start + 0.5 + (end - start) * share).astype(int)
            under.append(segments[y, x])
    return np.unique(under)


def swept(stroke: PlannedEdit, radius: float, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    whole = Box(0, 0, shape[1], shape[0])
    mask = np.zeros(shape, bool)
    centres = [Point(x + 0.5, y + 0.5) for x, y in stroke.path.tolist()]
    for start, end in zip(centres, centres[1:] or centres, strict=False):
        box, part = capsule(start, end, radius, whole)
        mask[box.slices] |= part
    return mask


def is_near(mask: NDArray[np.bool_], tolerance: int) -> NDArray[np.bool_]:
    """By brute force: where a true pixel of `mask` lies within `tolerance`."""
    height, width = mask.shape
    wide = np.pad(mask, tolerance)
    steps = range(-tolerance, tolerance + 1)
    near = [
        wide[tolerance + y : tolerance + y + height, tolerance + x : tolerance + x + width]
        for y in steps
        for x in steps
        if x * x + y * y <= tolerance * tolerance
    ]
    return np.asarray(np.any(near, axis=0))


def shown_for(seed: int, kind: str, truth: Values) -> Values:
    shown: dict[str, Values] = {
        "blank": np.zeros_like(truth),
        "shifted": np.roll(truth, 4, axis=1),
        "other": scene(seed + 1),
        "noise": np.random.default_rng(seed).integers(1, 5, truth.shape).astype(np.uint8),
        "right": truth.copy(),
    }
    return shown[kind]


KINDS = st.sampled_from(["blank", "shifted", "other", "noise", "right"])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), KINDS, st.sampled_from(PointingModel))
def test_only_edges_within_tolerance_remain(seed: int, kind: str, pointing: PointingModel) -> None:
    truth = scene(seed)
    shown = shown_for(seed, kind, truth)
    model = AnnotatorModel(pointing=pointing)
    plans = [list(plan_edits(shown, truth, model)), plan_corrections(shown, truth, model)]
    for edits in plans:
        made = painted(shown, edits)
        for value in set(np.unique(truth).tolist()) - {0, 255}:
            of_class = truth == value
            right = of_class & (made == value)
            near = is_near(right, 2) & is_near(~of_class, 2)
            assert (of_class & ~right <= near).all(), "only edges that are displaced by two pixels"
        assert kind != "right" or not edits
    assert seconds_of(plans[1]) <= seconds_of(plans[0])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), KINDS)
def test_careful_annotator_never_paints_over_what_is_right(seed: int, kind: str) -> None:
    truth = scene(seed)
    shown = shown_for(seed, kind, truth)
    strokes = list(plan_edits(shown, truth, tools=BRUSH_ALONE))
    made = painted(shown, strokes)
    known = (truth != 0) & (truth != 255)
    assert (made == shown)[known & (shown == truth)].all()
    np.testing.assert_array_equal(made[~known], shown[~known])
    assert {stroke.tool for stroke in strokes} <= BRUSH_ALONE


@pytest.mark.parametrize("tools", [ALL_TOOLS, BRUSH_ALONE])
@pytest.mark.parametrize("shown", [0, 1])
def test_errors_that_are_too_small_are_left(shown: int, tools: frozenset[AnnotationTool]) -> None:
    truth = np.ones((60, 60), np.uint8)
    truth[8:13, 8:13] = 2  # 25 pixels
    truth[30:44, 30:44] = 2
    current = np.full_like(truth, shown)
    edits = list(plan_edits(current, truth, AnnotatorModel(least_error=32), tools))
    made = painted(current, edits)
    assert (made[32:42, 32:42] == 2).all() and not (made[6:15, 6:15] == 2).any()
    assert (painted(current, list(plan_edits(current, truth, tools=tools)))[8:13, 8:13] == 2).any()


def test_all_tools_are_quicker_than_the_brush_alone() -> None:
    for seed in range(4):
        truth = scene(seed)
        for shown in (np.zeros_like(truth), np.roll(truth, 4, axis=1)):
            careful = plan_corrections(shown, truth, tools=BRUSH_ALONE)
            assert seconds_of(plan_corrections(shown, truth)) <= seconds_of(careful)


def test_wrong_class_of_a_whole_region_takes_one_click() -> None:
    truth = np.ones((60, 90), np.uint8)
    truth[20:45, 30:70] = 3
    shown = truth.copy()
    shown[truth == 3] = 2
    shown[20:22, 30:70] = 1  # the edge is off by two
    (click,) = plan_corrections(shown, truth)
    assert (click.tool, click.value) == (AnnotationTool.FILL, 3)
    x, y = click.path[0].tolist()
    assert shown[y, x] == 2 and truth[y, x] == 3
    assert click.seconds == pytest.approx(0.2 + 0.2)
    np.testing.assert_array_equal(painted(shown, [click]) == 3, shown == 2)


def test_polygon_takes_few_corners_where_pointing_is_all_that_counts() -> None:
    truth = np.ones((400, 600), np.uint8)
    rows, columns = np.mgrid[:400, :600]
    truth[(rows > 50) & (rows < 300) & (columns > rows) & (columns < 2 * rows + 100)] = 2
    slow = AnnotatorModel(pointing=PointingModel.KEYSTROKE, brush_speed=40.0)
    edits = list(plan_edits(np.ones_like(truth), truth, slow))
    (polygon,) = [edit for edit in edits if edit.tool is AnnotationTool.POLYGON]
    assert 4 <= len(polygon.path) <= 8 and polygon.radius == 0.0
    wrong = (painted(np.ones_like(truth), edits) != truth) & (truth != 0)
    assert (wrong <= is_near(truth == 2, 2) & is_near(truth == 1, 2)).all()
    clicks = sum(slow.click_seconds(d) for d in np.hypot(*np.diff(polygon.path, axis=0).T))
    assert polygon.seconds == pytest.approx(clicks + slow.click_seconds(0.0) + slow.key_seconds)


def test_good_prediction_needs_less_effort_than_a_blank_label() -> None:
    for seed in range(6):
        truth = scene(seed)
        blank = list(plan_edits(np.zeros_like(truth), truth))
        good = plan_corrections(np.where(truth == 3, 1, truth).astype(np.uint8), truth)
        assert len(good) < len(blank)
        assert seconds_of(good) < seconds_of(blank)


def test_missing_thin_object_is_painted_and_an_edge_off_by_two_is_not() -> None:
    truth = np.ones((40, 60), np.uint8)
    truth[:, 30:32] = 2
    edits = list(plan_edits(np.ones_like(truth), truth))
    assert {edit.value for edit in edits} == {2}
    assert (painted(np.ones_like(truth), edits) == 2)[truth == 2].all()

    halves = np.ones((40, 60), np.uint8)
    halves[:, 30:] = 2
    assert list(plan_edits(np.roll(halves, 2, axis=1)[:, 2:], halves[:, 2:])) == []
    assert list(plan_edits(np.roll(halves, 3, axis=1)[:, 3:], halves[:, 3:])) != []


def strokes_over(
    shown: Values, truth: Values, value: int, model: AnnotatorModel | None = None
) -> list[PlannedEdit]:
    region = (truth == value) & (shown != value)
    return plan_strokes(shown.copy(), truth, value, region, (0, 0), None, model or AnnotatorModel())


def test_brush_radius_is_half_the_depth_and_halved_with_each_pass() -> None:
    rows, columns = np.mgrid[:101, :160]
    truth = np.where((rows > 10) & (rows < 90) & (columns < 2 * rows - 20), 2, 0).astype(np.uint8)
    radii = [stroke.radius for stroke in strokes_over(np.zeros_like(truth), truth, 2)]
    depth = cv2.distanceTransform((truth == 2).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max()
    assert radii[0] == pytest.approx(depth / 2)
    passes = sorted(set(radii), reverse=True)
    assert radii == sorted(radii, reverse=True) and len(passes) > 3
    assert all(after == max(0.5, before / 2) for before, after in pairwise(passes))


def test_time_is_search_travel_painting_and_keys() -> None:
    truth = np.zeros((20, 300), np.uint8)
    truth[4, 10:20] = truth[4, 210:220] = 1
    blank = np.zeros_like(truth)
    first, second = plan_edits(blank, truth, tools=BRUSH_ALONE)
    assert first.seconds == pytest.approx(0.2 + 9 / 400)
    # It goes back to the start of the nearest way over the second line, which may begin at either end.
    way = math.dist(first.path[-1], second.path[0])
    assert 189 < way < 210
    assert second.seconds == pytest.approx(0.2 + way / 800 + 9 / 400)
    slow = AnnotatorModel(zoom=4.0)
    assert [s.seconds for s in plan_edits(blank, truth, slow, BRUSH_ALONE)] == pytest.approx(
        [0.2 + 4 * 9 / 400, 0.2 + 4 * (way / 800 + 9 / 400)]
    )
    keys = AnnotatorModel(pointing=PointingModel.KEYSTROKE)
    # 0.8 s at once, and 0.1 s for each time that the distance doubles in sizes of the target, four pixels here.
    assert [s.seconds for s in plan_edits(blank, truth, keys, BRUSH_ALONE)] == pytest.approx(
        [0.8 + 0.2 + 9 / 400, 0.8 + 0.1 * math.log2(way / 4 + 0.5) + 0.2 + 9 / 400]
    )
    truth[4, 210:220] = 2
    one, other = plan_edits(blank, truth, tools=BRUSH_ALONE)
    assert other.seconds == pytest.approx(second.seconds + 0.2) and one.seconds == first.seconds
    model = AnnotatorModel()
    assert model.finish_seconds(accepts=True) == pytest.approx(model.finish_seconds(accepts=False) + 0.2)
    assert seconds_by_tool([one, other], 0.4) == pytest.approx(
        {"brush": seconds_of([one, other]), "check": 0.4}
    )


def test_brush_is_lifted_where_that_is_faster() -> None:
    """Two gaps in the edge of one region, far from each other: two strokes, and nothing painted between them."""
    assert AnnotatorModel().lift_distance == pytest.approx(160)
    truth = np.zeros((9, 400), np.uint8)
    truth[3:6] = 1
    shown = truth.copy()
    shown[4, :] = 0
    shown[3:6, :8] = shown[3:6, -8:] = 0
    strokes = strokes_over(shown, truth, 1)
    broadest = max(stroke.radius for stroke in strokes)
    assert len([stroke for stroke in strokes if stroke.radius == broadest]) == 2
    assert all(len(s.path) < 200 for s in strokes)


def pieces(shape: tuple[int, ...], side: int) -> NDArray[np.int32]:
    """Square superpixels."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return (rows // side * -(-shape[1] // side) + columns // side).astype(np.int32)


def test_region_of_whole_superpixels_is_painted_by_dragging_over_them() -> None:
    truth = np.ones((96, 128), np.uint8)
    truth[16:32, 16:112] = 2
    for column in (16, 48, 80):  # a comb: no drag may cross what lies between its teeth
        truth[32:80, column : column + 16] = 2
    shown, segments = np.ones_like(truth), pieces(truth.shape, 16)
    plain = list(plan_edits(shown, truth))
    edits = list(plan_edits(shown, truth, segments=segments))
    assert {edit.tool for edit in edits} == {AnnotationTool.SUPERPIXELS}
    np.testing.assert_array_equal(painted(shown, edits, segments), truth)
    assert seconds_of(edits) < seconds_of(plain)
    for edit in edits:
        for start, end in pairwise(edit.path):
            x, y = np.linspace(start, end, 200).round().astype(int).T
            assert (truth[y, x] == 2).all()
        lengths = np.hypot(*np.diff(edit.path, axis=0).T)
        assert edit.seconds >= 0.2 + lengths.sum() / 400 - 1e-9
    careful = plan_edits(shown, truth, tools=BRUSH_ALONE, segments=segments)
    assert {edit.tool for edit in careful} == {AnnotationTool.BRUSH}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), KINDS, st.integers(4, 30))
def test_drags_leave_what_was_right_right(seed: int, kind: str, side: int) -> None:
    truth = scene(seed)
    shown, segments, model = shown_for(seed, kind, truth), pieces(truth.shape, side), AnnotatorModel()
    for value in set(np.unique(truth).tolist()) - {0, 255}:
        drags = plan_drags(shown, truth, value, truth == value, segments, (0, 0), Point(9, 9), model)
        made = painted(shown, drags, segments)
        assert not harms_others(shown, made, truth, model)
        assert all((made[edit.box.slices][edit.mask] == value).all() for edit in drags)


def test_drags_pass_by_what_they_would_harm() -> None:
    truth = np.ones((96, 96), np.uint8)
    truth[16:80, 16:80] = 2
    truth[36:40, 44:46] = 3  # a pole, all of which is near the object
    shown = np.where(truth == 3, np.uint8(3), np.uint8(1))
    segments = pieces(truth.shape, 16)
    drags = plan_drags(shown, truth, 2, truth == 2, segments, (0, 0), None, AnnotatorModel())
    made = painted(shown, drags, segments)
    assert (made == 2).sum() == 64 * 64 - 16 * 16 and (made == 3).sum() == 8


def uncertain(prediction: Values, unsure: NDArray[np.bool_]) -> tuple[UncertainRegion, ...]:
    height, width = prediction.shape
    mask = PredictedMask(prediction, np.where(unsure, np.uint8(100), np.uint8(250)))
    return find_uncertainty(mask, LabelMap.blank(width, height).snapshot()).regions


def test_uncertain_region_of_another_class_takes_one_key() -> None:
    truth = np.ones((96, 128), np.uint8)
    rows, columns = np.mgrid[:96, :128]
    truth[(rows - 48) ** 2 + (columns - 80) ** 2 < 900] = 2
    truth[(rows - 20) ** 2 + (columns - 20) ** 2 < 200] = 3
    shown = truth.copy()
    shown[truth == 2] = 4
    tools = ALL_TOOLS - {AnnotationTool.FILL}
    regions = uncertain(shown, truth != 1)
    assert [region.value for region in regions] == [4, 3]
    slow = AnnotatorModel(brush_speed=50.0)
    (verdict,) = plan_corrections(shown, truth, slow, tools, regions=regions)
    assert (verdict.tool, verdict.value) == (AnnotationTool.CORRECT, 2)
    # A key to begin the walk, a look and a key for the verdict, and a key to leave the other region out.
    assert verdict.seconds == pytest.approx(0.2 + 0.2 + 0.2 + 0.2)
    np.testing.assert_array_equal(painted(shown, [verdict]), truth)


def test_verdicts_on_the_way_to_a_useful_one_are_given_too() -> None:
    truth = np.ones((96, 128), np.uint8)
    truth[10:70, 10:70] = 3
    truth[20:60, 90:120] = 2
    shown = truth.copy()
    shown[truth == 2] = 4
    regions = uncertain(shown, truth != 1)
    assert [region.value for region in regions] == [3, 4]
    tools = VERDICTS | BRUSH_ALONE
    slow = AnnotatorModel(brush_speed=50.0)
    edits = plan_corrections(shown, truth, slow, tools, regions=regions)
    assert [(edit.tool, edit.value) for edit in edits] == [
        (AnnotationTool.ACCEPT, 3),
        (AnnotationTool.CORRECT, 2),
    ]
    assert plan_corrections(truth, truth, regions=uncertain(truth, truth != 1)) == []
    halves = np.where(truth == 3, np.uint8(1), truth)
    halves[10:70, 30:70] = 3  # two thirds of the first region are right: passed by one key
    (verdict,) = plan_verdicts(shown, halves, regions, slow)
    assert (verdict.tool, verdict.seconds) == (AnnotationTool.CORRECT, pytest.approx(2 * 0.4 + 0.2))
    unknown = np.where(truth == 3, np.uint8(0), truth)  # nothing is known of the first region: passed too
    (verdict,) = plan_verdicts(shown, unknown, regions, slow)
    assert (verdict.value, verdict.seconds) == (2, pytest.approx(2 * 0.4 + 0.2))


def test_edits_are_deterministic() -> None:
    def told() -> list[tuple[str, int, float, float, bytes]]:
        edits = plan_corrections(scene(8), scene(7))
        return [(e.tool, e.value, e.radius, e.seconds, e.path.tobytes()) for e in edits]

    assert told() == told() and len(told()) > 3


def test_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        list(plan_edits(np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8)))
    with pytest.raises(ValueError, match="superpixels"):
        list(plan_edits(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8), segments=pieces((4, 5), 2)))


def test_tolerance_mask_agrees_with_brute_force() -> None:
    for seed in range(4):
        truth, shown = scene(seed), np.roll(scene(seed), 3, axis=1)
        of_class = truth == 1
        right = of_class & (shown == 1)
        expected = of_class & is_near(right, 2) & is_near(~of_class, 2)
        np.testing.assert_array_equal(is_within_tolerance(right, of_class, 2.0), expected)
