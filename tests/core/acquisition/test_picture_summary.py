"""Summaries of predicted pictures, and descriptors by which near-duplicates are recognised."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from core.acquisition.picture_summary import (
    DESCRIPTOR_SIZE,
    PictureSummary,
    SummaryColumns,
    class_uncertainty,
    describe,
)
from core.labels.prediction import PredictedMask
from core.samples.scenes import draw_scene


def halves(left: int, right: int, sure: tuple[int, int]) -> PredictedMask:
    values, confidence = np.empty((40, 60), np.uint8), np.empty((40, 60), np.uint8)
    values[:, :30], values[:, 30:] = left, right
    confidence[:, :30], confidence[:, 30:] = sure
    return PredictedMask(values, confidence)


def test_uncertainty_is_the_mean_over_pixels_without_a_label() -> None:
    prediction = halves(1, 2, (255, 153))
    unsure, shares = class_uncertainty(prediction, None)
    assert unsure[1] == 0
    assert unsure[2] == pytest.approx(0.4)
    assert shares[1] == shares[2] == pytest.approx(0.5)
    label = np.zeros((40, 60), np.uint8)
    label[:20] = 255
    label[:, 30:45] = 1
    prediction.confidence[:, 50:] = 0
    unsure, shares = class_uncertainty(prediction, label)
    assert unsure[2] == pytest.approx((5 * 0.4 + 10) / 15)
    assert shares[2] == pytest.approx(15 * 20 / 2400)
    unsure, shares = class_uncertainty(prediction, np.full((40, 60), 1, np.uint8))
    assert not unsure.any()
    assert not shares.any()


def test_columns_hold_only_the_classes_that_occur() -> None:
    look = describe(np.full((20, 30, 3), 90, np.uint8))
    summaries = [PictureSummary(i, *class_uncertainty(halves(i, 9, (200, 100)), None), look) for i in (4, 2)]
    columns = SummaryColumns.of(summaries)
    assert columns.ids.tolist() == [4, 2]
    assert columns.classes.tolist() == [2, 4, 9]
    assert columns.shares.tolist() == [[0, 0.5, 0.5], [0.5, 0, 0.5]]
    assert columns.descriptors.shape == (2, DESCRIPTOR_SIZE)
    assert len(SummaryColumns.of([]).ids) == 0


def test_another_light_or_size_changes_a_descriptor_less_than_another_scene() -> None:
    scenes = [draw_scene(seed).picture for seed in range(4)]
    descriptors = [describe(scene).astype(np.float32) for scene in scenes]
    assert descriptors[0].shape == (DESCRIPTOR_SIZE,)
    between = min(float(np.linalg.norm(descriptors[0] - each)) for each in descriptors[1:])
    brighter = cv2.convertScaleAbs(scenes[0], alpha=1.05)
    smaller = cv2.resize(scenes[0], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    shifted = np.roll(scenes[0], 3, axis=1)
    for changed in (brighter, smaller, shifted):
        assert np.linalg.norm(descriptors[0] - describe(changed).astype(np.float32)) < between / 2


def test_any_thumbnail_has_a_descriptor() -> None:
    for shape in ((1, 1, 3), (1, 300, 3), (5, 2, 3)):
        assert np.isfinite(describe(np.full(shape, 255, np.uint8))).all()
