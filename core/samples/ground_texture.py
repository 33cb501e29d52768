"""Textures of the ground of a sample scene: crops in rows, grass, asphalt, water."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.samples.scene_geometry import FloatImage

Colour = tuple[float, float, float]
"""RGB 0..255 as seen in plain sun."""


@dataclass(frozen=True)
class GroundCover:
    """Class and texture of a piece of ground.

    The colour moves from `first` to `second` with slow noise (`blotch`), quicker noise (`mottle`) and with rows;
    `grain` is noise of brightness from pixel to pixel. Rows run along `angle` (radians), `period` pixels apart.
    """

    value: int
    first: Colour
    second: Colour
    blotch: float = 0.3
    mottle: float = 0.2
    grain: float = 0.05
    rows: float = 0.0
    angle: float = 0.0
    period: float = 1.0
    tramlines: float = 0.0


def noise(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[float, ...]) -> FloatImage:
    """(H, W) float32 of about unit deviation: octaves of smooth noise with cells of so many pixels."""
    total = np.zeros(shape, np.float32)
    weight, power = 1.0, 0.0
    for cell in cells:
        if cell <= 1:
            octave = rng.standard_normal(shape, np.float32)
        else:
            rows, columns = int(shape[0] / cell) + 4, int(shape[1] / cell) + 4
            seed = rng.standard_normal((rows, columns), np.float32)
            grown = cv2.resize(seed, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
            octave = np.asarray(grown[: shape[0], : shape[1]], np.float32) * 1.5
        total += weight * octave
        power += weight * weight
        weight *= 0.62
    return total / np.float32(np.sqrt(power))


def paint_ground(
    rng: np.random.Generator, ids: NDArray[np.uint8], covers: list[GroundCover]
) -> tuple[FloatImage, FloatImage]:
    """Colours (H, W, 3) float32 0..255 of a map of indices into `covers`, and the fine noise used for it."""
    shape = (ids.shape[0], ids.shape[1])
    slow, quick = noise(rng, shape, (110, 50)), noise(rng, shape, (22, 11, 5))
    fine = noise(rng, shape, (2.2, 1))

    def by_id(name: str) -> FloatImage:
        return np.array([getattr(cover, name) for cover in covers], np.float32)[ids]

    mix = 0.5 + by_id("blotch") * slow + by_id("mottle") * quick
    for index, cover in enumerate(covers):
        if cover.rows:
            _add_crop_rows(mix, ids == index, cover, slow)
    first = np.array([cover.first for cover in covers], np.float32)
    step = np.array([cover.second for cover in covers], np.float32) - first
    mix = np.clip(mix, 0, 1)
    light = 1 + by_id("grain") * fine
    channels = [(first[:, i][ids] + step[:, i][ids] * mix) * light for i in range(3)]
    return np.asarray(cv2.merge(channels), np.float32), fine


def _add_crop_rows(mix: FloatImage, where: NDArray[np.bool_], cover: GroundCover, slow: FloatImage) -> None:
    """Adds crop rows, and the wheel tracks of the tractor that sowed them, in place."""
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    if not len(rows):
        return
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    y, x = np.mgrid[box].astype(np.float32)
    across = x * np.float32(-np.sin(cover.angle)) + y * np.float32(np.cos(cover.angle)) + slow[box] * 0.5
    pattern = cover.rows * np.sin(across * np.float32(2 * np.pi / cover.period))
    if cover.tramlines:
        apart = cover.tramlines
        away = np.abs(np.mod(across, apart) - apart / 2)
        pattern += 0.9 * np.exp(-(((away - apart * 0.07) / (apart * 0.022)) ** 2))
    mix[box] += np.where(where[box], pattern, 0).astype(np.float32)
