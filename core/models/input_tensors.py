"""Input tensors of a network, the same in training, validation and inference: normalisation, padding, layout."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.spec import round_up_to_stride

Statistics = tuple[tuple[float, ...], tuple[float, ...]]
"""(mean, standard deviation) of pixel values, per channel or for all; see `ModelSpec.pixel_statistics`."""


def normalise(pictures: Tensor, statistics: Statistics) -> Tensor:
    """uint8 (N, C, H, W) on any device -> float32 of the same shape, mean about 0, standard deviation about 1."""
    mean, std = _per_channel(statistics, pictures.device)
    return pictures.float().sub_(mean).div_(std)


def denormalise(pictures: Tensor, statistics: Statistics) -> NDArray[np.uint8]:
    """Normalised (N, 3, H, W) -> (N, H, W, 3) uint8, for display."""
    mean, std = _per_channel(statistics, pictures.device)
    pixels = (pictures * std + mean).round_().clamp_(0, 255).to(torch.uint8)
    return np.ascontiguousarray(pixels.permute(0, 2, 3, 1).numpy())


def _per_channel(statistics: Statistics, device: torch.device) -> tuple[Tensor, Tensor]:
    mean, std = (torch.tensor(values, device=device).view(1, -1, 1, 1) for values in statistics)
    return mean, std


def channels_first(picture: NDArray[np.uint8]) -> Tensor:
    """(H, W, C) uint8 -> (C, H, W) uint8 tensor that shares memory and strides with the picture."""
    return torch.from_numpy(picture).permute(2, 0, 1)


def pad_to_stride(pictures: Tensor) -> Tensor:
    """Normalised (N, C, H, W), padded right and bottom with zeros (the mean colour) to multiples of 32."""
    height, width = pictures.shape[2:]
    return F.pad(pictures, (0, round_up_to_stride(width) - width, 0, round_up_to_stride(height) - height))
