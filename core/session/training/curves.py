"""What charts and panels count, beside the document's own lane: each new point is read once, whatever came before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from core.base.lane import Lane
from core.project.project import Project
from core.project.records import Measurement, ProjectCounts

Curve = tuple[tuple[float, float], ...]
"""Points (x, y), in the order in which they were measured."""

MAX_POINTS = 400
"""No curve has more points than this; a chart is not wider."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Over seconds of training of all runs, one behind the other: loss, mIoU, IoU by class value. by_labels: the best
    mIoU with each number of labelled pictures, and the same by class. newest: the IoU of each class measured last.
    rates: the newest range test, (learning rate, smoothed loss), and rate_taken: the rate that came of it."""

    loss: Curve = ()
    miou: Curve = ()
    per_class: Mapping[int, Curve] = field(default_factory=dict)
    by_labels: Curve = ()
    class_by_labels: Mapping[int, Curve] = field(default_factory=dict)
    newest: Mapping[int, float] = field(default_factory=dict)
    lr_range: Curve = ()
    lr_chosen: float | None = None


class GrowingCurve:
    """A curve that thins itself as it grows: when it has too many points, each two neighbours become their mean.

    So it costs the same after a week as after an hour. The last point stays as it is. `most` is even.
    """

    def __init__(self, max_points: int = MAX_POINTS) -> None:
        self._max_points = max_points
        self._means: list[tuple[float, float]] = []
        self._points_per_mean = 1  # how many measured points a mean stands for
        self._pending: list[tuple[float, float]] = []  # points on their way to the next mean

    def add(self, x: float, y: float) -> None:
        self._pending.append((x, y))
        if len(self._pending) < self._points_per_mean:
            return
        self._means.append(_mean(self._pending))
        self._pending = []
        if len(self._means) == self._max_points:
            pairs = zip(self._means[::2], self._means[1::2], strict=True)
            self._means = [_mean(pair) for pair in pairs]
            self._points_per_mean *= 2

    def points(self) -> Curve:
        last = self._pending[-1:]
        return tuple(self._means + last)


class CurveStore:
    """All curves of a project, fed with its points in the order of their ids."""

    def __init__(self) -> None:
        self._curves: dict[tuple[str, int | None], GrowingCurve] = {}
        self._best: dict[tuple[str, int | None], dict[int, float]] = {}
        self._newest: dict[int, float] = {}
        self._starts: dict[int, float] = {}
        self._ends: dict[int, float] = {}
        self._range_points: dict[str, dict[int, float]] = {}
        self._range_run: int | None = None

    def add(self, points: Iterable[Measurement]) -> None:
        for point in points:
            key = point.name, point.class_value
            start = self._starts.get(point.run_id)
            if start is None:  # a run begins where those before it have come to
                start = self._starts[point.run_id] = max(self._ends.values(), default=0.0)
            at = start + point.seconds
            self._ends[point.run_id] = max(self._ends.get(point.run_id, start), at)
            if point.name.startswith("range_"):
                self._add_range_point(point)
            if point.name not in ("loss", "miou", "iou"):
                continue
            self._curves.setdefault(key, GrowingCurve()).add(at, point.value)
            if point.name == "loss":
                continue
            best = self._best.setdefault(key, {})
            best[point.labelled_pictures] = max(best.get(point.labelled_pictures, 0.0), point.value)
            if point.class_value:
                self._newest[point.class_value] = point.value

    def _add_range_point(self, point: Measurement) -> None:
        if point.run_id != self._range_run:
            self._range_points, self._range_run = {}, point.run_id
        self._range_points.setdefault(point.name, {})[point.step] = point.value

    def curves(self) -> Curves:
        """As they are now; later points do not change what is returned."""

        def curve(name: str) -> Curve:
            found = self._curves.get((name, None))
            return found.points() if found else ()

        def best(key: tuple[str, int | None]) -> Curve:
            points = sorted((float(pictures), value) for pictures, value in self._best.get(key, {}).items())
            step = max(1, -(-len(points) // MAX_POINTS))
            return tuple(points[-1::-step][::-1])  # the last one is always among them

        rate_at, loss_at = self._range_points.get("range_rate", {}), self._range_points.get("range_loss", {})
        taken = self._range_points.get("range_taken", {})
        classes = {value: (name, value) for name, value in self._curves if name == "iou" and value}
        return Curves(
            curve("loss"),
            curve("miou"),
            {value: self._curves[key].points() for value, key in classes.items()},
            best(("miou", None)),
            {value: best(key) for value, key in classes.items()},
            dict(self._newest),
            tuple((rate, loss_at[step]) for step, rate in rate_at.items() if step in loss_at),
            next(iter(taken.values()), None),
        )


class CurveService:
    """Called from the GUI thread; reads on a lane and through a connection of its own."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._lane = Lane("charting")
        self._reader: Project | None = None
        self._store = CurveStore()
        self._last = 0

    def curves(self) -> Future[Curves]:
        """All curves as the document has them now."""
        return self._lane.submit(self._read)

    def counts(self) -> Future[ProjectCounts]:
        """The project in numbers. With a hundred thousand pictures this takes a tenth of a second."""
        return self._lane.submit(self._count)

    def close(self) -> None:
        self._lane.shutdown(cancel_futures=True)
        if self._reader is not None:
            self._reader.close()

    def _open(self) -> Project:
        if self._reader is None:
            self._reader = Project.open_read_only(self._project.home)
        return self._reader

    def _count(self) -> ProjectCounts:
        return self._open().pictures.counts()

    def _read(self) -> Curves:
        more = True
        while more:  # a part at a time: of months of learning not all is held in memory at once
            self._last, points = self._open().runs.measurements_after(self._last)
            self._store.add(points)
            more = bool(points)
        return self._store.curves()


def _mean(points: Iterable[tuple[float, float]]) -> tuple[float, float]:
    xs, ys = zip(*points, strict=True)
    return sum(xs) / len(xs), sum(ys) / len(ys)
