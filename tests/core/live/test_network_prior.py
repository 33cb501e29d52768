"""The live head on top of a network's prediction: it stays as it is where nothing else was painted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from core.live.labelled_pixels import NO_PIXELS, sample_labelled_pixels
from core.live.network_prior import NetworkPrior
from core.live.predictor import LivePredictor
from tests.spotted_pictures import SIZE, spots, spotted_picture, spotted_truth


@pytest.fixture(scope="module")
def one_predictor() -> LivePredictor:
    return LivePredictor()


@pytest.fixture
def predictor(one_predictor: LivePredictor) -> Iterator[LivePredictor]:
    yield one_predictor
    one_predictor.network = None
    one_predictor.reservoir.clear()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    Image.fromarray(spotted_picture()).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def prior_of(values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> NetworkPrior:
    return NetworkPrior(values, np.full_like(values, 200))


def test_the_planes_are_log_probabilities_and_the_same_as_at_their_pixels() -> None:
    prior = prior_of(spotted_truth())
    planes = prior.planes((1, 2, 3, 9), SIZE[::-1])
    torch.testing.assert_close(planes.exp().sum(0), torch.ones(SIZE[::-1]))
    np.testing.assert_array_equal(np.array([1, 2, 3, 9])[planes.argmax(0)], spotted_truth())
    points = np.array([[5, 5], [180, 20], spots()[0]])
    torch.testing.assert_close(prior.at(points, SIZE, (1, 2, 3, 9)).T, planes[:, points[:, 1], points[:, 0]])


def test_strokes_that_agree_change_nothing(predictor: LivePredictor, saved: Path) -> None:
    predictor.network = 1, prior_of(spotted_truth())
    label = np.zeros(SIZE[::-1], np.uint8)
    label[60:64, 5:20] = 1  # one stroke of one class: alone it would say nothing of the others
    for quick in (True, False):
        mask = predictor.predict(1, saved, sample_labelled_pixels(label), quick=quick)
        assert mask is not None
        assert (mask.values == spotted_truth()).mean() > 0.97
        assert predictor.head is not None
        assert predictor.head[1].has_prior


def test_a_stroke_corrects_what_the_network_says_of_all_that_looks_like_it(
    predictor: LivePredictor, saved: Path
) -> None:
    said = spotted_truth()
    said[said == 3] = 1
    predictor.network = 1, prior_of(said)
    label = np.zeros(SIZE[::-1], np.uint8)
    for x, y in spots()[:2]:
        label[y - 4 : y + 4, x - 4 : x + 4] = 3
    mask = predictor.predict(1, saved, sample_labelled_pixels(label))
    assert mask is not None
    assert (mask.values == spotted_truth()).mean() > (said == spotted_truth()).mean()
    assert (mask.values[spotted_truth() == 3] == 3).sum() > 2 * (label == 3).sum()


def test_without_strokes_and_for_another_picture_it_is_not_used(
    predictor: LivePredictor, saved: Path
) -> None:
    predictor.network = 1, prior_of(spotted_truth())
    assert predictor.predict(1, saved, NO_PIXELS) is None
    label = np.zeros(SIZE[::-1], np.uint8)
    label[60:64, 5:20] = 1
    assert predictor.predict(2, saved, sample_labelled_pixels(label)) is None
