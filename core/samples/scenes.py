"""Sample pictures with exact labels for `maskloop demo`: generated aerial views of countryside and suburbs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.samples.light import apply_sunlight, random_conditions, simulate_camera
from core.samples.placement import place_objects
from core.samples.scene_plan import KINDS, plan_scene
from core.samples.terrain import build_terrain

SCENE_CLASSES: tuple[tuple[str, tuple[int, int, int]], ...] = (
    ("road", (150, 150, 160)),
    ("building", (215, 75, 60)),
    ("tree", (25, 125, 70)),
    ("field", (245, 190, 65)),
    ("water", (50, 125, 215)),
    ("car", (235, 60, 190)),
    ("grass", (150, 215, 90)),
)
"""Name and colour of the class values 1, 2, 3, ..; every pixel of a scene has one of them."""

DEFAULT_SIZE = (384, 288)
"""Width and height in pixels; a pixel is about 0.65 m on the ground."""

_SUPERSAMPLING = 2
"""Scenes are drawn at so many times their size and reduced, which gives them clean edges."""


@dataclass(frozen=True)
class SampleScene:
    """`picture` (H, W, 3) uint8 RGB and `truth` (H, W) uint8, values 1..n in the order of `SCENE_CLASSES`."""

    picture: NDArray[np.uint8]
    truth: NDArray[np.uint8]


@dataclass(frozen=True)
class SamplePicture:
    """A sample picture that was written, and its true label, (H, W) uint8."""

    path: Path
    truth: NDArray[np.uint8]


def draw_scene(seed: int, size: tuple[int, int] = DEFAULT_SIZE) -> SampleScene:
    """The scene of this seed at `size` (width, height); the same bytes at every call.

    Pixels in shadow keep their own class.
    """
    rng = np.random.default_rng((seed, 7))
    kind = KINDS[seed % len(KINDS)]
    finer = size[0] * _SUPERSAMPLING, size[1] * _SUPERSAMPLING
    metre = _SUPERSAMPLING * rng.uniform(1.75, 2.2)
    plan = plan_scene(rng, kind, finer[0] / metre, finer[1] / metre)
    land = place_objects(rng, plan, build_terrain(rng, plan, finer, metre))
    weather = random_conditions(rng)
    picture = simulate_camera(rng, apply_sunlight(land.colours, land.heights, weather), size, weather)
    return SampleScene(picture, np.ascontiguousarray(land.truth[1::_SUPERSAMPLING, 1::_SUPERSAMPLING]))


def write_sample_pictures(
    folder: Path, *, count: int = 60, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> list[SamplePicture]:
    """Write scene-001.jpg, ... into `folder`, which is created if needed; calls `progress` (done, count) after each.

    Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number in range(1, count + 1):
        scene = draw_scene(seed * 100_003 + number)
        path = folder / f"scene-{number:03d}.jpg"
        bgr = cv2.cvtColor(scene.picture, cv2.COLOR_RGB2BGR)
        _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])
        path.write_bytes(encoded.tobytes())  # cv2.imwrite cannot write every file name on Windows
        written.append(SamplePicture(path, scene.truth))
        if progress is not None:
            progress(number, count)
    return written
