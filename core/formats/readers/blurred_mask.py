"""Class values of a colour mask that lossy compression has smeared: regions first, then colours, the rest is void."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.formats.mask_values import pack_rgb
from core.formats.value_runs import ValueRuns
from core.labels.class_list import VOID, Colour

TOLERANCE = 24
"""A pixel has the colour of a class if it differs by at most this in each channel."""
REACH = 5
"""Pixels over which JPEG smears: half a block of subsampled colour, and one for the edge itself."""
SLACK = 32
"""By how much the colour of a thin region may lie outside the range of the regions around it and still be a mixture of
them, in each of brightness and the two colours."""
DARKER, FOREIGN = 48, 96
"""By how much a pixel beside an area may be darker than the areas around it, or differ from them otherwise, before it
is void: lines of void, which is black, are often too thin for a region of their own."""
COLOUR_WEIGHT = 0.25
"""Of a difference in colour beside one in brightness: JPEG stores colour at half the resolution."""
CORE = 3
"""Side of the square that fits into a region which is certain in itself."""
MIN_STROKE = 8
"""Pixels of the smallest thin region that is taken for an object, such as a pole."""
_COLOURS_AT_ONCE = 1 << 16

_Pixels = NDArray[np.uint8]
_Mask = NDArray[np.bool_]
_Regions = NDArray[np.int16]
"""(H, W): the index of the colour of each pixel, -1 where it has none."""


@dataclass(frozen=True, slots=True)
class DecidedColours:
    """values: (H, W) uint8; certain: share of the pixels in a region of their own colour; decided: share of those that
    got the class of a region nearby. The others are void because nothing says what they are."""

    values: _Pixels
    certain: float
    decided: float


def decide_colours(pixels: _Pixels, colours: Sequence[Colour], values: Sequence[int]) -> DecidedColours:
    """pixels: (H, W, 3) uint8 RGB; values: the value of each colour.

    1. Pixels near a colour form regions. A region that is wider than two pixels is certain.
    2. A thinner one is certain only if its colour is not a mixture of the certain regions around it: the edge of a blue
       car on grey runs through the colours of trucks and trailers.
    3. Each other pixel gets the class, out of the regions within REACH, whose colour and place are nearest; brightness
       counts more than colour. It is void if there is none, or if it is much darker than all of them or unlike them.
    """
    palette = np.array(colours, np.uint8)
    nearest, is_close = _nearest(pixels, palette)
    mixed = _opponent(pixels)
    own = _opponent(palette[None])[0].astype(np.int16)
    seeds, weak = _regions(nearest, is_close, len(palette))
    seeds = _with_strokes(seeds, weak, own)
    decided = _with_fringe(seeds, mixed, own)
    values_of = np.array([*values, VOID], np.uint8)
    fringe = seeds < 0
    found = int(np.count_nonzero(decided[fringe] >= 0))
    return DecidedColours(values_of[decided], 1 - float(fringe.mean()), found / max(1, fringe.size))


def _nearest(pixels: _Pixels, palette: _Pixels) -> tuple[_Regions, _Mask]:
    """Index of the nearest colour of each pixel, and whether it is within TOLERANCE."""
    runs = ValueRuns.of(pack_rgb(pixels))
    packed = runs.found
    apart = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.float32)
    own = palette.astype(np.float32)
    # The square of the distance without that of the colour itself; float32 holds these whole numbers exactly.
    lengths = (own**2).sum(axis=1)
    index = np.empty(len(apart), np.int16)
    for start in range(0, len(apart), _COLOURS_AT_ONCE):
        part = slice(start, start + _COLOURS_AT_ONCE)
        index[part] = (lengths - 2 * apart[part] @ own.T).argmin(axis=1)
    close = np.abs(apart - own[index]).max(axis=1) <= TOLERANCE
    return runs.replaced(index), runs.replaced(close)


def _opponent(pixels: _Pixels) -> _Pixels:
    """Brightness and two colours, which JPEG smears differently."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2YCrCb), np.uint8)


