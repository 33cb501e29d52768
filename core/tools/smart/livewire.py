"""Live-wire: the path along edges of the picture from an anchor to any position."""

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
"""Side of the search window in crop pixels: all paths through it take about a tenth of a second."""
_SCREEN_SIDE = 900.0
"""Side of the window around an anchor in widget pixels."""
_MIN_SIDE = 256
"""Smallest side of the window in picture pixels, at any zoom."""
_CANNY_LOW, _CANNY_HIGH = 32, 100
"""Thresholds of the Canny edge detector, for gradients of 0..255 for each channel."""
_MAX_GRADIENT = 200.0
"""Gradients above this cost the same."""
_TOLERANCE = 0.8
"""Crop pixels by which a simplified path may deviate: pixel steps are removed, corners stay."""
_MIN_SNAP, _MAX_SNAP = 2, 48
"""Limits in picture pixels of the distance at which a click snaps to an edge."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveWire:
    """All paths from `anchor` through a window of the picture. Made on one thread, then used by another."""

    anchor: Point
    crop: DownscaledCrop
    _map: Any

    def path_to(self, at: Point) -> tuple[Point, ...]:
        """The path along edges, without the anchor and up to `at`; straight where it leaves the window."""
        path = np.asarray(self._map.getContour(self.crop.pixel_at(at))).reshape(-1, 1, 2)
        if len(path) > 2:
            path = cv2.approxPolyDP(path, _TOLERANCE, False)
        inner = path.reshape(-1, 2)[1:-1] + 0.5
        points = [self.crop.to_picture(Point(float(x), float(y))) for x, y in inner]
        box = self.crop.box
        if not (box.x0 <= at.x <= box.x1 and box.y0 <= at.y <= box.y1) and len(path):
            x, y = path[-1].ravel()
            points.append(self.crop.to_picture(Point(float(x) + 0.5, float(y) + 0.5)))
        return (*points, at)


def search_window(anchor: Point, scale: float, whole: Box) -> DownscaledCrop:
    """The window in which paths are searched; scale: widget pixels per picture pixel."""
    reach = max(_MIN_SIDE, _SCREEN_SIDE / scale) / 2
    x, y = round(anchor.x), round(anchor.y)
    side = round(reach)
    return DownscaledCrop.fit(Box(x - side, y - side, x + side, y + side).intersection(whole), MAX_SIDE)


def compute_live_wire(
    picture: NDArray[np.uint8], crop: DownscaledCrop, anchor: Point, is_cancelled: Callable[[], bool]
) -> LiveWire | None:
    """Intelligent scissors (Mortensen and Barrett, 1995) by OpenCV; None when it was cancelled."""
    small = crop.read(picture)
    paths = cv2.segmentation.IntelligentScissorsMB()
    paths.setEdgeFeatureCannyParameters(_CANNY_LOW, _CANNY_HIGH)
    paths.setGradientMagnitudeMaxLimit(_MAX_GRADIENT)
    paths.applyImage(small)
    if is_cancelled():
        return None
    paths.buildMap(crop.pixel_at(anchor))
    return LiveWire(anchor, crop, paths)


def snap_to_edge(picture: NDArray[np.uint8], at: Point, reach: float) -> Point:
    """The strongest edge within `reach` picture pixels, near ones preferred; `at` itself where there is none."""
    height, width = picture.shape[:2]
    whole = round(min(max(reach, _MIN_SNAP), _MAX_SNAP))
    x, y = min(max(int(at.x), 0), width - 1), min(max(int(at.y), 0), height - 1)
    box = Box(x - whole - 1, y - whole - 1, x + whole + 2, y + whole + 2).clipped(width, height)
    grey = cv2.cvtColor(np.ascontiguousarray(picture[box.slices]), cv2.COLOR_RGB2GRAY).astype(np.float32)
    gradient = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    rows, columns = np.ogrid[box.y0 : box.y1, box.x0 : box.x1]
    distance = np.hypot(rows + 0.5 - at.y, columns + 0.5 - at.x) / whole
    score = np.where(distance <= 1, gradient * (1 - 0.5 * distance), 0)
    row, column = np.unravel_index(int(score.argmax()), score.shape)
    if score[row, column] < 2 * _CANNY_LOW:
        return at
    return Point(box.x0 + int(column) + 0.5, box.y0 + int(row) + 0.5)
