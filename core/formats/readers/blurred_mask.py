"""Class values of a colour mask that lossy compression has smeared: regions first, then colours, the rest is void."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.formats.mask_values import pack_rgb
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
_COLOURS_AT_ONCE = 8192

_Pixels = NDArray[np.uint8]
_Mask = NDArray[np.bool_]


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
    seeds |= _strokes(seeds, weak, own)
    certain: _Mask = np.asarray(seeds.any(axis=0), bool)
    decided = _assign(seeds, np.logical_not(certain), mixed, own)
    index = np.where(certain, seeds.argmax(axis=0), decided)
    table = np.array([*values, VOID], np.uint8)
    found = decided[~certain] >= 0
    return DecidedColours(table[index], float(certain.mean()), float(found.sum() / max(1, certain.size)))


def _nearest(pixels: _Pixels, palette: _Pixels) -> tuple[NDArray[np.intp], _Mask]:
    """Index of the nearest colour of each pixel, and whether it is within TOLERANCE."""
    packed, inverse = np.unique(pack_rgb(pixels), return_inverse=True)
    apart = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.int32)
    index = np.empty(len(apart), np.intp)
    close = np.empty(len(apart), bool)
    for start in range(0, len(apart), _COLOURS_AT_ONCE):
        part = slice(start, start + _COLOURS_AT_ONCE)
        difference = np.abs(apart[part, None] - palette[None])
        best = (difference**2).sum(axis=2).argmin(axis=1)
        index[part] = best
        close[part] = difference[np.arange(len(best)), best].max(axis=1) <= TOLERANCE
    inverse = inverse.reshape(pixels.shape[:2])
    return index[inverse], close[inverse]


def _opponent(pixels: _Pixels) -> _Pixels:
    """Brightness and two colours, which JPEG smears differently."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2YCrCb), np.uint8)


def _regions(nearest: NDArray[np.intp], is_close: _Mask, count: int) -> tuple[_Mask, _Mask]:
    """(count, H, W) bool: regions of each colour wider than two pixels, and the others."""
    wide = np.zeros((count, *nearest.shape), bool)
    thin = np.zeros_like(wide)
    for index in np.unique(nearest[is_close]):
        mask = (is_close & (nearest == index)).astype(np.uint8)
        number, labels = cv2.connectedComponents(mask, connectivity=8)
        core = cv2.erode(mask, np.ones((CORE, CORE), np.uint8), borderType=cv2.BORDER_REPLICATE)
        has_core = np.zeros(number, bool)
        has_core[np.unique(labels[core > 0])] = True
        has_core[0] = False
        wide[index] = has_core[labels]
        thin[index] = (mask > 0) & ~wide[index]
    return wide, thin


def _strokes(seeds: _Mask, weak: _Mask, own: NDArray[np.int16]) -> _Mask:
    """Thin regions whose colour is no mixture of the certain colours within REACH of them."""
    found = np.zeros_like(weak)
    low, high = _range_nearby(seeds, own)
    for index in np.flatnonzero(weak.any(axis=(1, 2))):
        is_mixture = ((own[index] >= low - SLACK) & (own[index] <= high + SLACK)).all(axis=2)
        number, labels = cv2.connectedComponents(weak[index].astype(np.uint8), connectivity=8)
        areas = np.bincount(labels.ravel(), minlength=number)
        mixtures = np.bincount(labels.ravel(), weights=is_mixture.ravel(), minlength=number)
        keep = (areas >= MIN_STROKE) & (2 * mixtures < areas)
        keep[0] = False
        found[index] = keep[labels]
    return found


def _range_nearby(seeds: _Mask, own: NDArray[np.int16]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """(H, W, 3) int16 each: the least and the greatest of the certain colours within REACH of each pixel; the least is
    above the greatest where there is none."""
    shape = (*seeds.shape[1:], 3)
    low, high = np.full(shape, 999, np.int16), np.full(shape, -999, np.int16)
    kernel = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    for index in np.flatnonzero(seeds.any(axis=(1, 2))):
        near = cv2.dilate(seeds[index].astype(np.uint8), kernel) > 0
        low[near] = np.minimum(low[near], own[index])
        high[near] = np.maximum(high[near], own[index])
    return low, high


def _assign(seeds: _Mask, fringe: _Mask, mixed: _Pixels, own: NDArray[np.int16]) -> NDArray[np.intp]:
    """(H, W) index of the class of each fringe pixel, -1 where nothing decides."""
    low, high = _range_nearby(seeds, own)
    wide = mixed.astype(np.int16)
    cost = np.full(fringe.shape, np.inf, np.float32)
    found = np.full(fringe.shape, -1, np.intp)
    for index in np.flatnonzero(seeds.any(axis=(1, 2))):
        distance = cv2.distanceTransform((~seeds[index]).astype(np.uint8), cv2.DIST_L2, 5)
        apart = np.abs(wide - own[index])
        unlike = apart[..., 0] + COLOUR_WEIGHT * (apart[..., 1] + apart[..., 2])
        here = np.where(distance <= REACH, unlike + 8 * distance, np.inf)
        better = fringe & (here < cost)
        cost[better], found[better] = here[better], index
    below = np.array([DARKER, FOREIGN, FOREIGN], np.int16)
    found[~((wide >= low - below) & (wide <= high + FOREIGN)).all(axis=2)] = -1
    return found
