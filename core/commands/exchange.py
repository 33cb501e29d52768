"""Commands that bring datasets in and send them out."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from core.commands.terminal import WrongUseError, answer, open_to_write, plain_errors, progress
from core.errors import ProjectError
from core.formats.dataset import Dataset, Fate
from core.formats.registry import AUTO, FORMATS, exportable, importable, open_dataset, others, recognise_all
from core.formats.tree import Tree
from core.labels.classes import ClassList
from core.project.project import HOME, Project
from core.project.records import Split
from core.session.exporting import ExportWish, plan_export, run_export
from core.session.import_plan import Choice, ImportPlan, plan_import
from core.session.importing import ImportReport, run_import

SHOWN = 20
"""Sentences of one kind that a terminal shows; --json has all of them."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def formats_command(as_json: JsonOption = False) -> None:
    """List the dataset formats."""
    table = {
        row.name: {"directions": row.directions, "about": row.about, "cannot_hold": row.loses}
        for row in FORMATS.values()
    }
    answer(table, as_json, [f"{row.name:18} {row.directions:8} {row.about}" for row in FORMATS.values()])


def import_command(
    format_: Annotated[
        str, typer.Argument(metavar="FORMAT", help="auto, or one of “maskloop formats” that comes in.")
    ],
    source: Annotated[Path, typer.Argument(metavar="SRC", help="The dataset's folder.")],
    into: Annotated[
        Path | None, typer.Option("--into", help="The project's folder; pictures are copied there.")
    ] = None,
    split: Annotated[
        Split | None, typer.Option("--split", help="Put all of it here, whatever its own folders say.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would come in, and do nothing.")
    ] = False,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", help="OLD=NEW: a class of the dataset becomes NEW; void and skip are special."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a dataset into a project."""
    with plain_errors():
        if format_ != AUTO and format_ not in {row.name for row in importable()}:
            raise WrongUseError(f"“{format_}” cannot be imported; “maskloop formats” lists what can.")
        choices = dict(_choice(text) for text in map_ or [])
        tree = Tree(source)
        dataset = open_dataset(source, format_, tree)
        instead = others(recognise_all(tree)) if format_ == AUTO else ""
        how = f"{dataset.recognition.format}, {dataset.recognition.sure:.0%} sure: {dataset.recognition.why} {instead}"
        folder = into or source
        if dry_run:
            classes, place = _known(folder)
            plan = plan_import(classes, place, dataset, choices, split)
            answer(_planned(plan), as_json, [how.strip(), *_plan_lines(plan)])
            return
        report, home = _import(folder, dataset, choices, split, as_json)
        result = {
            "project": str(home),
            "format": dataset.recognition.format,
            **asdict(report),
            "problems": list(report.problems),
            "notes": list(report.notes),
        }
        answer(result, as_json, [how.strip()] * (format_ == AUTO) + _report_lines(report))


def export_command(
    format_: Annotated[
        str, typer.Argument(metavar="FORMAT", help="One of “maskloop formats” that goes out.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder for the dataset.")],
    project: Annotated[
        Path, typer.Option("--project", help="The folder of pictures, or the project folder itself.")
    ] = Path(),
    split: Annotated[Split | None, typer.Option("--split", help="Only this part of the dataset.")] = None,
    what: Annotated[str, typer.Option(help="labels, predictions, or both with a comma between.")] = "labels",
    only_done: Annotated[bool, typer.Option(help="Leave out pictures not marked done.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write pictures and masks as a dataset."""
    with plain_errors():
        if format_ not in {row.name for row in exportable()}:
            raise WrongUseError(f"“{format_}” cannot be exported; “maskloop formats” lists what can.")
        wanted = {part.strip() for part in what.split(",")}
        if not wanted <= {"labels", "predictions"}:
            raise WrongUseError("--what takes labels, predictions, or labels,predictions.")
        wish = ExportWish(
            out,
            format_,
            frozenset([split.value] if split else []),
            "labels" in wanted,
            "predictions" in wanted,
            only_done,
        )
        with Project.read(project) as opened, progress("Exporting", quiet=as_json) as bar:
            plan = plan_export(opened, wish)
            report = run_export(opened, plan, bar)
        result = {
            **asdict(report),
            "out": str(report.out),
            "problems": list(report.problems),
            "losses": list(plan.losses),
        }
        lines = [
            f"{report.pictures} pictures, {report.pairs} with masks, {report.predictions} predictions "
            f"in {report.out}."
        ]
        lines += [f"Lost: {loss}" for loss in plan.losses]
        answer(result, as_json, lines + _some("Left out: ", report.problems))


def _known(folder: Path) -> tuple[ClassList, Path]:
    """Classes and folder of pictures of a project; a dry run makes none that is not there."""
    if not (folder / HOME).is_dir():
        return ClassList(), Path(os.path.normpath(folder.absolute()))
    with Project.read(folder) as project:
        return project.classes.read(), project.folder


def _import(
    folder: Path, dataset: Dataset, choices: dict[str, Choice], split: Split | None, quiet: bool
) -> tuple[ImportReport, Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ProjectError(f"{folder} cannot be made: {problem.strerror or problem}.") from problem
    with (
        open_to_write(folder, None, "maskloop import") as project,
        progress("Importing", quiet=quiet) as bar,
    ):
        plan = plan_import(project.classes.read(), project.folder, dataset, choices, split)
        return run_import(project, plan, bar), project.home


def _choice(text: str) -> tuple[str, Choice]:
    old, equals, new = (part.strip() for part in text.partition("="))
    if not old or not equals:
        raise WrongUseError(f"--map takes OLD=NEW, not “{text}”: --map grass=vegetation, --map sky=void.")
    if new.casefold() in ("", "skip"):
        return old, Choice(Fate.SKIP)
    return old, Choice(Fate.VOID) if new.casefold() == "void" else Choice(Fate.CLASS, new)


def _planned(plan: ImportPlan) -> dict[str, Any]:
    said = plan.dataset.recognition
    return {
        "format": said.format,
        "sure": said.sure,
        "why": said.why,
        "pictures": plan.pictures,
        "masks": plan.masks,
        "splits": dict(plan.splits),
        "classes": {r.foreign.name: r.choice.name or r.choice.fate.value for r in plan.rows},
        "new_classes": list(plan.fresh),
        "notes": list(plan.dataset.notes),
        "problems": list(plan.dataset.problems),
    }


def _plan_lines(plan: ImportPlan) -> list[str]:
    splits = ", ".join(f"{name} {count}" for name, count in sorted(plan.splits.items()))
    lines = [f"{plan.pictures} pictures, {plan.masks} with masks ({splits}), {len(plan.rows)} classes."]
    for row in plan.rows:
        becomes = (
            f"{row.choice.name} ({'known' if row.known else 'new'})" if row.choice.name else row.choice.fate
        )
        lines.append(f"{row.foreign.index:6} {row.foreign.name:24} becomes {becomes}")
    lines += list(plan.dataset.notes)
    return lines + _some("Would be left out: ", plan.dataset.problems)


def _report_lines(report: ImportReport) -> list[str]:
    lines = [f"{report.pictures} pictures, {report.labels} with labels, {len(report.classes)} classes."]
    if report.skipped:
        lines.append(f"{report.skipped} more were in already, unchanged.")
    if report.unsure:
        least = min(report.unsure, key=lambda name: report.unsure[name])
        mean = sum(report.unsure.values()) / len(report.unsure)
        lines.append(
            f"Classes of {len(report.unsure)} masks were guessed from smeared colours: {mean:.1%} of their pixels are "
            f"sure, {report.unsure[least]:.1%} in {least}; unsure pixels are void."
        )
    return lines + _some("", report.notes) + _some("Left out: ", report.problems)


def _some(lead: str, sentences: tuple[str, ...]) -> list[str]:
    more = [f"… and {len(sentences) - SHOWN} more."] if len(sentences) > SHOWN else []
    return [f"{lead}{sentence}" for sentence in sentences[:SHOWN]] + more
