"""Features of one picture from the pretrained encoder, computed once and read for every answer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.images.picture_scale import scale_picture
from core.models.input_tensors import Statistics, channels_first, normalise
from core.models.spec import round_up_to_stride

WORKING_SIDE = 960
"""Long side in pixels at which the encoder sees every picture. At 960 the answer is 6 points of mIoU better than at 480
for pictures of 480 pixels, at 1,280 no better (docs/experiments.md)."""
BLURS = (2.0, 4.0, 8.0)
"""Standard deviations, in pixels of half the working size, at which colours and their gradients are features too. With
ImageNet's features alone the head is worse than a random forest where colour decides, as in stained tissue."""
LOW_LEVELS = 3
"""Levels that say what a pixel looks like rather than what it is part of: colours, and two of the encoder."""
DEEP_LEVELS = (4, 5)
"""Levels that say best what a thing is (docs/experiments.md)."""
CACHE_BYTES = 400 << 20
"""Features that are kept in memory; a picture of 4 : 3 takes 23 MB."""


class PictureFeatures:
    """Levels of features of a picture, finest first, float16 (C, h, w) each; the first has its colours.

    size: (width, height) of the picture in pixels, which every level covers
    """

    def __init__(self, levels: Sequence[Tensor], size: tuple[int, int]) -> None:
        self.levels, self.size = list(levels), size

    @property
    def nbytes(self) -> int:
        return sum(level.nbytes for level in self.levels)

    @property
    def channels(self) -> int:
        """Numbers for each pixel."""
        return sum(level.shape[0] for level in self.levels)

    @property
    def low_channels(self) -> int:
        """How many of these, the first ones, are of LOW_LEVELS."""
        return sum(level.shape[0] for level in self.levels[:LOW_LEVELS])

    def deep_levels(self) -> NDArray[np.float32]:
        """(C, h, w) of DEEP_LEVELS, at the resolution of the finer one."""
        first, second = (self.levels[number][None].float() for number in DEEP_LEVELS)
        same = F.interpolate(second, size=first.shape[2:], mode="bilinear", align_corners=False)
        cells: NDArray[np.float32] = torch.cat([first, same], 1)[0].numpy()
        return cells

    def widened(self) -> PictureFeatures:
        """The same in float32: twice the memory, but nothing to convert at every answer."""
        return PictureFeatures([level.float() for level in self.levels], self.size)

    def at(self, points: NDArray[np.integer]) -> Tensor:
        """(n, channels) float32 at pixels (n, 2) as x, y, bilinearly interpolated."""
        centres = (points.astype(np.float32) + 0.5) / np.array(self.size, np.float32) * 2 - 1
        grid = torch.from_numpy(centres).view(1, 1, -1, 2)
        return torch.cat(
            [
                F.grid_sample(level[None].float(), grid, align_corners=False)[0, :, 0].T
                for level in self.levels
            ],
            1,
        )


@torch.inference_mode()
def compute_features(
    encoder: nn.Module, picture: NDArray[np.uint8], statistics: Statistics
) -> PictureFeatures:
    """picture: (H, W, C) uint8, upright; encoder: in eval mode, as `HypercolumnNet.encoder`."""
    height, width = picture.shape[:2]
    scale = WORKING_SIDE / max(height, width)
    # The sides are scaled apart, by less than 2 %, so that every level covers exactly the picture.
    size = (round_up_to_stride(round(width * scale)), round_up_to_stride(round(height * scale)))
    scaled = scale_picture(picture, *size)
    batch = normalise(channels_first(scaled).unsqueeze(0), statistics)
    pixels, *features = encoder(batch.contiguous(memory_format=torch.channels_last))
    levels = [_colours(F.avg_pool2d(pixels, 2)), *features]
    return PictureFeatures([level[0].half() for level in levels if level.shape[1]], (width, height))


def _colours(picture: Tensor) -> Tensor:
    """(1, C + (C + 1) * BLURS, h, w): a normalised picture, its colours blurred, and their gradient's length."""
    planes = list(picture[0])
    for sigma in BLURS:
        blurred = torch.from_numpy(
            np.stack([cv2.GaussianBlur(plane.numpy(), (0, 0), sigma) for plane in picture[0]])
        )
        down, right = torch.gradient(blurred.mean(0))
        planes += [*blurred, torch.hypot(down, right)]
    return torch.stack(planes)[None]


class FeatureMemory:
    """The features of the pictures used last, by any key, up to a number of bytes."""

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        self._max_bytes, self._bytes = max_bytes, 0
        self._kept: OrderedDict[object, PictureFeatures] = OrderedDict()

    def get(self, key: object) -> PictureFeatures | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: object, features: PictureFeatures) -> None:
        """Keep them; those used longest ago go first, and what is larger than all room is not kept."""
        self.drop(key)
        self._kept[key] = features
        self._bytes += features.nbytes
        while self._bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.nbytes

    def drop(self, key: object) -> None:
        """Forget those of a key, if there are any."""
        found = self._kept.pop(key, None)
        if found is not None:
            self._bytes -= found.nbytes
