"""What a report on a project says about its runs: a table, and the score of each over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from core.base.axis_ticks import time_ticks
from core.evaluation.report.charts import LINE_COLOURS, ChartCurve, line_chart
from core.evaluation.run_settings import run_title
from core.project.records import RunRecord

MAX_RUNS_SHOWN = 200
"""The newest of a project; a page of all of ten thousand runs says nothing more."""


def history_rows(runs: Sequence[RunRecord]) -> list[dict[str, Any]]:
    """One row for each run, the newest first."""
    newest = sorted(runs, key=lambda run: run.id, reverse=True)[:MAX_RUNS_SHOWN]
    return [
        {
            "number": run.id,
            "title": run_title(run),
            "started": run.started_at[:16].replace("T", " "),
            "minutes": _minutes(run),
            "labelled": run.labelled_pictures,
            "device": run.device or "",
            "state": run.state,
            "miou": run.best_miou,
        }
        for run in newest
    ]


def history_chart(runs: Sequence[RunRecord]) -> Markup:
    """The mean IoU of each run over the time since the first one; the line is the best until then."""
    first = min((time for run in runs if (time := _seconds(run.started_at)) is not None), default=0.0)
    scored = sorted(
        (time - first, run.best_miou)
        for run in runs
        if run.best_miou is not None and (time := _seconds(run.started_at)) is not None
    )
    if len(scored) < 2:
        return Markup()
    best: list[tuple[float, float]] = []
    for time, miou in scored:
        best.append((time, max(miou, best[-1][1] if best else 0.0)))
    single = [ChartCurve("run", [point], LINE_COLOURS[0]) for point in scored]
    title = "Mean IoU of the runs over time, and the best until then"
    return line_chart(title, [ChartCurve("best", best, width=1.5), *single], time_ticks, is_score=True)


def _minutes(run: RunRecord) -> float | None:
    begin, end = _seconds(run.started_at), _seconds(run.ended_at or "")
    return None if begin is None or end is None else (end - begin) / 60


def _seconds(stamp: str) -> float | None:
    """Since 1970; None for what is no date, as a foreign project may have it."""
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return None
