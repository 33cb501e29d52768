"""The commands formats, import and export."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from core.base.destination import check_output_folder
from core.base.errors import ProjectError
from core.base.html_file import check_html_place
from core.base.number_text import percent_text
from core.base.text import count_of
from core.cli.common_options import JsonOption, ProjectOption, parse_run
from core.cli.import_output import limited, plan_json, plan_lines, report_json, report_lines
from core.cli.terminal import UsageError, console, open_for_writing, print_result, progress_bar, report_errors
from core.evaluation.run_choice import find_run
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import ClassTarget, Dataset
from core.formats.doubt import ValueReading
from core.formats.readers.registry import (
    AUTO,
    IMPORT_FORMATS,
    importable_formats,
    other_candidates,
    recognise_all,
)
from core.formats.writers.registry import EXPORT_FORMATS
from core.formats.writers.resize_and_tile import ResizeOptions
from core.labels.class_list import ClassList
from core.project.project import HOME_FOLDER, Project
from core.project.records import PictureRecord, Split
from core.session.transfer.account_page import AccountOfImport, write_account_page
from core.session.transfer.dataset_source import open_for_project
from core.session.transfer.dataset_survey import survey_dataset
from core.session.transfer.export_plan import ExportOptions, ExportPlan, plan_export
from core.session.transfer.export_run import run_export
from core.session.transfer.file_names import PATTERN
from core.session.transfer.import_plan import ClassChoice, ImportPlan, labelled_sizes, plan_import
from core.session.transfer.import_run import ImportReport, run_import

LEFT_OUT_CODE = 3
"""Exit code of an import with --strict that left something out."""


def formats_command(as_json: JsonOption = False) -> None:
    """List the dataset formats."""
    table = {
        name: _format(name)
        for name in [*IMPORT_FORMATS, *(n for n in EXPORT_FORMATS if n not in IMPORT_FORMATS)]
    }
    print_result(
        table, as_json, [f"{name:18} {row['directions']:8} {row['about']}" for name, row in table.items()]
    )


def import_command(
    format_: Annotated[
        str, typer.Argument(metavar="FORMAT", help="auto, or an import format of “maskloop formats”.")
    ],
    source: Annotated[Path, typer.Argument(metavar="SRC", help="The folder of the dataset.")],
    into: Annotated[
        Path | None, typer.Option("--into", help="The folder of the project; pictures are copied there.")
    ] = None,
    split: Annotated[
        Split | None,
        typer.Option("--split", help="Assign all pictures to this split, whatever the dataset says."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be imported, and change nothing.")
    ] = False,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="OLD=NEW: a class of the dataset, by name or number, becomes class NEW, void, or unlabelled (skip).",
        ),
    ] = None,
    values: Annotated[
        ValueReading | None,
        typer.Option(
            "--values",
            help="What the pixels of mask files say: a class number, a palette colour, a colour, or black and white.",
        ),
    ] = None,
    fit_masks: Annotated[
        bool,
        typer.Option("--fit-masks", help="Fit masks that miss the size of their picture by a pixel or two."),
    ] = False,
    page: Annotated[
        Path | None,
        typer.Option("--report", help="Write the whole account, with masks on pictures, to this HTML file."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with code 3 if anything was left out.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Import a dataset into a project."""
    with report_errors():
        if format_ != AUTO and format_ not in {row.name for row in importable_formats()}:
            raise UsageError(f"“{format_}” cannot be imported; “maskloop formats” lists the formats.")
        choices = dict(_choice(text) for text in map_ or [])
        if page is not None:
            check_html_place(page)
        tree = DatasetTree(source)
        folder = into or source
        dataset = open_for_project(
            tree,
            format_,
            Path(os.path.normpath(folder.absolute())),
            lambda: {record.path for record in _project_before(folder)[2]},
            values=values,
            fit_masks=fit_masks,
        )
        verdict = dataset.recognition
        recognised = (
            f"The format is {verdict.format}, {percent_text(verdict.confidence)} sure. {verdict.reason}"
        )
        if format_ == AUTO:
            recognised = f"{recognised} {other_candidates(recognise_all(tree))}".strip()
        if dry_run:
            classes, picture_folder, records = _project_before(folder)
            paths = {record.path for record in records}
            plan = plan_import(classes, picture_folder, dataset, choices, split, paths)
            sizes = labelled_sizes(records)
            with progress_bar("Reading", quiet=as_json) as bar:
                survey = survey_dataset(dataset, folder=picture_folder, labelled_sizes=sizes, progress=bar)
            lines, result, account = plan_lines(plan, survey), plan_json(plan, survey), survey.account
            lead, doubts = (recognised, lines[0]), plan.settled(survey.doubts)
            said = AccountOfImport(lead, plan, account, doubts, survey.pixels, result["notes"])
            lines = [recognised, *lines]
        else:
            plan, report, home = _import(folder, dataset, choices, split, as_json)
            lines, result = report_lines(report, dataset.root), report_json(report, dataset, home)
            account = report.account
            said = AccountOfImport(
                (recognised, lines[0]), plan, account, report.doubts, report.pixels, report.notes
            )
            lines = [recognised] * (format_ == AUTO) + lines
        if page is not None:
            write_account_page(page, said)
            result["report"] = str(page)
            lines.append(f"The whole account is in {page}.")
        print_result(result, as_json, lines)
        if strict and account.left_out:
            raise typer.Exit(LEFT_OUT_CODE)


