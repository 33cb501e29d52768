"""Brush strokes that paint a missing region: along its edge, then what is left with smaller and smaller brushes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from core.base.geometry import Box, Point
from core.evaluation.annotator.edge_tolerance import edge_distance, right_pixels, worth_correcting
from core.evaluation.annotator.planned_edit import AnnotationTool, PixelPath, PlannedEdit, seconds_of
from core.evaluation.annotator.time_model import AnnotatorModel
from core.labels.label_map import Mask, Values

MIN_RADIUS = 0.5
"""Radius in pixels of the smallest brush, which paints single pixels."""
LOOSE_SHARE, MAX_LOOSE = 0.5, 10.0
"""A loose stroke crosses an edge, towards what is not right yet, by this share of the radius, in pixels at most."""

MARGIN = math.ceil(MAX_LOOSE) + 2
"""Pixels around a region that are looked at too."""


@dataclass(frozen=True, slots=True)
class StrokeStyle:
    """radius_share: brush radius as a share of the depth of an error, halved with each pass

    loose: cross the edge to pixels that are wrong as well, which are painted later
    slack: cross the edge by so many pixels to what is right, which must be within the tolerance
    """

    radius_share: float = 0.5
    loose: bool = False
    slack: float = 0.0


def plan_strokes(
    current: Values,
    truth: Values,
    value: int,
    region: Mask,
    corner: tuple[int, int],
    position: Point | None,
    annotator: AnnotatorModel,
    style: StrokeStyle | None = None,
    along: Mask | None = None,
) -> list[PlannedEdit]:
    """Strokes for one region of a part of a picture whose upper left pixel is `corner`.

    current: the label, which is painted here, (h, w) uint8; region: missing pixels, (h, w) bool. Correct pixels are not
    painted wrong but for the slack of the style. The region lies MAX_LOOSE away from the sides of the part, except for
    those of the picture.

    along: the object, (h, w) bool, over which to paint on from one error to the next, where that is faster than
    lifting; None: only near the region

    A brush of half the depth that follows the edge at the distance of its radius covers the widest part of a region;
    one of half that radius covers the narrower parts, and so on.
    """
    style = style or StrokeStyle()
    true = truth == value
    allowed = true | ~right_pixels(current, truth) if style.loose else true
    if style.slack:
        allowed = allowed | (edge_distance(~true) <= style.slack)
    place = Box(0, 0, current.shape[1], current.shape[0])
    strokes: list[PlannedEdit] = []
    radius: float | None = None
    while True:
        right = true & (current == value)
        missing = region & ~right
        wanted = worth_correcting(missing, right, true, annotator)
        if not wanted.any():
            return strokes
        if radius is None:
            radius = max(MIN_RADIUS, style.radius_share * (_depth(missing) + style.slack))
        else:
            radius = max(MIN_RADIUS, radius / 2)
        # A stroke may continue over correct pixels of the same class, as a person's would. The smallest brush stays on
        # the error, so that each of its strokes reduces it.
        if radius == MIN_RADIUS:
            area = wanted.copy()
        else:
            reach = annotator.tolerance
            if style.loose:
                reach = max(reach, min(MAX_LOOSE, LOOSE_SHARE * radius))
            area = allowed & (edge_distance(~(missing if along is None else along)) <= reach)
        for path in _boundary_paths(area, radius):
            for part in _useful_parts(path, radius, wanted, annotator.lift_distance):
                box, mask = _swept(part, radius, place)
                current[box.slices][mask] = value
                wanted &= current != value
                path_there = part + np.array(corner)
                distance = _distance(position, path_there[0])
                steps = np.diff(part, axis=0)
                length = float(np.hypot(steps[:, 0], steps[:, 1]).sum())
                strokes.append(
                    PlannedEdit(
                        AnnotationTool.BRUSH,
                        value,
                        radius,
                        path_there,
                        box.moved(*corner),
                        mask,
                        annotator.stroke_seconds(distance, length),
                    )
                )
                position = strokes[-1].end


def brush_seconds(
    current: Values,
    truth: Values,
    value: int,
    corner: tuple[int, int],
    position: Point | None,
    annotator: AnnotatorModel,
) -> float:
    """To paint all of a class with the brush in a part of a picture, as `plan_strokes`; `current` is not changed."""
    region = (truth == value) & (current != value)
    return seconds_of(plan_strokes(current.copy(), truth, value, region, corner, position, annotator))


def _distance(position: Point | None, pixel: PixelPath) -> float:
    return math.dist(position, pixel + 0.5) if position is not None else 0.0


def _swept(path: PixelPath, radius: float, whole: Box) -> tuple[Box, Mask]:
    """Box and (h, w) bool mask of the pixels that a brush paints: those with their centre within the radius.

    The nearest point of a path of adjacent pixels is the centre of one or lies halfway between two, so that distances
    on a grid of half pixels are exact; many times faster than one capsule for each straight part.
    """
    ends = [Point(x + 0.5, y + 0.5) for x, y in (path.min(axis=0).tolist(), path.max(axis=0).tolist())]
    box = Box.bounding(ends, margin=radius).intersection(whole)
    off_path = np.ones((2 * box.height - 1, 2 * box.width - 1), np.uint8)
    places = 2 * (path - np.array([box.x0, box.y0]))
    between = (places[1:] + places[:-1]) // 2
    for x, y in (places.T, between.T):
        off_path[y, x] = 0
    distances = cv2.distanceTransform(off_path, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[::2, ::2]
    return box, np.rint(np.square(distances)) <= 4 * radius * radius


def _boundary_paths(area: Mask, radius: float) -> Iterator[PixelPath]:
    """Paths along the edge of `area`, (H, W) bool, on which a brush of `radius` never leaves it."""
    # Between two pixels of a path the edge may be nearer than at either: on a diagonal step by a half, squared.
    inside = area & (np.rint(np.square(edge_distance(area))) > radius * radius + 0.5)
    # Some OpenCV releases find no contour along the border of an image: pad by one pixel.
    padded = np.pad(inside, 1).astype(np.uint8)
    outlines, _ = cv2.findContours(padded, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    for outline in outlines:
        yield outline.reshape(-1, 2).astype(np.int64) - 1


def _useful_parts(path: PixelPath, radius: float, wanted: Mask, worth_lifting: float) -> list[PixelPath]:
    """The parts of a closed path that paint wanted pixels, cut where lifting the brush is faster than continuing."""
    first = np.full(wanted.shape, len(path), np.int32)
    step = max(1, int(radius) // 4)  # a large brush covers the same from every few pixels
    for number in range((len(path) - 1) // step * step, -1, -step):
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


def _depth(region: Mask) -> float:
    """Largest distance in pixels of a region from its edge; the image border counts only where there is no other."""
    return min(float(edge_distance(region).max()), float(max(region.shape)) / 2)
