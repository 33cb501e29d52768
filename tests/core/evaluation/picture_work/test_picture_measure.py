"""What the work on one picture is measured as: error before correction, corrected pixels, active time."""

from __future__ import annotations

import numpy as np
import pytest

from core.evaluation.picture_work import picture_measure
from core.evaluation.picture_work.picture_measure import (
    MAX_IDLE_SECONDS,
    active_seconds,
    measure_work,
    subsample_prediction,
)
from core.labels.label_iou import label_iou
from core.labels.prediction import PredictedMask
from core.project.picture_work.work_repository import EditTime

LABEL = np.array([[1, 1, 1, 2, 2, 0, 255, 2]], np.uint8)
SAID = np.array([[1, 1, 3, 2, 1, 2, 2, 0]], np.uint8)


def mask(values: np.ndarray) -> PredictedMask:
    return PredictedMask(values, np.full_like(values, 255))


def test_void_unlabelled_and_unpredicted_pixels_do_not_count() -> None:
    found = measure_work(None, [], LABEL, subsample_prediction(mask(SAID)))
    assert found.iou == pytest.approx((2 / 4 + 1 / 2) / 2)
    assert found.counts == {1: (2, 3, 3), 2: (1, 2, 1), 3: (0, 0, 1)}
    assert (found.compared_pixels, found.corrected_pixels) == (5, 2)


def test_without_a_prediction_or_a_label_there_is_no_error() -> None:
    edit = EditTime(10, None, 1, 5)
    assert measure_work(8, [edit], LABEL, None).iou is None
    assert measure_work(8, [edit], LABEL, None).edits == 1
    assert measure_work(8, [], np.zeros_like(LABEL), subsample_prediction(mask(SAID))).iou is None


def test_a_large_prediction_is_kept_as_a_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    label = np.repeat(np.repeat(rng.integers(1, 4, (25, 40)), 8, 0), 8, 1).astype(np.uint8)
    said = np.where(np.roll(label, 4, 1) == 3, 1, np.roll(label, 4, 1)).astype(np.uint8)
    monkeypatch.setattr(picture_measure, "MAX_KEPT_PIXELS", label.size // 3)
    kept = subsample_prediction(mask(said))
    assert (kept.step, kept.values.shape) == (2, (100, 160))
    found = measure_work(None, [], label[::2, ::2], kept)
    exact = label_iou(said, label)
    assert exact is not None and found.iou == pytest.approx(exact, abs=0.001)
    assert found.compared_pixels == label.size


def test_active_time_is_that_of_edits_and_of_short_pauses() -> None:
    times = [
        EditTime(at=110, before=20, seconds=2, pixels=5),  # opened at 100
        EditTime(at=116, before=110, seconds=4, pixels=5),
        EditTime(at=1000, before=990, seconds=6, pixels=5),  # another picture was edited until 990
        EditTime(at=2000, before=1000, seconds=50, pixels=5),  # a long edit after a long pause
        EditTime(at=2003, before=2000, seconds=0, pixels=0),  # marked done
    ]
    assert active_seconds(100, times) == 10 + 6 + 10 + (50 + MAX_IDLE_SECONDS) + 3


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -5.0, 1e9])
def test_no_edit_takes_longer_than_passed(seconds: float) -> None:
    assert 0 <= active_seconds(100, [EditTime(110, 50, seconds, 1)]) <= 10
    assert active_seconds(None, [EditTime(110, None, seconds, 1)]) == 0
    assert active_seconds(200, [EditTime(110, 50, seconds, 1)]) == 0, "the clock was put back"
