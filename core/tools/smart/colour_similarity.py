"""Finds the pixels of a picture whose colour is similar to that of one pixel: the search of the magic wand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box
from core.labels.rasterization import touches_window_edge
from core.tools.tool_options import ColourSpace

FIRST_REACH = 128
"""Half the side of the first window searched; it doubles while the region touches its edge."""
_STRIP_PIXELS = 1 << 20
"""Pixels compared at once, so that work on a large picture can be cancelled and needs little memory."""

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ColourDistance:
    """Colour distances from the seed's colour: `distance` is (h, w) uint8 of `window`."""

    window: Box
    distance: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class SimilarRegion:
    """Pixels of similar colour: (h, w) bool `mask` of `box`; distance: from which it was found, reusable for another
    tolerance."""

    box: Box
    mask: Mask
    distance: ColourDistance


@dataclass(frozen=True, slots=True)
class Seed:
    """The pixel (column, row) with which others are compared."""

    x: int
    y: int
    colours: ColourSpace


def find_similar_region(
    picture: Picture,
    seed: Seed,
    tolerance: int,
    contiguous: bool,
    known: ColourDistance | None,
    *,
    max_pixels: int | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> SimilarRegion | None:
    """All pixels whose colour distance from the seed is at most `tolerance`; `contiguous`: only those connected with
    it.

    known: the distances of an earlier call for the same seed. None when more than `max_pixels` would have to be
    searched, or when it was cancelled. The distance is Euclidean, rounded, of channels 0..255.
    """
    height, width = picture.shape[:2]
    whole = Box(0, 0, width, height)
    reach = FIRST_REACH
    if known is None or (not contiguous and known.window != whole):
        known = None
    else:
        reach = max(reach, _reach(known.window, seed))
    while True:
        window = _window_around(seed, reach).intersection(whole) if contiguous else whole
        if max_pixels is not None and window.area > max_pixels:
            return None
        if known is None or known.window != window:
            known = _distance_map(picture, window, seed, is_cancelled)
            if known is None:
                return None
        box, mask = (
            _flood_fill(known, seed, tolerance) if contiguous else (window, known.distance <= tolerance)
        )
        if not contiguous or not touches_window_edge(box, window, whole):
            return SimilarRegion(box, mask, known)
        reach *= 2


def warm_up() -> None:
    """OpenCV builds its Lab lookup tables at their first use, which takes longer than a frame."""
    _colour_distance(np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1, 3), np.uint8), ColourSpace.LAB)


def _window_around(seed: Seed, reach: int) -> Box:
    return Box(seed.x - reach, seed.y - reach, seed.x + reach, seed.y + reach)


def _reach(window: Box, seed: Seed) -> int:
    """The reach that gave this window: the side that the picture's border has not clipped is the longest."""
    needed = max(seed.x - window.x0, window.x1 - seed.x, seed.y - window.y0, window.y1 - seed.y)
    reach = FIRST_REACH
    while reach < needed:
        reach *= 2
    return reach


def _distance_map(
    picture: Picture, window: Box, seed: Seed, is_cancelled: Callable[[], bool]
) -> ColourDistance | None:
    colour = picture[seed.y : seed.y + 1, seed.x : seed.x + 1]
    distance = np.empty((window.height, window.width), np.uint8)
    rows = max(1, _STRIP_PIXELS // window.width)
    for top in range(0, window.height, rows):
        if is_cancelled():
            return None
        stripe = Box(window.x0, window.y0 + top, window.x1, min(window.y1, window.y0 + top + rows))
        distance[top : top + stripe.height] = _colour_distance(picture[stripe.slices], colour, seed.colours)
    return ColourDistance(window, distance)


def _colour_distance(part: Picture, colour: Picture, colours: ColourSpace) -> NDArray[np.uint8]:
    if colours == ColourSpace.LAB:
        part, colour = cv2.cvtColor(part, cv2.COLOR_RGB2Lab), cv2.cvtColor(colour, cv2.COLOR_RGB2Lab)
    red, green, blue = (float(channel) for channel in colour[0, 0])
    differences = cv2.split(cv2.absdiff(part, (red, green, blue, 0.0)).astype(np.float32))
    distance: NDArray[np.uint8] = cv2.convertScaleAbs(
        cv2.magnitude(cv2.magnitude(differences[0], differences[1]), differences[2])
    )
    return distance


def _flood_fill(field: ColourDistance, seed: Seed, tolerance: int) -> tuple[Box, Mask]:
    window = field.window
    found = np.zeros((window.height + 2, window.width + 2), np.uint8)
    # The seed has distance 0, so that a fixed range above it is the tolerance; the distances are not modified.
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (1 << 8)
    at = (seed.x - window.x0, seed.y - window.y0)
    _, _, _, (left, top, w, h) = cv2.floodFill(field.distance, found, at, 0, 0, tolerance, flags)
    inner = Box(left, top, left + w, top + h)
    rows, columns = inner.moved(1, 1).slices
    return inner.moved(window.x0, window.y0), found[rows, columns].astype(bool)
