"""A batch from draws: cut out, zoomed, turned, mirrored and recoloured at once, on the device of the pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.input_tensors import normalise
from core.training.data.dataset import IGNORE_INDEX, CropSample
from core.training.recipe import Recipe


class TrainingBatch(NamedTuple):
    """Normalised pictures float32 (N, C, H, W), targets int64 (N, H, W), and what each pixel counts, float32
    (N, H, W), None where all count alike."""

    pictures: Tensor
    targets: Tensor
    pixel_weights: Tensor | None


def make_batch(
    samples: Sequence[CropSample], crop_size: tuple[int, int], recipe: Recipe, generator: torch.Generator
) -> TrainingBatch:
    """A batch with (H, W) = canvas.

    One resampling does it all, so that a picture is blurred once. Outside the picture the colour is the mean
    and the target IGNORE. `chance` lives on the processor.
    """
    pictures, targets = _side_by_side(samples)
    where = _places(samples, pictures.shape[2:], crop_size, recipe, generator)
    grid = _grid(where.to(pictures.device), crop_size)
    sampled = F.grid_sample(normalise(pictures), grid, "bilinear", "zeros", align_corners=False)
    # Counted down from IGNORE, the zeros that grid_sample puts outside become IGNORE.
    flipped = (IGNORE_INDEX - targets.float()).unsqueeze(1)
    labels = IGNORE_INDEX - F.grid_sample(flipped, grid, "nearest", "zeros", align_corners=False)
    emphasis = None
    if recipe.correction_weight > 1 and any(draw.example.corrected is not None for draw in samples):
        marked = F.grid_sample(_corrected(samples, targets), grid, "nearest", "zeros", align_corners=False)
        emphasis = 1 + (recipe.correction_weight - 1) * marked.squeeze(1)
    changed = _recoloured(sampled, recipe.colour, generator)
    changed = _noisy(_blurred(changed, recipe.blur, generator), recipe.noise, generator)
    return TrainingBatch(
        changed.contiguous(memory_format=torch.channels_last), labels.squeeze(1).long(), emphasis
    )


def _corrected(draws: Sequence[CropSample], targets: Tensor) -> Tensor:
    """float (N, 1, H, W), the size of `targets`: 1 where a person corrected a prediction."""
    marks = torch.zeros(targets.shape, device=targets.device)
    for mark, draw in zip(marks, draws, strict=True):
        where = draw.example.corrected
        if where is not None:
            mark[: where.shape[0], : where.shape[1]] = where
    return marks.unsqueeze(1)


def _side_by_side(draws: Sequence[CropSample]) -> tuple[Tensor, Tensor]:
    """uint8 (N, C, H, W) and (N, H, W) large enough for the largest, IGNORE where there is no picture."""
    examples = [draw.example for draw in draws]
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


def _places(
    draws: Sequence[CropSample],
    source: Sequence[int],
    canvas: tuple[int, int],
    recipe: Recipe,
    chance: torch.Generator,
) -> Tensor:
    """(N, 2, 3) from a canvas to its source, both in grid_sample's -1..1 coordinates."""
    count, (height, width) = len(draws), canvas

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=chance)

    zoom = torch.exp(uniform(math.log(recipe.zoom[0]), math.log(recipe.zoom[1])))
    angle = uniform(-recipe.turn, recipe.turn) * (math.pi / 180)

    def mirrored(wanted: bool) -> Tensor:
        return torch.where(uniform(0, 1) < 0.5, -1.0, 1.0) if wanted else torch.ones(count)

    mirror, upturn = mirrored(recipe.flip != "none"), mirrored(recipe.flip == "strong")
    sizes = torch.tensor([draw.example.target.shape for draw in draws], dtype=torch.float32)
    centres = torch.tensor([draw.centre for draw in draws], dtype=torch.float32)
    centre_x = _kept_inside(centres[:, 0], sizes[:, 1], width / zoom, uniform(0, 1))
    centre_y = _kept_inside(centres[:, 1], sizes[:, 0], height / zoom, uniform(0, 1))
    # From canvas coordinates (-1..1) to source pixels, then to source coordinates (-1..1).
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    half_w, half_h, source_w, source_h = width / 2, height / 2, source[1] / 2, source[0] / 2
    across = [mirror * cos * half_w / source_w, -upturn * sin * half_h / source_w, centre_x / source_w - 1]
    down = [mirror * sin * half_w / source_h, upturn * cos * half_h / source_h, centre_y / source_h - 1]
    return torch.stack([torch.stack(across, 1), torch.stack(down, 1)], 1)


