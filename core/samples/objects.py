"""Objects of a sample scene that cast shadows: houses, trees, hedges, cars."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from core.samples.ground_texture import Colour
from core.samples.scene_geometry import FloatImage, Points, RotatedRect, draw_lines

ROOFS: tuple[Colour, ...] = (
    (164, 88, 66), (150, 76, 58), (176, 108, 82), (132, 72, 58),
    (122, 98, 84), (112, 112, 116), (136, 134, 132), (92, 94, 100),
)  # fmt: skip
"""Tiles in reds and browns, slate and concrete in the greys of the road."""

HALL_ROOFS: tuple[Colour, ...] = ((168, 168, 164), (138, 142, 146), (118, 100, 88))
"""Gravel, sheet metal and tar on large flat roofs."""

CAR_COLOURS: tuple[Colour, ...] = (
    (232, 232, 230), (198, 202, 206), (40, 42, 46), (150, 30, 30),
    (36, 62, 120), (96, 100, 106), (210, 208, 196), (190, 150, 50),
)  # fmt: skip
"""Cars."""


@dataclass
class SceneRaster:
    """A scene while it is drawn, at drawing resolution.

    `colours` (H, W, 3) float32 RGB 0..255; `heights` (H, W) float32, pixels above the ground; `truth` (H, W)
    uint8 class values; `taken` (H, W) bool, nothing more may be put here; `fine` (H, W) float32 noise of unit
    deviation for textures; `metre` in pixels.
    """

    colours: FloatImage
    heights: FloatImage
    truth: NDArray[np.uint8]
    taken: NDArray[np.bool_]
    fine: FloatImage
    metre: float

    def pixel(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of the pixel at (x, y), clamped to the scene."""
        height, width = self.truth.shape
        return min(max(int(y), 0), height - 1), min(max(int(x), 0), width - 1)

    def patch(self, x: float, y: float, reach: float) -> tuple[slice, slice] | None:
        """Rows and columns of the square around (x, y), clipped; None when it is outside."""
        height, width = self.truth.shape
        top, bottom = max(0, int(y - reach)), min(height, int(y + reach) + 2)
        left, right = max(0, int(x - reach)), min(width, int(x + reach) + 2)
        return (slice(top, bottom), slice(left, right)) if top < bottom and left < right else None


@dataclass(frozen=True)
class House:
    """A house with a gabled roof, or a hall with a flat one (`slope` 0). The ridge runs along its rectangle."""

    rect: RotatedRect
    walls: float
    """Height of the walls in pixels."""
    slope: float
    colour: Colour
    wing: float = 0.0
    """Length of a second gable at a right angle, 0 for none."""


def add_house(land: SceneRaster, house: House, rng: np.random.Generator, value: int) -> None:
    """Draw a house: walls, a roof with rows of tiles, ridge, chimney or panels. Its area becomes `taken`."""
    length, depth = house.rect.length, house.rect.depth
    box = land.patch(house.rect.x, house.rect.y, (length + depth + house.wing) * 0.62)
    if box is None:
        return
    along, across = house.rect.local_coordinates(*box)
    eaves, tops = _gable(along, across, length, depth, house)
    falls = np.abs(across)
    if house.wing:
        shift = length * 0.22
        inside, height = _gable(across - house.wing / 2, along - shift, house.wing, depth * 0.8, house)
        falls = np.where(height > tops, np.abs(along - shift), falls)
        eaves, tops = eaves | inside, np.maximum(tops, height)
    period = np.float32(land.metre * 0.95)
    rows = 0.07 * np.sin(falls * (2 * np.pi / period)) if house.slope else 0.05 * (falls % (period * 4) < 1.2)
    roof = np.array(house.colour, np.float32) * ((1 + rows) * (1 + 0.045 * land.fine[box]))[:, :, None]
    if house.slope:
        roof[falls < 0.8] *= 1.14
        _chimney_or_panels(roof, tops, along, across, house, land.metre, rng)
    else:
        _vents_and_rim(roof, tops, along, across, house, land.metre, rng)
    land.colours[box][eaves] = roof[eaves]
    land.heights[box][eaves] = tops[eaves]
    land.truth[box][eaves] = value
    land.taken[box] |= eaves


def _gable(
    along: FloatImage, across: FloatImage, length: float, depth: float, house: House
) -> tuple[NDArray[np.bool_], FloatImage]:
    inside = (np.abs(along) <= length / 2) & (np.abs(across) <= depth / 2)
    tops = house.walls + house.slope * (depth / 2 - np.abs(across))
    return inside, np.where(inside, tops, 0).astype(np.float32)


def _chimney_or_panels(
    roof: FloatImage,
    tops: FloatImage,
    along: FloatImage,
    across: FloatImage,
    house: House,
    metre: float,
    rng: np.random.Generator,
) -> None:
    length, depth = house.rect.length, house.rect.depth
    if rng.random() < 0.6:
        at = rng.uniform(-0.3, 0.3) * length
        stack = (np.abs(along - at) < metre * 0.5) & (np.abs(across - metre) < metre * 0.5)
        roof[stack], tops[stack] = (120, 84, 70), house.walls + house.slope * depth / 2 + metre * 0.7
    if rng.random() < 0.22:
        side = rng.choice((-1, 1)) * across
        panels = (np.abs(along) < length * 0.3) & (side > depth * 0.12) & (side < depth * 0.38)
        grid = (along % (metre * 1.1) < 0.7) | (across % (metre * 1.6) < 0.7)
        roof[panels] = (34, 44, 74)
        roof[panels & grid] = (92, 102, 124)


