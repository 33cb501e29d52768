"""Corners jump to edges: to borders of labels first, so that neighbours meet, else to edges of the picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.tools.tool import ToolContext

SNAP_DISTANCE, MAX_SNAP_DISTANCE, MIN_SNAP_DISTANCE = 8.0, 64.0, 0.75
"""How far a corner jumps: so many widget pixels, but no more and no less image pixels than these."""
_FAINTEST = 10.0
"""A step in brightness, of 255, that is no edge yet."""


def snap_corner(context: ToolContext, at: Point) -> Point:
    """The place where a corner set at `at` belongs. All such places lie where pixels meet, as borders of labels do.

    `at` itself where there is no edge within reach.
    """
    reach = min(MAX_SNAP_DISTANCE, max(MIN_SNAP_DISTANCE, SNAP_DISTANCE / context.scale))
    around = Box.bounding([at], margin=reach).intersection(
        Box(1, 1, context.labels.width, context.labels.height)
    )
    if around.is_empty:
        return at
    y, x = np.mgrid[around.slices]
    apart = np.hypot(x - at.x, y - at.y)
    near = apart <= reach
    border = _borders(context.labels.values, around) & near
    if border.any():
        found = int(np.where(border, apart, np.inf).argmin())
    else:
        # Of two edges alike the nearer one is meant.
        steps = _steps(context.picture, around) * near * (1 - 0.5 * apart / reach)
        found = int(steps.argmax())
        if steps.flat[found] < _FAINTEST:
            return at
    return Point(float(x.flat[found]), float(y.flat[found]))


def _borders(values: NDArray[np.uint8], around: Box) -> NDArray[np.bool_]:
    """Where the four pixels that meet do not all carry the same label."""
    part = values[_pixels(around).slices]
    corners = part[:-1, :-1], part[:-1, 1:], part[1:, :-1], part[1:, 1:]
    differs: NDArray[np.bool_] = np.logical_or.reduce([corner != corners[0] for corner in corners[1:]])
    return differs


def _steps(picture: NDArray[np.uint8], around: Box) -> NDArray[np.float32]:
    """How steep the brightness is where pixels meet, in levels of 255 per pixel."""
    part = np.ascontiguousarray(picture[_pixels(around).slices])
    grey = cv2.GaussianBlur(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), (3, 3), 0).astype(np.float32)
    across = grey[:-1, 1:] + grey[1:, 1:] - grey[:-1, :-1] - grey[1:, :-1]
    down = grey[1:, :-1] + grey[1:, 1:] - grey[:-1, :-1] - grey[:-1, 1:]
    steep: NDArray[np.float32] = np.hypot(across, down) / 2
    return steep


def _pixels(around: Box) -> Box:
    """The pixels that meet at the corners of a box of corners."""
    return Box(around.x0 - 1, around.y0 - 1, around.x1, around.y1)
