"""Cost of updating the training curves of a long training: `python -m tests.benchmarks.charts [--points 60000] --json`.

The project has `points` measurements of ten runs; 60,000 are about a day of training with nine classes. `first_ms`: to
read all of them when the project opens; `tick_ms`: to read twelve more, as at every update during training;
`points_drawn`: points of all curves together. Times are processor time of one thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=60_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, project_in(Path(scratch)) as project:
        found = measure(project, options.points)
    print(
        json.dumps(found) if options.json else "\n".join(f"{name} {value}" for name, value in found.items())
    )


if __name__ == "__main__":
    main()
