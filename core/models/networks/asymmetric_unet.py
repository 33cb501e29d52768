"""Asymmetric U-Net with squeeze-and-excitation and an atrous pyramid, fast on two processor cores.

Attribute names of the modules are the names of stored weights and must not change. Ideas and sources:

- U-Net (Ronneberger, Fischer, Brox 2015, arXiv 1505.04597): an encoder, a decoder, and skip connections.
- Asymmetric, as in ENet (Paszke and others 2016, arXiv 1606.02147): a wide encoder, and a decoder with a single
  convolution a level that only refines. Resolution is halved early, because a convolution at half the resolution costs
  a quarter.
- Residual blocks (He and others 2015, arXiv 1512.03385).
- Squeeze-and-excitation (Hu and others 2017, arXiv 1709.01507): channels are weighted by the content of the picture.
- Atrous spatial pyramid pooling (Chen and others, DeepLab v3, 2017, arXiv 1706.05587): convolutions with several
  dilations in parallel, and the mean of the whole picture.

Plain 3x3 convolutions throughout: depthwise ones have fewer multiplications but are limited by memory on a processor.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

WIDTHS = (16, 32, 64, 128)
"""Channels at 1/2, 1/4, 1/8 and 1/16 of the resolution. Multiples of 16, the vector length of the processor:
24 instead of 16 in the first level made a training step three times as long."""
BLOCKS = (0, 1, 2, 2)
"""Residual blocks at each level."""
DILATIONS = (1, 2, 4)
"""Of the pyramid, for about 16 x 12 positions at 1/16 resolution."""


class ConvNorm(nn.Sequential):
    """Convolution, batch norm and, unless `act` is False, ReLU. (N, C, H, W) -> (N, O, H/stride, W/stride)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        act: bool = True,
    ) -> None:
        padding = dilation * (kernel // 2)
        layers: list[nn.Module] = [
            nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation=dilation, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        if act:
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class SqueezeExcite(nn.Module):
    """Multiplies each channel by a weight 0..1 computed from the whole picture; same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = max(8, channels // 4)
        self.squeeze = nn.Conv2d(channels, narrow, 1)
        self.excite = nn.Conv2d(narrow, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        weight = x.mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.excite(F.relu(self.squeeze(weight))))


class ResidualBlock(nn.Module):
    """x plus two convolutions of it, weighted by squeeze-and-excitation; same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels)
        self.second = ConvNorm(channels, channels, act=False)
        self.weigh = SqueezeExcite(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.weigh(self.second(self.first(x))))


class AtrousPyramid(nn.Module):
    """Parallel convolutions with several dilations, and the mean of the picture; (N, C, h, w) -> (N, O, h, w)."""

    def __init__(self, inputs: int, outputs: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.point = ConvNorm(inputs, outputs, 1)
        self.branches = nn.ModuleList(ConvNorm(inputs, outputs, 3, dilation=reach) for reach in dilations)
        # No batch norm on the mean: a batch of one picture would have a single value a channel.
        self.whole = nn.Conv2d(inputs, outputs, 1)
        self.join = ConvNorm(outputs * (len(dilations) + 1), outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        views = torch.cat([self.point(x), *(branch(x) for branch in self.branches)], 1)
        joined: Tensor = self.join(views)
        return joined + F.relu(self.whole(x.mean((2, 3), keepdim=True)))


class UpBlock(nn.Module):
    """One decoder level: double the resolution, add the skip connection, one convolution."""

    def __init__(self, inputs: int, bridge: int, outputs: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bridge = nn.Conv2d(bridge, outputs, 1, bias=False)
        self.blend = nn.Sequential(nn.BatchNorm2d(outputs), nn.ReLU(inplace=True), ConvNorm(outputs, outputs))

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        # Channels are reduced before upsampling: the same result for a quarter of the work.
        up = F.interpolate(self.narrow(below), size=skip.shape[2:], mode="bilinear", align_corners=False)
        merged: Tensor = self.blend(up + self.bridge(skip))
        return merged


class AsymmetricUNet(nn.Module):
    """float (N, channels, H, W), H and W multiples of 16 -> logits (N, classes, H, W).

    In train mode the logits stay at half the resolution, (N, classes, H/2, W/2): upsampling them and computing the loss
    of every pixel would cost a quarter of each step for little gain.
    """

    def __init__(
        self,
        classes: int,
        channels: int = 3,
        widths: Sequence[int] = WIDTHS,
        blocks: Sequence[int] = BLOCKS,
        dilations: Sequence[int] = DILATIONS,
    ) -> None:
        super().__init__()
        inputs = [channels, *widths[:-1]]
        self.down = nn.ModuleList(
            nn.Sequential(ConvNorm(narrow, wide, stride=2), *(ResidualBlock(wide) for _ in range(count)))
            for narrow, wide, count in zip(inputs, widths, blocks, strict=True)
        )
        half, quarter, eighth, _ = widths
        self.pyramid = AtrousPyramid(widths[-1], eighth, dilations)
        self.up = nn.ModuleList(
            [
                UpBlock(eighth, eighth, eighth * 2 // 3),
                UpBlock(eighth * 2 // 3, quarter, quarter),
                UpBlock(quarter, half, half),
            ]
        )
        self.dropout = nn.Dropout2d(0.1)
        self.head = nn.Conv2d(half, classes, 1)
        self._initialise()

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        level = x
        for stage in self.down:
            level = stage(level)
            skips.append(level)
        level = self.pyramid(skips.pop())
        for rise in self.up:
            level = rise(level, skips.pop())
        logits: Tensor = self.head(self.dropout(level))
        if self.training:
            return logits
        return F.interpolate(logits, size=x.shape[2:], mode="bilinear", align_corners=False)

    def _initialise(self) -> None:
        """He initialisation; the last norm of a block starts at zero, so a new block changes nothing yet
        (Goyal and others 2017, arXiv 1706.02677)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, ResidualBlock):
                norm = module.second[1]
                assert isinstance(norm, nn.BatchNorm2d)
                nn.init.zeros_(norm.weight)