def _regions(nearest: _Regions, is_close: _Mask, count: int) -> tuple[_Regions, _Regions]:
    """Regions of each of `count` colours: those that are wider than two pixels, and the others."""
    wide, thin = np.full(nearest.shape, -1, np.int16), np.full(nearest.shape, -1, np.int16)
    for index in _occurring(nearest[is_close], count):
        mask = (is_close & (nearest == index)).astype(np.uint8)
        number, labels = cv2.connectedComponents(mask, connectivity=8)
        core = cv2.erode(mask, np.ones((CORE, CORE), np.uint8), borderType=cv2.BORDER_REPLICATE)
        has_core = np.zeros(number, bool)
        has_core[np.unique(np.asarray(labels)[core > 0])] = True
        has_core[0] = False
        is_wide: _Mask = np.asarray(has_core[labels], bool)
        wide[is_wide] = index
        thin[(mask > 0) & np.logical_not(is_wide)] = index
    return wide, thin


def _with_strokes(seeds: _Regions, weak: _Regions, own: NDArray[np.int16]) -> _Regions:
    """`seeds`, and thin regions whose colour is no mixture of the certain colours within REACH of them."""
    found = seeds.ravel().copy()
    at = np.flatnonzero(weak >= 0)
    low, high = _range_nearby(seeds, own, at)
    index_at = weak.ravel()[at]
    is_inside = (own[index_at] >= low - SLACK) & (own[index_at] <= high + SLACK)
    is_mixture: _Mask = np.asarray(is_inside.all(axis=1), bool)
    for index in _occurring(index_at, len(own)):
        here = index_at == index
        number, labels = cv2.connectedComponents((weak == index).astype(np.uint8), connectivity=8)
        region = labels.ravel()[at[here]]
        areas = np.bincount(region, minlength=number)
        mixtures = np.bincount(region, weights=is_mixture[here], minlength=number)
        keep = (areas >= MIN_STROKE) & (2 * mixtures < areas)
        found[at[here][keep[region]]] = index
    return found.reshape(seeds.shape)


def _range_nearby(
    seeds: _Regions, own: NDArray[np.int16], at: NDArray[np.intp]
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """(n, 3) int16 each: the least and the greatest of the certain colours within REACH of each pixel `at` (n positions
    in reading order); the least is above the greatest where there is none."""
    low, high = np.full((len(at), 3), 999, np.int16), np.full((len(at), 3), -999, np.int16)
    kernel = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    for index in _occurring(seeds[seeds >= 0], len(own)):
        near = cv2.dilate((seeds == index).astype(np.uint8), kernel).ravel()[at] > 0
        low[near] = np.minimum(low[near], own[index])
        high[near] = np.maximum(high[near], own[index])
    return low, high


def _with_fringe(seeds: _Regions, mixed: _Pixels, own: NDArray[np.int16]) -> _Regions:
    """`seeds`, and the class of each other pixel; -1 where nothing decides."""
    at = np.flatnonzero(seeds < 0)
    low, high = _range_nearby(seeds, own, at)
    colours = mixed.reshape(-1, 3)[at].astype(np.int16)
    cost = np.full(len(at), np.inf, np.float32)
    found = np.full(len(at), -1, np.int16)
    for index in _occurring(seeds[seeds >= 0], len(own)):
        distance = cv2.distanceTransform((seeds != index).astype(np.uint8), cv2.DIST_L2, 5).ravel()[at]
        apart = np.abs(colours - own[index])
        unlike = apart[:, 0] + COLOUR_WEIGHT * (apart[:, 1] + apart[:, 2])
        here = np.where(distance <= REACH, unlike + 8 * distance, np.inf)
        better = here < cost
        cost[better], found[better] = here[better], index
    below = np.array([DARKER, FOREIGN, FOREIGN], np.int16)
    found[~((colours >= low - below) & (colours <= high + FOREIGN)).all(axis=1)] = -1
    decided = seeds.ravel().copy()
    decided[at] = found
    return decided.reshape(seeds.shape)


def _occurring(indices: NDArray[np.int16], count: int) -> list[int]:
    """The different numbers below `count`, ascending."""
    found: list[int] = np.flatnonzero(np.bincount(indices, minlength=count)).tolist()
    return found
