"""A sample of labelled pixels with the features that a network has there, balanced over the classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.input_tensors import normalise, pad_to_stride
from core.training.data.training_set import IGNORE_INDEX, LabelledExample, TrainingSet

MAX_ROWS = 150_000
MIN_PIXELS, MAX_PIXELS = 40, 200
"""Pixels drawn from each class of a picture: as many as MAX_ROWS allows, between these."""
MOST_ROWS = 2 * MAX_ROWS
"""Where MIN_PIXELS asks for more, with many classes in many pictures, fewer are drawn: a row takes 2 kB of memory."""
FeatureLevels = Callable[[Tensor, LabelledExample], Sequence[Tensor]]
"""Feature maps (1, f, h, w) of a normalised picture (1, C, H, W), each covering all of it."""
StageCallback = Callable[[str, int, int], None]
"""Called with what is being done, and how much of how much: both 0 where that is not counted."""


@dataclass(frozen=True, slots=True)
class PixelSample:
    """Sampled pixels.

    features: (n, f) float32, all levels side by side; rows: (n,) int64 class indices
    weights: (n,) float32, in the loss
    """

    features: Tensor
    rows: Tensor
    weights: Tensor


@torch.inference_mode()
def sample_pixels(
    model: nn.Module,
    levels_of: FeatureLevels,
    pictures: TrainingSet,
    examples: Iterable[LabelledExample],
    count: int,
    correction_weight: float,
    seed: int,
    should_abort: Callable[[], bool],
    on_stage: StageCallback = lambda *_: None,
) -> PixelSample | None:
    """Features and classes of pixels, balanced over the classes of each picture.

    model: is in eval mode while `levels_of` is called; examples: of `pictures`, about `count`
    correction_weight: of pixels where a prediction was corrected; should_abort: asked between two pictures

    None when `should_abort` said yes, and when there is no example.
    """
    rng = np.random.default_rng(seed)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    features: list[Tensor] = []
    rows: list[NDArray[np.int64]] = []
    weights: list[NDArray[np.float32]] = []
    try:
        per_class = pixels_per_class(count, len(pictures.class_values))
        for number, example in enumerate(examples):
            if should_abort():
                return None
            on_stage("Computing features", number, count)
            places, classes = draw_pixels(example.target_array, per_class, rng, MOST_ROWS // max(1, count))
            batch = pad_to_stride(normalise(example.picture.unsqueeze(0), pictures.statistics))
            features.append(_features_at(levels_of(batch, example), places, (batch.shape[3], batch.shape[2])))
            rows.append(classes)
            weights.append(_weights_at(example, places, correction_weight))
    finally:
        for module, mode in modes:
            module.training = mode
    if not features:
        return None
    device = features[0].device
    return PixelSample(
        torch.cat(features),
        torch.from_numpy(np.concatenate(rows)).to(device),
        torch.from_numpy(np.concatenate(weights)).to(device),
    )


def loss_weights(sample: PixelSample, pictures: TrainingSet, class_weights: Tensor) -> Tensor:
    """(n,) float32 weights, 1 on average, that count each class as often as it is labelled in the pictures.

    class_weights: (classes,) float32, of pixels as they are in the pictures
    """
    shares = torch.from_numpy(pictures.class_pixel_counts()).to(sample.rows.device) * class_weights
    drawn = torch.bincount(sample.rows, minlength=len(class_weights)).clamp_min(1)
    weights = sample.weights * (shares / drawn)[sample.rows]
    return weights / weights.mean()


def pixels_per_class(pictures: int, classes: int) -> int:
    """Pixels to draw from each class of a picture."""
    return int(np.clip(MAX_ROWS // max(1, pictures * classes), MIN_PIXELS, MAX_PIXELS))


def draw_pixels(
    target: NDArray[np.uint8], per_class: int, rng: np.random.Generator, most: int = MOST_ROWS
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """At most `per_class` pixels of each class of a target (h, w): centres (n, 2) as x, y, and class indices (n,).

    most: pixels of all classes together, but one of each at least
    """
    places, rows = [], []
    present = np.unique(target[target != IGNORE_INDEX])
    per_class = min(per_class, max(1, most // max(1, len(present))))
    for row in present:
        inside = np.flatnonzero(target == row)
        chosen = rng.choice(inside, min(per_class, len(inside)), replace=False)
        y, x = np.divmod(chosen, target.shape[1])
        places.append(np.stack([x + 0.5, y + 0.5], 1).astype(np.float32))
        rows.append(np.full(len(chosen), row, np.int64))
    return np.concatenate(places), np.concatenate(rows)


def _features_at(levels: Sequence[Tensor], places: NDArray[np.float32], size: tuple[int, int]) -> Tensor:
    """(n, f) float32 features of all levels at pixel positions (n, 2), bilinearly interpolated.

    size: (width, height) in pixels of what the levels cover
    """
    grid = torch.from_numpy(places) / torch.tensor(size, dtype=torch.float32) * 2 - 1
    sampled = [
        F.grid_sample(level.float(), grid.to(level.device).view(1, 1, -1, 2), align_corners=False)[0, :, 0].T
        for level in levels
        if level.shape[1]
    ]
    return torch.cat(sampled, 1)


def _weights_at(
    example: LabelledExample, places: NDArray[np.float32], correction_weight: float
) -> NDArray[np.float32]:
    weights = np.ones(len(places), np.float32)
    if example.corrected is not None:
        x, y = places.T.astype(int)
        weights[example.corrected.cpu().numpy()[y, x] > 0] = correction_weight
    return weights
