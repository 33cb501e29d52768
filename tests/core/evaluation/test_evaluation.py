"""Scores over several pictures, and how sure they are."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluation.evaluation import Evaluation, miou_difference
from core.evaluation.picture_counts import IGNORED, PictureCounts, count_picture
from core.labels.confusion_scores import mean_iou


def counted(number: int, truth: np.ndarray, predicted: np.ndarray, confidence: int = 255) -> PictureCounts:
    return count_picture(number, truth, predicted, np.full(truth.shape, confidence, np.uint8), 2)


def pictures(count: int, wrong: float, seed: int = 0) -> list[PictureCounts]:
    """Random truth, of which a share is predicted wrongly."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        truth = rng.integers(0, 2, (24, 32)).astype(np.uint8)
        flipped = rng.random(truth.shape) < wrong * rng.random() * 2
        made.append(counted(number, truth, np.where(flipped, 1 - truth, truth).astype(np.uint8)))
    return made


def test_one_matrix_over_all_pictures() -> None:
    truth = np.zeros((4, 8), np.uint8)
    truth[:, 4:] = 1
    truth[0] = IGNORED
    wrong = np.ones_like(truth)
    found = Evaluation((3, 9), (counted(5, truth, truth * (truth < 2)), counted(7, truth, wrong)), 64)
    np.testing.assert_array_equal(found.confusion, [[12, 12, 0], [0, 24, 0]])
    assert found.labelled_share == pytest.approx(48 / 64)
    assert found.mean_scores()["miou"] == pytest.approx((12 / 24 + 24 / 36) / 2)
    assert found.picture_miou() == {7: pytest.approx(0.25), 5: 1.0}
    assert list(found.picture_miou()) == [7, 5]


def test_calibration_compares_sureness_and_accuracy() -> None:
    """A network that is 80 % sure of everything and right in half of it."""
    truth = np.zeros((10, 10), np.uint8)
    half = truth.copy()
    half[:5] = 1
    found = Evaluation((1, 2), (counted(1, truth, half, confidence=204),), 100)
    (only,) = found.calibration()
    assert (only.pixels, only.confidence, only.accuracy) == (100, pytest.approx(0.8), pytest.approx(0.5))
    assert found.calibration_error() == pytest.approx(0.3)


def test_interval_holds_the_score_and_narrows_with_pictures() -> None:
    few, many = (Evaluation((1, 2), tuple(pictures(count, 0.2)), 1) for count in (8, 200))
    widths = []
    for found in (few, many):
        low, high = found.miou_interval() or (1.0, 0.0)
        assert low < mean_iou(found.confusion) < high
        assert (low, high) == found.miou_interval()
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
    assert Evaluation((1, 2), few.pictures[:1], 1).miou_interval() is None


def test_difference_is_surer_than_its_parts() -> None:
    """Pictures are hard for both networks alike: the second is one point better on each."""
    first = pictures(40, 0.3)
    rng = np.random.default_rng(1)
    second = []
    for number in range(40):
        picture_rng = np.random.default_rng(0)
        for _ in range(number + 1):
            truth = picture_rng.integers(0, 2, (24, 32)).astype(np.uint8)
            flipped = picture_rng.random(truth.shape) < 0.3 * picture_rng.random() * 2
        mended = flipped & (rng.random(truth.shape) < 0.9)
        second.append(counted(number, truth, np.where(mended, 1 - truth, truth).astype(np.uint8)))
    before, after = Evaluation((1, 2), tuple(first), 1), Evaluation((1, 2), tuple(second), 1)
    low, high = miou_difference(before, after) or (0.0, 0.0)
    assert 0 < low < high
    alone = before.miou_interval() or (0.0, 0.0)
    assert high - low < alone[1] - alone[0]
    assert (
        miou_difference(Evaluation((1, 2), tuple(first[:3]), 1), Evaluation((1, 2), tuple(second[10:]), 1))
        is None
    )
    with pytest.raises(ValueError, match="classes"):
        miou_difference(before, Evaluation((1, 3), tuple(second), 1))
