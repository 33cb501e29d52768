"""What is counted in a picture agrees with counting it pixel by pixel and region by region."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from core.evaluation.picture_counts import BOUNDARY_SHARE, IGNORED, count_picture

CLASSES = 3
SHAPE = (13, 17)
truths = arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 1, 2, IGNORED]))
predictions = arrays(np.uint8, SHAPE, elements=st.integers(0, CLASSES))
sure = np.full(SHAPE, 255, np.uint8)


@given(truths, predictions, arrays(np.uint8, SHAPE))
@settings(max_examples=25)
def test_every_pixel_that_counts_is_counted_once(
    truth: np.ndarray, predicted: np.ndarray, confidence: np.ndarray
) -> None:
    counts = count_picture(1, truth, predicted, confidence, CLASSES)
    expected = np.zeros((CLASSES, CLASSES + 1), np.int64)
    levels = np.zeros((256, 2), np.int64)
    for true, guess, level in zip(truth.flat, predicted.flat, confidence.flat, strict=True):
        if true != IGNORED:
            expected[true, guess] += 1
            levels[level] += 1, true == guess
    matrix = np.zeros((CLASSES, CLASSES + 1), np.int64)
    matrix.flat[counts.cells] = counts.pixels
    np.testing.assert_array_equal(matrix, expected)
    np.testing.assert_array_equal(counts.confidence, levels)


@given(truths, predictions)
@settings(max_examples=25)
def test_boundaries_are_the_pixels_near_an_outline(truth: np.ndarray, predicted: np.ndarray) -> None:
    """A pixel is near when a pixel of another class, or a place outside the picture, is within reach."""
    reach = max(1, round(BOUNDARY_SHARE * float(np.hypot(*SHAPE))))
    counts = count_picture(1, truth, predicted, sure, CLASSES)
    for index in range(CLASSES):
        near = [np.zeros(SHAPE, bool) for _ in range(2)]
        for mask, found in zip((truth, predicted), near, strict=True):
            inside = np.pad((mask == index) | (truth == IGNORED), reach, constant_values=False)
            for y, x in np.argwhere((mask == index) & (truth != IGNORED)):
                found[y, x] = not inside[y : y + 2 * reach + 1, x : x + 2 * reach + 1].all()
        assert tuple(counts.boundary[index]) == ((near[0] & near[1]).sum(), (near[0] | near[1]).sum())


def test_a_region_owns_the_predicted_pixels_next_to_it() -> None:
    """Two squares of one class: one predicted twice as wide, one not at all; a third class has no prediction."""
    truth = np.full((60, 120), 2, np.uint8)
    predicted = truth.copy()
    truth[10:20, 10:20] = 0
    predicted[10:20, 10:30] = 0  # 100 of 200 pixels are right
    truth[40:50, 90:100] = 0
    truth[0:40, 60:120] = 1
    counts = count_picture(1, truth, predicted, np.full(truth.shape, 9, np.uint8), CLASSES)
    small, medium, large = counts.regions
    assert tuple(small) == (2, pytest.approx(0.5))
    assert tuple(medium) == (2, pytest.approx(4500 / 7100))  # 2,400 pixels never predicted; the 4,600 around
    assert tuple(large) == (0, 0)


@given(truths)
@settings(max_examples=25)
def test_a_right_prediction_finds_every_region(truth: np.ndarray) -> None:
    predicted = np.where(truth == IGNORED, 0, truth).astype(np.uint8)
    counts = count_picture(1, truth, predicted, sure, CLASSES)
    regions = sum(ndimage.label(truth == index, np.ones((3, 3)))[1] for index in range(CLASSES))
    assert counts.regions[:, 0].sum() == regions
    assert counts.regions[:, 1].sum() == pytest.approx(regions)


def test_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match="differ in size"):
        count_picture(
            1, np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), np.zeros((2, 3), np.uint8), 1
        )
