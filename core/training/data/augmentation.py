"""Augmentation: a batch of crops, scaled, rotated, flipped and recoloured at once on the device of the pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.input_tensors import Statistics, normalise
from core.training.data.training_set import IGNORE_INDEX, CropSample
from core.training.recipe import Recipe

COLOUR_UNIT = 57.63
"""Pixel values, of 0..255, by which a colour jitter of 1 changes the brightness: the standard deviation of ImageNet."""


class TrainingBatch(NamedTuple):
    """pictures: normalised float32 (N, C, H, W); targets: int64 (N, H, W), class indices or IGNORE_INDEX
    pixel_weights: float32 (N, H, W), None where all pixels weigh the same
    """

    pictures: Tensor
    targets: Tensor
    pixel_weights: Tensor | None


def make_batch(
    samples: Sequence[CropSample],
    crop_size: tuple[int, int],
    recipe: Recipe,
    generator: torch.Generator,
    statistics: Statistics,
) -> TrainingBatch:
    """An augmented batch; crop_size: (height, width); generator: on the CPU, whatever the device of the pictures.

    statistics: by which the pictures are normalised.

    All geometry is done by one resampling, so that a picture is blurred once. Outside the picture the colour is the
    mean and the target IGNORE_INDEX.
    """
    pictures, targets = _stack_padded(samples)
    matrices = _crop_matrices(samples, pictures.shape[2:], crop_size, recipe, generator)
    grid = _sampling_grid(matrices.to(pictures.device), crop_size)
    sampled = F.grid_sample(normalise(pictures, statistics), grid, "bilinear", "zeros", align_corners=False)
    # Counted down from IGNORE_INDEX, so that the zeros grid_sample puts outside become IGNORE_INDEX.
    flipped = (IGNORE_INDEX - targets.float()).unsqueeze(1)
    labels = IGNORE_INDEX - F.grid_sample(flipped, grid, "nearest", "zeros", align_corners=False)
    weights = None
    if recipe.correction_weight > 1 and any(sample.example.corrected is not None for sample in samples):
        marked = F.grid_sample(
            _correction_mask(samples, targets), grid, "nearest", "zeros", align_corners=False
        )
        weights = 1 + (recipe.correction_weight - 1) * marked.squeeze(1)
    unit = COLOUR_UNIT * len(statistics[1]) / sum(statistics[1])
    changed = _jitter_colour(sampled, recipe.colour, unit, generator)
    changed = _add_noise(_blur(changed, recipe.blur, generator), recipe.noise * unit, generator)
    return TrainingBatch(
        changed.contiguous(memory_format=torch.channels_last), labels.squeeze(1).long(), weights
    )


def _correction_mask(samples: Sequence[CropSample], targets: Tensor) -> Tensor:
    """float32 (N, 1, H, W), 1 where a prediction was corrected by hand; same H and W as `targets`."""
    mask = torch.zeros(targets.shape, device=targets.device)
    for mark, sample in zip(mask, samples, strict=True):
        corrected = sample.example.corrected
        if corrected is not None:
            mark[: corrected.shape[0], : corrected.shape[1]] = corrected
    return mask.unsqueeze(1)


def _stack_padded(samples: Sequence[CropSample]) -> tuple[Tensor, Tensor]:
    """Pictures uint8 (N, C, H, W) and targets uint8 (N, H, W), padded to the largest; IGNORE_INDEX in the padding."""
    examples = [sample.example for sample in samples]
    if len({example.target.shape for example in examples}) == 1:
        return torch.stack([e.picture for e in examples]), torch.stack([e.target for e in examples])
    first = examples[0].picture
    height = max(example.target.shape[0] for example in examples)
    width = max(example.target.shape[1] for example in examples)
    pictures = first.new_full((len(examples), first.shape[0], height, width), 124)
    targets = first.new_full((len(examples), height, width), IGNORE_INDEX)
    for i, example in enumerate(examples):
        h, w = example.target.shape
        pictures[i, :, :h, :w] = example.picture
        targets[i, :h, :w] = example.target
    return pictures, targets


def _crop_matrices(
    samples: Sequence[CropSample],
    source: Sequence[int],
    crop_size: tuple[int, int],
    recipe: Recipe,
    generator: torch.Generator,
) -> Tensor:
    """Affine matrices float32 (N, 2, 3) from crop to source, both in grid_sample's -1..1 coordinates."""
    count, (height, width) = len(samples), crop_size

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    zoom = torch.exp(uniform(math.log(recipe.zoom[0]), math.log(recipe.zoom[1])))
    angle = uniform(-recipe.turn, recipe.turn) * (math.pi / 180)

    def mirrored(enabled: bool) -> Tensor:
        return torch.where(uniform(0, 1) < 0.5, -1.0, 1.0) if enabled else torch.ones(count)

    mirror, upside_down = mirrored(recipe.flip != "none"), mirrored(recipe.flip == "strong")
    sizes = torch.tensor([sample.example.target.shape for sample in samples], dtype=torch.float32)
    centres = torch.tensor([sample.centre for sample in samples], dtype=torch.float32)
    centre_x = _clamp_centre(centres[:, 0], sizes[:, 1], width / zoom, uniform(0, 1))
    centre_y = _clamp_centre(centres[:, 1], sizes[:, 0], height / zoom, uniform(0, 1))
    # From crop coordinates (-1..1) to source pixels, then to source coordinates (-1..1).
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    half_w, half_h, source_w, source_h = width / 2, height / 2, source[1] / 2, source[0] / 2
    across = [
        mirror * cos * half_w / source_w,
        -upside_down * sin * half_h / source_w,
        centre_x / source_w - 1,
    ]
    down = [mirror * sin * half_w / source_h, upside_down * cos * half_h / source_h, centre_y / source_h - 1]
    return torch.stack([torch.stack(across, 1), torch.stack(down, 1)], 1)


