"""A simulated annotator: the brush strokes that turn the current label into the true one, and how long they take.

Strokes are only planned here; the caller paints them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Mask, Values
from core.labels.rasterization import capsule

PixelPath = NDArray[np.int64]
"""int64 (N, 2): x, y of pixels, each adjacent to the one before."""

MIN_RADIUS = 0.5
"""Radius in pixels of the smallest brush, which paints single pixels."""
_EIGHT_NEIGHBOURS = 8


@dataclass(frozen=True, slots=True)
class AnnotatorModel:
    """Speed and accuracy of the annotator.

    brush_speed, travel_speed: screen pixels a second while painting, and between two strokes
    search_seconds: to find the next error, once a stroke; check_seconds: for a final check of the picture
    radius_share: brush radius as a share of the depth of an error; halved with each pass
    tolerance: pixels by which an edge may be off; zoom: screen pixels for each image pixel

    The values are those of the simulated user with which RootPainter was evaluated (A. G. Smith et al., "RootPainter:
    deep learning segmentation of biological images with corrective annotation", New Phytologist 236, 2022); the
    algorithm is our own.
    """

    brush_speed: float = 400.0
    travel_speed: float = 800.0
    search_seconds: float = 0.2
    check_seconds: float = 0.2
    radius_share: float = 0.5
    tolerance: float = 2.0
    zoom: float = 1.0

    @property
    def lift_distance(self) -> float:
        """Image pixels from which on lifting the brush is faster than painting over them."""
        return self.search_seconds / (1 / self.brush_speed - 1 / self.travel_speed) / self.zoom


@dataclass(frozen=True, slots=True, eq=False)
class PlannedStroke:
    """One brush stroke: all pixels of `mask` (bool, h and w of `box`) become `value`.

    radius: in pixels; path: pixels over whose centres the brush moves; seconds: to search, travel and paint
    """

    value: int
    radius: float
    path: PixelPath
    box: Box
    mask: Mask
    seconds: float


def plan_strokes(
    current: Values, truth: Values, annotator: AnnotatorModel | None = None
) -> Iterator[PlannedStroke]:
    """The strokes that turn the `current` label into the `truth`; both (H, W) uint8.

    Correct pixels are not painted wrong, and unlabelled or void pixels of the truth do not count. What remains wrong is
    what `is_within_tolerance`. Deterministic. Raises ValueError when the sizes differ.
    """
    if current.shape != truth.shape:
        raise ValueError(f"the current label {current.shape} and the truth {truth.shape} differ in size")
    annotator = annotator or AnnotatorModel()
    planner = _StrokePlanner(current.copy(), truth, annotator)
    for value in _values_by_error(current, truth):
        yield from planner.paint_class(value)


def total_seconds(strokes: list[PlannedStroke], annotator: AnnotatorModel | None = None) -> float:
    """Time of all strokes of a picture and the final check."""
    return sum(stroke.seconds for stroke in strokes) + (annotator or AnnotatorModel()).check_seconds


def is_within_tolerance(right: Mask, of_class: Mask, tolerance: float) -> Mask:
    """(H, W) bool: missing pixels of a class that are only an edge off by at most `tolerance` pixels.

    right: where the class is true and labelled; of_class: where it is true. Such pixels have both the true edge and
    labelled pixels of the class within the tolerance; a thin object that is not labelled at all is missing.
    """
    return np.asarray((_distance(~right) <= tolerance) & (_distance(of_class) <= tolerance) & of_class)


def _values_by_error(current: Values, truth: Values) -> list[int]:
    """Classes of the truth, the one with most wrong pixels first."""
    counts = np.bincount(truth[current != truth], minlength=256)
    counts[[UNLABELLED, VOID]] = 0
    return [int(value) for value in np.argsort(-counts, kind="stable") if counts[value]]


class _StrokePlanner:
    """Plans the strokes of one picture; `_current` is the label after the strokes so far."""

    def __init__(self, current: Values, truth: Values, annotator: AnnotatorModel) -> None:
        self._current, self._truth, self._annotator = current, truth, annotator
        self._position: Point | None = None

    def paint_class(self, value: int) -> Iterator[PlannedStroke]:
        """All regions in which a class is missing, each time the nearest one."""
        true = self._truth == value
        right = true & (self._current == value)
        missing = true & ~right
        wanted = missing & ~is_within_tolerance(right, true, self._annotator.tolerance)
        count, numbers, stats, centres = cv2.connectedComponentsWithStats(
            missing.astype(np.uint8), _EIGHT_NEIGHBOURS
        )
        waiting = {int(number) for number in np.unique(numbers[wanted])} if count > 1 else set()
        while waiting:
            at = self._position or Point(0, 0)
            number = min(waiting, key=lambda n: (math.dist(at, centres[n]), n))
            waiting.remove(number)
            left, top, width, height, _ = (int(n) for n in stats[number])
            box = Box(left, top, left + width, top + height)
            yield from self._paint_region(value, numbers, number, box)

    def _paint_region(
        self, value: int, numbers: NDArray[np.int32], number: int, box: Box
    ) -> Iterator[PlannedStroke]:
        """One region: along its edge with a large brush, then the rest with smaller and smaller ones.

        A brush of half the depth that follows the edge at the distance of its radius covers the widest part of a
        region; one of half that radius covers the narrower parts, and so on.
        """
        reach = math.ceil(self._annotator.tolerance) + 1
        box = box.grown(reach).clipped(self._truth.shape[1], self._truth.shape[0])
        corner = np.array([box.x0, box.y0])
        true = self._truth[box.slices] == value
        region = numbers[box.slices] == number
        radius: float | None = None
        while True:
            right = true & (self._current[box.slices] == value)
            missing = region & ~right
            wanted = missing & ~is_within_tolerance(right, true, self._annotator.tolerance)
            if not wanted.any():
                return
            if radius is None:
                radius = max(MIN_RADIUS, self._annotator.radius_share * _depth(missing))
            else:
                radius = max(MIN_RADIUS, radius / 2)
            # A stroke may continue over correct pixels of the same class, as a person's would. The smallest brush stays
            # on the error, so that each of its strokes reduces it.
            near = true & (_distance(~missing) <= self._annotator.tolerance)
            area = near if radius > MIN_RADIUS else wanted.copy()
            for path in _boundary_paths(area, radius):
                for part in _useful_parts(path, radius, wanted, self._annotator.lift_distance):
                    stroke = self._stroke(value, radius, part + corner)
                    self._current[stroke.box.slices][stroke.mask] = value
                    wanted &= self._current[box.slices] != value
                    yield stroke

    def _stroke(self, value: int, radius: float, path: PixelPath) -> PlannedStroke:
        whole = Box(0, 0, self._current.shape[1], self._current.shape[0])
        points = [Point(x + 0.5, y + 0.5) for x, y in _corners(path).tolist()]
        box = Box.bounding(points, margin=radius).intersection(whole)
        mask = np.zeros((box.height, box.width), bool)
        for start, end in zip(points[:-1] or points, points[1:] or points, strict=True):
            place, capsule_mask = capsule(start, end, radius, box)
            mask[place.moved(-box.x0, -box.y0).slices] |= capsule_mask
        steps = np.diff(path, axis=0)
        length = float(np.hypot(steps[:, 0], steps[:, 1]).sum())
        distance = math.dist(self._position, points[0]) if self._position is not None else 0.0
        self._position = points[-1]
        annotator = self._annotator
        seconds = annotator.search_seconds + annotator.zoom * (
            distance / annotator.travel_speed + length / annotator.brush_speed
        )
        return PlannedStroke(value, radius, path, box, mask, seconds)


def _boundary_paths(area: Mask, radius: float) -> Iterator[PixelPath]:
    """Paths along the edge of `area`, (H, W) bool, on which a brush of `radius` never leaves it."""
    # Between two pixels of a path the edge may be nearer than at either: on a diagonal step by a half, squared.
    inside = area & (np.square(_distance(area)) > radius * radius + 0.5)
    # Some OpenCV releases find no contour along the border of an image: pad by one pixel.
    padded = np.pad(inside, 1).astype(np.uint8)
    outlines, _ = cv2.findContours(padded, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        yield outline.reshape(-1, 2).astype(np.int64) - 1


def _useful_parts(path: PixelPath, radius: float, wanted: Mask, worth_lifting: float) -> list[PixelPath]:
    """The parts of a closed path that paint wanted pixels, cut where lifting the brush is faster than continuing."""
    first = np.full(wanted.shape, len(path), np.int32)
    for number in range(len(path) - 1, -1, -1):
        x, y = path[number].tolist()
        if radius > MIN_RADIUS:
            cv2.circle(first, (x, y), int(radius), number, -1)
        else:
            first[y, x] = number
    needed = np.unique(first[wanted])
    needed = needed[needed < len(path)]
    if not len(needed):
        return []
    # Start after the longest part of the path without wanted pixels.
    gaps = np.diff(np.append(needed, needed[0] + len(path)))
    start = int(needed[(int(np.argmax(gaps)) + 1) % len(needed)])
    path = np.roll(path, -start, axis=0)
    needed = np.sort((needed - start) % len(path))
    ends = np.flatnonzero(np.diff(needed) > worth_lifting)
    begins = np.concatenate([[0], ends + 1])
    stops = np.append(ends, len(needed) - 1)
    return [path[needed[b] : needed[e] + 1] for b, e in zip(begins, stops, strict=True)]


def _corners(path: PixelPath) -> PixelPath:
    """A path without the pixels of straight parts: the same capsules in fewer pieces."""
    turns = np.any(np.diff(path, n=2, axis=0) != 0, axis=1)
    return path[np.concatenate([[True], turns, [True]])] if len(path) > 2 else path


def _depth(region: Mask) -> float:
    """Largest distance in pixels of a region from its edge; the image border counts only where there is no other."""
    return min(float(_distance(region).max()), float(max(region.shape)) / 2)


def _distance(mask: Mask) -> NDArray[np.float32]:
    """(H, W) float32: distance of each true pixel to the nearest false one, 1e6 where there is none."""
    if mask.all():
        return np.full(mask.shape, 1e6, np.float32)
    found = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found, np.float32)
