"""A polygon of several rings while it is drawn: finding points near the pointer, and immutable changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import Point
from core.labels.outlines import Ring

_Change = Callable[[Ring, int], Ring]


@dataclass(frozen=True)
class PolygonDraft:
    """Closed rings and the line that is still open (empty: none). Immutable: every change returns a new draft.

    Points are numbered through the open line and then through the rings.
    """

    open_line: Ring = ()
    rings: tuple[Ring, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.open_line or self.rings)

    @property
    def fillable_rings(self) -> list[Ring]:
        """Everything with an interior: the rings, and the open line when it can be closed."""
        return [*self.rings, *([self.open_line] if len(self.open_line) > 2 else [])]

    def nearest_point(self, at: Point, reach: float) -> int | None:
        """The nearest point within `reach` pixels."""
        return _nearest(self._points, at, reach)

    def nearest_midpoint(self, at: Point, reach: float, shortest: float) -> tuple[int, Point] | None:
        """The nearest midpoint of an edge, with the number of the point before it; edges shorter than `shortest` are
        ignored."""
        before, middles, lengths = self._edges
        long = lengths >= shortest
        found = _nearest(middles[long], at, reach)
        if found is None:
            return None
        x, y = middles[long][found]
        return int(before[long][found]), Point(float(x), float(y))

    def with_point(self, at: Point) -> PolygonDraft:
        """One more point on the open line."""
        return replace(self, open_line=(*self.open_line, at))

    def with_moved(self, number: int, at: Point) -> PolygonDraft:
        return self._changed(number, lambda ring, n: (*ring[:n], at, *ring[n + 1 :]))

    def with_inserted(self, number: int, at: Point) -> PolygonDraft:
        """A point after the point with that number; it gets the next number."""
        return self._changed(number, lambda ring, n: (*ring[: n + 1], at, *ring[n + 1 :]))

    def without_point(self, number: int) -> PolygonDraft:
        """Without a point; a ring with fewer than three points left is removed."""
        made = self._changed(number, lambda ring, n: (*ring[:n], *ring[n + 1 :]))
        return replace(made, rings=tuple(ring for ring in made.rings if len(ring) > 2))

    def with_line_closed(self) -> PolygonDraft:
        """The open line becomes a ring."""
        return PolygonDraft((), (*self.rings, self.open_line))

    def _changed(self, number: int, change: _Change) -> PolygonDraft:
        lines = [self.open_line, *self.rings]
        for place, line in enumerate(lines):
            if number < len(line):
                lines[place] = change(line, number)
                return PolygonDraft(lines[0], tuple(lines[1:]))
            number -= len(line)
        raise IndexError("no such point")

    @cached_property
    def _points(self) -> NDArray[np.float64]:
        return np.array([p for line in (self.open_line, *self.rings) for p in line]).reshape(-1, 2)

    @cached_property
    def _edges(self) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """For each edge the number of its first point, its midpoint and its length."""
        points, before, after = self._points, [], []
        start = 0
        for place, line in enumerate((self.open_line, *self.rings)):
            numbers = np.arange(start, start + len(line))
            start += len(line)
            edges = len(line) if place else max(0, len(line) - 1)  # the open line does not return
            before.append(numbers[:edges])
            after.append(np.roll(numbers, -1)[:edges])
        first, second = np.concatenate(before), np.concatenate(after)
        offset = points[second] - points[first]
        return first, (points[first] + points[second]) / 2, np.hypot(offset[:, 0], offset[:, 1])


def _nearest(points: NDArray[np.float64], at: Point, reach: float) -> int | None:
    if not len(points):
        return None
    offset = np.square(points - at).sum(axis=1)
    found = int(offset.argmin())
    return found if offset[found] <= reach * reach else None
