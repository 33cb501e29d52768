"""Mean IoU of class values."""

from __future__ import annotations

import numpy as np
import pytest

from core.labels.label_iou import label_iou


def test_it_is_the_mean_over_classes_of_the_truth() -> None:
    truth = np.array([[1, 1, 1, 2, 2, 0, 255]], np.uint8)
    said = np.array([[1, 1, 3, 2, 1, 2, 2]], np.uint8)
    assert label_iou(said, truth) == pytest.approx((2 / 4 + 1 / 2) / 2)
    assert label_iou(said, np.array([[0, 255] * 3 + [0]], np.uint8)) is None
