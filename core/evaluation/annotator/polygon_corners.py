"""Polygons with as few corners as the tolerance allows around a missing region."""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from core.base.geometry import Box, Point
from core.evaluation.annotator.edge_tolerance import edge_distance, harms_others, right_pixels, wanted_pixels
from core.evaluation.annotator.planned_edit import AnnotationTool, PixelPath, PlannedEdit
from core.evaluation.annotator.time_model import AnnotatorModel
from core.labels.label_map import Mask, Values
from core.labels.rasterization import polygon

REACHES = (0, 3, 8)
"""Pixels by which an outline may run outside the region, where that harms nothing: it then needs fewer corners."""
SIMPLIFICATIONS = (2.0, 1.5, 1.0, 0.5)
"""By how much a side may leave the outline, as a share of the tolerance; the first that harms nothing is taken."""
MIN_COVERED = 0.7
"""Share of the wanted pixels that a polygon has to cover. The brush paints the rest."""


def plan_polygons(
    current: Values,
    truth: Values,
    value: int,
    region: Mask,
    corner: tuple[int, int],
    position: Point | None,
    annotator: AnnotatorModel,
) -> Iterator[PlannedEdit]:
    """Polygons around a region of a part of a picture whose upper left pixel is `corner`, as for brush strokes.

    region: (h, w) bool. What was right stays so within the tolerance. `current` is not changed.
    """
    true = truth == value
    right = right_pixels(current, truth)
    free = true | ~right
    far = ~free & (edge_distance(~true) > annotator.tolerance)
    wanted = wanted_pixels(current, truth, value, annotator) & region
    seen: set[bytes] = set()
    for reach in REACHES:
        outline = _outline(region if reach == 0 else free & (edge_distance(~region) <= reach), wanted)
        if outline is None:
            continue
        for share in SIMPLIFICATIONS:
            corners = cv2.approxPolyDP(outline, share * annotator.tolerance, closed=True).reshape(-1, 2)
            if len(corners) < 3:
                continue
            box, mask = _rasterized(corners, current)
            if (mask & far[box.slices]).any():
                continue
            after = current.copy()
            after[box.slices][mask] = value
            if harms_others(current, after, truth, annotator):
                continue
            covered = np.count_nonzero(wanted[box.slices] & mask)
            if covered >= MIN_COVERED * np.count_nonzero(wanted) and corners.tobytes() not in seen:
                seen.add(corners.tobytes())
                places = corners.astype(np.int64) + np.array(corner)
                yield _edit(value, places, box.moved(*corner), mask, position, annotator)
            break


def _outline(area: Mask, wanted: Mask) -> PixelPath | None:
    """Outer outline of the part of an area that has most of the wanted pixels; None without any."""
    count, numbers = cv2.connectedComponents(np.pad(area, 1).astype(np.uint8), connectivity=4)
    inner = numbers[1:-1, 1:-1]
    votes = np.bincount(inner[wanted], minlength=count)
    votes[0] = 0
    if not votes.any():
        return None
    part = (numbers == int(votes.argmax())).astype(np.uint8)
    outlines, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(outlines[0] - 1)


def _rasterized(corners: PixelPath, current: Values) -> tuple[Box, Mask]:
    whole = Box(0, 0, current.shape[1], current.shape[0])
    # A corner at the border of the part reaches to the border.
    last = np.array([whole.x1 - 1, whole.y1 - 1])
    points = np.where(corners == 0, 0.0, np.where(corners == last, corners + 1.0, corners + 0.5))
    return polygon([(x, y) for x, y in points.tolist()], whole)


def _edit(
    value: int, corners: PixelPath, box: Box, mask: Mask, position: Point | None, annotator: AnnotatorModel
) -> PlannedEdit:
    """Begins at the corner next to the pointer."""
    if position is not None:
        nearest = int(np.hypot(*(corners + 0.5 - position).T).argmin())
        corners = np.roll(corners, -nearest, axis=0)
    first = math.dist(position, corners[0] + 0.5) if position is not None else 0.0
    steps = np.diff(corners, axis=0)
    distances = [first, *np.hypot(steps[:, 0], steps[:, 1]).tolist()]
    seconds = sum(annotator.click_seconds(distance) for distance in distances) + annotator.key_seconds
    return PlannedEdit(AnnotationTool.POLYGON, value, 0.0, corners, box, mask, seconds)
