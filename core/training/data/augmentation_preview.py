"""What augmentation makes of a few pictures, for somebody who chooses it: the very code that training runs."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from core.models.input_tensors import channels_first, denormalise
from core.models.spec import round_up_to_stride, work_size
from core.training.data.augmentation import make_batch
from core.training.data.dataset import IGNORE_INDEX, CropSample, LabelledExample
from core.training.data.snapshot import SnapshotEntry
from core.training.recipe import Recipe


def augmented_versions(
    picture: NDArray[np.uint8], size: int, recipe: Recipe, seed: int, count: int
) -> list[NDArray[np.uint8]]:
    """A picture (H, W, 3) uint8 as the network sees it, its long side `size`: first as it is, then `times` times as
    training would draw it, each (h, w, 3) uint8."""
    width, height = work_size(picture.shape[1], picture.shape[0], size)
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    rows = np.full((height, width), IGNORE_INDEX, np.uint8)
    entry = SnapshotEntry(0, "", "train", 1, "", width, height, ())
    example = LabelledExample(entry, channels_first(small), torch.from_numpy(rows), rows)
    longest = round_up_to_stride(recipe.crop or max(height, width))
    canvas = min(round_up_to_stride(height), longest), min(round_up_to_stride(width), longest)
    dice = np.random.default_rng(seed)
    draws = [CropSample(example, (dice.random() * width, dice.random() * height)) for _ in range(count)]
    torch.manual_seed(seed)
    batch = make_batch(draws, canvas, recipe, torch.Generator().manual_seed(seed))
    return [small, *denormalise(batch.pictures)]
