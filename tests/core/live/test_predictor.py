"""Live prediction with the real packaged weights, on small pictures of two halves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from core.base.errors import ImageError
from core.live.labelled_pixels import NO_PIXELS, sample_evenly, sample_labelled_pixels
from core.live.picture_features import FeatureMemory
from core.live.predictor import LivePredictor
from tests.factories import picture, truth


@pytest.fixture(scope="module")
def predictor() -> LivePredictor:
    return LivePredictor()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    Image.fromarray(picture()).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def strokes() -> NDArray[np.uint8]:
    """A short stroke in each half, and void that must not count."""
    label = np.zeros((64, 96), np.uint8)
    label[30:33, 10:25] = 1
    label[30:33, 70:85] = 2
    label[0, :] = 255
    return label


def agreement(values: NDArray[np.uint8]) -> float:
    return float((values == truth()).mean())


def test_one_stroke_a_half_is_enough_for_the_whole_picture(predictor: LivePredictor, saved: Path) -> None:
    pixels = sample_labelled_pixels(strokes())
    quick = predictor.predict(1, saved, pixels, quick=True)
    refined = predictor.predict(1, saved, pixels)
    assert quick is not None
    assert refined is not None
    assert agreement(quick.values) > 0.9
    assert agreement(refined.values) > 0.9
    assert refined.confidence.mean() > 150
    predictor.reservoir.clear()


def test_a_single_class_predicts_nothing(predictor: LivePredictor, saved: Path) -> None:
    predictor.reservoir.clear()
    label = strokes()
    label[label == 2] = 0
    assert predictor.predict(2, saved, sample_labelled_pixels(label)) is None
    assert len(predictor.predict_points(2, saved, np.array([[1, 1]], np.uint32))) == 0


def test_labels_of_another_picture_predict_one_without_any(
    predictor: LivePredictor, saved: Path, tmp_path: Path
) -> None:
    predictor.reservoir.clear()
    Image.fromarray(picture(seed=1)).save(tmp_path / "b.png")
    predictor.learn(10, saved, sample_labelled_pixels(strokes()))
    mask = predictor.predict(11, tmp_path / "b.png", NO_PIXELS)
    assert mask is not None
    assert agreement(mask.values) > 0.95
    points = np.array([[5, 5], [90, 60]], np.uint32)
    np.testing.assert_array_equal(predictor.predict_points(11, tmp_path / "b.png", points), [1, 2])
    predictor.learn(10, saved, NO_PIXELS)
    assert predictor.predict(11, tmp_path / "b.png", NO_PIXELS) is None


def test_a_replaced_file_is_read_again(predictor: LivePredictor, saved: Path) -> None:
    predictor.reservoir.clear()
    pixels = sample_labelled_pixels(strokes())
    predictor.predict(3, saved, pixels)
    Image.fromarray(np.ascontiguousarray(picture(120, 80)[:, ::-1])).save(saved)
    mask = predictor.predict(3, saved, sample_labelled_pixels(np.zeros((80, 120), np.uint8)))
    assert mask is None
    assert predictor.features(3, saved).size == (120, 80)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (4, "RGBA")])
def test_pictures_with_other_channels(
    predictor: LivePredictor, tmp_path: Path, channels: int, mode: str
) -> None:
    predictor.reservoir.clear()
    Image.fromarray(picture()).convert(mode).save(tmp_path / f"{channels}.png")
    mask = predictor.predict(20 + channels, tmp_path / f"{channels}.png", sample_labelled_pixels(strokes()))
    assert mask is not None
    assert agreement(mask.values) > 0.85


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_pictures_of_16_bits(predictor: LivePredictor, tmp_path: Path, channels: int) -> None:
    predictor.reservoir.clear()
    deep = picture().astype(np.uint16) * 200 + 300
    pixels = deep[..., 0] if channels == 1 else deep[..., np.arange(channels) % 3]
    path = tmp_path / f"deep {channels}.tif"
    tifffile.imwrite(path, pixels, planarconfig=None if channels == 1 else "contig")
    mask = predictor.predict(30 + channels, path, sample_labelled_pixels(strokes()))
    assert mask is not None
    assert agreement(mask.values) > 0.85


def test_a_full_memory_forgets_the_oldest_and_computes_it_again(
    saved: Path, tmp_path: Path, predictor: LivePredictor
) -> None:
    predictor.reservoir.clear()
    size = predictor.features(40, saved).nbytes
    small = LivePredictor(FeatureMemory(size))
    small._encoders = predictor._encoders
    Image.fromarray(picture(seed=3)).save(tmp_path / "b.png")
    pixels = sample_labelled_pixels(strokes())
    first = small.predict(40, saved, pixels)
    assert small.known_features(40, saved) is not None
    assert small.predict(41, tmp_path / "b.png", pixels) is not None
    assert small.known_features(40, saved) is None
    again = small.predict(40, saved, pixels)
    assert first is not None
    assert again is not None
    np.testing.assert_array_equal(again.values, first.values)


def test_a_memory_too_small_for_one_picture_keeps_nothing_and_predicts_all_the_same(
    saved: Path, predictor: LivePredictor
) -> None:
    tiny = LivePredictor(FeatureMemory(1000))
    tiny._encoders = predictor._encoders
    mask = tiny.predict(42, saved, sample_labelled_pixels(strokes()))
    assert mask is not None
    assert agreement(mask.values) > 0.9
    assert tiny.known_features(42, saved) is None


def test_an_unreadable_file_is_named(predictor: LivePredictor, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"broken\.png"):
        predictor.predict(4, tmp_path / "broken.png", NO_PIXELS)


def test_a_label_of_another_size_is_refused(predictor: LivePredictor, saved: Path) -> None:
    predictor.reservoir.clear()
    pixels = sample_labelled_pixels(np.pad(strokes(), ((0, 1), (0, 0))))
    with pytest.raises(ImageError, match="another size than its label"):
        predictor.predict(5, saved, pixels)
    predictor.learn(5, saved, sample_labelled_pixels(strokes()))
    with pytest.raises(ImageError, match="another size than its label"):
        predictor.learn(5, saved, pixels)
    assert len(predictor.reservoir) == 0


def test_a_quick_answer_for_a_large_picture_is_coarse(
    predictor: LivePredictor, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.live.predictor.QUICK_PIXELS", 96 * 64 // 4)
    quick = predictor.predict(6, saved, sample_labelled_pixels(strokes()), quick=True)
    refined = predictor.predict(6, saved, sample_labelled_pixels(strokes()))
    assert quick is not None
    assert refined is not None
    assert quick.values.shape == (32, 48)
    assert refined.values.shape == (64, 96)
    assert (quick.values == truth()[::2, ::2]).mean() > 0.9


def test_the_sample_is_balanced_and_repeatable() -> None:
    label = np.ones((200, 200), np.uint8)
    label[:3, :3] = 2
    label[-1] = 255
    first, second = sample_labelled_pixels(label), sample_labelled_pixels(label)
    np.testing.assert_array_equal(first.points, second.points)
    assert first.classes == [1, 2]
    assert (first.values == 2).sum() == 9
    assert (first.values == 1).sum() == 400
    np.testing.assert_array_equal(label[first.points[:, 1], first.points[:, 0]], first.values)


def test_the_even_sample_follows_the_areas() -> None:
    label = np.ones((100, 100), np.uint8)
    label[:25] = 2
    label[-1] = 255
    sample = sample_evenly(label, 2000)
    assert len(sample.values) == 2000
    assert 0.2 < (sample.values == 2).mean() < 0.31
    assert 255 not in sample.values
