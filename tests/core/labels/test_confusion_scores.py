"""Scores of a confusion matrix agree with scikit-learn's, which counts pixels itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from core.labels.confusion_scores import (
    MEAN_SCORES,
    class_dice,
    class_iou,
    class_precision,
    class_recall,
    frequency_weighted_iou,
    mean_accuracy,
    mean_dice,
    mean_iou,
    mean_precision,
    pixel_accuracy,
)

CLASSES = 4
pixels = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES)), min_size=1, max_size=80)


@given(pixels)
def test_scores_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    """Predictions of a class that no longer exists, here 4, count as wrong."""
    true, predicted = (np.array(column) for column in zip(*pairs, strict=True))
    matrix = metrics.confusion_matrix(true, predicted, labels=range(CLASSES + 1))[:CLASSES]
    occurring = sorted(set(true))
    for ours, theirs in (
        (class_iou, metrics.jaccard_score),
        (class_dice, metrics.f1_score),
        (class_precision, metrics.precision_score),
        (class_recall, metrics.recall_score),
    ):
        expected = theirs(true, predicted, labels=occurring, average=None, zero_division=0)
        np.testing.assert_allclose(np.nan_to_num(ours(matrix))[occurring], expected)
    for score, theirs in (
        (mean_iou, metrics.jaccard_score),
        (mean_dice, metrics.f1_score),
        (mean_precision, metrics.precision_score),
        (mean_accuracy, metrics.recall_score),
    ):
        expected = theirs(true, predicted, labels=occurring, average="macro", zero_division=0)
        assert score(matrix) == pytest.approx(expected)
    assert pixel_accuracy(matrix) == pytest.approx(metrics.accuracy_score(true, predicted))
    weighted = metrics.jaccard_score(true, predicted, average="weighted", zero_division=0)
    assert frequency_weighted_iou(matrix) == pytest.approx(weighted)


def test_a_class_that_does_not_occur_has_no_score() -> None:
    matrix = np.array([[8, 2, 0], [0, 0, 0], [0, 0, 0]])
    iou = class_iou(matrix)
    assert iou[0] == pytest.approx(0.8)
    assert iou[1] == 0  # predicted but not there
    assert np.isnan(iou[2])  # neither
    assert mean_iou(matrix) == pytest.approx(0.8)
    assert np.isnan(class_precision(matrix)[2])
    assert np.isnan(class_recall(matrix)[1])


def test_nothing_labelled_has_no_score() -> None:
    for score in MEAN_SCORES.values():
        assert np.isnan(score(np.zeros((3, 3), np.int64)))
