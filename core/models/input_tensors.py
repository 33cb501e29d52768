"""From picture pixels to what a network is fed, the same way in training, scoring and prediction."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.spec import round_up_to_stride

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Red, green and blue of ImageNet on a scale to 255: what pretrained encoders expect and any network likes."""


def normalise(pictures: Tensor) -> Tensor:
    """uint8 (N, C, H, W) on any device -> float32 of the same shape, about mean 0 and deviation 1."""
    channels = pictures.shape[1]
    if channels == 3:
        mean = torch.tensor(MEAN, device=pictures.device).view(1, 3, 1, 1)
        deviation = torch.tensor(STD, device=pictures.device).view(1, 3, 1, 1)
    else:
        mean, deviation = (
            torch.tensor(127.5, device=pictures.device),
            torch.tensor(64.0, device=pictures.device),
        )
    return pictures.float().sub_(mean).div_(deviation)


def denormalise(pictures: Tensor) -> NDArray[np.uint8]:
    """Normalised (N, 3, H, W) back to (N, H, W, 3) uint8, for eyes."""
    mean, deviation = (torch.tensor(three).view(1, 3, 1, 1) for three in (MEAN, STD))
    shown = (pictures * deviation + mean).round_().clamp_(0, 255).to(torch.uint8)
    return np.ascontiguousarray(shown.permute(0, 2, 3, 1).numpy())


def channels_first(picture: NDArray[np.uint8]) -> Tensor:
    """(H, W, C) uint8 -> (C, H, W) uint8 tensor that shares the memory; its strides stay those of the picture."""
    return torch.from_numpy(picture).permute(2, 0, 1)


def pad_to_stride(pictures: Tensor) -> Tensor:
    """Normalised (N, C, H, W) with zeros (the mean colour) at the right and bottom up to multiples of 32."""
    height, width = pictures.shape[2:]
    return F.pad(pictures, (0, round_up_to_stride(width) - width, 0, round_up_to_stride(height) - height))
