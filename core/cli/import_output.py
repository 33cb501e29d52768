"""What the import command prints: the dry run and the report, as JSON and as lines of text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.base.number_text import percent_text
from core.base.text import count_of
from core.formats.dataset_types import Dataset
from core.formats.doubt import unanswered
from core.session.transfer.dataset_survey import DatasetSurvey, describe_blur
from core.session.transfer.import_plan import ImportClassRow, ImportPlan
from core.session.transfer.import_run import ImportReport

MAX_LINES_SHOWN = 20
"""Sentences of one kind in the text output; --json lists all."""


def plan_json(plan: ImportPlan, survey: DatasetSurvey) -> dict[str, Any]:
    verdict = plan.dataset.recognition
    return {
        "format": verdict.format,
        "sure": verdict.confidence,
        "why": verdict.reason,
        "pictures": plan.pictures,
        "masks": plan.masks,
        "labels": survey.count_labels(plan.labelled_values),
        "new": plan.new,
        "splits": dict(plan.splits),
        "classes": {r.source.name: r.choice.name or r.choice.target.value for r in plan.rows},
        "new_classes": list(plan.new_classes),
        "values": plan.dataset.reading,
        "pixels": survey.pixels,
        "doubts": [doubt.as_json() for doubt in unanswered(plan.settled(survey.doubts))],
        "notes": [*plan.dataset.notes, *survey.notes],
        "unsure": dict(survey.uncertain),
        "problems": list(survey.account.sentences(plan.dataset.root)),
        "account": survey.account.as_json(),
    }


def plan_lines(plan: ImportPlan, survey: DatasetSurvey) -> list[str]:
    splits = ", ".join(f"{name} {count}" for name, count in sorted(plan.splits.items()))
    classes = count_of(len(plan.rows), "class", "classes")
    labels = count_of(survey.count_labels(plan.labelled_values), "label")
    lines = [
        f"This would import {count_of(plan.pictures, 'picture')} ({splits}) with {labels} of {classes}.",
        *filter(None, [plan.what_is_new(), describe_blur(survey.uncertain, survey.pixels)]),
    ]
    shares = survey.shares()
    lines += [
        f"{row.source.index:6} {row.source.name:24} {_outcome(row)}{_share(shares, row.source.name)}"
        for row in plan.rows
    ]
    lines += [f"       {name:24}{_share(shares, name)}" for name in ("void", "unlabelled") if name in shares]
    lines += [f"Doubt: {doubt.line()}" for doubt in unanswered(plan.settled(survey.doubts))]
    lines += limited((*plan.dataset.notes, *survey.notes))
    lines += limited(survey.account.lines(plan.dataset.root, "Would be left out: "))
    return [*lines, survey.account.summary()]


def report_json(report: ImportReport, dataset: Dataset, home: Path) -> dict[str, Any]:
    return {
        "project": str(home),
        "format": dataset.recognition.format,
        "pictures": report.pictures,
        "labels": report.labels,
        "classes": report.classes,
        "skipped": report.skipped,
        "new": report.new,
        "kept": report.kept,
        "unsure": dict(report.uncertain),
        "problems": list(report.problems),
        "notes": list(report.notes),
        "values": dataset.reading,
        "pixels": dict(report.pixels),
        "doubts": [doubt.as_json() for doubt in unanswered(report.doubts)],
        "account": report.account.as_json(),
    }


def report_lines(report: ImportReport, root: Path) -> list[str]:
    """root: of the dataset."""
    pictures, labels = count_of(report.pictures, "picture"), count_of(report.labels, "label")
    classes = count_of(len(report.classes), "class", "classes")
    lines = [f"Imported {pictures} with {labels} of {classes}."]
    if report.skipped:
        lines.append(f"Skipped {count_of(report.skipped, 'picture')}, already imported and unchanged.")
    if report.new < report.pictures or report.skipped:
        lines.append(
            f"{count_of(report.new, 'picture')} of the dataset {'is' if report.new == 1 else 'are'} new."
        )
    if report.kept:
        lines.append(
            f"{count_of(report.kept, 'picture')} kept a label that differs from the one in the dataset."
        )
    lines += filter(None, [describe_blur(report.uncertain, report.pixels)])
    lines += [f"Doubt: {doubt.line()}" for doubt in unanswered(report.doubts)]
    lines += limited(report.notes) + limited(report.account.lines(root))
    return lines + [report.account.summary()] * bool(report.account.left_out)


def limited(sentences: tuple[str, ...]) -> list[str]:
    """The first sentences, and how many there are more."""
    more = [f"… and {len(sentences) - MAX_LINES_SHOWN} more."] if len(sentences) > MAX_LINES_SHOWN else []
    return [*sentences[:MAX_LINES_SHOWN], *more]


def _outcome(row: ImportClassRow) -> str:
    """What a class of the dataset becomes."""
    if not row.choice.name:
        return f"becomes {row.choice.target}"
    return f"becomes {row.choice.name} (known)" if row.known else f"becomes {row.choice.name} (new)"


def _share(shares: dict[str, float], name: str) -> str:
    return f", {percent_text(shares[name], 1)} of the pixels" if name in shares else ", in no mask"
