"""Features on disk: read back as written, found by content and encoder, limited in size."""

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from core.training.data.feature_cache import MIN_FREE_BYTES, FeatureCache


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (32, 48, 3), np.uint8)


def features(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    # More than ten, so that the order of names is not the order of numbers.
    return [rng.normal(size=(2, 8 + n, 4)).astype(np.float16) for n in range(12)]


def test_features_are_found_by_picture_and_encoder(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, "encoder 1")
    assert cache.read(picture(0)) is None
    cache.write(picture(0), features(0))
    found = FeatureCache(tmp_path, "encoder 1").read(picture(0))
    assert found is not None
    assert all(np.array_equal(one, other) for one, other in zip(found, features(0), strict=True))
    assert cache.read(picture(1)) is None and FeatureCache(tmp_path, "encoder 2").read(picture(0)) is None
    # The same bytes in another shape are another picture.
    assert cache.read(picture(0).reshape(48, 32, 3)) is None


def test_a_damaged_file_is_not_used(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, "encoder")
    cache.write(picture(0), features(0))
    (file,) = tmp_path.glob("*.npz")
    content = file.read_bytes()
    array = io.BytesIO()
    np.save(array, np.zeros(3))
    for damaged in (b"", content[: len(content) // 2], b"x" * 100, array.getvalue()):
        file.write_bytes(damaged)
        assert cache.read(picture(0)) is None


def test_the_least_recently_used_files_go_first(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, "encoder")
    for seed in range(4):
        cache.write(picture(seed), features(seed))
    sizes = [file.stat().st_size for file in tmp_path.glob("*.npz")]
    for age, file in enumerate(tmp_path.glob("*.npz")):
        os.utime(file, (1_000 + age, 1_000 + age))
    assert cache.read(picture(2)) is not None  # now the newest
    FeatureCache(tmp_path, "encoder", max_bytes=2 * max(sizes)).prune()
    assert len([*tmp_path.glob("*.npz")]) == 2 and cache.read(picture(2)) is not None


def test_no_more_is_written_than_the_limit_keeps(tmp_path: Path) -> None:
    size = sum(level.nbytes for level in features(0))
    cache = FeatureCache(tmp_path, "encoder", max_bytes=2 * size)
    for seed in range(4):
        cache.write(picture(seed), features(seed))
    assert len([*tmp_path.glob("*.npz")]) == 2
    cache.prune()
    cache.write(picture(3), features(3))
    assert cache.read(picture(3)) is not None


def test_the_last_space_of_a_disk_is_left_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = FeatureCache(tmp_path, "encoder")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=MIN_FREE_BYTES))
    cache.write(picture(0), features(0))
    assert not [*tmp_path.iterdir()]


def test_half_written_files_are_deleted_once_they_are_old(tmp_path: Path) -> None:
    old, new = tmp_path / ".a.npz.1.tmp", tmp_path / ".b.npz.2.tmp"
    old.touch()
    new.touch()
    os.utime(old, (1_000, 1_000))
    FeatureCache(tmp_path, "encoder").prune()
    assert [*tmp_path.iterdir()] == [new]


def test_a_disk_that_refuses_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    cache = FeatureCache(blocked / "features", "encoder")
    cache.write(picture(0), features(0))
    cache.prune()
    assert cache.read(picture(0)) is None
