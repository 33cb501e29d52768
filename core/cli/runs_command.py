"""The commands runs, runs show and runs compare: what was trained, on which labels, how well, and what differs."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from core.base.html_file import check_page_place, write_whole
from core.base.text import count_of, count_text, duration_text
from core.cli.common_options import DeviceOption, JsonOption, ProjectOption
from core.cli.terminal import UsageError, print_result, progress_bar, report_errors
from core.evaluation.kept.evaluation_job import EvaluationJob
from core.evaluation.kept.evaluation_task import keep_evaluation
from core.evaluation.run_comparison import (
    Difference,
    RunComparison,
    compare_runs,
    find_summaries,
    kept_class_iou,
    run_facts,
)
from core.evaluation.run_settings import run_title
from core.evaluation.run_summary import RunSummary, summarize_runs
from core.labels.confusion_scores import MEAN_SCORES, METRIC_TITLES
from core.project.project import Project
from core.project.records import Split

LABELS_SHOWN = 30
"""Pictures in the text of “runs show”; --json lists all."""
SORT_KEYS: dict[str, Callable[[RunSummary, str], float | str | None]] = {
    "run": lambda run, _: run.record.id,
    "result": lambda run, metric: run.scores.get(metric),
    "pictures": lambda run, _: run.record.labelled_pictures,
    "pixels": lambda run, _: run.pixels,
    "time": lambda run, _: run.seconds,
    "network": lambda run, _: run_title(run.record).casefold(),
    "device": lambda run, _: run.record.device,
}
"""By the name of a column what runs are sorted by: numbers from the highest, texts from A; unknown ones come last."""

runs_app = typer.Typer(name="runs", help="List the runs of a project, show one, or compare several.")


def _metric(metric: str) -> str:
    if metric not in MEAN_SCORES:
        raise typer.BadParameter(f"choose one of {', '.join(MEAN_SCORES)}.")
    return metric


def _sort(sort: str) -> str:
    if sort not in SORT_KEYS:
        raise typer.BadParameter(f"choose one of {', '.join(SORT_KEYS)}.")
    return sort


@runs_app.callback(invoke_without_command=True)
def list_command(
    context: typer.Context,
    project: ProjectOption = Path(),
    metric: Annotated[
        str, typer.Option(help=f"The result to show: {', '.join(MEAN_SCORES)}.", callback=_metric)
    ] = "miou",
    sort: Annotated[
        str, typer.Option(help=f"Sort by one of {', '.join(SORT_KEYS)}.", callback=_sort)
    ] = "run",
    reverse: Annotated[bool, typer.Option("--reverse", help="Sort the other way round.")] = False,
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Also write the table to this file, with all metrics."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs of a project, show one, or compare several."""
    with report_errors():
        if context.invoked_subcommand is not None:
            given = [name for name in context.params if _is_given(context, name)]
            if given:
                raise UsageError(f"Give the options after “{context.invoked_subcommand}”, not before it.")
            return
        if csv_file is not None:
            check_page_place(csv_file, (".csv",), "a CSV file", ".csv")
        with Project.open_read_only(project) as opened:
            runs = _sorted(summarize_runs(opened), metric, sort, reverse=reverse)
        rows = [_run_json(run) for run in runs]
        lines = _table(_columns(runs, metric)) if runs else ["There are no runs yet."]
        if csv_file is not None:
            write_whole(csv_file, _csv(rows))
            lines.append(f"The table is {csv_file}.")
        print_result({"metric": metric, "runs": rows}, as_json, lines)


