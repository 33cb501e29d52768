"""Training curves and project counts for charts, read incrementally on a lane of their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.base.errors import ModelError
from core.base.html_file import write_whole
from core.labels.score_basis import ScoreBasis
from core.project.project import Project, run_class_mapping
from core.project.records import BASIS_NAMES, Measurement, ProjectCounts
from core.session.read_lane import ReadLane
from core.session.training.next_run import spec_of
from core.session.training.run_series import RunSeries, RunSeriesStore
from core.session.training.stored_basis import basis_from

Curve = tuple[tuple[float, float], ...]
"""Points (x, y) in the order of measurement."""

IN_USE = "in_use_"
"""Names of the measurements of the network in use begin with this."""
MAX_POINTS = 400
"""Most points of a curve; a chart has no more pixels."""


@dataclass(frozen=True, slots=True)
class Curves:
    """All curves of a project.

    loss, miou, per_class (IoU by class value): over seconds of training, runs one after another.
    by_labels, class_by_labels: the best mIoU, or IoU by class value, for each number of labelled pictures.
    newest: by class value the IoU measured last.
    in_use: mIoU of the network in use over seconds of training; in_use_iou: its IoU by class value, measured last
    known_classes: those that the network in use predicts, None where there is none
    basis: what the last value of in_use rests on, or of miou while in_use is empty; None where that was not stored
    lr_range: the newest learning-rate range test, (learning rate, smoothed loss); lr_chosen: the rate taken from it.
    """

    loss: Curve = ()
    miou: Curve = ()
    per_class: Mapping[int, Curve] = field(default_factory=dict)
    by_labels: Curve = ()
    class_by_labels: Mapping[int, Curve] = field(default_factory=dict)
    newest: Mapping[int, float] = field(default_factory=dict)
    in_use: Curve = ()
    in_use_iou: Mapping[int, float] = field(default_factory=dict)
    known_classes: frozenset[int] | None = None
    lr_range: Curve = ()
    lr_chosen: float | None = None
    basis: ScoreBasis | None = None


class GrowingCurve:
    """A curve of bounded size: when it has `max_points` (even), each two neighbours are replaced by their mean.

    So it costs the same after a week as after an hour. The last point is never averaged.
    """

    def __init__(self, max_points: int = MAX_POINTS) -> None:
        self._max_points = max_points
        self._means: list[tuple[float, float]] = []
        self._points_per_mean = 1  # measured points averaged into one
        self._pending: list[tuple[float, float]] = []  # points of the next mean

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
    """Accumulates the measurements of a project, given in the order of their ids, into curves."""

    def __init__(self) -> None:
        self._curves: dict[tuple[str, int | None], GrowingCurve] = {}
        self._best: dict[tuple[str, int | None], dict[int, float]] = {}
        self._newest: dict[int, float] = {}
        self._in_use_iou: dict[int, float] = {}
        self._starts: dict[int, float] = {}
        self._ends: dict[int, float] = {}
        self._range_points: dict[str, dict[int, float]] = {}
        self._range_run: int | None = None
        self._basis: dict[str, dict[tuple[str, int | None], float]] = {"": {}, IN_USE: {}}
        """Measurements of what the newest score of a training, and of the network in use, rests on."""

    def add(self, points: Iterable[Measurement]) -> None:
        for point in points:
            key = point.name, point.class_value
            start = self._starts.get(point.run_id)
            if start is None:  # a run begins where the runs before it ended
                start = self._starts[point.run_id] = max(self._ends.values(), default=0.0)
            at = start + point.seconds
            self._ends[point.run_id] = max(self._ends.get(point.run_id, start), at)
            if point.name.startswith("range_"):
                self._add_range_point(point)
            prefix = IN_USE if point.name.startswith(IN_USE) else ""
            name = point.name.removeprefix(IN_USE)
            if name == "miou":
                self._basis[prefix] = {}
            elif name in BASIS_NAMES:
                self._basis[prefix][name, point.class_value] = point.value
            if point.name == "in_use_iou" and point.class_value:
                self._in_use_iou[point.class_value] = point.value
            if point.name == "in_use_miou":
                self._in_use_iou = {}
                self._curves.setdefault(key, GrowingCurve()).add(at, point.value)
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
        """The curves so far; later points do not change what is returned."""

        def curve(name: str) -> Curve:
            found = self._curves.get((name, None))
            return found.points() if found else ()

        def best(key: tuple[str, int | None]) -> Curve:
            points = sorted((float(count), value) for count, value in self._best.get(key, {}).items())
            step = max(1, -(-len(points) // MAX_POINTS))
            return tuple(points[-1::-step][::-1])  # the last point is always kept

        rates, losses = self._range_points.get("range_rate", {}), self._range_points.get("range_loss", {})
        chosen = self._range_points.get("range_taken", {})
        classes = {value: (name, value) for name, value in self._curves if name == "iou" and value}
        return Curves(
            curve("loss"),
            curve("miou"),
            {value: self._curves[key].points() for value, key in classes.items()},
            best(("miou", None)),
            {value: best(key) for value, key in classes.items()},
            dict(self._newest),
            curve("in_use_miou"),
            dict(self._in_use_iou),
            None,
            tuple((rate, losses[step]) for step, rate in rates.items() if step in losses),
            next(iter(chosen.values()), None),
            basis_from(self._basis[IN_USE if ("in_use_miou", None) in self._curves else ""]),
        )


class CurveService:
    """Called from the GUI thread; reads on its own lane."""

    def __init__(self, home: Path) -> None:
        self._lane = ReadLane("charts", home)
        self._last_id = 0
        self._runs: set[tuple[int, str]] = set()
        self._store, self._series = CurveStore(), RunSeriesStore()

    def curves(self) -> Future[Curves]:
        """All curves as stored now."""
        return self._lane.read(self._read_curves)

    def series(self, names: Collection[str]) -> Future[tuple[RunSeries, ...]]:
        """The measures of these names, of all runs, as stored now and at full length."""

        def read(project: Project) -> tuple[RunSeries, ...]:
            self._read_new(project)
            totals = project.runs.label_totals()
            self._series.set_pixels(
                {run: each.train_pixels + each.val_pixels for run, each in totals.items()}
            )
            return self._series.series(names)

        return self._lane.read(read)

    def write(self, path: Path, make: Callable[[], bytes]) -> Future[None]:
        """Write what `make` returns, which is called on the lane, whole or not at all. Raises UserError."""
        return self._lane.submit(lambda: write_whole(path, make()))

    def counts(self) -> Future[ProjectCounts]:
        """Counts of the project. With 100,000 pictures this takes 0.1 s."""
        return self._lane.read(lambda project: project.pictures.counts())

    def close(self) -> None:
        self._lane.close()

    def _read_curves(self, project: Project) -> Curves:
        self._read_new(project)
        return replace(self._store.curves(), known_classes=_known_classes(project))

    def _read_new(self, project: Project) -> None:
        runs = {(run.id, run.started_at) for run in project.runs.all()}
        if not self._runs <= runs:
            # One was deleted: the next gets its number, and its measurements their ids.
            self._last_id, self._store, self._series = 0, CurveStore(), RunSeriesStore()
        self._runs = runs
        more = True
        while more:  # in batches: months of measurements are never in memory at once
            self._last_id, points = project.runs.measurements_after(self._last_id)
            self._store.add(points)
            self._series.add(points)
            more = bool(points)


def _known_classes(project: Project) -> frozenset[int] | None:
    """The classes of the network in use, in the values of now."""
    run = project.runs.in_use()
    if run is None:
        return None
    try:
        values = spec_of(run).class_values
    except ModelError:
        return None
    mapping = run_class_mapping(project, run.id)
    return frozenset(int(mapping[value]) for value in values)


def _mean(points: Iterable[tuple[float, float]]) -> tuple[float, float]:
    xs, ys = zip(*points, strict=True)
    return sum(xs) / len(xs), sum(ys) / len(ys)
