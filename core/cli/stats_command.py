"""The command stats: what labelling took, and what more of it would bring."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.base.number_text import percent_text
from core.base.text import count_of, duration_text
from core.cli.common_options import JsonOption, ProjectOption
from core.cli.terminal import print_result, report_errors
from core.evaluation.picture_work.work_overview import BASES, Forecast, read_overview
from core.evaluation.picture_work.work_series import WorkPoint, work_averages
from core.labels.class_list import ClassList
from core.project.project import Project

SHOWN = 20
"""Pictures in the text; --json lists all."""


def stats_command(project: ProjectOption = Path(), as_json: JsonOption = False) -> None:
    """Print what labelling took: error before correction, corrected share, edits and active time of each picture, and a
    forecast."""
    with report_errors(), Project.open_read_only(project) as opened:
        overview, classes = read_overview(opened), opened.classes.read()
    points = overview.points
    result = {
        "pictures": [_point_json(point, classes) for point in points],
        "seconds": sum(point.seconds for point in points),
        "forecast": _forecast_json(overview.forecast, classes),
    }
    lines = [_averages_line("All", points)] if points else []
    if len(points) >= 8:
        quarter = len(points) // 4
        lines += [
            _averages_line("First quarter", points[:quarter]),
            _averages_line("Last quarter", points[-quarter:]),
        ]
    lines += [_point_line(point) for point in points[-SHOWN:]]
    if not points:
        lines.append("No picture is measured yet: that happens when one is marked done in the window.")
    print_result(result, as_json, [*lines, overview.forecast.sentence])


def _averages_line(title: str, points: tuple[WorkPoint, ...]) -> str:
    average = work_averages(points)
    text = f"{title}: {count_of(len(points), 'picture')}, {duration_text(average.seconds)} each"
    if average.error is not None and average.share is not None:
        text += f", error before correction {average.error:.3f}, {percent_text(average.share, 1)} corrected"
    return f"{text}."


def _point_line(point: WorkPoint) -> str:
    known = (
        f"error {point.error:.3f}, {100 * point.share:5.1f} % corrected"
        if point.error is not None and point.share is not None
        else "no prediction to compare with"
    )
    edits = count_of(point.edits, "edit")
    return f"{point.number:5} {point.name:30} {known}, {edits}, {duration_text(point.seconds)}"


def _point_json(point: WorkPoint, classes: ClassList) -> dict[str, Any]:
    iou = {
        classes.name_of(value): hit / max(1, true + predicted - hit)
        for value, (hit, true, predicted) in point.counts.items()
        if true and classes.by_value(value) is not None
    }
    return {
        "picture": point.picture_id,
        "name": point.name,
        "run": point.run_id,
        "live": point.is_live,
        "labelled_pictures": point.labelled_pictures,
        "error_before_correction": point.error,
        "iou_before_correction": iou,
        "corrected_share": point.share,
        "corrected_pixels": point.corrected_pixels,
        "edits": point.edits,
        "seconds": point.seconds,
    }


def _forecast_json(forecast: Forecast, classes: ClassList) -> dict[str, Any]:
    return {
        "sentence": forecast.sentence,
        "rests_on": BASES[forecast.basis],
        "labelled_pictures": forecast.labelled,
        "miou": asdict(forecast.gain) if forecast.gain is not None else None,
        "classes": {classes.name_of(value): asdict(gain) for value, gain in forecast.by_class.items()},
        "may_stop": forecast.may_stop,
    }
