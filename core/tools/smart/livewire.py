"""The way along the edges of a picture, from an anchor to wherever the pointer is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.tools.smart.downscaled_crop import DownscaledCrop

MAX_SIDE = 512
"""Crop pixels along the side of the window: all ways through it are known in about a tenth of a second."""
_ON_SCREEN = 900.0
"""Widget pixels along the side of the window around an anchor."""
_SMALLEST = 256
"""Picture pixels along its side at least, however close one looks."""
_WEAKEST, _STRONGEST = 32, 100
"""Canny's thresholds, of gradients of 0..255 for each channel."""
_STEEPEST = 200.0
"""Gradients above this are all the same to the way."""
_TREMBLE = 0.8
"""Crop pixels that a simplified way may leave the true one: pixel steps go, corners stay."""
_NEAREST, _FARTHEST = 2, 48
"""Limits in picture pixels for how far a click is drawn to an edge."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveWire:
    """All ways from `anchor` through a window of the picture. Made on one thread, then used by another."""

    anchor: Point
    crop: DownscaledCrop
    _ways: Any

    def path_to(self, at: Point) -> tuple[Point, ...]:
        """The way along edges, without the anchor and up to `at`; straight where it leaves the window."""
        way = np.asarray(self._ways.getContour(self.crop.pixel_at(at))).reshape(-1, 1, 2)
        if len(way) > 2:
            way = cv2.approxPolyDP(way, _TREMBLE, False)
        inner = way.reshape(-1, 2)[1:-1] + 0.5
        points = [self.crop.to_picture(Point(float(x), float(y))) for x, y in inner]
        box = self.crop.box
        if not (box.x0 <= at.x <= box.x1 and box.y0 <= at.y <= box.y1) and len(way):
            x, y = way[-1].ravel()
            points.append(self.crop.to_picture(Point(float(x) + 0.5, float(y) + 0.5)))
        return (*points, at)


def search_window(anchor: Point, scale: float, whole: Box) -> DownscaledCrop:
    """The window in which ways are looked for; scale: widget pixels per picture pixel."""
    reach = max(_SMALLEST, _ON_SCREEN / scale) / 2
    x, y = round(anchor.x), round(anchor.y)
    side = round(reach)
    return DownscaledCrop.fit(Box(x - side, y - side, x + side, y + side).intersection(whole), MAX_SIDE)


def compute_live_wire(
    picture: NDArray[np.uint8], crop: DownscaledCrop, anchor: Point, is_cancelled: Callable[[], bool]
) -> LiveWire | None:
    """Intelligent scissors (Mortensen and Barrett, 1995) as OpenCV has them; None when nobody waits any more."""
    small = crop.read(picture)
    ways = cv2.segmentation.IntelligentScissorsMB()
    ways.setEdgeFeatureCannyParameters(_WEAKEST, _STRONGEST)
    ways.setGradientMagnitudeMaxLimit(_STEEPEST)
    ways.applyImage(small)
    if is_cancelled():
        return None
    ways.buildMap(crop.pixel_at(anchor))
    return LiveWire(anchor, crop, ways)


def snap_to_edge(picture: NDArray[np.uint8], at: Point, reach: float) -> Point:
    """The strongest edge within `reach` picture pixels, the near ones first; `at` itself where there is none."""
    height, width = picture.shape[:2]
    whole = round(min(max(reach, _NEAREST), _FARTHEST))
    x, y = min(max(int(at.x), 0), width - 1), min(max(int(at.y), 0), height - 1)
    box = Box(x - whole - 1, y - whole - 1, x + whole + 2, y + whole + 2).clipped(width, height)
    grey = cv2.cvtColor(np.ascontiguousarray(picture[box.slices]), cv2.COLOR_RGB2GRAY).astype(np.float32)
    steep = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    rows, columns = np.ogrid[box.y0 : box.y1, box.x0 : box.x1]
    away = np.hypot(rows + 0.5 - at.y, columns + 0.5 - at.x) / whole
    worth = np.where(away <= 1, steep * (1 - 0.5 * away), 0)
    row, column = np.unravel_index(int(worth.argmax()), worth.shape)
    if worth[row, column] < 2 * _WEAKEST:
        return at
    return Point(box.x0 + int(column) + 0.5, box.y0 + int(row) + 0.5)
