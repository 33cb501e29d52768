"""The visible part of a picture that is too large to be predicted whole, which live prediction takes for a picture."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np

from core.base.errors import ImageError
from core.base.geometry import Box
from core.images.tiled_pyramid import AnyPyramid
from core.labels.label_map import LabelSnapshot, Values, blank_values
from core.labels.prediction import PredictedMask
from core.live.labelled_pixels import MAX_PICTURE_PIXELS, LabelledPixels, sample_labelled_pixels

PART_SIDE = 960
"""Smallest side in image pixels: what the encoder works at (`WORKING_SIDE` of `core.live.picture_features`)."""
SLACK = 4 / 3
"""A part is at least so many times longer than what is visible, so that a short pan needs no other one."""
MAX_EXCESS = 3.0
"""One that is more times longer than what is visible is given up for a finer one."""
MAX_PART_PIXELS = 100_000_000
"""Image pixels predicted at once: the prediction takes two bytes for each."""
MAX_PARTS = 8
"""Parts of a picture that are remembered, the newest."""

FIRST_PART_ID = 1 << 40

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, eq=False)
class PicturePart:
    """A box of image pixels, seen at 1 / 2**level of its size. number: no two have the same"""

    picture_id: int
    pyramid: AnyPyramid
    box: Box
    level: int
    number: int = field(default_factory=lambda: next(_numbers))

    @property
    def process_id(self) -> int:
        """What the process takes for the id of a picture; no picture has it."""
        return FIRST_PART_ID + self.number

    @property
    def step(self) -> int:
        """Image pixels for one of the part, along a side."""
        return 1 << self.level

    def pixels(self) -> Values:
        """(h, w, C) uint8 for a network, perhaps read from the file. Raises ImageError."""
        x0, y0 = self.box.x0 >> self.level, self.box.y0 >> self.level
        x1, y1 = -(-self.box.x1 >> self.level), -(-self.box.y1 >> self.level)
        return self.pyramid.model_input(self.level, Box(x0, y0, x1, y1))

    def labelled(self, labels: LabelSnapshot) -> LabelledPixels:
        """A sample of what is labelled in it, in pixels of the part. Raises ImageError when it is too large."""
        if self.box.area > MAX_PART_PIXELS:
            raise ImageError(
                f"Zoom in to get a live prediction: at most {MAX_PART_PIXELS // 10**6} megapixels are predicted "
                "at once."
            )
        return sample_labelled_pixels(labels.part(self.box, self.step))

    def cut(self, mask: PredictedMask) -> PredictedMask:
        """What a prediction of the whole picture says of it, in pixels of the part."""
        values, confidence = (
            plane[self.box.slices][:: self.step, :: self.step] for plane in (mask.values, mask.confidence)
        )
        return PredictedMask(values, confidence, mask.run_id)

    def placed(self, mask: PredictedMask, around: PredictedMask | None) -> PredictedMask:
        """A prediction of the part, in pixels of it, in one of the whole picture, which is `around` elsewhere.

        Without that nothing is predicted elsewhere, and memory is used for the part alone. Raises ProjectError when
        there is not enough.
        """
        width, height = self.pyramid.size
        planes = []
        for plane, outside in (
            (mask.values, around.values if around else None),
            (mask.confidence, around.confidence if around else None),
        ):
            whole = blank_values(width, height) if outside is None else outside.copy()
            enlarged = plane.repeat(self.step, 0).repeat(self.step, 1)
            whole[self.box.slices] = enlarged[: self.box.height, : self.box.width]
            planes.append(whole)
        return PredictedMask(planes[0], planes[1])


class PictureParts:
    """The parts of the picture on screen: the same one while it serves what is visible."""

    def __init__(self) -> None:
        self._parts: OrderedDict[Box, PicturePart] = OrderedDict()
        self._newest: PicturePart | None = None

    def clear(self) -> None:
        """Another picture, or other content of it, is on screen."""
        self._parts.clear()
        self._newest = None

    def part_for(self, picture_id: int, pyramid: AnyPyramid, visible: Box) -> PicturePart | None:
        """The part around the visible box of image pixels; None for a picture that is predicted whole."""
        if pyramid.size[0] * pyramid.size[1] <= MAX_PICTURE_PIXELS or visible.is_empty:
            return None
        if self._newest is None or not _serves(self._newest.box, visible):
            box, level = _box_around(visible, pyramid.size)
            self._newest = self._parts.get(box) or PicturePart(picture_id, pyramid, box, level)
            self._parts[box] = self._newest
            self._parts.move_to_end(box)
            if len(self._parts) > MAX_PARTS:
                self._parts.popitem(last=False)
        return self._newest


def _serves(box: Box, visible: Box) -> bool:
    longest = max(visible.width, visible.height)
    is_fine = max(box.width, box.height) <= max(PART_SIDE, MAX_EXCESS * longest)
    return visible.intersection(box) == visible and is_fine


def _box_around(visible: Box, size: tuple[int, int]) -> tuple[Box, int]:
    """A box from a grid, so that the same place gives the same one again, and the level at which it is seen."""
    wanted = SLACK * max(visible.width, visible.height) / PART_SIDE
    halvings = max(0, int(np.ceil(2 * np.log2(max(wanted, 1e-6)))))  # sides grow by the root of two
    level = halvings // 2
    unit = 1 << level
    side = round(PART_SIDE * 2 ** (halvings % 2 / 2)) * unit
    starts = []
    for middle, length in (
        ((visible.x0 + visible.x1) / 2, size[0]),
        ((visible.y0 + visible.y1) / 2, size[1]),
    ):
        grid = side / 8
        start = int(round((middle - side / 2) / grid) * grid) // unit * unit
        last = -(-(length - side) // unit) * unit
        starts.append(max(0, min(start, last)))
    return Box(starts[0], starts[1], starts[0] + side, starts[1] + side).clipped(*size), level
