"""What augmentation makes of a few pictures, for somebody who chooses it: the very code that training runs."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from core.models.preprocessing import as_pixels, channels_first
from core.models.spec import padded, work_size
from core.training.augmentation import batch_of
from core.training.dataset import IGNORE, Draw, Example
from core.training.recipe import Recipe
from core.training.snapshot import Entry


def augmented(
    picture: NDArray[np.uint8], size: int, recipe: Recipe, seed: int, times: int
) -> list[NDArray[np.uint8]]:
    """A picture (H, W, 3) uint8 as the network sees it, its long side `size`: first as it is, then `times` times as
    training would draw it, each (h, w, 3) uint8."""
    width, height = work_size(picture.shape[1], picture.shape[0], size)
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    rows = np.full((height, width), IGNORE, np.uint8)
    entry = Entry(0, "", "train", 1, "", width, height, ())
    example = Example(entry, channels_first(small), torch.from_numpy(rows), rows)
    longest = padded(recipe.crop or max(height, width))
    canvas = min(padded(height), longest), min(padded(width), longest)
    dice = np.random.default_rng(seed)
    draws = [Draw(example, (dice.random() * width, dice.random() * height)) for _ in range(times)]
    torch.manual_seed(seed)
    batch = batch_of(draws, canvas, recipe, torch.Generator().manual_seed(seed))
    return [small, *as_pixels(batch.pictures)]
