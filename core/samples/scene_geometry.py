"""Polylines and rotated rectangles of sample scenes; all lengths in pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]
Points = NDArray[np.float64]
"""(N, 2) x, y; a single point is (2,)."""


@dataclass(frozen=True)
class RotatedRect:
    """A rotated rectangle around (x, y): `length` runs along `angle` (radians), `depth` across it."""

    x: float
    y: float
    length: float
    depth: float
    angle: float

    @classmethod
    def at(cls, point: Points, length: float, depth: float, angle: float) -> RotatedRect:
        """The rectangle around a point."""
        return cls(float(point[0]), float(point[1]), length, depth, angle)

    def scaled(self, factor: float) -> RotatedRect:
        return replace(self, length=self.length * factor, depth=self.depth * factor)

    def grown(self, margin: float) -> RotatedRect:
        return replace(self, length=self.length + 2 * margin, depth=self.depth + 2 * margin)

    def corners(self) -> Points:
        """(4, 2) corners in order."""
        along, across = axes(self.angle)
        signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        return np.array(
            [(self.x, self.y) + a * self.length / 2 * along + b * self.depth / 2 * across for a, b in signs]
        )

    def local_coordinates(self, rows: slice, columns: slice) -> tuple[FloatImage, FloatImage]:
        """How far each pixel of a patch lies from the middle, along and across; two float32 arrays."""
        y, x = np.ogrid[rows, columns]
        right, down = (x - self.x).astype(np.float32), (y - self.y).astype(np.float32)
        cosine, sine = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        return right * cosine + down * sine, down * cosine - right * sine

    def is_free(self, taken: NDArray[np.bool_]) -> bool:
        """Whether it touches nothing `taken` (H, W); what lies outside is free. Looks at 7 x 7 points."""
        share = np.linspace(-0.5, 0.5, 7)
        along, across = axes(self.angle)
        steps = share[:, None, None] * self.length * along + share[None, :, None] * self.depth * across
        at = (steps.reshape(-1, 2) + np.array((self.x, self.y))).astype(int)
        height, width = taken.shape
        at = at[(at[:, 0] >= 0) & (at[:, 0] < width) & (at[:, 1] >= 0) & (at[:, 1] < height)]
        return not taken[at[:, 1], at[:, 0]].any()


def axes(angle: float) -> tuple[Points, Points]:
    """Unit vectors along `angle` (radians) and across it."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([cosine, sine]), np.array([-sine, cosine])


def draw_polygon(mask: NDArray[np.uint8], outline: Points, value: int) -> None:
    """Fill a polygon, with a precision of 1/16 pixel."""
    cv2.fillPoly(mask, [np.round(outline * 16).astype(np.int32)], value, shift=4)


def draw_lines(mask: NDArray[np.uint8], lines: list[Points], thickness: float, value: int) -> None:
    """Draw polylines, with a precision of 1/16 pixel; `thickness` is rounded, at least 1."""
    fixed = [np.round(line * 16).astype(np.int32).reshape(-1, 1, 2) for line in lines if len(line) > 1]
    cv2.polylines(mask, fixed, isClosed=False, color=value, thickness=max(1, round(thickness)), shift=4)


def resample(line: Points, step: float) -> Points:
    """The polyline with points `step` apart."""
    lengths = np.concatenate([[0.0], np.linalg.norm(np.diff(line, axis=0), axis=1).cumsum()])
    at = np.arange(0.0, lengths[-1], step)
    return np.stack([np.interp(at, lengths, line[:, i]) for i in (0, 1)], axis=1)


def offset_line(line: Points, distance: float) -> Points:
    """The line shifted sideways by `distance`."""
    tangent = np.gradient(line, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    length = np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    return np.asarray(line + distance * normal / length)
