"""The training set: class indices, sampling, fresh labels, changes while training."""

from pathlib import Path

import numpy as np
import pytest
import torch

from core.base.errors import TrainingError
from core.models.spec import ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.data.training_set import TrainingSet
from core.training.recipe import Recipe

SPEC = ModelSpec("asymmetric-unet", None, "none", 64, (2, 7, 9))


def filled(
    folder: Path, recipe: Recipe, values: dict[int, int], *, rare: int | None = None
) -> TrainingSnapshot:
    """A snapshot of plain pictures, each of one class value; `rare` gets one pixel in the first of them."""
    snapshot = TrainingSnapshot.create(folder, SPEC, recipe)
    for number, value in values.items():
        label = np.full((48, 64), value, np.uint8)
        if rare is not None and number == min(values):
            label[40, 60] = rare
        snapshot.put(number, str(number), "train", np.full((48, 64, 3), value, np.uint8), label)
    return snapshot


def test_values_become_class_indices_and_unknown_ones_are_ignored(tmp_path: Path) -> None:
    recipe = Recipe()
    snapshot = filled(tmp_path, recipe, {1: 2, 2: 9, 3: 100, 4: 0, 5: 255}, rare=7)
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"))
    assert pictures.train_count == 2  # the others hold nothing this network can learn
    assert pictures.class_pixel_counts().tolist() == [48 * 64 - 1, 1, 48 * 64]
    assert pictures.crop_size == (64, 64)
    assert set(pictures.label_digests) == {1, 2}


def test_rare_class_is_sampled_about_as_often_as_a_frequent_one(tmp_path: Path) -> None:
    recipe = Recipe(zoom=(1.0, 1.0), turn=0.0)
    snapshot = filled(tmp_path, recipe, dict.fromkeys(range(1, 40), 2), rare=7)
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"))
    on_it = sum(draw.centre == (60.5, 40.5) for draw in pictures.sample(400))
    assert 60 < on_it < 140  # a quarter of 400: half are by class, of two classes; by pixel it would be none


def test_fresh_labels_get_their_share_for_a_while(tmp_path: Path) -> None:
    recipe = Recipe(fresh=0.5, fresh_steps=25, batch=8)
    snapshot = filled(tmp_path, recipe, dict.fromkeys(range(1, 101), 2))
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"))
    changed = np.full((48, 64), 9, np.uint8)
    snapshot.put(50, "50", "train", np.zeros((48, 64, 3), np.uint8), changed)
    assert pictures.refresh().train == {50}
    drawn = [draw.example.entry.picture_id for draw in pictures.sample(200)]
    assert 80 < drawn.count(50) < 170
    later = [draw.example.entry.picture_id for draw in pictures.sample(200)]
    assert later.count(50) < drawn.count(50)
    assert not pictures.refresh().train  # nothing new


def test_samples_of_the_rate_finder_do_not_use_up_fresh_labels(tmp_path: Path) -> None:
    recipe = Recipe(fresh=0.5, fresh_steps=25, batch=8)
    snapshot = filled(tmp_path, recipe, dict.fromkeys(range(1, 101), 2))
    seen = {number: entry.digest for number, entry in snapshot.entries().items() if number != 50}
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"), seen)
    with pictures.fresh_quota_restored():
        pictures.sample(400)
    drawn = [draw.example.entry.picture_id for draw in pictures.sample(200)]
    assert 80 < drawn.count(50) < 170


@pytest.mark.parametrize("changed", [{50}, set(range(48, 51))], ids=["one", "all"])
def test_labels_may_be_replaced_while_batches_are_sampled(tmp_path: Path, changed: set[int]) -> None:
    """Between two refreshes known files are deleted and others are there."""
    recipe = Recipe(fresh=0.5)
    snapshot = filled(tmp_path, recipe, dict.fromkeys(range(48, 51), 2), rare=7)
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"), {})
    for number in [*changed, *changed]:  # one earlier label stays readable, two do not
        snapshot.put(
            number, f"{number}", "train", np.zeros((48, 64, 3), np.uint8), np.full((48, 64), 9, np.uint8)
        )
    drawn = [draw.example.entry for draw in pictures.sample(60)]
    left = set(range(48, 51)) - changed or changed
    assert {entry.picture_id for entry in drawn} == left
    # What is new is told to whoever asks for it, even when drawing had to look earlier.
    assert pictures.refresh().train == changed
    assert {draw.example.entry.picture_id for draw in pictures.sample(60)} == set(range(48, 51))
    assert not pictures.refresh().train
    # Only when they are really gone there is nothing to learn from.
    for number in range(48, 51):
        snapshot.remove(number)
    pictures = TrainingSet(filled(tmp_path, recipe, {1: 2}), SPEC, recipe, torch.device("cpu"))
    snapshot.remove(1)
    with pytest.raises(TrainingError, match="no labels left"):
        pictures.sample(1)


def test_labels_unknown_to_the_starting_weights_are_fresh(tmp_path: Path) -> None:
    recipe = Recipe(fresh=1.0)
    snapshot = filled(tmp_path, recipe, dict.fromkeys(range(1, 31), 2))
    seen = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu")).label_digests
    del seen[17]
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"), seen)
    assert {draw.example.entry.picture_id for draw in pictures.sample(30)} == {17}


def test_val_pictures_are_evaluated_and_never_sampled(tmp_path: Path) -> None:
    recipe = Recipe()
    snapshot = filled(tmp_path, recipe, {1: 2, 2: 7})
    snapshot.put(3, "3", "val", np.zeros((48, 64, 3), np.uint8), np.full((48, 64), 9, np.uint8))
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"))
    assert {draw.example.entry.picture_id for draw in pictures.sample(50)} == {1, 2}
    assert [[e.entry.picture_id for e in examples] for examples in pictures.evaluation_batches("val")] == [
        [3]
    ]
    snapshot.remove(3)
    assert pictures.refresh().val
    assert list(pictures.evaluation_batches("val")) == []