def _sampling_grid(matrices: Tensor, crop_size: tuple[int, int]) -> Tensor:
    """Sampling grid (N, H, W, 2) of affine matrices (N, 2, 3), on their device.

    Same result as F.affine_grid, in a tenth of its time on a processor, where that multiplies three-wide matrices.
    """
    height, width = crop_size
    y, x = (torch.linspace(-1, 1, n, device=matrices.device) * (n - 1) / n for n in (height, width))
    grid = matrices.new_empty(len(matrices), height, width, 2)
    for axis in range(2):
        by_x, by_y, shift = (part.view(-1, 1, 1) for part in matrices[:, axis].unbind(1))
        torch.add(by_x * x, by_y * y.view(-1, 1), out=grid[..., axis]).add_(shift)
    return grid


def _clamp_centre(centre: Tensor, length: Tensor, crop: Tensor, slack: Tensor) -> Tensor:
    """Centre of a crop, moved so that it lies in the picture; where the picture is smaller, it lies in the crop.

    slack: 0..1, random position of a picture inside a larger crop
    """
    low, high = crop / 2, length - crop / 2
    larger = length + (slack * 2 - 1) * (crop - length) / 2 - length / 2
    return torch.where(crop <= length, torch.minimum(torch.maximum(centre, low), high), larger)


def _jitter_colour(pictures: Tensor, strength: float, unit: float, generator: torch.Generator) -> Tensor:
    """Random brightness, contrast, saturation and tint for each picture; unit: COLOUR_UNIT in the pictures' scale."""
    if strength == 0:
        return pictures
    count, channels = pictures.shape[:2]

    def around(middle: float, radius: float, wide: int = 1) -> Tensor:
        factor = middle + radius * (2 * torch.rand(count, wide, generator=generator) - 1)
        return factor.view(count, wide, 1, 1).to(pictures.device)

    contrast, saturation = around(1, strength), around(1, strength)
    shift = around(0, strength * unit) + around(0, strength * unit / 3, channels)
    grey = pictures.mean(1, keepdim=True)
    return torch.lerp(grey, pictures, saturation).mul_(contrast).add_(shift)


def _blur(pictures: Tensor, largest: float, generator: torch.Generator) -> Tensor:
    """Gaussian blur of each picture with a random sigma from 0 to `largest` pixels."""
    if largest == 0:
        return pictures
    count, channels, height, width = pictures.shape
    radius = max(1, math.ceil(2 * largest))
    sigma = (largest * torch.rand(count, 1, generator=generator)).clamp_min(1e-3)
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    taps = (taps / taps.sum(1, keepdim=True)).repeat_interleave(channels, 0).to(pictures.device)
    flat = F.pad(pictures.reshape(1, count * channels, height, width), [radius] * 4, "replicate")
    down = F.conv2d(flat, taps.view(-1, 1, 2 * radius + 1, 1), groups=count * channels)
    across = F.conv2d(down, taps.view(-1, 1, 1, 2 * radius + 1), groups=count * channels)
    return across.view(count, channels, height, width)


def _add_noise(pictures: Tensor, strongest: float, generator: torch.Generator) -> Tensor:
    """Gaussian noise of random strength for each picture. The range of a normalised colour is about 4."""
    if strongest == 0:
        return pictures
    strength = 4 * strongest * torch.rand(len(pictures), 1, 1, 1, generator=generator).to(pictures.device)
    return pictures + strength * torch.randn_like(pictures)
