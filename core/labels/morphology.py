"""Regions change their shape: grow, shrink, smooth, fill holes, lose islands. Masks in, masks out."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.labels.class_list import UNLABELLED
from core.labels.label_map import Mask, Values
from core.labels.rasterization import connected_region

RegionMask = tuple[Box, Mask]
"""Pixels of a picture: a box inside it and its (h, w) bool mask."""

NEARBY_PIXELS = 384
"""Image pixels around a click within which a region is looked for at once; larger ones take a thread."""

EMPTY_REGION: RegionMask = (Box.empty(), np.zeros((0, 0), bool))
_BESIDE = ((0, 1), (1, 0), (0, -1), (-1, 0))


def class_region(values: Values, value: int) -> RegionMask:
    """All pixels of (H, W) uint8 `values` that hold `value`, in the smallest box."""
    return trim((Box(0, 0, values.shape[1], values.shape[0]), values == value))


def nearby_region(values: Values, at: Point, reach: int) -> RegionMask | None:
    """The connected region around `at` if it lies within `reach` pixels of it, so that the cost has a bound.

    None: it runs on farther, and `connected_region` must be asked. Raises IndexError outside the picture.
    """
    whole = Box(0, 0, values.shape[1], values.shape[0])
    x, y = math.floor(at.x), math.floor(at.y)
    window = Box(x - reach, y - reach, x + reach + 1, y + reach + 1).intersection(whole)
    inside = Point(at.x - window.x0, at.y - window.y0)
    if not (0 <= x < whole.x1 and 0 <= y < whole.y1):
        raise IndexError(f"({x}, {y}) is outside a picture of {whole.width} x {whole.height}")
    box, mask = connected_region(values[window.slices], inside)
    box = box.moved(window.x0, window.y0)
    runs_on = (
        (box.x0 == window.x0 > 0)
        or (box.y0 == window.y0 > 0)
        or (box.x1 == window.x1 < whole.x1)
        or (box.y1 == window.y1 < whole.y1)
    )
    return None if runs_on else (box, mask)


def trim(shape: RegionMask) -> RegionMask:
    """The same pixels in the smallest box; `NO_SHAPE` when there are none."""
    box, mask = shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return EMPTY_REGION
    inner = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return inner.moved(box.x0, box.y0), mask[inner.slices]


def translate(shape: RegionMask, dx: int, dy: int, within: Box) -> RegionMask:
    """The pixels elsewhere, without those that leave the picture."""
    box = shape[0].moved(dx, dy)
    inside = box.intersection(within)
    if inside.is_empty:
        return EMPTY_REGION
    return inside, shape[1][inside.moved(-box.x0, -box.y0).slices]


def mask_in_box(shape: RegionMask, box: Box) -> Mask:
    """The mask of the pixels in another box, which may hold more or less."""
    mask = np.zeros((box.height, box.width), bool)
    shared = box.intersection(shape[0])
    if not shared.is_empty:
        own = shared.moved(-shape[0].x0, -shape[0].y0)
        mask[shared.moved(-box.x0, -box.y0).slices] = shape[1][own.slices]
    return mask


def dilate(shape: RegionMask, by: int, within: Box) -> RegionMask:
    """All pixels of the picture whose centre is at most `by` pixels from one of the shape."""
    box = shape[0].grown(by).intersection(within)
    return box, _within_reach(mask_in_box(shape, box), by)


def erode(shape: RegionMask, by: int, within: Box) -> RegionMask:
    """The pixels that are more than `by` pixels from every other pixel of the picture: the border of the picture
    takes nothing away."""
    box = shape[0].grown(1).intersection(within)
    return trim((box, ~_within_reach(~mask_in_box(shape, box), by)))


def smooth(shape: RegionMask, by: int, within: Box) -> RegionMask:
    """Without spurs and then without bays narrower than a disc of radius `by`: opening, then closing.

    At the border of the picture the shape is taken to go on beyond it as it meets it, so that it neither lets go of
    the border nor sticks to it.
    """
    margin = 2 * by + 1
    around = shape[0].grown(margin)
    box = around.intersection(within)
    sides = ((box.y0 - around.y0, around.y1 - box.y1), (box.x0 - around.x0, around.x1 - box.x1))
    wide = np.pad(mask_in_box(shape, box), sides, mode="edge")
    opened = _within_reach(~_within_reach(~wide, by), by)
    closed = ~_within_reach(~_within_reach(opened, by), by)
    return trim((box, closed[box.moved(-around.x0, -around.y0).slices]))


def fill_holes(shape: RegionMask) -> RegionMask:
    """With all its holes: pixels from which no way side by side leads around the shape to its outside."""
    box, mask = shape
    free = np.pad((~mask).astype(np.uint8), 1, constant_values=1)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    reached = np.zeros((free.shape[0] + 2, free.shape[1] + 2), np.uint8)
    cv2.floodFill(free, reached, (0, 0), 0, 0, 0, flags)
    return box, reached[2:-2, 2:-2] == 0


def small_components(shape: RegionMask, smaller_than: int) -> RegionMask:
    """The parts (pixels that touch side by side) of fewer than so many pixels."""
    numbers, sizes = _parts(shape[1])
    small = sizes < smaller_than
    small[0] = False
    return trim((shape[0], small[numbers]))


def all_but_largest_component(shape: RegionMask) -> RegionMask:
    """Every part except the largest; of equal ones the uppermost stays."""
    numbers, sizes = _parts(shape[1])
    if len(sizes) <= 2:
        return EMPTY_REGION
    lost = np.ones(len(sizes), bool)
    lost[[0, 1 + int(np.argmax(sizes[1:]))]] = False
    return trim((shape[0], lost[numbers]))


def majority_neighbours(values: Values, shape: RegionMask) -> Values:
    """What surrounds each part of a shape: (h, w) uint8 of its box, the value that most of the pixels beside that
    part hold, the lowest of equally many; unlabelled where a part has no neighbour, and beside the parts."""
    box = shape[0].grown(1).clipped(values.shape[1], values.shape[0])
    numbers, sizes = _parts(mask_in_box(shape, box))
    near = values[box.slices]
    votes = []
    for down, across in _BESIDE:
        here, there = _side_by_side(numbers.shape, down, across)
        meets = (numbers[here] != 0) & (numbers[there] == 0)
        votes.append(numbers[here][meets].astype(np.int64) * 256 + near[there][meets])
    candidates, counts = np.unique(np.concatenate(votes), return_counts=True)
    # Sorted by part, then the most votes, then the lowest value: the first of each part has won.
    order = np.lexsort((candidates, -counts, candidates // 256))
    parts, first = np.unique(candidates[order] // 256, return_index=True)
    winners = np.full(len(sizes), UNLABELLED, np.uint8)
    winners[parts] = candidates[order][first] % 256
    inner = shape[0].moved(-box.x0, -box.y0)
    heirs: Values = winners[numbers[inner.slices]]
    return heirs


def nearest_other_values(values: Values, lost: RegionMask, shape: RegionMask) -> Values:
    """For pixels that a shape gives away: (h, w) uint8 of the box of `lost`, the value of the nearest pixel of the
    picture that is not of the old `shape`; unlabelled where there is none.

    Nearest as OpenCV counts it, which may be off by a part of a pixel (Borgefors, Computer Vision, Graphics, and
    Image Processing 34, 1986).
    """
    box = shape[0].grown(1).clipped(values.shape[1], values.shape[0])
    own = mask_in_box(shape, box)
    if own.all():
        return np.full((lost[0].height, lost[0].width), UNLABELLED, np.uint8)
    _, numbers = cv2.distanceTransformWithLabels(
        own.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(numbers.max()) + 1, np.uint8)
    table[numbers[~own]] = values[box.slices][~own]
    heirs: Values = table[numbers[lost[0].moved(-box.x0, -box.y0).slices]]
    return heirs


def _within_reach(mask: Mask, by: int) -> Mask:
    """Which pixels are at most `by` from a true one, centre to centre; none without a true one."""
    if by < 1 or not mask.any():
        return mask.copy()
    # Precise: Felzenszwalb and Huttenlocher, Theory of Computing 8, 2012. Squared distances are whole numbers, so
    # half a unit of them keeps rounding from counting.
    far = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    reached: Mask = far <= math.sqrt(by * by + 0.5)
    return reached


def _parts(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The number of the part of each pixel, 0 beside them, and the sizes by number."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    return numbers, stats[:count, cv2.CC_STAT_AREA].astype(np.int64)


def _side_by_side(
    size: tuple[int, ...], down: int, across: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of all pixels that have a neighbour that way, and of those neighbours."""
    height, width = size
    here = slice(max(0, -down), height - max(0, down)), slice(max(0, -across), width - max(0, across))
    there = slice(max(0, down), height + min(0, down)), slice(max(0, across), width + min(0, across))
    return here, there
