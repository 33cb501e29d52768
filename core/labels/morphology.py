"""Morphology of regions: dilate, erode, smooth, fill holes, find islands. Masks in, masks out."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.labels.class_list import UNLABELLED
from core.labels.label_map import Mask, Values
from core.labels.rasterization import connected_region, touches_window_edge

RegionMask = tuple[Box, Mask]
"""Pixels of a picture: a box inside it and its (h, w) bool mask."""

NEARBY_PIXELS = 384
"""Image pixels around a click within which a region is searched on the GUI thread; larger ones are found on another."""

EMPTY_REGION: RegionMask = (Box.empty(), np.zeros((0, 0), bool))
_NEIGHBOURS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def class_region(values: Values, value: int) -> RegionMask:
    """All pixels of (H, W) uint8 `values` that have this value, in their bounding box."""
    return trim((Box(0, 0, values.shape[1], values.shape[0]), values == value))


def nearby_region(values: Values, at: Point, reach: int) -> RegionMask | None:
    """The connected region around `at` if it lies within `reach` pixels, so that the cost is bounded.

    None when it is larger and `connected_region` is needed. Raises IndexError outside the picture.
    """
    whole = Box(0, 0, values.shape[1], values.shape[0])
    x, y = math.floor(at.x), math.floor(at.y)
    window = Box(x - reach, y - reach, x + reach + 1, y + reach + 1).intersection(whole)
    inside = Point(at.x - window.x0, at.y - window.y0)
    if not (0 <= x < whole.x1 and 0 <= y < whole.y1):
        raise IndexError(f"({x}, {y}) is outside a picture of {whole.width} x {whole.height}")
    box, mask = connected_region(values[window.slices], inside)
    box = box.moved(window.x0, window.y0)
    return None if touches_window_edge(box, window, whole) else (box, mask)


def trim(shape: RegionMask) -> RegionMask:
    """The same pixels in their bounding box; `EMPTY_REGION` when there are none."""
    box, mask = shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return EMPTY_REGION
    inner = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return inner.moved(box.x0, box.y0), mask[inner.slices]


def translate(shape: RegionMask, dx: int, dy: int, within: Box) -> RegionMask:
    """The pixels moved by (dx, dy), without those that leave the picture."""
    box = shape[0].moved(dx, dy)
    inside = box.intersection(within)
    if inside.is_empty:
        return EMPTY_REGION
    return inside, shape[1][inside.moved(-box.x0, -box.y0).slices]


def mask_in_box(shape: RegionMask, box: Box) -> Mask:
    """The mask of the pixels in another box, which may be larger or smaller."""
    mask = np.zeros((box.height, box.width), bool)
    shared = box.intersection(shape[0])
    if not shared.is_empty:
        own = shared.moved(-shape[0].x0, -shape[0].y0)
        mask[shared.moved(-box.x0, -box.y0).slices] = shape[1][own.slices]
    return mask


def dilate(shape: RegionMask, distance: int, within: Box) -> RegionMask:
    """All pixels of the picture whose centre is at most `distance` pixels from one of the region."""
    box = shape[0].grown(distance).intersection(within)
    return box, _dilate_mask(mask_in_box(shape, box), distance)


def erode(shape: RegionMask, distance: int, within: Box) -> RegionMask:
    """The pixels that are more than `distance` pixels from every other pixel of the picture; the border of the
    picture removes none."""
    box = shape[0].grown(1).intersection(within)
    return trim((box, ~_dilate_mask(~mask_in_box(shape, box), distance)))


def smooth(shape: RegionMask, distance: int, within: Box) -> RegionMask:
    """Without spurs and then without bays narrower than a disc of radius `distance`: opening, then closing.

    At the border of the picture the region is continued beyond it (edge padding), so that smoothing neither detaches it
    from the border nor extends it along the border.
    """
    margin = 2 * distance + 1
    around = shape[0].grown(margin)
    box = around.intersection(within)
    sides = ((box.y0 - around.y0, around.y1 - box.y1), (box.x0 - around.x0, around.x1 - box.x1))
    wide = np.pad(mask_in_box(shape, box), sides, mode="edge")
    opened = _dilate_mask(~_dilate_mask(~wide, distance), distance)
    closed = ~_dilate_mask(~_dilate_mask(opened, distance), distance)
    return trim((box, closed[box.moved(-around.x0, -around.y0).slices]))


def fill_holes(shape: RegionMask) -> RegionMask:
    """With all holes filled: background pixels that are not four-connected to the outside."""
    box, mask = shape
    background = np.pad((~mask).astype(np.uint8), 1, constant_values=1)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    filled = np.zeros((background.shape[0] + 2, background.shape[1] + 2), np.uint8)
    cv2.floodFill(background, filled, (0, 0), 0, 0, 0, flags)
    return box, filled[2:-2, 2:-2] == 0


def small_components(shape: RegionMask, smaller_than: int) -> RegionMask:
    """The four-connected components of fewer than `smaller_than` pixels."""
    labels, sizes = _components(shape[1])
    small = sizes < smaller_than
    small[0] = False
    return trim((shape[0], small[labels]))


def all_but_largest_component(shape: RegionMask) -> RegionMask:
    """Every four-connected component except the largest; of equal ones the uppermost is the largest."""
    labels, sizes = _components(shape[1])
    if len(sizes) <= 2:
        return EMPTY_REGION
    removed = np.ones(len(sizes), bool)
    removed[[0, 1 + int(np.argmax(sizes[1:]))]] = False
    return trim((shape[0], removed[labels]))


def majority_neighbours(values: Values, shape: RegionMask) -> Values:
    """(h, w) uint8 of the region's box: for each component the value that most pixels next to it have, the lowest of
    equally frequent ones; unlabelled where a component has no neighbour, and outside the components."""
    box = shape[0].grown(1).clipped(values.shape[1], values.shape[0])
    labels, sizes = _components(mask_in_box(shape, box))
    nearby = values[box.slices]
    neighbour_codes = []
    for down, across in _NEIGHBOURS:
        here, there = _neighbour_slices(labels.shape, down, across)
        at_border = (labels[here] != 0) & (labels[there] == 0)
        neighbour_codes.append(labels[here][at_border].astype(np.int64) * 256 + nearby[there][at_border])
    candidates, counts = np.unique(np.concatenate(neighbour_codes), return_counts=True)
    # Sorted by component, then most neighbours, then lowest value: the first of each component wins.
    order = np.lexsort((candidates, -counts, candidates // 256))
    parts, first = np.unique(candidates[order] // 256, return_index=True)
    winners = np.full(len(sizes), UNLABELLED, np.uint8)
    winners[parts] = candidates[order][first] % 256
    inner = shape[0].moved(-box.x0, -box.y0)
    result: Values = winners[labels[inner.slices]]
    return result


def nearest_other_values(values: Values, removed: RegionMask, shape: RegionMask) -> Values:
    """For removed pixels, (h, w) uint8 of the box of `removed`: the value of the nearest pixel outside the old region
    `shape`; unlabelled where there is none.

    OpenCV's distance is approximate, by a fraction of a pixel (Borgefors, Computer Vision, Graphics, and Image
    Processing 34, 1986).
    """
    box = shape[0].grown(1).clipped(values.shape[1], values.shape[0])
    own = mask_in_box(shape, box)
    if own.all():
        return np.full((removed[0].height, removed[0].width), UNLABELLED, np.uint8)
    _, labels = cv2.distanceTransformWithLabels(
        own.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(labels.max()) + 1, np.uint8)
    table[labels[~own]] = values[box.slices][~own]
    result: Values = table[labels[removed[0].moved(-box.x0, -box.y0).slices]]
    return result


def _dilate_mask(mask: Mask, distance: int) -> Mask:
    """Which pixels are at most `distance` from a true one, centre to centre; none without a true one."""
    if distance < 1 or not mask.any():
        return mask.copy()
    # Exact (Felzenszwalb and Huttenlocher, Theory of Computing 8, 2012). Squared distances are integers, so that half
    # a unit more makes the comparison immune to rounding.
    distances = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    dilated: Mask = distances <= math.sqrt(distance * distance + 0.5)
    return dilated


def _components(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """(component of each pixel, 0 for background; size of each component in pixels)."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    return labels, stats[:count, cv2.CC_STAT_AREA].astype(np.int64)


def _neighbour_slices(
    size: tuple[int, ...], down: int, across: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of all pixels that have a neighbour in that direction, and of those neighbours."""
    height, width = size
    here = slice(max(0, -down), height - max(0, down)), slice(max(0, -across), width - max(0, across))
    there = slice(max(0, down), height + min(0, down)), slice(max(0, across), width + min(0, across))
    return here, there
