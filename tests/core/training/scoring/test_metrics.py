"""Scores from confusion matrices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.training.data.training_set import IGNORE_INDEX
from core.training.scoring.metrics import confusion_matrix, iou_from_confusion, mean_iou, pixel_accuracy


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 2, 3, IGNORE_INDEX])), min_size=1, max_size=60
    )
)
def test_confusion_counts_labelled_pixels(pairs: list[tuple[int, int]]) -> None:
    """Deterministically or not."""
    expected = np.zeros((4, 4), np.int64)
    for guess, true in pairs:
        if true != IGNORE_INDEX:
            expected[true, guess] += 1
    pred, truth = (torch.tensor(column, dtype=torch.uint8) for column in zip(*pairs, strict=True))
    assert (confusion_matrix(pred, truth, 4).numpy() == expected).all()
    torch.use_deterministic_algorithms(True)
    try:
        assert (confusion_matrix(pred, truth, 4).numpy() == expected).all()
    finally:
        torch.use_deterministic_algorithms(False)


def test_scores_from_a_matrix() -> None:
    matrix = np.array([[8, 2, 0], [0, 0, 0], [0, 0, 0]])
    iou = iou_from_confusion(matrix)
    assert iou[0] == pytest.approx(0.8)
    assert iou[1] == 0  # predicted but not there
    assert np.isnan(iou[2])  # neither
    assert mean_iou(matrix) == pytest.approx(0.8)
    assert pixel_accuracy(matrix) == pytest.approx(0.8)
    assert np.isnan(mean_iou(np.zeros((3, 3), np.int64)))
    assert np.isnan(pixel_accuracy(np.zeros((3, 3), np.int64)))
