"""The U-Net of Ronneberger, Fischer and Brox (2015, arXiv 1505.04597), padded, at half its width, with batch norm."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.networks.asymmetric_unet import ConvNorm

WIDTHS = (32, 64, 128, 256, 512)
"""Channels at 1, 1/2, 1/4, 1/8 and 1/16 of the resolution; half of those in the paper."""


class PlainUNet(nn.Module):
    """float (N, channels, H, W), H and W multiples of 16 -> logits (N, classes, H, W).

    Two 3x3 convolutions a level, max pooling in the encoder, transposed convolutions in the decoder.
    Attribute names are the names of stored weights.
    """

    def __init__(self, classes: int, channels: int = 3) -> None:
        super().__init__()
        inputs = (channels, *WIDTHS[:-1])
        self.down = nn.ModuleList(_twice(narrow, wide) for narrow, wide in zip(inputs, WIDTHS, strict=True))
        steps = list(zip(WIDTHS[::-1], WIDTHS[-2::-1], strict=False))
        self.rise = nn.ModuleList(nn.ConvTranspose2d(wide, narrow, 2, 2) for wide, narrow in steps)
        self.up = nn.ModuleList(_twice(wide, narrow) for wide, narrow in steps)
        self.head = nn.Conv2d(WIDTHS[0], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for stage in self.down:
            x = stage(F.max_pool2d(x, 2) if skips else x)
            skips.append(x)
        skips.pop()
        for rise, stage in zip(self.rise, self.up, strict=True):
            x = stage(torch.cat([skips.pop(), rise(x)], 1))
        logits: Tensor = self.head(x)
        return logits


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(ConvNorm(inputs, outputs), ConvNorm(outputs, outputs))