def _vents_and_rim(
    roof: FloatImage,
    tops: FloatImage,
    along: FloatImage,
    across: FloatImage,
    house: House,
    metre: float,
    rng: np.random.Generator,
) -> None:
    length, depth = house.rect.length, house.rect.depth
    for _ in range(rng.integers(1, 5)):
        right, down = rng.uniform(-0.38, 0.38, 2) * (length, depth)
        vent = (np.abs(along - right) < metre * 0.9) & (np.abs(across - down) < metre * 0.7)
        roof[vent], tops[vent] = rng.uniform(150, 225), house.walls + metre * 0.7
    rim = (np.abs(along) > length / 2 - 1.6) | (np.abs(across) > depth / 2 - 1.6)
    roof[rim] *= 1.18
    tops[rim] += metre * 0.35


@dataclass(frozen=True)
class TreeCrown:
    """A tree from above, n x n float32: `heights` in radii, 0 outside, and `shine`, the brightness of leaves."""

    heights: FloatImage
    shine: FloatImage


@cache
def _tree_crown(radius: int, shape: int, conifer: bool) -> TreeCrown:
    """One of a few tree shapes, the same in every scene: a heap of leafy balls, or a cone of branches."""
    rng = np.random.default_rng((radius, shape, conifer))
    reach = radius + 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32) / radius
    away, turn = np.hypot(x, y), np.arctan2(y, x)
    if conifer:
        edge = 1 + 0.13 * np.sin(9 * turn + rng.uniform(0, 7)) + 0.08 * np.sin(5 * turn + rng.uniform(0, 7))
        heights = np.clip(1.9 * (1 - away / edge), 0, None)
    else:
        heights = np.sqrt(np.clip(0.72 - away * away, 0, None)) * 0.9
        for _ in range(int(rng.integers(6, 11))):
            out, to, size = rng.uniform(0.2, 0.66), rng.uniform(0, 2 * np.pi), rng.uniform(0.28, 0.46)
            ball = size * size - (x - out * np.cos(to)) ** 2 - (y - out * np.sin(to)) ** 2
            lift = 0.75 * np.sqrt(max(0.0, 1 - out * out))
            heights = np.maximum(heights, np.where(ball > 0, lift + np.sqrt(np.clip(ball, 0, None)), 0))
    heights = np.where(heights > 0.12, heights + rng.normal(0, 0.07, heights.shape), 0).clip(0)
    shine = 0.72 + 0.4 * heights / max(float(heights.max()), 0.1) + rng.normal(0, 0.06, heights.shape)
    return TreeCrown(heights.astype(np.float32), shine.astype(np.float32))


def add_tree(
    land: SceneRaster, x: float, y: float, radius: float, colour: Colour, rng: np.random.Generator, value: int, *,
    conifer: bool = False,
) -> None:  # fmt: skip
    """A tree at (x, y) of `radius` pixels, in front of whatever is lower."""
    size = max(3, round(radius))
    crown = _tree_crown(size, int(rng.integers(5)), conifer)
    n = crown.heights.shape[0]
    left, top = round(x) - n // 2, round(y) - n // 2
    rows = slice(max(0, top), min(land.truth.shape[0], top + n))
    columns = slice(max(0, left), min(land.truth.shape[1], left + n))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    part = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    heights = crown.heights[part]
    tops = heights * np.float32(size * 0.75) + np.float32(size * 0.55)
    box = rows, columns
    seen = (heights > 0) & (tops > land.heights[box])
    leaves = np.array(colour, np.float32) * crown.shine[part][:, :, None]
    land.colours[box][seen] = leaves[seen]
    land.heights[box][seen] = tops[seen]
    land.truth[box][seen] = value


def add_hedges(land: SceneRaster, lines: list[Points], colour: Colour, value: int) -> None:
    """Hedges along polylines (pixels), about 1.6 m wide and as high, ragged; they stop at roads and houses."""
    mask = np.zeros(land.truth.shape, np.uint8)
    draw_lines(mask, lines, land.metre * 1.5, 255)
    soft = cv2.GaussianBlur(mask, (0, 0), 1.2).astype(np.float32) / 255 + 0.12 * land.fine
    grown = (soft > 0.5) & (mask > 0) & ~land.taken & (land.heights < 1)
    shine = 0.8 + 0.25 * soft[grown] + 0.1 * land.fine[grown]
    land.colours[grown] = np.array(colour, np.float32) * shine[:, None]
    land.heights[grown] = np.clip(soft[grown], 0.5, 1.3) * land.metre * 1.9
    land.truth[grown] = value


def add_car(land: SceneRaster, at: Points, angle: float, rng: np.random.Generator, value: int) -> None:
    """A car of about 4.5 m x 1.9 m that looks along `angle`."""
    length, wide = land.metre * rng.uniform(4.2, 4.9), land.metre * rng.uniform(1.85, 2.05)
    box = land.patch(at[0], at[1], length * 0.7)
    if box is None:
        return
    along, across = RotatedRect.at(at, length, wide, angle).local_coordinates(*box)
    body = (np.abs(along / (length / 2)) ** 5 + np.abs(across / (wide / 2)) ** 5) < 1
    glass = body & (np.abs(across) < wide * 0.42) & (
        (np.abs(along - length * 0.17) < length * 0.07) | (np.abs(along + length * 0.3) < length * 0.05)
    )  # fmt: skip
    cabin = body & (along > -length * 0.33) & (along < length * 0.2) & (np.abs(across) < wide * 0.42)
    paint = np.array(CAR_COLOURS[int(rng.integers(len(CAR_COLOURS)))], np.float32)
    land.colours[box][body] = paint
    land.colours[box][cabin] = paint * 0.9 + 14
    land.colours[box][glass] = (34, 40, 48)
    land.heights[box][body] = land.metre * 0.95
    land.heights[box][cabin] = land.metre * 1.5
    land.truth[box][body] = value
