"""Writes reports as one page, which needs no other file and no network."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FunctionLoader, StrictUndefined

from core.base.axis_ticks import time_ticks
from core.base.display_text import printable
from core.evaluation.evaluation import class_differences, miou_difference
from core.evaluation.report.charts import LINE_COLOURS, ChartCurve, calibration_chart, heat_map, line_chart
from core.evaluation.report.introduction import Introduction
from core.evaluation.report.page_file import check_report_place, write_page
from core.evaluation.report.run_history import history_chart, history_rows
from core.evaluation.report.run_report import RunReport, differing_settings, report_run
from core.labels.class_list import ClassList
from core.labels.confusion_scores import class_dice, class_iou, class_precision, class_recall
from core.labels.score_basis import FEW_PIXELS
from core.project.project import Project
from core.project.records import ProjectCounts, RunRecord, Split
from resources import resource_path

MAX_CLASSES_IN_HEAT_MAP = 60
_TEMPLATE = "report.html.jinja"


def write_report(
    project: Project,
    runs: Iterable[RunRecord],
    split: Split,
    path: Path,
    device: str = "auto",
    progress: Callable[[int, int, int], None] | None = None,
    *,
    introduction: Introduction | None = None,
) -> list[RunReport]:
    """Evaluate `runs` on `split` and write the page about them, one or several beside each other; without any, about
    the project.

    path: ends with .html or .pdf; progress: called with the number of a run, and how many of how many pictures are
    evaluated; introduction: of the experiment that the runs belong to. Raises ModelError as `evaluate_run`, and
    UserError when the file cannot be written; an older file of that name stays then.
    """
    check_report_place(path)
    reports = []
    for run in runs:
        report = None if progress is None else partial(progress, run.id)
        found = report_run(project, run, split, device, report)
        title = introduction.network_titles.get(run.id) if introduction else None
        reports.append(replace(found, title=title) if title else found)
    page = render_report(
        project.folder.name,
        split,
        project.classes.read(),
        project.pictures.counts(),
        reports,
        introduction,
        [] if reports else project.runs.all(),
    )
    write_page(path, page)
    return reports


def render_report(
    name: str,
    split: Split,
    classes: ClassList,
    counts: ProjectCounts,
    reports: Sequence[RunReport],
    introduction: Introduction | None = None,
    history: Sequence[RunRecord] = (),
) -> str:
    """HTML. Every text of the project is escaped, and nothing is loaded from elsewhere."""
    environment = Environment(
        loader=FunctionLoader(_template), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {
        "score": _score,
        "printable": printable,
        "data_uri": partial(_data_uri, "jpeg"),
        "png_uri": partial(_data_uri, "png"),
    }
    return environment.get_template(_TEMPLATE).render(
        name=name,
        split=split.value,
        made=time.strftime("%Y-%m-%d %H:%M"),
        counts=counts,
        classes=classes,
        labelled_total=sum(counts.class_pixels.values()) or 1,
        runs=[_run_view(report, number, classes) for number, report in enumerate(reports)],
        class_rows=_class_rows(reports, classes),
        settings=differing_settings(reports),
        differences=[_difference_text(reports[0], other) for other in reports[1:]],
        curves=_curves(reports, classes),
        few_pixels=FEW_PIXELS,
        introduction=introduction,
        history=history_rows(history),
        history_chart=history_chart(history),
    )


def _run_view(report: RunReport, number: int, classes: ClassList) -> dict[str, Any]:
    found = report.evaluation
    names = [classes.name_of(value) for value in found.values]
    matrix = found.confusion if found.confusion[:, -1].any() else found.confusion[:, :-1]
    return {
        "report": report,
        "number": report.run.id,
        "colour": LINE_COLOURS[number % len(LINE_COLOURS)],
        "means": found.mean_scores(),
        "interval": found.miou_interval(),
        "calibration_error": found.calibration_error(),
        "sizes": found.iou_by_region_size(),
        "calibration": calibration_chart("Accuracy over confidence", found.calibration()),
        "heat_map": heat_map("Confusion matrix", names, matrix)
        if len(names) <= MAX_CLASSES_IN_HEAT_MAP
        else None,
        "confused": _most_confused(report, names),
        "minutes": report.seconds / 60,
    }


def _class_rows(reports: Sequence[RunReport], classes: ClassList) -> list[dict[str, Any]]:
    """One row per class in the order of the class list, with the scores of each run."""
    if not reports:
        return []
    intervals = [class_differences(reports[0].evaluation, other.evaluation) for other in reports[1:]]
    intervals.insert(0, np.full((len(reports[0].evaluation.values), 2), np.nan))
    rows = []
    for row, value in enumerate(reports[0].evaluation.values):
        each = classes.by_value(value)
        scores: list[dict[str, Any]] = []
        for report, interval in zip(reports, intervals, strict=True):
            matrix = report.evaluation.confusion
            scores.append(
                {
                    "iou": class_iou(matrix)[row],
                    "dice": class_dice(matrix)[row],
                    "precision": class_precision(matrix)[row],
                    "recall": class_recall(matrix)[row],
                    "boundary": report.evaluation.boundary_iou()[row],
                    "difference": interval[row].tolist(),
                }
            )
        rows.append(
            {
                "name": classes.name_of(value),
                "colour": each.colour if each else (128, 128, 128),
                "pixels": int(reports[0].evaluation.confusion[row].sum()),
                "scores": scores,
            }
        )
    return rows


def _most_confused(report: RunReport, names: Sequence[str], count: int = 8) -> list[dict[str, Any]]:
    """The largest cells off the diagonal."""
    matrix = report.evaluation.confusion.copy()
    np.fill_diagonal(matrix, 0)
    labels = [*names, "a deleted class"]
    found = []
    for cell in np.argsort(matrix, axis=None)[::-1][:count]:
        true, predicted = divmod(int(cell), matrix.shape[1])
        pixels = int(matrix[true, predicted])
        if pixels:
            share = pixels / max(1, int(report.evaluation.confusion[true].sum()))
            found.append(
                {"true": labels[true], "predicted": labels[predicted], "pixels": pixels, "share": share}
            )
    return found


def _difference_text(first: RunReport, other: RunReport) -> str:
    interval = miou_difference(first.evaluation, other.evaluation)
    change = other.evaluation.mean_scores()["miou"] - first.evaluation.mean_scores()["miou"]
    text = f"Run {other.run.id} against run {first.run.id}: mIoU {change:+.3f}"
    if interval is None:
        return f"{text}; too few pictures for an interval."
    low, high = interval
    verdict = "no difference beyond chance" if low <= 0 <= high else "more than chance"
    return f"{text}, 95 % interval {low:+.3f} to {high:+.3f}: {verdict}."


def _curves(reports: Sequence[RunReport], classes: ClassList) -> dict[str, Any]:
    """Charts over seconds of training: of one run with its classes, of several over each other."""

    def points(report: RunReport, name: str, value: int | None = None) -> list[tuple[float, float]]:
        return [(p.seconds, p.value) for p in report.measurements if (p.name, p.class_value) == (name, value)]

    if not reports:
        return {}
    charts = {}
    for name, title in (("miou", "mIoU on val"), ("loss", "Loss in training")):
        if len(reports) == 1:
            (report,) = reports
            curves = [ChartCurve("all classes", points(report, name), width=2.5)]
            if name == "miou":
                by_class = [ChartCurve(c.name, points(report, "iou", c.value), c.colour) for c in classes]
                curves = by_class + curves
        else:
            curves = [
                ChartCurve(
                    f"run {report.run.id}",
                    points(report, name),
                    LINE_COLOURS[number % len(LINE_COLOURS)],
                    width=2,
                )
                for number, report in enumerate(reports)
            ]
        charts[title] = line_chart(title, curves, time_ticks, is_score=name == "miou")
    return {title: chart for title, chart in charts.items() if chart}


def _template(name: str) -> str | None:
    return resource_path(name).read_text("utf-8") if name == _TEMPLATE else None


def _score(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:.3f}"


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