def export_command(
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help="An export format of “maskloop formats”.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder for the dataset.")],
    project: ProjectOption = Path(),
    split: Annotated[
        list[Split] | None,
        typer.Option("--split", help="Only pictures of this split; can be given several times."),
    ] = None,
    what: Annotated[str, typer.Option(help="labels, predictions, or both, separated by a comma.")] = "labels",
    run: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Only predictions made by this run: best (the network in use), newest, or its number; default: all.",
            callback=parse_run,
        ),
    ] = None,
    only_done: Annotated[bool, typer.Option(help="Only pictures marked done.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be written and lost, and write nothing.")
    ] = False,
    names: Annotated[
        str, typer.Option(help="Pattern of file names, with {name}, {split} and {index:05}.")
    ] = PATTERN,
    longest: Annotated[
        int | None, typer.Option(help="Resize the longer side of each picture to this many pixels.")
    ] = None,
    tile: Annotated[
        int | None, typer.Option(help="Cut pictures into square tiles of this side in pixels.")
    ] = None,
    overlap: Annotated[int, typer.Option(help="Overlap of neighbouring tiles in pixels.")] = 0,
    blank_tiles: Annotated[bool, typer.Option(help="Keep tiles without labelled pixels.")] = False,
    lists: Annotated[bool, typer.Option(help="Write splits as lists of names instead of folders.")] = False,
    anew: Annotated[
        bool,
        typer.Option(
            "--anew", help="Start from the beginning instead of resuming an interrupted export to OUT."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Export pictures and masks as a dataset. An interrupted export is resumed by the same command."""
    with report_errors():
        row = EXPORT_FORMATS.get(format_)
        if row is None:
            raise UsageError(f"“{format_}” cannot be exported; “maskloop formats” lists the formats.")
        if lists and not row.split_lists:
            raise UsageError(f"“{format_}” stores splits in its own way; leave out --lists.")
        wanted = {part.strip() for part in what.split(",")}
        if not wanted <= {"labels", "predictions"}:
            raise UsageError("--what takes labels, predictions, or labels,predictions.")
        if run is not None and "predictions" not in wanted:
            raise UsageError("--run chooses predictions; add --what predictions.")
        options = ExportOptions(
            out,
            format_,
            frozenset(s.value for s in split or ()),
            "labels" in wanted,
            "predictions" in wanted,
            only_done,
            ResizeOptions(longest, tile, overlap, drop_blank=not blank_tiles),
            names,
            lists,
        )
        with Project.open_read_only(project) as opened:
            check_output_folder(out, (opened.folder, opened.home))
            if run is not None:
                options = replace(options, run=find_run(opened, run).id)
            plan = plan_export(opened, options)
            if dry_run:
                print_result(_export_plan_json(plan), as_json, _export_plan_lines(plan))
                return
            if plan.resume_notice and not anew:
                console.print(plan.resume_notice, markup=False, soft_wrap=True)
                if plan.finished:
                    console.print("Use --anew to start from the beginning.", markup=False, soft_wrap=True)
            try:
                with progress_bar("Exporting", quiet=as_json) as bar:
                    report = run_export(opened, plan, bar, restart=anew)
            except KeyboardInterrupt:
                interrupted = plan_export(opened, options)
                message = (
                    f"Stopped after {interrupted.finished:,} of {len(interrupted.records):,} pictures. The same "
                    "command resumes the export; use --anew to start from the beginning."
                )
                console.print(message, markup=False, soft_wrap=True)
                raise typer.Exit(1) from None
        result = {
            "out": str(report.out),
            "pictures": report.pictures,
            "pairs": report.pairs,
            "predictions": report.predictions,
            "reused": report.reused,
            "problems": list(report.problems),
            "losses": list(plan.losses),
        }
        lines = [
            f"Exported {count_of(report.pictures, 'picture')} with {count_of(report.pairs, 'mask')} and "
            f"{count_of(report.predictions, 'prediction')} to {report.out}."
        ]
        if report.reused:
            lines.append(
                f"{count_of(report.reused, 'picture')} had been written before the export was interrupted."
            )
        lines += [f"Lost: {loss}" for loss in plan.losses]
        lines += limited(tuple(f"Left out: {problem}" for problem in report.problems))
        print_result(result, as_json, lines)


def _format(name: str) -> dict[str, Any]:
    """JSON of a format in both directions."""
    importable, exportable = IMPORT_FORMATS.get(name), EXPORT_FORMATS.get(name)
    row: dict[str, Any] = {
        "directions": ", ".join(
            word for word, has in (("in", importable and importable.open), ("out", exportable)) if has
        ),
        "about": importable.about if importable else exportable.about if exportable else "",
    }
    if importable:
        row |= {"not_taken_over": importable.limitations, "tried_with": importable.tested_with}
    if exportable:
        row |= {"cannot_hold": exportable.limitations, "read_back_by": exportable.tested_with}
    return row


def _export_plan_json(plan: ExportPlan) -> dict[str, Any]:
    return {
        "pictures": len(plan.records),
        "pieces": plan.pieces,
        "labels": plan.labelled,
        "predictions": plan.predicted,
        "splits": dict(plan.splits),
        "pixels": {plan.classes.name_of(value): count for value, count in sorted(plan.pixels.items())},
        "losses": list(plan.losses),
        "finished": plan.finished,
    }


def _export_plan_lines(plan: ExportPlan) -> list[str]:
    splits = ", ".join(f"{name} {count}" for name, count in sorted(plan.splits.items()))
    pictures = count_of(len(plan.records), "picture")
    lines = [
        f"This would export {pictures} ({splits}) to {plan.options.out}, {plan.labelled:,} with labels and "
        f"{plan.predicted:,} with predictions."
    ]
    if plan.pieces > len(plan.records):
        lines.append(f"This would cut them into at most {count_of(plan.pieces, 'tile')}.")
    total = sum(plan.pixels.values()) or 1
    lines += [
        f"{plan.classes.name_of(value):24} {count:14,} pixels {percent_text(count / total, 2):>8}"
        for value, count in sorted(plan.pixels.items())
    ]
    lines += [f"Would be lost: {loss}" for loss in plan.losses]
    return lines + ([plan.resume_notice] if plan.resume_notice else [])


def _project_before(folder: Path) -> tuple[ClassList, Path, list[PictureRecord]]:
    """Class list, picture folder and pictures of a project; empty if there is none, as a dry run creates no project."""
    if not (folder / HOME_FOLDER).is_dir():
        return ClassList(), Path(os.path.normpath(folder.absolute())), []
    with Project.open_read_only(folder) as project:
        return project.classes.read(), project.folder, project.pictures.all()


def _import(
    folder: Path, dataset: Dataset, choices: dict[str, ClassChoice], split: Split | None, quiet: bool
) -> tuple[ImportPlan, ImportReport, Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise ProjectError(f"{folder} cannot be created: {problem.strerror or problem}.") from problem
    with (
        open_for_writing(folder, None, "maskloop import") as project,
        progress_bar("Importing", quiet=quiet) as bar,
    ):
        plan = plan_import(project.classes.read(), project.folder, dataset, choices, split)
        return plan, run_import(project, plan, bar), project.home


def _choice(text: str) -> tuple[str, ClassChoice]:
    old, equals, new = (part.strip() for part in text.partition("="))
    if not old or not equals:
        raise UsageError(f"--map takes OLD=NEW, not “{text}”: --map grass=vegetation, --map sky=void.")
    if new.casefold() in ("", "skip"):
        return old, ClassChoice(ClassTarget.SKIP)
    return old, ClassChoice(ClassTarget.VOID) if new.casefold() == "void" else ClassChoice(
        ClassTarget.CLASS, new
    )
