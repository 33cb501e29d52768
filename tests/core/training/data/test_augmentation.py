"""Augmentation: pictures, targets and corrections are transformed together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from core.models.input_tensors import denormalise
from core.models.spec import ModelSpec
from core.training.data.augmentation import make_batch
from core.training.data.snapshot import TrainingSnapshot
from core.training.data.training_set import IGNORE_INDEX, TrainingSet
from core.training.recipe import Recipe

SPEC = ModelSpec("asymmetric-unet", None, "none", 32, (4, 9))
SPEC_3 = ModelSpec("asymmetric-unet", None, "none", 64, (2, 7, 9))
STATISTICS = SPEC.pixel_statistics
TWO_STEPS = Recipe(minutes=None, steps=2, batch=2, threads=1)


def frozen(
    folder: Path, recipe: Recipe = TWO_STEPS, *, spec: ModelSpec = SPEC, val: int = 1
) -> TrainingSnapshot:
    """Half class 4, half class 9; the boundary lies elsewhere in each picture."""
    snapshot = TrainingSnapshot.create(folder, spec, recipe)
    for number in range(4 + val):
        values = np.full((32, 32), 4, np.uint8)
        values[:, 8 + 3 * number :] = 9
        picture = np.repeat((values * 25)[..., None], 3, 2)
        snapshot.put(number, f"{number}", "train" if number < 4 else "val", picture, values)
    return snapshot


def test_picture_and_label_are_transformed_alike(tmp_path: Path) -> None:
    """The picture is dark exactly where the label says 2: whatever zoom, turn and mirror do, it stays so."""
    recipe = Recipe(colour=0.0, zoom=(0.5, 2.0), turn=20.0)
    snapshot = TrainingSnapshot.create(tmp_path, SPEC_3, recipe)
    label = np.full((48, 64), 9, np.uint8)
    label[10:40, 5:30] = 2
    picture = np.where(label == 2, 0, 255).astype(np.uint8)
    for number, cut in enumerate((slice(None), slice(0, 32))):  # two shapes in one batch
        snapshot.put(number, "a", "train", np.repeat(picture[cut, :, None], 3, 2), label[cut])
    pictures = TrainingSet(snapshot, SPEC_3, recipe, torch.device("cpu"))
    batch, targets, _ = make_batch(
        pictures.sample(32), (64, 64), recipe, torch.Generator().manual_seed(1), STATISTICS
    )
    assert batch.shape == (32, 3, 64, 64)
    assert targets.dtype == torch.int64
    dark, labelled = batch[:, 0] < 0, targets != IGNORE_INDEX
    wrong = ((targets == 0) != dark)[labelled].float().mean()
    assert wrong < 0.05  # only along the edges, where the picture is blended and the label is not
    assert 0.3 < labelled.float().mean() < 1
    assert set(targets.unique().tolist()) == {0, 2, IGNORE_INDEX}


def test_correction_weights_are_transformed_with_their_pixels(tmp_path: Path) -> None:
    recipe = Recipe(zoom=(0.5, 2.0), turn=20.0, flip="strong", colour=0.0, correction_weight=3.0)
    snapshot = TrainingSnapshot.create(tmp_path, SPEC, recipe)
    values = np.full((24, 32), 4, np.uint8)
    values[6:18, 4:20] = 9
    picture = np.repeat((values * 25)[..., None], 3, 2)
    snapshot.put(1, "corrected", "train", picture, values, values == 9)
    snapshot.put(2, "not", "train", picture, values)
    pictures = TrainingSet(TrainingSnapshot.open(tmp_path), SPEC, recipe, torch.device("cpu"))
    drawn = pictures.sample(16)
    batch = make_batch(drawn, (32, 32), recipe, torch.Generator().manual_seed(0), STATISTICS)
    assert batch.pixel_weights is not None
    for draw, targets, emphasis in zip(drawn, batch.targets, batch.pixel_weights, strict=True):
        expected = torch.where((targets == 1) & (draw.example.entry.picture_id == 1), 3.0, 1.0)
        torch.testing.assert_close(emphasis, expected)
    plain = replace(recipe, correction_weight=1.0)
    assert make_batch(drawn, (32, 32), plain, torch.Generator(), STATISTICS).pixel_weights is None


def test_vertical_flip_only_when_strong(tmp_path: Path) -> None:
    """The upper half is class 4: it stays above unless pictures are mirrored upside down too."""
    for flip in ("none", "light", "strong"):
        recipe = Recipe(zoom=(1.0, 1.0), turn=0.0, flip=flip)
        snapshot = TrainingSnapshot.create(tmp_path, SPEC, recipe)
        values = np.full((32, 32), 9, np.uint8)
        values[:16] = 4
        values[:, :4] = 0
        snapshot.put(1, "a", "train", np.zeros((32, 32, 3), np.uint8), values)
        pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"))
        batch = make_batch(
            pictures.sample(24), (32, 32), recipe, torch.Generator().manual_seed(0), STATISTICS
        )
        upside_down = (batch.targets[:, 4, 16] == 1).float().mean().item()
        sideways = (batch.targets[:, 4, 31] == IGNORE_INDEX).float().mean().item()
        assert (0.2 < upside_down < 0.8) is (flip == "strong")
        assert (0.2 < sideways < 0.8) is (flip != "none")


def test_blur_lowers_gradients_and_noise_raises_them(tmp_path: Path) -> None:
    plain = Recipe(zoom=(1.0, 1.0), turn=0.0, flip="none", colour=0.0)
    pictures = TrainingSet(frozen(tmp_path), SPEC, plain, torch.device("cpu"))
    drawn = pictures.sample(4)

    def edges(recipe: Recipe) -> tuple[float, float]:
        made = make_batch(drawn, (32, 32), recipe, torch.Generator().manual_seed(3), STATISTICS).pictures
        return made.diff(dim=3).abs().max().item(), made.diff(dim=2).abs().mean().item()

    assert edges(replace(plain, blur=2.0))[0] < edges(plain)[0]
    assert edges(plain)[1] == 0
    assert edges(replace(plain, noise=0.1))[1] > 0


def test_colours_change_alike_whatever_the_normalisation(tmp_path: Path) -> None:
    """A shift of brightness is so many grey levels, not so many standard deviations."""
    recipe = Recipe(colour=0.4, zoom=(1.0, 1.0), turn=0.0)
    pictures = TrainingSet(frozen(tmp_path), SPEC, recipe, torch.device("cpu"))
    drawn = pictures.sample(8)
    shifts = []
    for statistics in (((127.0,), (57.63,)), ((127.0,), (128.0,))):
        (before, after) = (
            denormalise(
                make_batch(drawn, (32, 32), each, torch.Generator().manual_seed(2), statistics).pictures,
                statistics,
            ).astype(int)
            for each in (replace(recipe, colour=0.0), recipe)
        )
        shifts.append((after - before).mean((1, 2, 3)))
    assert np.abs(shifts[0]).max() > 5
    np.testing.assert_allclose(shifts[0], shifts[1], atol=1.0)
