"""Cost of the curves of a long training: `python -m tests.benchmarks.charts [--points 60000] [--long 100000] --json`.

The project has `points` measurements of ten runs; 60,000 are about a day of training with nine classes. `first_ms`: to
read all of them when the project opens; `tick_ms`: to read twelve more, as at every update during training;
`points_drawn`: points of all curves together.

Then one run has `--long` losses in a chart of 800 x 300 pixels. `lines_ms`: to make and smooth its line; `paint_ms`: to
paint it; `zoom_ms`: to zoom in and out of it and paint; `hover_ms`: to find and paint the point below the pointer.
`classes_ms`: to paint 150 classes of 400 points. Times are processor time of one thread, medians.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.project.project import Project
from core.project.records import Measurement
from core.session.training.curves import CurveStore
from tests.factories import MODEL, project_in

RUNS, CLASSES, LOSSES = 10, 9, 20


def points_of(run_id: int, evaluation: int) -> list[Measurement]:
    """Twenty losses, then the scores of one evaluation."""

    def point(name: str, value: float, seconds: float, class_value: int | None = None) -> Measurement:
        return Measurement(run_id, name, class_value, evaluation * LOSSES, seconds, 10 + run_id, value)

    at = float(evaluation * LOSSES)
    losses = [point("loss", 1 / (1 + at + n), at + n) for n in range(LOSSES)]
    scores = [point("iou", 0.5, at, value) for value in range(1, CLASSES + 1)]
    return [*losses, point("miou", 0.5, at), *scores]


def measure(project: Project, points: int) -> dict[str, float]:
    evaluations = points // RUNS // (LOSSES + CLASSES + 1)
    for _ in range(RUNS):
        run = project.runs.start(MODEL, "{}", None, 3)
        project.runs.add_measurements([p for n in range(evaluations) for p in points_of(run.id, n)])
    store = CurveStore()

    def tick(last: int) -> tuple[int, float]:
        started = time.thread_time()
        more = True
        while more:
            last, points = project.runs.measurements_after(last)
            store.add(points)
            more = bool(points)
        store.curves()
        return last, 1000 * (time.thread_time() - started)

    last, first = tick(0)
    ticks = []
    for n in range(evaluations, evaluations + 20):
        project.runs.add_measurements(points_of(run.id, n)[:12])
        last, spent = tick(last)
        ticks.append(spent)
    drawn = store.curves()
    curves = [
        drawn.loss,
        drawn.miou,
        drawn.by_labels,
        *drawn.per_class.values(),
        *drawn.class_by_labels.values(),
    ]
    return {
        "points": last,
        "first_ms": round(first, 1),
        "tick_ms": round(statistics.median(ticks), 2),
        "points_drawn": sum(map(len, curves)),
    }


def median_ms(work: Callable[[int], object], times: int = 21) -> float:
    """Processor time of `work`, called with the number of the turn."""
    spent = []
    for turn in range(times):
        started = time.thread_time()
        work(turn)
        spent.append(1000 * (time.thread_time() - started))
    return round(statistics.median(spent), 2)


def measure_widget(points: int) -> dict[str, float]:
    """What a long run, and one of many classes, cost the window."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtCore import QPointF
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QApplication

    from core.labels.class_list import ClassList
    from core.session.training.run_series import RunSeries
    from desktop.theme.theme import Theme
    from desktop.widgets.navigable_chart import NavigableChart
    from desktop.workspaces.train.curves.curve_lines import CurveLines, describe, style_lines

    app = QApplication([])
    theme = Theme(app)
    theme.apply("light")
    random, nothing = np.random.default_rng(0), np.zeros(points)
    steps = np.arange(float(points))
    noisy = 0.2 + np.exp(-steps / points * 4) * (1 + 0.2 * random.standard_normal(points))
    loss = RunSeries(1, "loss", None, steps, steps, steps / 100, nothing + 9, nothing, noisy, nothing)
    classes = ClassList()
    found = []
    for number in range(1, 151):
        classes = classes.with_class(f"class {number}")
        x = np.arange(400.0)
        iou = number / 200 + 0.02 * random.standard_normal(400)
        found.append(RunSeries(1, "iou", number, x, x, x, x, x, iou, np.zeros(400)))
    lines = CurveLines().make([loss], "seconds", {}, 60)
    chart = NavigableChart(
        theme, lambda point: describe(lines[point.key], point.index, classes) if point.key in lines else None
    )
    chart.resize(800, 300)
    chart.set_curves(style_lines(lines, classes, []))
    canvas = QImage(chart.size(), QImage.Format.Format_RGB32)

    def paint(_turn: int) -> None:
        chart.redraw()
        chart.render(canvas)

    def zoom(turn: int) -> None:
        chart.zoom(1.25 if turn % 8 < 4 else 0.8, 0.3 * points)
        chart.render(canvas)

    def hover(turn: int) -> None:
        chart.read(chart.point_at(QPointF(100 + 20 * turn, 150)))
        chart.render(canvas)

    measured = {
        "long_points": points,
        "lines_ms": median_ms(lambda turn: CurveLines().make([loss], "seconds", {}, 60 + turn)),
        "paint_ms": median_ms(paint),
        "zoom_ms": median_ms(zoom),
        "hover_ms": median_ms(hover),
    }
    chart.set_span(None)
    chart.set_curves(style_lines(CurveLines().make(found, "seconds", {}, 0), classes, []))
    return measured | {"classes_ms": median_ms(paint)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=60_000)
    parser.add_argument("--long", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, project_in(Path(scratch)) as project:
        found = measure(project, options.points) | measure_widget(options.long)
    print(
        json.dumps(found) if options.json else "\n".join(f"{name} {value}" for name, value in found.items())
    )


if __name__ == "__main__":
    main()
