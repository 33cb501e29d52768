"""Disagreements of labels with predictions, how sure a prediction is of a label, and thresholds of the classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.evaluation.label_errors import ClassConfidence, find_disagreements, self_confidence
from core.labels.class_list import VOID
from core.labels.prediction import PredictedMask
from tests.factories import truth

masks = arrays.arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, 3, VOID]))


@given(masks, masks, arrays.arrays(np.uint8, (6, 7)))
def test_disagreements_equal_a_loop_over_the_pixels(
    label: np.ndarray, predicted: np.ndarray, confident: np.ndarray
) -> None:
    expected: dict[tuple[int, int], int] = {}
    labelled = 0
    for was, class_value, confidence in zip(label.flat, predicted.flat, confident.flat, strict=True):
        labelled += was not in (0, VOID)
        if was not in (0, VOID) and class_value not in (0, VOID) and was != class_value and confidence >= 204:
            expected[int(was), int(class_value)] = expected.get((int(was), int(class_value)), 0) + 1
    found = find_disagreements(label, PredictedMask(predicted, confident))
    assert dict(found.pixels) == expected
    assert found.labelled == labelled
    assert found.share == (sum(expected.values()) / labelled if labelled else 0)


def test_masks_of_two_sizes_cannot_be_compared() -> None:
    small = np.ones((4, 4), np.uint8)
    with pytest.raises(ValueError, match="differ in size"):
        find_disagreements(truth(), PredictedMask(small, small))


def test_thresholds_are_means_over_all_pictures() -> None:
    sums = ClassConfidence()
    sums.add(
        np.array([[1, 1, 2]], np.uint8),
        PredictedMask(np.array([[1, 2, 2]], np.uint8), np.array([[200, 155, 40]], np.uint8)),
    )
    sums.add(np.array([[1]], np.uint8), PredictedMask(np.array([[1]], np.uint8), np.array([[255]], np.uint8)))
    assert sums.thresholds()[[1, 2, 3]].tolist() == [(200 + 100 + 255) // 3, 40, 204]


def test_self_confidence_is_an_upper_bound_where_another_class_is_predicted() -> None:
    label = np.array([[1, 1]], np.uint8)
    prediction = PredictedMask(np.array([[1, 2]], np.uint8), np.array([[200, 180]], np.uint8))
    assert self_confidence(label, prediction).tolist() == [[200, 75]]