def _grid(where: Tensor, canvas: tuple[int, int]) -> Tensor:
    """Where each canvas pixel looks: (N, H, W, 2), on the device of `where`, (N, 2, 3).

    The numbers of F.affine_grid, in a tenth of its time on a processor, which multiplies matrices three wide.
    """
    height, width = canvas
    y, x = (torch.linspace(-1, 1, n, device=where.device) * (n - 1) / n for n in (height, width))
    grid = where.new_empty(len(where), height, width, 2)
    for axis in range(2):
        by_x, by_y, shift = (part.view(-1, 1, 1) for part in where[:, axis].unbind(1))
        torch.add(by_x * x, by_y * y.view(-1, 1), out=grid[..., axis]).add_(shift)
    return grid


def _kept_inside(centre: Tensor, length: Tensor, window: Tensor, slack: Tensor) -> Tensor:
    """Move a window of a length into the picture; where the picture is the smaller, move that inside the window."""
    low, high = window / 2, length - window / 2
    larger = length + (slack * 2 - 1) * (window - length) / 2 - length / 2
    return torch.where(window <= length, torch.minimum(torch.maximum(centre, low), high), larger)


def _recoloured(pictures: Tensor, strength: float, chance: torch.Generator) -> Tensor:
    """Brightness, contrast, saturation and tint changed a little, each picture by its own dice."""
    if strength == 0:
        return pictures
    count, channels = pictures.shape[:2]

    def around(middle: float, reach: float, wide: int = 1) -> Tensor:
        dice = middle + reach * (2 * torch.rand(count, wide, generator=chance) - 1)
        return dice.view(count, wide, 1, 1).to(pictures.device)

    contrast, saturation = around(1, strength), around(1, strength)
    shift = around(0, strength) + around(0, strength / 3, channels)
    grey = pictures.mean(1, keepdim=True)
    return torch.lerp(grey, pictures, saturation).mul_(contrast).add_(shift)


def _blurred(pictures: Tensor, largest: float, chance: torch.Generator) -> Tensor:
    """Each picture out of focus by its own radius, from 0 to `largest` pixels (sigma of a Gaussian)."""
    if largest == 0:
        return pictures
    count, channels, height, width = pictures.shape
    reach = max(1, math.ceil(2 * largest))
    sigma = (largest * torch.rand(count, 1, generator=chance)).clamp_min(1e-3)
    taps = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    taps = (taps / taps.sum(1, keepdim=True)).repeat_interleave(channels, 0).to(pictures.device)
    flat = F.pad(pictures.reshape(1, count * channels, height, width), [reach] * 4, "replicate")
    down = F.conv2d(flat, taps.view(-1, 1, 2 * reach + 1, 1), groups=count * channels)
    across = F.conv2d(down, taps.view(-1, 1, 1, 2 * reach + 1), groups=count * channels)
    return across.view(count, channels, height, width)


def _noisy(pictures: Tensor, strongest: float, chance: torch.Generator) -> Tensor:
    """Each picture with grain of its own strength. Normalised, a colour's range is about four wide."""
    if strongest == 0:
        return pictures
    strength = 4 * strongest * torch.rand(len(pictures), 1, 1, 1, generator=chance).to(pictures.device)
    return pictures + strength * torch.randn_like(pictures)
