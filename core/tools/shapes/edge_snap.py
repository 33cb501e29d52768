"""Snaps polygon corners to edges: to borders of labels first, so that neighbours share them, else to edges of the
picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.tools.tool import ToolContext

SNAP_DISTANCE, MAX_SNAP_DISTANCE, MIN_SNAP_DISTANCE = 8.0, 64.0, 0.75
"""How far a corner may jump: this many widget pixels, limited to a range of image pixels."""
_MIN_GRADIENT = 10.0
"""Weaker steps of brightness, in grey levels of 0..255 per pixel, are no edge."""


def snap_corner(context: ToolContext, at: Point) -> Point:
    """Where a corner set at `at` is placed. All such positions lie between pixels, as borders of labels do.

    `at` itself where there is no edge within reach.
    """
    reach = min(MAX_SNAP_DISTANCE, max(MIN_SNAP_DISTANCE, SNAP_DISTANCE / context.scale))
    corners_box = Box.bounding([at], margin=reach).intersection(
        Box(1, 1, context.labels.width, context.labels.height)
    )
    if corners_box.is_empty:
        return at
    y, x = np.mgrid[corners_box.slices]
    distance = np.hypot(x - at.x, y - at.y)
    near = distance <= reach
    border = _label_borders(context.labels.values, corners_box) & near
    if border.any():
        found = int(np.where(border, distance, np.inf).argmin())
    else:
        # Of two equally strong edges the nearer one wins.
        gradients = _gradients(context.picture, corners_box) * near * (1 - 0.5 * distance / reach)
        found = int(gradients.argmax())
        if gradients.flat[found] < _MIN_GRADIENT:
            return at
    return Point(float(x.flat[found]), float(y.flat[found]))


def _label_borders(values: NDArray[np.uint8], corners_box: Box) -> NDArray[np.bool_]:
    """Where the four pixels that meet do not all have the same label."""
    part = values[_pixels_at_corners(corners_box).slices]
    corners = part[:-1, :-1], part[:-1, 1:], part[1:, :-1], part[1:, 1:]
    differs: NDArray[np.bool_] = np.logical_or.reduce([corner != corners[0] for corner in corners[1:]])
    return differs


def _gradients(picture: NDArray[np.uint8], corners_box: Box) -> NDArray[np.float32]:
    """The gradient of the brightness where pixels meet, in grey levels of 0..255 per pixel."""
    part = np.ascontiguousarray(picture[_pixels_at_corners(corners_box).slices])
    grey = cv2.GaussianBlur(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), (3, 3), 0).astype(np.float32)
    across = grey[:-1, 1:] + grey[1:, 1:] - grey[:-1, :-1] - grey[1:, :-1]
    down = grey[1:, :-1] + grey[1:, 1:] - grey[:-1, :-1] - grey[:-1, 1:]
    gradient: NDArray[np.float32] = np.hypot(across, down) / 2
    return gradient


def _pixels_at_corners(corners_box: Box) -> Box:
    """The pixels that meet at the corners of a box of corners."""
    return Box(corners_box.x0 - 1, corners_box.y0 - 1, corners_box.x1, corners_box.y1)
