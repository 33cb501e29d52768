"""What news of the training cost once there is much of it: `python -m tests.benchmarks.charts [--points 60000] --json`.

A project with so many measured points of ten runs (60,000 are about a day of learning with nine classes). `first_ms`:
reading all of them, once when the project opens; `tick_ms`: reading what twelve more brought, as with every news while
a network learns; `points_drawn`: how many points all curves hand to the window. All in processor time of one thread.
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


def points_of(run_id: int, look: int) -> list[Measurement]:
    """Twenty losses, then one look at the val pictures."""

    def point(name: str, value: float, seconds: float, class_value: int | None = None) -> Measurement:
        return Measurement(run_id, name, class_value, look * LOSSES, seconds, 10 + run_id, value)

    at = float(look * LOSSES)
    losses = [point("loss", 1 / (1 + at + n), at + n) for n in range(LOSSES)]
    scores = [point("iou", 0.5, at, value) for value in range(1, CLASSES + 1)]
    return [*losses, point("miou", 0.5, at), *scores]


def measure(project: Project, points: int) -> dict[str, float]:
    looks = points // RUNS // (LOSSES + CLASSES + 1)
    for _ in range(RUNS):
        run = project.runs.start(MODEL, "{}", None, 3)
        project.runs.add_measurements([p for look in range(looks) for p in points_of(run.id, look)])
    book = CurveStore()

    def tick(last: int) -> tuple[int, float]:
        began = time.thread_time()
        fresh = True
        while fresh:
            last, points = project.runs.measurements_after(last)
            book.add(points)
            fresh = bool(points)
        book.curves()
        return last, 1000 * (time.thread_time() - began)

    last, first = tick(0)
    ticks = []
    for look in range(looks, looks + 20):
        project.runs.add_measurements(points_of(run.id, look)[:12])
        last, spent = tick(last)
        ticks.append(spent)
    drawn = book.curves()
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
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, project_in(Path(scratch)) as project:
        found = measure(project, asked.points)
    print(json.dumps(found) if asked.json else "\n".join(f"{name} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
