"""Which pixels of a picture look like one of them: the eye of the magic wand."""

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
"""Half the side of the first window looked at; it doubles for as long as the region runs on."""
_STRIPE = 1 << 20
"""Pixels compared at once, so that work on a large picture can be called off and needs little memory."""

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ColourDistance:
    """How far the pixels of a window are from the colour of the seed: `far` is (h, w) uint8 of `window`."""

    window: Box
    distance: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class SimilarRegion:
    """Pixels alike: (h, w) bool `mask` of `box`; field: what it was found in, good for another tolerance too."""

    box: Box
    mask: Mask
    distance: ColourDistance


@dataclass(frozen=True, slots=True)
class Seed:
    """The pixel (column, row) that others are compared with."""

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
    """All pixels whose colour is at most `tolerance` from the seed's; `contiguous`: side by side from the seed on.

    field: what an earlier call for the same seed has found. None when more than `most` pixels would have to be
    looked at, or when the result is not wanted any more. Colours differ by the length of the straight line
    between them, of 0..255 for each channel, rounded.
    """
    height, width = picture.shape[:2]
    whole = Box(0, 0, width, height)
    reach = FIRST_REACH
    if known is None or (not contiguous and known.window != whole):
        known = None
    else:
        reach = max(reach, _reach(known.window, seed))
    while True:
        window = _around(seed, reach).intersection(whole) if contiguous else whole
        if max_pixels is not None and window.area > max_pixels:
            return None
        if known is None or known.window != window:
            known = _field(picture, window, seed, is_cancelled)
            if known is None:
                return None
        box, mask = _flooded(known, seed, tolerance) if contiguous else (window, known.distance <= tolerance)
        if not contiguous or not touches_window_edge(box, window, whole):
            return SimilarRegion(box, mask, known)
        reach *= 2


def warm_up() -> None:
    """OpenCV makes its tables of the Lab space at their first use, which takes longer than a frame."""
    _far(np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1, 3), np.uint8), ColourSpace.LAB)


def _around(seed: Seed, reach: int) -> Box:
    return Box(seed.x - reach, seed.y - reach, seed.x + reach, seed.y + reach)


def _reach(window: Box, seed: Seed) -> int:
    """The reach that gave this window: the side that the picture has not cut is the longest."""
    needed = max(seed.x - window.x0, window.x1 - seed.x, seed.y - window.y0, window.y1 - seed.y)
    reach = FIRST_REACH
    while reach < needed:
        reach *= 2
    return reach


def _field(
    picture: Picture, window: Box, seed: Seed, is_cancelled: Callable[[], bool]
) -> ColourDistance | None:
    colour = picture[seed.y : seed.y + 1, seed.x : seed.x + 1]
    far = np.empty((window.height, window.width), np.uint8)
    rows = max(1, _STRIPE // window.width)
    for top in range(0, window.height, rows):
        if is_cancelled():
            return None
        stripe = Box(window.x0, window.y0 + top, window.x1, min(window.y1, window.y0 + top + rows))
        far[top : top + stripe.height] = _far(picture[stripe.slices], colour, seed.colours)
    return ColourDistance(window, far)


def _far(part: Picture, colour: Picture, colours: ColourSpace) -> NDArray[np.uint8]:
    if colours == ColourSpace.LAB:
        part, colour = cv2.cvtColor(part, cv2.COLOR_RGB2Lab), cv2.cvtColor(colour, cv2.COLOR_RGB2Lab)
    red, green, blue = (float(channel) for channel in colour[0, 0])
    apart = cv2.split(cv2.absdiff(part, (red, green, blue, 0.0)).astype(np.float32))
    far: NDArray[np.uint8] = cv2.convertScaleAbs(cv2.magnitude(cv2.magnitude(apart[0], apart[1]), apart[2]))
    return far


def _flooded(field: ColourDistance, seed: Seed, tolerance: int) -> tuple[Box, Mask]:
    window = field.window
    found = np.zeros((window.height + 2, window.width + 2), np.uint8)
    # The seed is 0 away from itself, so a fixed range from it upwards is the tolerance; the field stays untouched.
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (1 << 8)
    at = (seed.x - window.x0, seed.y - window.y0)
    _, _, _, (left, top, w, h) = cv2.floodFill(field.distance, found, at, 0, 0, tolerance, flags)
    inner = Box(left, top, left + w, top + h)
    rows, columns = inner.moved(1, 1).slices
    return inner.moved(window.x0, window.y0), found[rows, columns].astype(bool)
