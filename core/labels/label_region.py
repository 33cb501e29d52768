"""Some pixels of one class of a label, small enough to keep thousands of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from core.base.errors import ProjectError
from core.base.geometry import Box
from core.labels.codec import decode, encode
from core.labels.label_map import Mask, Values


@dataclass(frozen=True, slots=True)
class LabelRegion:
    """class_value: of all its pixels; box: bounds them, image pixels; mask: (h, w) uint8 of the box, encoded by
    core/labels/codec.py, 1 = one of them."""

    class_value: int
    box: Box
    mask: bytes

    @classmethod
    def of(cls, class_value: int, box: Box, mask: Mask) -> LabelRegion:
        """`mask`: (h, w) bool of the box, whose pixels have the class."""
        return cls(class_value, box, encode(mask.astype(np.uint8)))

    def pixels(self) -> Mask:
        """(h, w) bool of the box. Raises ProjectError when the mask has another size: the file may be a stranger's."""
        return np.asarray(decode(self.mask, self.box.height, self.box.width, np.uint8) != 0, np.bool_)

    @property
    def digest(self) -> str:
        """Tells regions apart: 32 hexadecimal digits of class, box and mask."""
        bounds = (self.class_value, self.box.x0, self.box.y0, self.box.x1, self.box.y1)
        return hashlib.blake2b(f"{bounds}".encode() + self.mask, digest_size=16).hexdigest()

    def is_in(self, label: Values) -> bool:
        """Whether all its pixels lie in a label, (H, W) uint8, and have the class there."""
        return self.pixels_if_in(label) is not None

    def pixels_if_in(self, label: Values) -> Mask | None:
        """Its pixels, (h, w) bool of the box, if all lie in a label, (H, W) uint8, and have the class there."""
        height, width = label.shape
        if self.box.is_empty or self.box.clipped(width, height) != self.box:
            return None
        try:
            pixels = self.pixels()
        except ProjectError:
            return None
        return pixels if (label[self.box.slices][pixels] == self.class_value).all() else None
