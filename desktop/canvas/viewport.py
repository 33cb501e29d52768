"""Scale and position of the picture on the canvas, and the conversion between image and device pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point

MAX_SCALE = 64.0
MARGIN = 16
"""Device pixels left free around a picture that is fitted."""
_MIN_VISIBLE = 48
"""Device pixels of the picture that stay visible however far it is panned."""


@dataclass(slots=True)
class Viewport:
    """All positions are device pixels of the canvas, also on screens where a widget pixel has several of them.

    width, height: size of the canvas; picture_width, picture_height: image pixels; scale: device pixels per image
    pixel; left, top: corner of the picture; fitted: whether the whole picture is shown and stays so on resize. The
    corner is on whole device pixels, so that panning can scroll the buffers and resampled pixels do not flicker.
    """

    width: int = 1
    height: int = 1
    picture_width: int = 1
    picture_height: int = 1
    scale: float = 1.0
    left: int = 0
    top: int = 0
    fitted: bool = True

    @property
    def fit_scale(self) -> float:
        """The scale at which the whole picture is visible, at most `MAX_SCALE`."""
        room_x, room_y = max(1, self.width - 2 * MARGIN), max(1, self.height - 2 * MARGIN)
        return min(room_x / self.picture_width, room_y / self.picture_height, MAX_SCALE)

    @property
    def min_scale(self) -> float:
        # A picture smaller than the canvas can still be shown at its actual size.
        return min(0.5 * self.fit_scale, 1.0)

    def fit(self) -> None:
        """Show the whole picture, centred."""
        self.scale = self.fit_scale
        self.left = round((self.width - self.picture_width * self.scale) / 2)
        self.top = round((self.height - self.picture_height * self.scale) / 2)
        self.fitted = True

    def set_picture(self, width: int, height: int, *, keep_view: bool) -> None:
        """Another picture: fitted, or with `keep_view` at the scale and relative position of the one before."""
        x = (self.width / 2 - self.left) / (self.scale * self.picture_width)
        y = (self.height / 2 - self.top) / (self.scale * self.picture_height)
        same = (width, height) == (self.picture_width, self.picture_height)
        self.picture_width, self.picture_height = width, height
        if self.fitted or not keep_view:
            self.fit()
        elif not same:
            self.scale = min(MAX_SCALE, max(self.min_scale, self.scale))
            self.centre_on(Point(x * width, y * height))

    def resize(self, width: int, height: int, *, keep_position: bool = False) -> None:
        """A new canvas size: a fitted picture is fitted again, otherwise the centre stays in the centre.

        keep_position: do not move the picture, because a stroke is under way.
        """
        dx, dy = (width - self.width) / 2, (height - self.height) / 2
        self.width, self.height = max(1, width), max(1, height)
        if keep_position:
            self.fitted = False
        elif self.fitted:
            self.fit()
        else:
            self.pan(round(dx), round(dy))

    def zoom(self, scale: float, x: float, y: float) -> None:
        """Change the scale while the image point at device position (x, y) stays there."""
        scale = min(MAX_SCALE, max(self.min_scale, scale))
        if abs(scale - 1) < 1e-9:
            scale = 1.0  # rounding errors of repeated zooming must not interpolate pixels at 1:1
        ratio = scale / self.scale
        self.scale = scale
        self.left = round(x - (x - self.left) * ratio)
        self.top = round(y - (y - self.top) * ratio)
        self.fitted = False
        self._clamp_position()

    def centre_on(self, at: Point) -> None:
        """Bring an image point to the centre of the canvas."""
        self.left = round(self.width / 2 - at.x * self.scale)
        self.top = round(self.height / 2 - at.y * self.scale)
        self.fitted = False
        self._clamp_position()

    def pan(self, dx: int, dy: int) -> tuple[int, int]:
        """Move the picture by whole device pixels. Returns how far it moved: some of it always stays visible."""
        old = self.left, self.top
        self.left += dx
        self.top += dy
        self._clamp_position()
        moved = self.left - old[0], self.top - old[1]
        if moved != (0, 0):
            self.fitted = False
        return moved

    def downscaled(self, step: int) -> Viewport:
        """The same view at 1/`step` of the resolution in each direction."""
        return Viewport(
            -(-self.width // step),
            -(-self.height // step),
            self.picture_width,
            self.picture_height,
            self.scale / step,
            round(self.left / step),
            round(self.top / step),
            self.fitted,
        )

    def image_point(self, x: float, y: float) -> Point:
        """The image point, with fractions, at a device position."""
        return Point((x - self.left) / self.scale, (y - self.top) / self.scale)

    def device_point(self, at: Point) -> tuple[float, float]:
        return self.left + at.x * self.scale, self.top + at.y * self.scale

    def visible_box(self) -> Box:
        """The device pixels of the canvas whose centre lies on the picture; at least one in each direction."""
        return self.picture_box().clipped(self.width, self.height)

    def visible_part(self) -> Box:
        """The image pixels on the canvas."""
        seen = self.visible_box()
        first, last = self.image_point(seen.x0, seen.y0), self.image_point(seen.x1, seen.y1)
        corners = [(first.x, first.y), (last.x, last.y)]
        return Box.bounding(corners).clipped(self.picture_width, self.picture_height)

    def picture_box(self) -> Box:
        """The same, including what lies outside the canvas."""
        box = self._to_device_box(Box(0, 0, self.picture_width, self.picture_height), 0)
        # A picture of 16,000 x 4 pixels may be fitted into a quarter of a device pixel: nothing of it would be visible.
        return Box(box.x0, box.y0, max(box.x1, box.x0 + 1), max(box.y1, box.y0 + 1))

    def device_box(self, box: Box, margin: int = 1) -> Box:
        """The device pixels of the canvas that show pixels of `box`, with a margin for interpolation."""
        if box.is_empty:
            return Box.empty()
        return self._to_device_box(box, margin).clipped(self.width, self.height)

    def _to_device_box(self, box: Box, margin: int) -> Box:
        return Box(
            math.ceil(self.left + box.x0 * self.scale - 0.5) - margin,
            math.ceil(self.top + box.y0 * self.scale - 0.5) - margin,
            math.ceil(self.left + box.x1 * self.scale - 0.5) + margin,
            math.ceil(self.top + box.y1 * self.scale - 0.5) + margin,
        )

    def columns(self, x0: int, x1: int) -> NDArray[np.intp]:
        """Image column under the centre of each device column x0..x1-1, (n,) intp; all must lie on the picture."""
        return _pixel_indices(x0, x1, self.left, self.scale, self.picture_width)

    def rows(self, y0: int, y1: int) -> NDArray[np.intp]:
        """Image row under the centre of each device row y0..y1-1, (n,) intp; all must lie on the picture."""
        return _pixel_indices(y0, y1, self.top, self.scale, self.picture_height)

    def _clamp_position(self) -> None:
        self.left = _clamp_offset(self.left, self.picture_width * self.scale, self.width)
        self.top = _clamp_offset(self.top, self.picture_height * self.scale, self.height)


@lru_cache(maxsize=64)  # a large canvas is drawn in bands, which share their columns
def _pixel_indices(start: int, end: int, offset: int, scale: float, size: int) -> NDArray[np.intp]:
    indices: NDArray[np.intp] = np.floor((np.arange(start, end) + (0.5 - offset)) / scale).astype(np.intp)
    np.clip(indices, 0, size - 1, out=indices)
    indices.flags.writeable = False
    return indices


def _clamp_offset(offset: int, size: float, available: int) -> int:
    whole = max(1, math.ceil(size))
    visible = min(_MIN_VISIBLE, whole, available)
    return max(visible - whole, min(available - visible, offset))
