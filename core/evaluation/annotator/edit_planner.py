"""Plans the edits of one picture class by class and object by object, the quickest for each place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Box, Point
from core.evaluation.annotator.brush_strokes import MARGIN, StrokeStyle, brush_seconds, plan_strokes
from core.evaluation.annotator.edge_tolerance import harms_others, wanted_pixels
from core.evaluation.annotator.planned_edit import (
    BRUSH_ALONE,
    AnnotationTool,
    PixelPath,
    PlannedEdit,
    label_after,
    seconds_of,
)
from core.evaluation.annotator.polygon_corners import plan_polygons
from core.evaluation.annotator.superpixel_drags import Segments, plan_drags, segments_in
from core.evaluation.annotator.time_model import AnnotatorModel
from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Mask, Values

STYLES = (StrokeStyle(1.0, loose=True, slack=1.0), StrokeStyle(0.5, loose=True, slack=1.0))
"""Ways to paint a region, of which the quickest is taken."""
CAREFUL_STYLE = StrokeStyle()
"""Where the others would harm a thin neighbour, and for an annotator that has only a brush."""
MIN_FILLED = 16
"""Pixels of the smallest region that is filled; one stroke paints a smaller one."""
LEAST_FOR_DRAGS = 1.0
"""Seconds that an object takes without superpixels, from which on they are tried."""
DRAG_MARGIN = 64
"""Pixels around an object that are looked at for superpixels, which reach over its edge."""
_FOUR, _EIGHT = 4, 8


class EditPlanner:
    """Carries out on a label of its own, `_current`, what it has planned so far."""

    def __init__(
        self,
        current: Values,
        truth: Values,
        annotator: AnnotatorModel,
        tools: frozenset[AnnotationTool],
        segments: Segments | None,
    ) -> None:
        self._current, self._truth, self._annotator, self._tools = current, truth, annotator, tools
        self._segments = segments if AnnotationTool.SUPERPIXELS in tools else None
        self._segment_sizes = np.bincount(segments.ravel()) if segments is not None else np.zeros(0, np.int64)
        self._position: Point | None = None
        self._last: PlannedEdit | None = None
        self._refused_fills: set[tuple[int, int, int, int]] = set()

    def next_class(self) -> int | None:
        """The class with most pixels that are worth a correction."""
        counts = {
            v: int(np.count_nonzero(self._wanted(v))) for v in self._values(self._current != self._truth)
        }
        return max(counts, key=lambda v: counts[v]) if any(counts.values()) else None

    def paint_class(self, value: int) -> Iterator[PlannedEdit]:
        """All objects of a class in which it is missing, each time the nearest one."""
        true = (self._truth == value).astype(np.uint8)
        wanted = self._wanted(value)
        _, numbers, stats, centres = cv2.connectedComponentsWithStats(true, connectivity=_EIGHT)
        waiting = {int(number) for number in np.unique(numbers[wanted])}
        while waiting:
            at = self._position or Point(0, 0)
            number = min(waiting, key=lambda n: (math.dist(at, centres[n]), n))
            waiting.remove(number)
            yield from self._committed(self._quickest_edits(value, numbers, number, _box_of(stats[number])))

    def fill(self) -> Iterator[PlannedEdit]:
        """Connected regions of the current label that one click gives mostly the right class, while that saves time."""
        for old in np.unique(self._current[self._current != self._truth]).tolist():
            _, numbers, stats, _ = cv2.connectedComponentsWithStats(
                (self._current == old).astype(np.uint8), connectivity=_FOUR
            )
            for number in np.argsort(-stats[:, cv2.CC_STAT_AREA], kind="stable").tolist():
                if number == 0:
                    continue
                if stats[number, cv2.CC_STAT_AREA] < MIN_FILLED:
                    break  # they come by size
                box = _box_of(stats[number])
                region = numbers[box.slices] == number
                edit = self._fill_edit(int(old), region, box)
                if edit is not None:
                    yield from self._committed([edit])

    def _fill_edit(self, old: int, region: Mask, box: Box) -> PlannedEdit | None:
        """The click on a region of the class `old`, if it saves time."""
        counts = np.bincount(self._truth[box.slices][region], minlength=256)
        lost = int(counts[old]) if old not in (UNLABELLED, VOID) else 0
        counts[[UNLABELLED, VOID, old]] = 0
        value = int(counts.argmax())
        key = (box.x0, box.y0, int(region.sum()), value)
        if counts[value] <= lost or key in self._refused_fills:
            return None
        rows, columns = np.nonzero(region & (self._truth[box.slices] == value))
        middle = len(rows) // 2
        place = np.array([[box.x0 + columns[middle], box.y0 + rows[middle]]], np.int64)
        seconds = self._annotator.click_seconds(self._distance(place[0]))
        edit = PlannedEdit(AnnotationTool.FILL, value, 0.0, place, box, region, seconds)
        # With it, the lost pixels have to be painted again; without it, the missing ones.
        part = box.grown(MARGIN).clipped(self._truth.shape[1], self._truth.shape[0])
        truth, before = self._truth[part.slices], self._current[part.slices]
        after = before.copy()
        after[box.moved(-part.x0, -part.y0).slices][region] = value
        corner, values = (part.x0, part.y0), (value, old) if lost else (value,)
        without, with_it = (
            sum(brush_seconds(label, truth, v, corner, self._position, self._annotator) for v in values)
            for label in (before, after)
        )
        if seconds + with_it >= without:
            self._refused_fills.add(key)
            return None
        return edit

    def _quickest_edits(
        self, value: int, numbers: NDArray[np.int32], number: int, box: Box
    ) -> list[PlannedEdit]:
        """One connected true region, with superpixels first where that saves time."""
        plain = self._object_edits(self._current, value, numbers, number, box, self._position)
        key = self._annotator.key_seconds
        if self._segments is None or seconds_of(plain) < LEAST_FOR_DRAGS:
            return plain
        part = box.grown(DRAG_MARGIN).clipped(self._truth.shape[1], self._truth.shape[0])
        drags = plan_drags(
            self._current[part.slices],
            self._truth[part.slices],
            value,
            numbers[part.slices] == number,
            segments_in(self._segments, self._segment_sizes, part),
            (part.x0, part.y0),
            self._position,
            self._annotator,
        )
        if not drags:
            return plain
        after = label_after(self._current, drags)
        rest = self._object_edits(after, value, numbers, number, box, drags[-1].end)
        with_drags = [*drags, *rest]
        return with_drags if seconds_of(with_drags) + 2 * key < seconds_of(plain) else plain

    def _object_edits(
        self,
        label: Values,
        value: int,
        numbers: NDArray[np.int32],
        number: int,
        box: Box,
        position: Point | None,
    ) -> list[PlannedEdit]:
        """One connected true region: its missing parts one by one, or all of them along its edge."""
        box = box.grown(MARGIN).clipped(self._truth.shape[1], self._truth.shape[0])
        current, truth = label[box.slices].copy(), self._truth[box.slices]
        whole = numbers[box.slices] == number
        missing = whole & (current != value)
        wanted = wanted_pixels(current, truth, value, self._annotator) & whole
        part_count, parts, stats, _ = cv2.connectedComponentsWithStats(
            missing.astype(np.uint8), connectivity=_EIGHT
        )
        corner = box.x0, box.y0
        done: list[PlannedEdit] = []
        start = position
        scratch = current.copy()
        for part in [n for n in range(1, part_count) if (wanted & (parts == n)).any()]:
            inner = _box_of(stats[part]).grown(MARGIN).clipped(current.shape[1], current.shape[0])
            found = self._region_edits(
                scratch[inner.slices],
                truth[inner.slices],
                value,
                parts[inner.slices] == part,
                (corner[0] + inner.x0, corner[1] + inner.y0),
                position,
            )
            done += found
            position = done[-1].end if done else position
        if len(done) > 1 and self._tools != BRUSH_ALONE:
            together = self._region_edits(current, truth, value, missing, corner, start, along=whole)
            done = min(done, together, key=seconds_of)
        return done

    def _region_edits(
        self,
        current: Values,
        truth: Values,
        value: int,
        region: Mask,
        corner: tuple[int, int],
        position: Point | None,
        along: Mask | None = None,
    ) -> list[PlannedEdit]:
        """The quickest edits for one region; `current` is painted. along: as for `plan_strokes`."""
        best: list[PlannedEdit] = []
        least, after = math.inf, current
        for style in () if self._tools == BRUSH_ALONE else STYLES:
            if len(best) == 1:
                break
            tried = current.copy()
            strokes = plan_strokes(
                tried, truth, value, region, corner, position, self._annotator, style, along
            )
            seconds = seconds_of(strokes)
            if seconds < least and not harms_others(current, tried, truth, self._annotator):
                best, least, after = strokes, seconds, tried
        if not best:
            after = current.copy()
            best = plan_strokes(after, truth, value, region, corner, position, self._annotator, CAREFUL_STYLE)
            least = seconds_of(best)
        if AnnotationTool.POLYGON in self._tools and least > 4 * self._annotator.click_seconds(0.0):
            for edit in plan_polygons(current, truth, value, region, corner, position, self._annotator):
                if edit.seconds + self._annotator.key_seconds >= least:
                    continue
                tried = current.copy()
                tried[edit.box.moved(-corner[0], -corner[1]).slices][edit.mask] = value
                rest = plan_strokes(tried, truth, value, region, corner, edit.end, self._annotator)
                seconds = edit.seconds + self._annotator.key_seconds + seconds_of(rest)
                if seconds < least:
                    best, least, after = [edit, *rest], seconds, tried
        current[...] = after
        return best

    def _committed(self, edits: list[PlannedEdit]) -> Iterator[PlannedEdit]:
        """Carry out edits on the planned label; another tool or class than before takes a key."""
        for edit in edits:
            keys = (
                0 if self._last is None else (edit.tool != self._last.tool) + (edit.value != self._last.value)
            )
            timed = replace(edit, seconds=edit.seconds + keys * self._annotator.key_seconds)
            self._current[edit.box.slices][edit.mask] = edit.value
            self._position, self._last = edit.end, edit
            yield timed

    def _wanted(self, value: int) -> Mask:
        return wanted_pixels(self._current, self._truth, value, self._annotator)

    def _values(self, where: Mask) -> list[int]:
        """Classes of the truth there."""
        return [v for v in np.unique(self._truth[where]).tolist() if v not in (UNLABELLED, VOID)]

    def _distance(self, pixel: PixelPath) -> float:
        return math.dist(self._position, pixel + 0.5) if self._position is not None else 0.0


def _box_of(stats: NDArray[np.int32]) -> Box:
    left, top, width, height, _ = (int(n) for n in stats)
    return Box(left, top, left + width, top + height)
