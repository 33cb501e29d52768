"""Augmented versions of a picture for a preview, made by the code that training runs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from core.images.picture_scale import scale_picture
from core.models.input_tensors import channels_first, denormalise
from core.models.spec import NORMALISATIONS, InputSize, crop_size, scaled_size
from core.training.data.augmentation import make_batch
from core.training.data.snapshot import SnapshotEntry
from core.training.data.training_set import IGNORE_INDEX, CropSample, LabelledExample
from core.training.recipe import Recipe

STATISTICS = NORMALISATIONS["imagenet"]
"""Any normalisation would do: it is undone for display."""


def augmented_versions(
    picture: NDArray[np.uint8], size: InputSize, recipe: Recipe, seed: int, count: int
) -> list[NDArray[np.uint8]]:
    """The picture scaled to the network's input of `size`, then `count` augmented versions.

    picture: (H, W, 3) uint8 RGB; each result (h, w, 3) uint8 RGB. Equal seeds give equal results.
    """
    width, height = scaled_size(picture.shape[1], picture.shape[0], size)
    scaled = scale_picture(picture, width, height)
    no_labels = np.full((height, width), IGNORE_INDEX, np.uint8)
    entry = SnapshotEntry(0, "", "train", 1, "", width, height, ())
    example = LabelledExample(
        entry, channels_first(scaled), torch.from_numpy(no_labels), no_labels, no_labels
    )
    across, down = crop_size(width, height, recipe.crop)
    rng = np.random.default_rng(seed)
    samples = [CropSample(example, (rng.random() * width, rng.random() * height)) for _ in range(count)]
    torch.manual_seed(seed)
    batch = make_batch(samples, (down, across), recipe, torch.Generator().manual_seed(seed), STATISTICS)
    return [scaled, *denormalise(batch.pictures, STATISTICS)]
