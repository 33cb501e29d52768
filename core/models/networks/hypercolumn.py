"""Hypercolumn network: a pretrained encoder, one hidden layer on all its levels, and a light decoder with context.

Ideas and sources:

- Hypercolumns (Hariharan and others 2015, arXiv 1411.5752): each pixel is classified from the features of all levels
  above it. A hidden layer on them splits into one 1x1 convolution per level, computed at the resolution of that level
  and added up, so it can be fitted to sampled pixels in seconds (`core.training.head.head_fit`) and then trained on.
- The decoder is that of `asymmetric_unet`: atrous spatial pyramid pooling with squeeze-and-excitation on the coarsest
  levels, then one convolution a level. Its output is added to the hidden layer and starts at zero, so that a fitted
  head is not disturbed (zero initialisation: Goyal and others 2017, arXiv 1706.02677).

Attribute names of the modules are the names of stored weights and must not change.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.networks.asymmetric_unet import AtrousPyramid, SqueezeExcite, UpBlock

HIDDEN = 256
"""Channels of the hidden layer."""
DECODER_WIDTH = 64
DILATIONS = (1, 2, 4)
"""Of the pyramid, at 1/16 of the resolution."""
OUTPUT_STRIDE = 4
"""The logits are computed at this fraction of the resolution."""


class HypercolumnNet(nn.Module):
    """float (N, channels, H, W), H and W multiples of 32 -> logits (N, classes, H, W); (…, H/4, W/4) in train mode.

    encoder: returns a list of levels, the picture first, then features at 1/2, 1/4, 1/8, 1/16 and 1/32 of the
    resolution, with their channels in its `out_channels`; a level may have none
    """

    hidden_channels = HIDDEN

    def __init__(self, encoder: nn.Module, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        channels: Sequence[int] = list(encoder.out_channels)  # type: ignore[arg-type]
        # The bias of the hidden layer is that of the first level.
        self.levels = nn.ModuleList(
            nn.Conv2d(count, HIDDEN, 1, bias=number == 0) if count else nn.Identity()
            for number, count in enumerate(channels)
        )
        self.decoder = ContextDecoder(channels)
        self.dropout = nn.Dropout2d(0.1)
        self.head = nn.Conv2d(HIDDEN, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout(F.relu(self.hidden(x))))
        if self.training:
            return logits
        return F.interpolate(logits, size=x.shape[2:], mode="bilinear", align_corners=False)

    def level_convolutions(self) -> list[nn.Conv2d]:
        """The convolutions of the hidden layer, one for each level with channels, in order; the first has a bias."""
        return [layer for layer in self.levels if isinstance(layer, nn.Conv2d)]

    def hidden(self, x: Tensor) -> Tensor:
        """The hidden layer before its activation, (N, HIDDEN, H/4, W/4)."""
        levels: list[Tensor] = self.encoder(x)
        total: Tensor = self.decoder(levels)
        # From coarse to fine: what is added before upsampling is upsampled once.
        coarse = None
        for level, convolution in reversed(list(zip(levels[2:], self.levels[2:], strict=True))):
            if coarse is not None:
                coarse = upsampled(coarse, level)
            if level.shape[1]:
                projected = convolution(level)
                coarse = projected if coarse is None else projected + coarse
        if coarse is not None:
            total = total + coarse
        for level, convolution in zip(pooled_levels(levels)[:2], self.levels[:2], strict=True):
            if level.shape[1]:
                total = total + convolution(level)
        return total


class ContextDecoder(nn.Module):
    """Levels of an encoder -> (N, HIDDEN, H/4, W/4), zero at first."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        width = DECODER_WIDTH
        self.narrow = nn.ModuleList(nn.Conv2d(count, 2 * width, 1, bias=False) for count in channels[4:])
        self.norm = nn.BatchNorm2d(2 * width)
        self.weigh = SqueezeExcite(2 * width)
        self.pyramid = AtrousPyramid(2 * width, width, DILATIONS)
        self.up = nn.ModuleList([UpBlock(width, channels[3], width), UpBlock(width, channels[2], width)])
        self.out = nn.Conv2d(width, HIDDEN, 1, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        fine, coarse = (narrow(level) for narrow, level in zip(self.narrow, levels[4:], strict=True))
        level = F.relu(self.norm(fine + upsampled(coarse, fine)))
        level = self.pyramid(self.weigh(level))
        for block, skip in zip(self.up, (levels[3], levels[2]), strict=True):
            level = block(level, skip)
        result: Tensor = self.out(level)
        return result


def pooled_levels(levels: Sequence[Tensor]) -> list[Tensor]:
    """The levels of an encoder, those finer than 1/4 of the resolution averaged down to it."""
    picture, half, *others = levels
    return [F.avg_pool2d(picture, 4), F.avg_pool2d(half, 2) if half.shape[1] else half, *others]


def upsampled(coarse: Tensor, like: Tensor) -> Tensor:
    """Bilinearly upsampled to the height and width of `like`."""
    return F.interpolate(coarse, size=like.shape[2:], mode="bilinear", align_corners=False)
