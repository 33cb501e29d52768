"""FCN-8s (Long, Shelhamer, Darrell 2015, arXiv 1411.4038) on a VGG with batch norm."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.networks.asymmetric_unet import ConvNorm

WIDTH = 1024
"""Channels of the two layers after the encoder. The paper has 4096 and 7x7 kernels: 120 million parameters more, which
it took from a pretrained classifier."""


class FCN8s(nn.Module):
    """float (N, channels, H, W), H and W multiples of 32 -> logits (N, classes, H, W).

    Scores at 1/32, 1/16 and 1/8 of the resolution are added from coarse to fine, then upsampled eight times. Attribute
    names are the names of stored weights.

    encoder: returns a list of levels, [2] at 1/4, [3] at 1/8 and [5] at 1/32 of the resolution, with their channels in
    its `out_channels`. As in the paper, the finer scores come from the levels after pooling.
    """

    def __init__(self, encoder: nn.Module, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        channels: list[int] = list(encoder.out_channels)  # type: ignore[arg-type]
        self.think = nn.Sequential(
            ConvNorm(channels[5], WIDTH), nn.Dropout2d(0.5), ConvNorm(WIDTH, WIDTH, 1), nn.Dropout2d(0.5)
        )
        self.score = nn.Conv2d(WIDTH, classes, 1)
        self.score_16 = nn.Conv2d(channels[3], classes, 1)
        self.score_8 = nn.Conv2d(channels[2], classes, 1)
        for finer in (self.score_16, self.score_8):  # starting at zero, as in the paper
            nn.init.zeros_(finer.weight)
            nn.init.zeros_(finer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        levels = self.encoder(x)
        logits: Tensor = self.score(self.think(levels[5]))
        logits = _twice(logits) + self.score_16(F.max_pool2d(levels[3], 2))
        logits = _twice(logits) + self.score_8(F.max_pool2d(levels[2], 2))
        return F.interpolate(logits, scale_factor=8, mode="bilinear", align_corners=False)


def _twice(logits: Tensor) -> Tensor:
    return F.interpolate(logits, scale_factor=2, mode="bilinear", align_corners=False)
