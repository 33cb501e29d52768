"""The hand of a robot annotator: which brush strokes turn what is shown into what is true, and how long they take.

Nothing is painted here into a document: the strokes are planned, and whoever asked paints them.
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
"""(N, 2) columns and rows of pixels, each beside the one before."""

MIN_RADIUS = 0.5
"""Radius in pixels of the finest brush: one pixel at a time."""
_EIGHT = 8


@dataclass(frozen=True, slots=True)
class AnnotatorModel:
    """How fast and how exact a person is.

    brush_speed, travel_speed: screen pixels a second while painting, and from one stroke to the next
    search_seconds: to see what is wrong next, once a stroke
    check_seconds: a last look at the picture before it is done
    radius_share: radius of the brush as a share of the depth of what is wrong; halved with each pass
    tolerance: pixels; how far an edge may be off before anybody minds
    zoom: screen pixels for each pixel of the picture

    The figures are those of the simulated user with which RootPainter was measured (A. G. Smith et al., "RootPainter:
    deep learning segmentation of biological images with corrective annotation", New Phytologist 236, 2022); what the
    robot does with them is written anew.
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
        """Pixels of the picture over which lifting the brush and looking anew is quicker than painting on."""
        return self.search_seconds / (1 / self.brush_speed - 1 / self.travel_speed) / self.zoom


@dataclass(frozen=True, slots=True, eq=False)
class PlannedStroke:
    """One stroke of the brush: all pixels of `mask` (h, w of `box`, bool) become `value`.

    radius: pixels; path: the pixels over whose centres the brush went; seconds: to see, to get there and to paint.
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
    """The strokes of a person who makes what is `shown` into the `truth`; both (H, W) uint8.

    What is right already is left alone, nothing that is right is painted wrong, and where the truth says nothing
    (unlabelled or void) nothing is wrong. What remains is only what `is_let_go`. Raises ValueError when the sizes
    differ. The same pictures give the same strokes.
    """
    if current.shape != truth.shape:
        raise ValueError(f"what is shown {current.shape} and the truth {truth.shape} differ in size")
    annotator = annotator or AnnotatorModel()
    painter = _Painter(current.copy(), truth, annotator)
    for value in _values_by_error(current, truth):
        yield from painter.paint_class(value)


def total_seconds(strokes: list[PlannedStroke], annotator: AnnotatorModel | None = None) -> float:
    """All strokes of a picture and the last look at it."""
    return sum(stroke.seconds for stroke in strokes) + (annotator or AnnotatorModel()).check_seconds


def is_within_tolerance(right: Mask, of_class: Mask, tolerance: float) -> Mask:
    """(H, W) bool: where a class that is there but not shown is nothing but an edge a little off.

    right: where the class is there and shown; of_class: where it is there. An edge is off when both the true edge and
    some of the class that is shown lie within `tolerance` pixels; a thin thing that is not shown at all is missing.
    """
    return np.asarray((_distance(~right) <= tolerance) & (_distance(of_class) <= tolerance) & of_class)


def _values_by_error(shown: Values, truth: Values) -> list[int]:
    """Classes of the truth, the one with most pixels to paint first."""
    counts = np.bincount(truth[shown != truth], minlength=256)
    counts[[UNLABELLED, VOID]] = 0
    return [int(value) for value in np.argsort(-counts, kind="stable") if counts[value]]


class _Painter:
    """Goes over one picture; keeps in `_shown` what the strokes so far have made of it."""

    def __init__(self, shown: Values, truth: Values, hand: AnnotatorModel) -> None:
        self._shown, self._truth, self._hand = shown, truth, hand
        self._at: Point | None = None

    def paint_class(self, value: int) -> Iterator[PlannedStroke]:
        """All regions in which a class is missing, the nearest one next."""
        true = self._truth == value
        right = true & (self._shown == value)
        missing = true & ~right
        wanted = missing & ~is_within_tolerance(right, true, self._hand.tolerance)
        count, numbers, stats, centres = cv2.connectedComponentsWithStats(missing.astype(np.uint8), _EIGHT)
        waiting = {int(number) for number in np.unique(numbers[wanted])} if count > 1 else set()
        while waiting:
            at = self._at or Point(0, 0)
            number = min(waiting, key=lambda n: (math.dist(at, centres[n]), n))
            waiting.remove(number)
            left, top, width, height, _ = (int(n) for n in stats[number])
            box = Box(left, top, left + width, top + height)
            yield from self._paint_region(value, numbers, number, box)

    def _paint_region(
        self, value: int, numbers: NDArray[np.int32], number: int, box: Box
    ) -> Iterator[PlannedStroke]:
        """One region: around along its edge with a broad brush, then with finer and finer ones what that left.

        A brush of half the depth that follows the edge at the distance of its own radius covers all of a region as
        wide as that; half of it covers the narrower places, and so on.
        """
        reach = math.ceil(self._hand.tolerance) + 1
        box = box.grown(reach).clipped(self._truth.shape[1], self._truth.shape[0])
        corner = np.array([box.x0, box.y0])
        true = self._truth[box.slices] == value
        region = numbers[box.slices] == number
        radius: float | None = None
        while True:
            right = true & (self._shown[box.slices] == value)
            missing = region & ~right
            wanted = missing & ~is_within_tolerance(right, true, self._hand.tolerance)
            if not wanted.any():
                return
            if radius is None:
                radius = max(MIN_RADIUS, self._hand.radius_share * _depth(missing))
            else:
                radius = max(MIN_RADIUS, radius / 2)
            # Nobody stops where what is wrong ends, if right ground of the same class goes on. But the finest brush
            # goes over nothing else, and with each of its strokes less is wrong.
            near = true & (_distance(~missing) <= self._hand.tolerance)
            ground = near if radius > MIN_RADIUS else wanted.copy()
            for path in _around(ground, radius):
                for part in _useful(path, radius, wanted, self._hand.lift_distance):
                    stroke = self._stroke(value, radius, part + corner)
                    self._shown[stroke.box.slices][stroke.mask] = value
                    wanted &= self._shown[box.slices] != value
                    yield stroke

    def _stroke(self, value: int, radius: float, path: PixelPath) -> PlannedStroke:
        whole = Box(0, 0, self._shown.shape[1], self._shown.shape[0])
        points = [Point(x + 0.5, y + 0.5) for x, y in _corners(path).tolist()]
        box = Box.bounding(points, margin=radius).intersection(whole)
        mask = np.zeros((box.height, box.width), bool)
        for start, end in zip(points[:-1] or points, points[1:] or points, strict=True):
            place, capsule_mask = capsule(start, end, radius, box)
            mask[place.moved(-box.x0, -box.y0).slices] |= capsule_mask
        steps = np.diff(path, axis=0)
        length = float(np.hypot(steps[:, 0], steps[:, 1]).sum())
        way = math.dist(self._at, points[0]) if self._at is not None else 0.0
        self._at = points[-1]
        hand = self._hand
        seconds = hand.search_seconds + hand.zoom * (way / hand.travel_speed + length / hand.brush_speed)
        return PlannedStroke(value, radius, path, box, mask, seconds)


def _around(ground: Mask, radius: float) -> Iterator[PixelPath]:
    """The ways along the edge of `ground`, (H, W) bool, on which a brush of `radius` never leaves it."""
    # Between two pixels of the way the edge may come nearer than at either: on a diagonal step by a half, squared.
    inside = ground & (np.square(_distance(ground)) > radius * radius + 0.5)
    # OpenCV finds no outline through the border of a picture in some releases: one row of nothing around it.
    padded = np.pad(inside, 1).astype(np.uint8)
    outlines, _ = cv2.findContours(padded, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        yield outline.reshape(-1, 2).astype(np.int64) - 1


def _useful(path: PixelPath, radius: float, wanted: Mask, worth_lifting: float) -> list[PixelPath]:
    """The parts of a closed way that paint something wanted, cut where nothing is wanted for so long that it is
    quicker to lift the brush."""
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
    # Begin behind the longest piece of the way on which nothing is wanted.
    gaps = np.diff(np.append(needed, needed[0] + len(path)))
    start = int(needed[(int(np.argmax(gaps)) + 1) % len(needed)])
    path = np.roll(path, -start, axis=0)
    needed = np.sort((needed - start) % len(path))
    ends = np.flatnonzero(np.diff(needed) > worth_lifting)
    begins = np.concatenate([[0], ends + 1])
    stops = np.append(ends, len(needed) - 1)
    return [path[needed[b] : needed[e] + 1] for b, e in zip(begins, stops, strict=True)]


def _corners(path: PixelPath) -> PixelPath:
    """A way without the pixels on which it goes straight on: the same capsules in fewer pieces."""
    turns = np.any(np.diff(path, n=2, axis=0) != 0, axis=1)
    return path[np.concatenate([[True], turns, [True]])] if len(path) > 2 else path


def _depth(region: Mask) -> float:
    """Pixels from the deepest place of a region to its edge; the border of the picture is no edge, unless there is
    no other."""
    return min(float(_distance(region).max()), float(max(region.shape)) / 2)


def _distance(mask: Mask) -> NDArray[np.float32]:
    """(H, W) float32: pixels from each true pixel to the nearest false one, very many where there is none."""
    if mask.all():
        return np.full(mask.shape, 1e6, np.float32)
    found = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(found, np.float32)
