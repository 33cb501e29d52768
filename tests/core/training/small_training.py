"""A training of two steps on a few tiny pictures, for tests of what listens to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.labels.class_list import LabelClass
from core.models.spec import ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.recipe import Recipe

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 32, (4, 9))
RECIPE = Recipe(minutes=None, steps=2, batch=2, threads=1)
CLASSES = (LabelClass(4, "sky, blue", (20, 60, 200), 0), LabelClass(9, "=disc", (220, 30, 20), 1))


def small_snapshot(folder: Path, spec: ModelSpec = SPEC, recipe: Recipe = RECIPE) -> TrainingSnapshot:
    """Six pictures of 32 x 24 pixels, four of them train: a disc of class 9 on class 4, the top unlabelled."""
    snapshot = TrainingSnapshot.create(folder, spec, recipe)
    y, x = np.mgrid[:24, :32]
    for number in range(6):
        disc = (x - 8 - 3 * number) ** 2 + (y - 12) ** 2 < 40
        picture = np.where(disc[..., None], (220, 30, 20), (20, 60, 200)).astype(np.uint8)
        values = np.where(disc, 9, 4).astype(np.uint8)
        values[:3] = 0
        snapshot.put(number, f"{number}.jpg", "train" if number < 4 else "val", picture, values)
    return snapshot
