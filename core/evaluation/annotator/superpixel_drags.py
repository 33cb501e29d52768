"""Drags over superpixels that give a missing region its class, as with the superpixel tool."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.evaluation.annotator.edge_tolerance import edge_distance, newly_wanted, right_pixels, wanted_pixels
from core.evaluation.annotator.planned_edit import AnnotationTool, PixelPath, PlannedEdit
from core.evaluation.annotator.time_model import AnnotatorModel
from core.labels.label_map import Mask, Values
from core.labels.morphology import trim

Segments = NDArray[np.int32]
"""int32 (h, w): the superpixel of each pixel, numbered from 0; INCOMPLETE for one that goes on outside this part."""
INCOMPLETE = -1
NEIGHBOURS = 6
"""Nearest superpixels to which a drag may go on."""


def segments_in(segments: Segments, sizes: NDArray[np.int64], box: Box) -> Segments:
    """A part of the superpixels of a picture. sizes: pixels of each in the whole picture."""
    part = segments[box.slices]
    is_whole = np.bincount(part.ravel(), minlength=len(sizes)) == sizes
    return np.where(is_whole[part], part, np.int32(INCOMPLETE))


def plan_drags(
    current: Values,
    truth: Values,
    value: int,
    region: Mask,
    segments: Segments,
    corner: tuple[int, int],
    position: Point | None,
    annotator: AnnotatorModel,
) -> list[PlannedEdit]:
    """Drags over the superpixels with missing pixels of a region, but for those that would do harm.

    For a part of a picture whose upper left pixel is `corner`: current, truth: (h, w) uint8; region: (h, w) bool. What
    was right stays so within the tolerance. `current` is not changed.
    """
    true = truth == value
    wanted = wanted_pixels(current, truth, value, annotator) & region
    far = right_pixels(current, truth) & ~true & (edge_distance(~true) > annotator.tolerance)
    chosen = np.zeros(int(segments.max()) + 2, bool)  # the last one stands for INCOMPLETE
    chosen[segments[wanted]] = True
    chosen[segments[far]] = chosen[INCOMPLETE] = False
    chosen = _harmless(chosen, segments, current, truth, value, annotator)
    painted = chosen[segments]
    if not painted.any():
        return []
    whole = Box(0, 0, current.shape[1], current.shape[0])
    edits: list[PlannedEdit] = []
    start = None if position is None else np.array(position) - corner
    for path, numbers in _drags(segments, chosen, painted, start):
        box, mask = trim((whole, np.isin(segments, numbers)))
        places = path + np.array(corner)
        distance = math.dist(position, places[0] + 0.5) if position is not None else 0.0
        length = float(np.hypot(*np.diff(path, axis=0).T).sum())
        seconds = annotator.stroke_seconds(distance, length)
        edits.append(
            PlannedEdit(AnnotationTool.SUPERPIXELS, value, 0.0, places, box.moved(*corner), mask, seconds)
        )
        position = edits[-1].end
    return edits


def _harmless(
    chosen: Mask, segments: Segments, current: Values, truth: Values, value: int, annotator: AnnotatorModel
) -> Mask:
    """Without the superpixels that would paint over a thin neighbour, all of which is near the region."""
    while True:
        after = np.where(chosen[segments], np.uint8(value), current)
        harming = np.zeros_like(chosen)
        harming[segments[newly_wanted(current, after, truth, annotator)]] = True
        if not (harming & chosen).any():
            return np.zeros_like(chosen) if harming.any() else chosen
        chosen = chosen & ~harming


def _drags(
    segments: Segments, chosen: Mask, painted: Mask, at: NDArray[Any] | None
) -> Iterator[tuple[PixelPath, list[int]]]:
    """The places of each drag and the superpixels under it: straight from one to a near one, over chosen ones alone.

    at: (x, y) where the pointer is, if it is anywhere; a drag begins at the nearest superpixel
    """
    left = _places(segments, painted)
    while left:
        here = (0.0, 0.0) if at is None else at
        number = min(left, key=lambda each: math.dist(here, left[each]))
        at = left.pop(number)
        path, numbers = [at], [number]
        while (found := _next_place(at, left, segments, chosen)) is not None:
            at, crossed = found
            path.append(at)
            numbers += crossed
            for each in crossed:
                left.pop(each, None)
        yield np.array(path, np.int64), numbers


def _next_place(
    at: NDArray[np.int64], left: dict[int, NDArray[np.int64]], segments: Segments, chosen: Mask
) -> tuple[NDArray[np.int64], list[int]] | None:
    """The nearest place that can be reached, and the superpixels on the way."""
    for place in sorted(left.values(), key=lambda place: math.dist(at, place))[:NEIGHBOURS]:
        parts = max(
            1, math.ceil(math.dist(at, place))
        )  # as often as the tool looks what is under the pointer
        x, y = np.floor(np.linspace(at + 0.5, place + 0.5, parts + 1)).astype(np.int64).T
        crossed = segments[y, x]
        if chosen[crossed].all():
            return place, np.unique(crossed).tolist()
    return None


def _places(segments: Segments, painted: Mask) -> dict[int, NDArray[np.int64]]:
    """(x, y) of a pixel near the middle of each painted superpixel."""
    rows, columns = np.nonzero(painted)
    numbers = segments[rows, columns]
    order = np.argsort(numbers, kind="stable")
    found, starts = np.unique(numbers[order], return_index=True)
    places = {}
    for number, pixels in zip(found.tolist(), np.split(order, starts[1:]), strict=True):
        at = np.stack([columns[pixels], rows[pixels]], axis=1)
        places[number] = at[np.hypot(*(at - at.mean(axis=0)).T).argmin()]
    return places
