"""The file of a prediction: round trips, and damaged files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from core.base.errors import ImageError
from core.labels.prediction import PredictedMask, read_prediction, write_prediction

pairs = st.tuples(st.integers(1, 19), st.integers(1, 19)).flatmap(
    lambda shape: st.tuples(arrays.arrays(np.uint8, shape), arrays.arrays(np.uint8, shape))
)


def example(run_id: int = 3) -> PredictedMask:
    values = np.arange(1, 211, dtype=np.uint8).reshape(14, 15)
    return PredictedMask(values, values[::-1].copy(), run_id)


@settings(max_examples=25, deadline=None)
@given(pairs, st.integers(0, 10**6))
def test_round_trip(pair: tuple[np.ndarray, np.ndarray], run_id: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "new" / "1.png"
        write_prediction(path, PredictedMask(*pair, run_id))
        found = read_prediction(path)
        assert [p.name for p in path.parent.iterdir()] == ["1.png"]
    np.testing.assert_array_equal(found.values, pair[0])
    np.testing.assert_array_equal(found.confidence, pair[1])
    assert found.run_id == run_id


def test_a_newer_prediction_replaces_the_older(tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    write_prediction(path, example(1))
    write_prediction(path, example(2))
    assert read_prediction(path).run_id == 2


def test_mean_confidence() -> None:
    certain = np.array([[255, 255], [255, 0]], np.uint8)
    assert PredictedMask(certain, certain).mean_confidence == pytest.approx(0.75)
    nothing = np.zeros((0, 0), np.uint8)
    assert PredictedMask(nothing, nothing).mean_confidence == 0.0


def test_a_missing_prediction_raises_image_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"7\.png"):
        read_prediction(tmp_path / "7.png")


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA"])
def test_other_png_modes_are_rejected(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (4, 4)).save(tmp_path / "7.png")
    with pytest.raises(ImageError, match=r"7\.png"):
        read_prediction(tmp_path / "7.png")


def test_the_content_decides_and_not_the_suffix(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "7.png", "JPEG")
    with pytest.raises(ImageError, match=r"7\.png"):
        read_prediction(tmp_path / "7.png")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255), st.booleans())
def test_a_damaged_file_is_read_or_raises_image_error(place: int, change: int, cut: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "1.png"
        write_prediction(path, example())
        content = bytearray(path.read_bytes())
        place %= len(content)
        content[place] ^= change
        path.write_bytes(content[:place] if cut else content)
        try:
            found = read_prediction(path)
        except ImageError as problem:
            assert "1.png" in str(problem)
        else:
            assert found.values.shape == found.confidence.shape


def test_a_large_prediction_is_not_taken_for_a_decompression_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    write_prediction(tmp_path / "1.png", example())
    assert read_prediction(tmp_path / "1.png").values.shape == (14, 15)