@runs_app.command("show")
def show_command(
    run: Annotated[int, typer.Argument(metavar="N", help="The number of a run.", min=1)],
    project: ProjectOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Show the settings of a run, exactly which labels it learned from, and its result for each class."""
    with report_errors(), Project.open_read_only(project) as opened:
        (found,) = find_summaries(opened, [run])
        classes = opened.classes.read()
        iou = {classes.name_of(value): score for value, score in kept_class_iou(opened, found.record).items()}
        labels = _labels(opened, run)
        result = {
            **_run_json(found),
            "message": found.record.message,
            "settings": run_facts(found),
            "class_iou": iou,
            "labels": labels,
        }
        print_result(result, as_json, _show_lines(found, iou, labels))


@runs_app.command("compare")
def compare_command(
    numbers: Annotated[
        list[int],
        typer.Argument(
            metavar="N M ...", help="The numbers of runs; the first is compared with the others.", min=1
        ),
    ],
    project: ProjectOption = Path(),
    split: Annotated[Split, typer.Option(help="Compare on the pictures of this split.")] = Split.VAL,
    evaluate: Annotated[
        bool,
        typer.Option("--evaluate", help="Evaluate the runs first whose evaluation is not kept, and keep it."),
    ] = False,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Compare runs: settings that differ, and the scores of each class, with intervals where all are evaluated."""
    with report_errors():
        chosen = list(dict.fromkeys(numbers))
        if len(chosen) < 2:
            raise UsageError("Give the numbers of two or more runs.")
        with Project.open_read_only(project) as opened:
            if evaluate:
                find_summaries(opened, chosen)
                _evaluate(opened, chosen, split, device, quiet=as_json)
            found = compare_runs(opened, chosen, split)
            names = {each.value: each.name for each in opened.classes.read()}
        result = _comparison_json(found, names)
        print_result(result, as_json, _comparison_lines(found, names))


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _evaluate(project: Project, numbers: Sequence[int], split: Split, device: str, *, quiet: bool) -> None:
    with progress_bar("Evaluating", quiet=quiet) as bar:
        for number in numbers:
            job = EvaluationJob(project.home, number, split=split, device=device)
            title = f"Evaluating run {number}"
            keep_evaluation(project, job, lambda done, total, title=title: bar(done, total, title))  # type: ignore[misc]


def _sorted(runs: Sequence[RunSummary], metric: str, sort: str, *, reverse: bool) -> list[RunSummary]:
    """runs: newest first, which decides between equals."""
    keys = [(SORT_KEYS[sort](run, metric), run) for run in runs]
    known = [(key, run) for key, run in keys if key is not None]
    is_descending = not any(isinstance(key, str) for key, _ in known)
    known.sort(key=lambda pair: pair[0], reverse=is_descending != reverse)
    return [run for _, run in known] + [run for key, run in keys if key is None]


def _run_json(run: RunSummary) -> dict[str, Any]:
    record, labels = run.record, run.labels
    return {
        "run": record.id,
        "started": record.started_at,
        "ended": record.ended_at,
        "state": run.state,
        "in_use": run.is_in_use,
        "network": run_title(record),
        "labelled_pictures": record.labelled_pictures,
        "train_pictures": labels.train_pictures if labels else None,
        "train_pixels": labels.train_pixels if labels else None,
        "val_pictures": labels.val_pictures if labels else None,
        "val_pixels": labels.val_pixels if labels else None,
        "scores": {name: run.scores.get(name) for name in MEAN_SCORES},
        "seconds": round(run.seconds, 1),
        "device": record.device,
        "starred": record.is_starred,
        "tags": list(record.tags),
        "note": record.note,
    }


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """UTF-8; what is unknown is blank, yes and no are 1 and 0."""
    text = io.StringIO()
    flat = [{**{k: v for k, v in row.items() if k != "scores"}, **row["scores"]} for row in rows]
    names = list(flat[0]) if flat else ["run"]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in flat:
        cells = (row[name] for name in names)
        writer.writerow(
            int(cell) if isinstance(cell, bool) else "; ".join(cell) if isinstance(cell, list) else cell
            for cell in cells
        )
    return text.getvalue().encode("utf-8", "replace")


def _columns(runs: Sequence[RunSummary], metric: str) -> list[list[str]]:
    title = METRIC_TITLES[metric]
    rows = [
        ["Run", "Started", "Network", "Pictures", "Pixels", title, "Time", "Device", "State", "Tags", "Note"]
    ]
    for run in runs:
        record = run.record
        marks = ("*" if run.is_in_use else "") + ("★" if record.is_starred else "")
        rows.append(
            [
                f"{record.id}{marks}",
                _local_time(record.started_at),
                run_title(record),
                f"{record.labelled_pictures:,}",
                "–" if run.pixels is None else count_text(run.pixels),
                _score(run.scores.get(metric)),
                duration_text(run.seconds) if run.seconds else "–",
                record.device or "–",
                run.state,
                ", ".join(record.tags),
                record.note,
            ]
        )
    return rows


def _table(rows: Sequence[Sequence[str]], numeric: frozenset[int] = frozenset({3, 4, 5, 6})) -> list[str]:
    """Columns as wide as their longest text."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            text.rjust(width) if at in numeric else text.ljust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _labels(project: Project, run: int) -> list[dict[str, Any]] | None:
    """The pictures of a run with their labelled pixels then and now; None for a run of an earlier version."""
    found = project.runs.labels(run)
    if found is None:
        return None
    known = {record.id: record for record in project.pictures.all()}
    labels = []
    for each in found.pictures:
        record = known.get(each.picture_id)
        labels.append(
            {
                "picture": record.path if record else None,
                "split": each.split.value,
                "pixels": each.pixels,
                "pixels_now": record.labelled_pixels if record else None,
            }
        )
    return labels


def _show_lines(run: RunSummary, iou: Mapping[str, float], labels: list[dict[str, Any]] | None) -> list[str]:
    record = run.record
    used = ", in use" if run.is_in_use else ""
    star = ", starred" if record.is_starred else ""
    lines = [f"Run {record.id}, begun {_local_time(record.started_at)}: {run.state}{used}{star}."]
    lines += [f"Tags: {', '.join(record.tags)}."] if record.tags else []
    lines += [f"Note: {record.note}"] if record.note else []
    lines += [record.message] if record.message else []
    scores = [
        f"{title} {run.scores[name]:.3f}" for name, title in METRIC_TITLES.items() if name in run.scores
    ]
    lines += ["", f"Result on val: {', '.join(scores)}." if scores else "It has no result on val."]
    lines += _table([[name, f"{score:.3f}"] for name, score in iou.items()], frozenset({1})) if iou else []
    lines += [
        "",
        "Settings:",
        *_table([[name, value] for name, value in run_facts(run).items()], frozenset()),
    ]
    if labels is None:
        return [*lines, "", "Which labels it learned from is not stored: an earlier version trained it."]
    lines += ["", f"Labels of {count_of(len(labels), 'picture')}:"]
    rows = [
        [
            each["picture"] or "a picture that is gone",
            each["split"],
            f"{each['pixels']:,}",
            "" if each["pixels_now"] in (each["pixels"], None) else f"now {each['pixels_now']:,}",
        ]
        for each in labels[:LABELS_SHOWN]
    ]
    lines += _table(rows, frozenset({2})) if rows else []
    if len(labels) > LABELS_SHOWN:
        lines.append(f"... and {len(labels) - LABELS_SHOWN:,} more; --json lists all.")
    return lines


def _comparison_json(found: RunComparison, names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "runs": found.numbers,
        "split": found.split.value,
        "evaluated": found.pictures is not None,
        "pictures": found.pictures,
        "missing": {str(number): reason for number, reason in found.missing.items()},
        "settings": found.settings,
        "scores": [dict(each) for each in found.means],
        "miou_differences": [_difference_json(each) for each in found.differences],
        "classes": {
            names.get(each.value, str(each.value)): {
                "iou": list(each.iou),
                "differences": [_difference_json(one) for one in each.differences],
                "pixels": each.pixels,
            }
            for each in found.classes
        },
    }


def _difference_json(found: Difference) -> dict[str, Any]:
    return {"change": found.change, "interval": list(found.interval) if found.interval else None}


def _comparison_lines(found: RunComparison, names: Mapping[int, str]) -> list[str]:
    runs = [f"run {number}" for number in found.numbers]
    settings = [[name, *values] for name, values in found.settings.items()]
    lines = ["Settings that differ:" if settings else "All settings are the same."]
    lines += _table([["", *runs], *settings], frozenset()) if settings else []
    rows = [["", runs[0], *(cell for run in runs[1:] for cell in (run, "change", "95 % interval"))]]
    for name, title in METRIC_TITLES.items():
        scores = [each.get(name) for each in found.means]
        changes = found.differences if name == "miou" else [_change(scores[0], score) for score in scores[1:]]
        if any(score is not None for score in scores):
            rows.append(_score_row(title, scores, changes))
    rows += [
        _score_row(names.get(each.value, str(each.value)), each.iou, each.differences)
        for each in found.classes
    ]
    return [*lines, "", *_table(rows, frozenset(range(1, len(rows[0])))), "", found.note]


def _change(first: float | None, other: float | None) -> Difference:
    return Difference(math.nan if first is None or other is None else other - first)


def _score_row(title: str, scores: Sequence[float | None], changes: Sequence[Difference]) -> list[str]:
    cells = [title, _score(scores[0])]
    for score, difference in zip(scores[1:], changes, strict=True):
        interval = difference.interval
        cells += [
            _score(score),
            "–" if math.isnan(difference.change) else f"{difference.change:+.3f}",
            f"{interval[0]:+.3f} to {interval[1]:+.3f}" if interval else "–",
        ]
    return cells


def _score(score: float | None) -> str:
    return "–" if score is None or math.isnan(score) else f"{score:.3f}"


def _local_time(stamp: str) -> str:
    """For people; what is no date stays as it is, as a foreign project may have it."""
    try:
        return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return stamp
