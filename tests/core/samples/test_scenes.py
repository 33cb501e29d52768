"""Sample scenes are reproducible, fully labelled, and neither trivial nor impossible to segment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.images.folder import scan_folder
from core.images.image_reader import read_picture
from core.samples.scenes import DEFAULT_SIZE, SCENE_CLASSES, draw_scene, write_sample_pictures

NAMES = [name for name, _ in SCENE_CLASSES]
CALM = ("tree", "field", "grass", "water")


def test_scene_is_reproducible() -> None:
    first, second, other = draw_scene(3), draw_scene(3), draw_scene(4)
    assert first.picture.tobytes() == second.picture.tobytes()
    assert first.truth.tobytes() == second.truth.tobytes()
    assert first.picture.tobytes() != other.picture.tobytes()


@pytest.mark.parametrize("size", [DEFAULT_SIZE, (256, 192), (33, 21)])
def test_every_pixel_has_a_class(size: tuple[int, int]) -> None:
    for seed in range(5):
        scene = draw_scene(seed, size)
        assert scene.picture.shape == (size[1], size[0], 3)
        assert scene.truth.shape == (size[1], size[0])
        assert (scene.picture.dtype, scene.truth.dtype) == (np.uint8, np.uint8)
        assert scene.truth.min() >= 1
        assert scene.truth.max() <= len(SCENE_CLASSES)


def test_all_classes_occur_and_none_dominates() -> None:
    truths = np.stack([draw_scene(seed).truth for seed in range(20)])
    share = np.bincount(truths.ravel(), minlength=len(NAMES) + 1)[1:] / truths.size
    assert dict(zip(NAMES, share, strict=True))["car"] > 0.001
    assert min(share[NAMES.index(name)] for name in NAMES if name != "car") > 0.01
    assert share.max() < 0.5


def test_colour_alone_classifies_some_pixels_but_not_all() -> None:
    """The class with the nearest mean colour is right more often than the commonest class, yet often wrong."""
    seen, asked = ([draw_scene(seed) for seed in seeds] for seeds in (range(8), range(50, 56)))
    pixels = np.concatenate([s.picture.reshape(-1, 3) for s in seen]).astype(float)
    truth = np.concatenate([s.truth.ravel() for s in seen])
    means = np.array([pixels[truth == value + 1].mean(axis=0) for value in range(len(NAMES))])
    test_pixels = np.concatenate([s.picture.reshape(-1, 3) for s in asked]).astype(float)
    test_truth = np.concatenate([s.truth.ravel() for s in asked])
    guess = np.linalg.norm(test_pixels[:, None] - means, axis=2).argmin(axis=1) + 1
    right = float((guess == test_truth).mean())
    assert 0.25 < right < 0.75


def test_sample_pictures_are_written_and_read_back(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    folder = tmp_path / "new" / "samples"
    written = write_sample_pictures(
        folder, count=3, seed=1, progress=lambda done, of: told.append((done, of))
    )
    assert [sample.path.name for sample in written] == ["scene-001.jpg", "scene-002.jpg", "scene-003.jpg"]
    assert list(scan_folder(folder)) == [sample.path for sample in written]
    assert told == [(1, 3), (2, 3), (3, 3)]
    for sample in written:
        picture = read_picture(sample.path)
        assert picture.shape[:2] == sample.truth.shape
        assert picture.std() > 15
    again = write_sample_pictures(tmp_path / "again", count=2, seed=1)
    assert [a.path.read_bytes() for a in again] == [b.path.read_bytes() for b in written[:2]]
    assert np.array_equal(again[0].truth, written[0].truth)
