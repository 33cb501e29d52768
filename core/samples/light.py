"""Sunlight, cast shadows and camera: turns maps of colours and heights into an aerial photograph."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.samples.scene_geometry import FloatImage, Points


@dataclass(frozen=True)
class LightConditions:
    """Light and camera of one scene.

    `sun` points to the sun in the picture plane (radians, y downwards); `steepness` is the tangent of its height.
    """

    sun: float
    steepness: float
    shade: tuple[float, float, float]
    tint: tuple[float, float, float]
    haze: float
    contrast: float
    saturation: float
    noise: float


def random_conditions(rng: np.random.Generator) -> LightConditions:
    """Random light and camera, for a dry day."""
    warm = rng.normal(0, 0.03)
    dark = rng.uniform(0.36, 0.48)
    exposure = rng.uniform(0.92, 1.08)
    return LightConditions(
        sun=rng.uniform(-2.75, -1.75) if rng.random() < 0.7 else rng.uniform(-1.6, -0.5),
        steepness=rng.uniform(0.75, 1.35),
        shade=(dark * 0.9, dark, dark * 1.18),
        tint=(exposure * (1 + warm), exposure, exposure * (1 - warm)),
        haze=rng.uniform(0.0, 0.07),
        contrast=rng.uniform(0.96, 1.1),
        saturation=rng.uniform(0.78, 1.02),
        noise=rng.uniform(1.6, 3.2),
    )


def apply_sunlight(colours: FloatImage, heights: FloatImage, weather: LightConditions) -> FloatImage:
    """Colours (H, W, 3) under the sun; `heights` (H, W) in pixels above the ground. Changes `colours`.

    Lambert's cosine law on the slope of the heights, cast shadows, and less sky light in narrow places.
    """
    towards = np.array([np.cos(weather.sun), np.sin(weather.sun)])
    right, down = (
        cv2.Sobel(heights, cv2.CV_32F, 1, 0, scale=0.125),
        cv2.Sobel(heights, cv2.CV_32F, 0, 1, scale=0.125),
    )
    uphill = np.clip(right, -1.6, 1.6) * np.float32(towards[0]) + np.clip(down, -1.6, 1.6) * np.float32(
        towards[1]
    )
    facing = np.clip((weather.steepness - uphill) / weather.steepness, 0, 1.6)
    facing /= np.sqrt(1 + np.minimum(uphill * uphill, 4) * 0.8)
    sunny = facing * (1 - _cast_shadows(heights, towards, weather.steepness))
    around = cv2.GaussianBlur(heights, (0, 0), 5)
    open_sky = np.clip(1 - 0.045 * np.maximum(around - heights, 0), 0.55, 1)
    for channel in range(3):
        shade = weather.shade[channel]
        colours[:, :, channel] *= shade * open_sky + (1 - shade) * sunny
    return colours


def _cast_shadows(heights: FloatImage, towards: Points, steepness: float) -> FloatImage:
    """0 in the sun .. 1 in shadow. The ray to the sun is walked in steps 1, 2, 4, .. of a running maximum:
    after each, a pixel knows the highest ray that any of twice as many pixels on its way throws over it."""
    rays = heights.copy()
    for step in (1, 2, 4, 8, 16, 32):
        dx, dy = round(towards[0] * step), round(towards[1] * step)
        far = float(np.hypot(dx, dy))
        height, width = rays.shape
        here = slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx))
        there = slice(max(0, dy), height - max(0, -dy)), slice(max(0, dx), width - max(0, -dx))
        if far:
            rays[here] = np.maximum(rays[here], rays[there] - np.float32(far * steepness))
    return np.asarray(cv2.GaussianBlur(np.clip((rays - heights - 0.4) * 0.6, 0, 1), (0, 0), 0.8), np.float32)


def simulate_camera(
    rng: np.random.Generator, colours: FloatImage, size: tuple[int, int], weather: LightConditions
) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of `size` (width, height): haze, lens, sensor."""
    seen = cv2.resize(colours, size, interpolation=cv2.INTER_AREA)
    seen = cv2.GaussianBlur(seen, (0, 0), 0.45)
    grey = seen.mean(axis=2, keepdims=True)
    seen = grey + (seen - grey) * np.float32(weather.saturation)
    seen = (seen - 105) * np.float32(weather.contrast) + 105
    seen = seen * np.array(weather.tint, np.float32) * (1 - weather.haze)
    seen += np.array((172, 190, 210), np.float32) * weather.haze
    grains = rng.standard_normal(seen.shape[:2], np.float32)[:, :, None] * 0.8
    grains = grains + rng.standard_normal(seen.shape, np.float32) * 0.6
    seen += grains * weather.noise * np.sqrt(np.clip(seen, 20, 255) / 128)
    return np.asarray(np.clip(seen.round(), 0, 255), np.uint8)
