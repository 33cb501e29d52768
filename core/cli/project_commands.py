"""The commands init and status: create a project, and print its statistics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from core.base.errors import ProjectError
from core.base.number_text import percent_text
from core.base.text import count_of
from core.cli.common_options import JsonOption, ProjectOption
from core.cli.dataset_commands import split_json
from core.cli.terminal import open_for_writing, print_result, report_errors
from core.labels.class_list import ClassList
from core.project.content.file_content import replaced_sentence
from core.project.content.picture_contents import find_replaced
from core.project.locks.writer_lock import is_being_written
from core.project.project import HOME_FOLDER, Project
from core.project.records import RunRecord
from core.session.dataset.statistics import dataset_statistics
from core.session.loading.folder_scan import check_folder, list_pictures
from core.session.transfer.last_import import read_last_import


def init_command(
    folder: Annotated[Path, typer.Argument(help="A folder of pictures.")],
    classes: Annotated[str, typer.Option(help="Class names, separated by commas.")] = "",
    project: Annotated[
        Path | None, typer.Option("--project", help="Store the project in this folder instead.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a project for a folder of pictures."""
    with report_errors():
        check_folder(folder)
        names = [name for name in classes.split(",") if name.strip()]
        class_list = ClassList()
        for name in names:
            class_list = class_list.with_class(name)
        home = (project or folder / HOME_FOLDER).absolute()
        if (home / "project.sqlite").exists():
            raise ProjectError(f"{home} already contains a project. Open it with: maskloop {folder}")
        with open_for_writing(folder, project, "maskloop init") as made:
            made.classes.save(class_list)
            refused: list[str] = []
            count = len(made.pictures.add(list_pictures(made.folder, on_refused=refused.append)))
            result = {
                "project": str(made.home),
                "pictures": count,
                "classes": {c.name: c.value for c in class_list},
            }
        pictures, listed = count_of(count, "picture"), count_of(len(class_list), "class", "classes")
        lines = [f"The project {made.home} was created with {pictures} and {listed}.", *refused[:20]]
        print_result(result, as_json, lines)


def status_command(project: ProjectOption = Path(), as_json: JsonOption = False) -> None:
    """Print project statistics. Works while the window is open."""
    with report_errors(), Project.open_read_only(project) as opened:
        counts, classes, runs = opened.pictures.counts(), opened.classes.read(), opened.runs.all()
        in_use = opened.runs.in_use()
        in_use_id = in_use.id if in_use else None
        if any(run.state == "running" for run in runs) and not is_being_written(opened.home):
            # Its trainer was killed; the next process that opens the project for writing stores the same.
            runs = [replace(run, state="stopped") if run.state == "running" else run for run in runs]
        painted = sum(counts.class_pixels.values())
        last_import = read_last_import(opened)
        summary = dataset_statistics(opened.pictures.all(), opened.pictures.pixels_by_picture(), classes)
        replaced = [record.path for record in find_replaced(opened)]
        result = {
            "project": str(opened.home),
            "pictures": counts.pictures,
            "replaced": replaced,
            "labelled": counts.labelled,
            "done": counts.done,
            "predicted": counts.predicted,
            "unreadable": counts.unreadable,
            "splits": counts.by_split,
            "edits": counts.edits,
            "by_split": {split.value: split_json(part, classes) for split, part in summary.parts.items()},
            "sizes": [{"width": w, "height": h, "pictures": count} for (w, h), count in summary.sizes],
            "worth_a_look": [
                {"kind": finding.key, "sentence": finding.sentence, "pictures": len(finding.pictures)}
                for finding in summary.findings
            ],
            "classes": {
                c.name: {
                    "value": c.value,
                    "pixels": counts.class_pixels.get(c.value, 0),
                    "pictures": counts.class_pictures.get(c.value, 0),
                }
                for c in classes
            },
            "last_import": last_import,
            "runs": [
                {
                    "run": r.id,
                    "state": r.state,
                    "started_at": r.started_at,
                    "device": r.device,
                    "labelled_pictures": r.labelled_pictures,
                    "published": r.published,
                    "best_miou": r.best_miou,
                    "in_use": r.id == in_use_id,
                }
                for r in runs
            ],
        }
    splits = ", ".join(f"{k} {v}" for k, v in sorted(counts.by_split.items()))
    lines = [
        f"{result['project']}",
        f"Pictures: {counts.pictures:,}, of them {counts.labelled:,} labelled, {counts.done:,} done, "
        f"{counts.predicted:,} predicted and {counts.unreadable:,} unreadable.",
        f"Edits: {counts.edits:,}.",
        f"Splits: {splits}." if splits else "No picture has a split yet.",
    ]
    if last_import and last_import.get("sentence"):
        lines.append(f"Last import ({last_import.get('format')}): {last_import['sentence']}")
    for c in classes:
        pixels = counts.class_pixels.get(c.value, 0)
        lines.append(
            f"{c.value:4} {c.name:20} {percent_text(pixels / painted if painted else 0, 1):>8} of labelled pixels"
        )
    lines += [f"To check: {finding.sentence}" for finding in summary.findings if finding.key != "replaced"]
    lines += [f"To check: {replaced_sentence(path)}" for path in replaced[:20]]
    if len(replaced) > 20:
        lines.append(f"{len(replaced) - 20:,} more pictures have been replaced.")
    print_result(result, as_json, lines + [_run_line(run, in_use_id) for run in runs[:5]])


def _run_line(run: RunRecord, in_use: int | None) -> str:
    pictures = count_of(run.labelled_pictures, "labelled picture")
    device = run.device or "unknown"
    score = "no score" if run.best_miou is None else f"mIoU {run.best_miou:.3f}"
    used = " It is in use." if run.id == in_use else ""
    return f"Run {run.id}: {run.state}, {score}, {pictures}, device {device}.{used}"
