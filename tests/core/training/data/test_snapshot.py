"""The training snapshot: entries are complete or absent, also for a concurrent reader."""

import threading
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import ModelError, TrainingError
from core.models.spec import ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.recipe import Recipe

SPEC = ModelSpec("asymmetric-unet", None, "none", 64, (1, 2))


def picture_of(value: int, height: int = 30, width: int = 40) -> tuple[np.ndarray, np.ndarray]:
    return np.full((height, width, 3), value, np.uint8), np.full((height, width), value, np.uint8)


def test_put_scales_to_the_input_size(tmp_path: Path) -> None:
    snapshot = TrainingSnapshot.create(tmp_path / "s", SPEC, Recipe(minutes=2.0))
    picture, values = picture_of(9, 300, 200)
    values[:150] = 255
    snapshot.put(5, "Straße 5.jpg", "val", picture, values)
    again = TrainingSnapshot.open(tmp_path / "s")
    assert (again.spec, again.recipe) == (SPEC, Recipe(minutes=2.0))
    entry = again.entries()[5]
    assert (entry.name, entry.split, entry.width, entry.height) == ("Straße 5.jpg", "val", 43, 64)
    read = again.read(entry)
    assert read is not None
    assert read[0].shape == (64, 43, 3)
    assert (read[1][:32] == 255).all()
    assert (read[1][32:] == 9).all()


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_pictures_keep_their_channels(channels: int, tmp_path: Path) -> None:
    spec = ModelSpec("asymmetric-unet", None, "none", 64, (1, 2), channels=channels)
    snapshot = TrainingSnapshot.create(tmp_path, spec, Recipe())
    snapshot.put(1, "a", "train", np.full((30, 40, channels), 7, np.uint8), np.ones((30, 40), np.uint8))
    read = snapshot.read(snapshot.entries()[1])
    assert read is not None and read[0].shape == (48, 64, channels)


def test_a_mask_is_never_blended(tmp_path: Path) -> None:
    snapshot = TrainingSnapshot.create(tmp_path, SPEC, Recipe())
    values = np.random.default_rng(0).choice(np.array([0, 1, 200, 255], np.uint8), (500, 331))
    snapshot.put(1, "a", "train", np.zeros((500, 331, 3), np.uint8), values)
    read = snapshot.read(snapshot.entries()[1])
    assert read is not None
    assert set(np.unique(read[1])) <= {0, 1, 200, 255}


def test_put_replaces_and_remove_deletes(tmp_path: Path) -> None:
    snapshot = TrainingSnapshot.create(tmp_path, SPEC, Recipe())
    snapshot.put(1, "a", "train", *picture_of(1))
    first = snapshot.entries()[1]
    snapshot.put(1, "a", "train", *picture_of(1))
    second = snapshot.entries()[1]
    assert second.revision == first.revision + 1
    assert second.digest == first.digest
    assert snapshot.read(first) is not None  # whoever knows only the one before can still read it
    snapshot.put(1, "a", "train", *picture_of(2))
    assert snapshot.entries()[1].digest != first.digest
    assert snapshot.read(first) is None
    assert len(list((tmp_path / "items").iterdir())) == 5
    snapshot.remove(1)
    snapshot.remove(1)
    assert snapshot.entries() == {}
    assert list((tmp_path / "items").iterdir()) == []


def test_create_deletes_and_reconfigure_keeps_pictures(tmp_path: Path) -> None:
    snapshot = TrainingSnapshot.create(tmp_path, SPEC, Recipe())
    snapshot.put(1, "a", "train", *picture_of(1))
    more = ModelSpec("asymmetric-unet", None, "none", 64, (1, 2, 3))
    snapshot.reconfigure(more, Recipe(minutes=1.0))
    assert TrainingSnapshot.open(tmp_path).spec == more
    assert list(snapshot.entries()) == [1]
    with pytest.raises(TrainingError, match="another"):
        snapshot.reconfigure(ModelSpec("asymmetric-unet", None, "none", 96, (1, 2)), Recipe())
    assert TrainingSnapshot.create(tmp_path, SPEC, Recipe()).entries() == {}


def test_reader_always_gets_a_matching_pair(tmp_path: Path) -> None:
    """Picture and label of one put are equal in every pixel; a mixed pair would not be."""
    writer = TrainingSnapshot.create(tmp_path, SPEC, Recipe())
    writer.put(1, "a", "train", *picture_of(0))
    reader, done, seen = TrainingSnapshot.open(tmp_path), threading.Event(), set()

    def read() -> None:
        while not done.is_set():
            pair = reader.read(reader.entries()[1])
            if pair is not None:
                seen.add((int(pair[0].min()), int(pair[0].max()), int(pair[1].min()), int(pair[1].max())))

    thread = threading.Thread(target=read)
    thread.start()
    for value in range(1, 120):
        writer.put(1, "a", "train", *picture_of(value))
    done.set()
    thread.join()
    assert seen
    assert all(len(set(numbers)) == 1 for numbers in seen)


def test_invalid_puts_are_refused(tmp_path: Path) -> None:
    snapshot = TrainingSnapshot.create(tmp_path, SPEC, Recipe())
    with pytest.raises(TrainingError, match="does not have the size"):
        snapshot.put(1, "a", "train", np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5), np.uint8))
    with pytest.raises(TrainingError, match="not “test”"):
        snapshot.put(1, "a", "test", *picture_of(1))
    assert snapshot.entries() == {}


def test_damaged_files_raise_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot be read"):
        TrainingSnapshot.open(tmp_path)
    snapshot = TrainingSnapshot.create(tmp_path, SPEC, Recipe())
    snapshot.put(1, "a", "train", *picture_of(1))
    entry = snapshot.entries()[1]
    (tmp_path / "items" / "1-1.values.npy").write_bytes(b"\x80\x04N.")
    with pytest.raises(TrainingError, match="cannot be read"):
        snapshot.read(entry)
    (tmp_path / "items" / "2.json").write_text("{}")
    assert list(snapshot.entries()) == [1]
    (tmp_path / "snapshot.json").write_text('{"spec": {}, "recipe": {}}')
    with pytest.raises(ModelError, match="damaged"):
        TrainingSnapshot.open(tmp_path)
