"""Suspected components of a label: which ones, their score and order, and which are left out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.base.errors import ProjectError
from core.base.geometry import Box
from core.evaluation.label_errors import ClassConfidence, find_disagreements, same_thresholds
from core.evaluation.suspected_components import (
    MIN_PIXELS,
    SuspectedComponent,
    WorstComponents,
    find_suspected_components,
    mask_of,
    softmin,
    without_regions,
)
from core.labels.class_list import VOID
from core.labels.label_region import LabelRegion
from core.labels.prediction import PredictedMask

ROAD, TREE, CAR = 1, 2, 3
AT_80 = same_thresholds(0.8)


def scene() -> np.ndarray:
    """(80, 100) uint8: road, with trees on top and a car of 12 x 10 pixels."""
    values = np.full((80, 100), ROAD, np.uint8)
    values[:20] = TREE
    values[50:60, 40:52] = CAR
    return values


def predicted(values: np.ndarray, sure: int = 250) -> PredictedMask:
    return PredictedMask(values.copy(), np.full(values.shape, sure, np.uint8))


def found_in(label: np.ndarray, prediction: PredictedMask) -> list[SuspectedComponent]:
    return find_suspected_components(7, label, prediction, AT_80)


def test_label_that_agrees_has_no_suspect() -> None:
    assert found_in(scene(), predicted(scene())) == []


def test_whole_component_with_another_class_is_found_as_one() -> None:
    label = scene()
    label[50:60, 40:52] = TREE
    prediction = predicted(scene())
    prediction.values[50:52, 40:52] = (
        TREE  # a rim where the network agrees: it belongs to the component all the same
    )
    (one,) = found_in(label, prediction)
    assert (one.picture_id, one.region.class_value, one.predicted) == (7, TREE, CAR)
    assert one.region.box == Box(40, 50, 52, 60) and one.pixels == 120 and not one.is_part
    assert one.region.pixels().all()


def test_part_of_a_large_component_is_found_alone() -> None:
    label = scene()
    label[label == CAR] = ROAD
    (one,) = found_in(label, predicted(scene()))
    assert (one.region.class_value, one.predicted, one.is_part) == (ROAD, CAR, True)
    assert one.region.box == Box(40, 50, 52, 60) and one.pixels == 120


def test_outline_that_is_some_pixels_off_is_no_suspect() -> None:
    off = np.full((80, 100), ROAD, np.uint8)
    off[:24] = TREE
    off[52:62, 38:50] = CAR
    assert found_in(scene(), predicted(off)) == []


def test_unsure_pixels_make_no_holes_in_a_part() -> None:
    label = scene()
    label[label == CAR] = ROAD
    prediction = predicted(scene())
    prediction.confidence[50:60:2, 40:52] = 100
    (one,) = found_in(label, prediction)
    assert one.is_part and one.pixels == 120
    prediction.confidence[50:60, 40:47] = 100
    assert found_in(label, prediction) == [], "less than half of it is confident"


def test_speck_is_no_suspect() -> None:
    label = scene()
    label[30, 30 : 30 + MIN_PIXELS - 1] = CAR
    truth = scene()
    assert found_in(label, predicted(truth)) == []
    label[30, 30 : 30 + MIN_PIXELS] = CAR
    assert [one.pixels for one in found_in(label, predicted(truth))] == [MIN_PIXELS]


def test_large_picture_is_looked_at_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = scene()
    truth[48:62, 38:54] = CAR
    label = truth.copy()
    label[48:62, 38:54] = TREE
    label[30:45, 60:81] = CAR
    prediction = predicted(truth)
    exact = found_in(label, prediction)
    monkeypatch.setattr("core.evaluation.suspected_components.MAX_PIXELS", 2000)
    coarse = found_in(label, prediction)
    assert [(one.region.class_value, one.predicted) for one in coarse] == [(CAR, ROAD), (TREE, CAR)]
    for one, same in zip(coarse, exact, strict=True):
        assert one.region.is_in(label) and abs(one.pixels - same.pixels) <= 60
        shared = mask_of(one, Box(0, 0, 100, 80)) & mask_of(same, Box(0, 0, 100, 80))
        assert shared.sum() >= 0.8 * same.pixels


def test_void_and_unlabelled_pixels_are_never_suspect() -> None:
    label = scene()
    label[50:60, 40:52] = VOID
    label[:20] = 0
    assert found_in(label, predicted(scene())) == []
    prediction = predicted(scene())
    prediction.values[30:50] = VOID
    assert found_in(label, prediction) == []


def test_touching_errors_of_two_classes_are_two_suspects() -> None:
    label = np.full((80, 100), ROAD, np.uint8)
    found = found_in(label, predicted(scene()))
    assert {(one.predicted, one.pixels) for one in found} == {(TREE, 2000), (CAR, 120)}


def test_surer_and_larger_come_first() -> None:
    label = np.full((80, 100), ROAD, np.uint8)
    prediction = predicted(label)
    for x, side, sure in ((2, 10, 255), (15, 12, 255), (30, 14, 220), (50, 30, 250)):
        prediction.values[10 : 10 + side, x : x + side] = CAR
        prediction.confidence[10 : 10 + side, x : x + side] = sure
    found = found_in(label, prediction)
    assert [one.pixels for one in found] == [144, 900, 100, 196]
    assert found[0].score == found[2].score < found[1].score < found[3].score


def test_threshold_is_the_mean_of_the_class() -> None:
    label, prediction = scene(), predicted(scene())
    prediction.confidence[label == CAR] = 240
    wrong = np.zeros(label.shape, bool)
    wrong[30:40, 10:20] = True
    label[wrong] = CAR
    prediction.confidence[wrong] = 210
    sums = ClassConfidence()
    sums.add(label, prediction)
    limits = sums.thresholds()
    assert limits[CAR] == (240 * 120 + (255 - 210) * 100) // 220
    assert limits[ROAD] == 250 and limits[9] == 204
    # Predicted as road with 210, while road is predicted with 250 on average: not confident.
    assert find_suspected_components(1, label, prediction, limits) == []
    prediction.confidence[wrong] = 250
    assert len(find_suspected_components(1, label, prediction, limits)) == 1


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 2)), min_size=1, max_size=40))
def test_softmin_is_that_of_the_paper(pairs: list[tuple[int, int]]) -> None:
    sure, groups = (np.array(each) for each in zip(*pairs, strict=True))
    result = softmin(sure.astype(np.uint8), groups.astype(np.int32), 3)
    for group in range(3):
        scores = [each / 255 for each, of in pairs if of == group]
        weights = [math.exp(-score / 0.1) for score in scores]
        expected = sum(s * w for s, w in zip(scores, weights, strict=True)) / sum(weights) if scores else 1.0
        assert math.isclose(result[group], expected, rel_tol=1e-9, abs_tol=1e-12)


values = arrays.arrays(np.uint8, (24, 24), elements=st.sampled_from([0, 1, 2, VOID]))


@given(values, values, arrays.arrays(np.uint8, (24, 24), elements=st.sampled_from([0, 203, 204, 255])))
def test_suspects_share_no_pixel_and_have_the_class_of_the_label(
    label: np.ndarray, said: np.ndarray, sure: np.ndarray
) -> None:
    label, said = (np.kron(each[::6, ::6], np.ones((6, 6), np.uint8)) for each in (label, said))
    prediction = PredictedMask(said, sure)
    seen = np.zeros(label.shape, int)
    for one in found_in(label, prediction):
        mask = mask_of(one, Box(0, 0, 24, 24))
        seen += mask
        assert mask.sum() == one.pixels >= MIN_PIXELS
        assert (label[mask] == one.region.class_value).all() and one.region.is_in(label)
        against = said[mask] == one.predicted
        assert against.all() or not one.is_part
        assert 2 * (against & (sure[mask] >= 204)).sum() >= one.pixels
    assert seen.max() <= 1
    found = find_disagreements(label, prediction)
    if not found.pixels:
        assert not seen.any()


def test_regions_left_out_are_asked_again_once_the_label_changes() -> None:
    label = scene()
    label[50:60, 40:52] = TREE
    (one,) = found_in(label, predicted(scene()))
    left, count = without_regions(label, [one.region])
    assert count == 1 and found_in(left, predicted(scene())) == []
    assert (label[50:60, 40:52] == TREE).all(), "the label itself stays"
    label[55, 45] = ROAD
    left, count = without_regions(label, [one.region])
    assert count == 0 and left is label and len(found_in(left, predicted(scene()))) == 1


def test_only_the_worst_are_kept() -> None:
    region = LabelRegion(ROAD, Box(0, 0, 1, 1), b"F\1")
    worst = WorstComponents(limit=3)
    for number in range(20):
        worst.add([SuspectedComponent(number, region, CAR, 1, 20, 1 - (7 * number % 20) / 20, False)])
    assert [one.picture_id for one in worst.sorted()] == [17, 14, 11]
    assert [7 * number % 20 for number in (17, 14, 11)] == [19, 18, 17]


def test_region_of_a_strangers_file_is_in_no_label() -> None:
    label = scene()
    for box in (Box(0, 0, 10**9, 10**9), Box(5, 5, 5, 5), Box(-3, 0, 4, 4), Box(90, 0, 110, 10)):
        assert not LabelRegion(TREE, box, b"F\1").is_in(label)
    assert not LabelRegion(TREE, Box(0, 0, 4, 4), b"Zjunk").is_in(label)
    assert LabelRegion(TREE, Box(0, 0, 4, 4), b"F\1").is_in(label)
    with pytest.raises(ProjectError):
        LabelRegion(TREE, Box(0, 0, 4, 4), b"").pixels()


def test_digest_tells_regions_apart() -> None:
    mask = np.ones((4, 4), bool)
    other = mask.copy()
    other[0, 0] = False
    made = [
        LabelRegion.of(TREE, Box(0, 0, 4, 4), mask),
        LabelRegion.of(ROAD, Box(0, 0, 4, 4), mask),
        LabelRegion.of(TREE, Box(1, 0, 5, 4), mask),
        LabelRegion.of(TREE, Box(0, 0, 4, 4), other),
    ]
    assert len({each.digest for each in made}) == 4
    assert made[0].digest == LabelRegion.of(TREE, Box(0, 0, 4, 4), mask).digest
