"""The simulated annotator: its strokes produce the truth, and a good prediction needs few of them."""

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
from core.evaluation.simulated_annotator import (
    AnnotatorModel,
    PlannedStroke,
    is_within_tolerance,
    plan_strokes,
    total_seconds,
)
from core.labels.rasterization import capsule

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


def painted(shown: Values, strokes: list[PlannedStroke]) -> Values:
    """What the strokes make of it; each is its capsules, pixel by pixel, but for those right on an edge."""
    values = shown.copy()
    for stroke in strokes:
        inside = np.zeros(values.shape, bool)
        inside[stroke.box.slices] = stroke.mask
        assert (swept(stroke, stroke.radius - 1e-6, values.shape) <= inside).all()
        assert (inside <= swept(stroke, stroke.radius + 1e-6, values.shape)).all()
        values[inside] = stroke.value
    return values


def swept(stroke: PlannedStroke, radius: float, shape: tuple[int, ...]) -> NDArray[np.bool_]:
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
    return np.any(near, axis=0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["blank", "shifted", "other", "noise", "right"]))
def test_only_edges_within_tolerance_remain_and_correct_pixels_stay(seed: int, kind: str) -> None:
    truth = scene(seed)
    shown = {
        "blank": np.zeros_like(truth),
        "shifted": np.roll(truth, 4, axis=1),
        "other": scene(seed + 1),
        "noise": np.random.default_rng(seed).integers(1, 5, truth.shape).astype(np.uint8),
        "right": truth.copy(),
    }[kind]
    strokes = list(plan_strokes(shown, truth))
    made = painted(shown, strokes)
    known = (truth != 0) & (truth != 255)
    assert (made == shown)[known & (shown == truth)].all(), "what was right stays"
    for value in np.unique(truth[known]):
        wrong = (truth == value) & (made != truth)
        assert (wrong <= is_near(truth != value, 2)).all(), "only near a true edge"
        assert (wrong <= is_near((made == value) & (truth == value), 2)).all(), "a displaced edge"
    np.testing.assert_array_equal(made[~known], shown[~known])
    assert kind != "right" or not strokes


def test_good_prediction_needs_less_effort_than_a_blank_label() -> None:
    for seed in range(6):
        truth = scene(seed)
        blank = list(plan_strokes(np.zeros_like(truth), truth))
        good = list(plan_strokes(np.roll(truth, 3, axis=0), truth))
        assert len(good) < len(blank)
        assert total_seconds(good) < total_seconds(blank)
        assert sum(s.mask.sum() for s in good) < sum(s.mask.sum() for s in blank) / 2


def test_missing_thin_object_is_painted_and_an_edge_off_by_two_is_not() -> None:
    truth = np.ones((40, 60), np.uint8)
    truth[:, 30:32] = 2
    (line,) = plan_strokes(np.ones_like(truth), truth)
    assert line.value == 2
    np.testing.assert_array_equal(painted(np.ones_like(truth), [line]), truth)

    halves = np.ones((40, 60), np.uint8)
    halves[:, 30:] = 2
    assert list(plan_strokes(np.roll(halves, 2, axis=1)[:, 2:], halves[:, 2:])) == []
    assert list(plan_strokes(np.roll(halves, 3, axis=1)[:, 3:], halves[:, 3:])) != []


def test_brush_radius_is_half_the_depth_and_halved_with_each_pass() -> None:
    rows, columns = np.mgrid[:101, :160]
    truth = np.where((rows > 10) & (rows < 90) & (columns < 2 * rows - 20), 2, 0).astype(np.uint8)
    radii = [stroke.radius for stroke in plan_strokes(np.zeros_like(truth), truth)]
    depth = cv2.distanceTransform((truth == 2).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max()
    assert radii[0] == pytest.approx(depth / 2)
    passes = sorted(set(radii), reverse=True)
    assert radii == sorted(radii, reverse=True) and len(passes) > 3
    assert all(after == max(0.5, before / 2) for before, after in pairwise(passes))


def test_time_is_search_travel_and_painting() -> None:
    truth = np.zeros((20, 300), np.uint8)
    truth[4, 10:20] = truth[4, 210:220] = 1
    first, second = plan_strokes(np.zeros_like(truth), truth)
    assert first.seconds == pytest.approx(0.2 + 9 / 400)
    # It goes back to the start of the nearest way over the second line, which may begin at either end.
    way = math.dist(first.path[-1], second.path[0])
    assert 189 < way < 210
    assert second.seconds == pytest.approx(0.2 + way / 800 + 9 / 400)
    assert total_seconds([first, second]) == pytest.approx(first.seconds + second.seconds + 0.2)
    slow = AnnotatorModel(zoom=4.0)
    assert [s.seconds for s in plan_strokes(np.zeros_like(truth), truth, slow)] == pytest.approx(
        [0.2 + 4 * 9 / 400, 0.2 + 4 * (way / 800 + 9 / 400)]
    )


def test_brush_is_lifted_where_that_is_faster() -> None:
    """Two gaps in the edge of one region, far from each other: two strokes, and nothing painted between them."""
    assert AnnotatorModel().lift_distance == pytest.approx(160)
    truth = np.zeros((9, 400), np.uint8)
    truth[3:6] = 1
    shown = truth.copy()
    shown[4, :] = 0
    shown[3:6, :8] = shown[3:6, -8:] = 0
    strokes = list(plan_strokes(shown, truth))
    broadest = max(stroke.radius for stroke in strokes)
    assert len([stroke for stroke in strokes if stroke.radius == broadest]) == 2
    assert all(len(s.path) < 200 for s in strokes)


def test_strokes_are_deterministic() -> None:
    def told() -> list[tuple[int, float, float, bytes]]:
        strokes = plan_strokes(scene(8), scene(7))
        return [(s.value, s.radius, s.seconds, s.path.tobytes()) for s in strokes]

    assert told() == told() and len(told()) > 3


def test_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        list(plan_strokes(np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8)))


def test_tolerance_mask_agrees_with_brute_force() -> None:
    for seed in range(4):
        truth, shown = scene(seed), np.roll(scene(seed), 3, axis=1)
        of_class = truth == 1
        right = of_class & (shown == 1)
        expected = of_class & is_near(right, 2) & is_near(~of_class, 2)
        np.testing.assert_array_equal(is_within_tolerance(right, of_class, 2.0), expected)
