"""The commands init and status: create a project, and print its statistics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.base.errors import ProjectError
from core.cli.common_options import JsonOption, ProjectOption
from core.cli.dataset_commands import split_json
from core.cli.terminal import open_for_writing, print_result, report_errors
from core.labels.class_list import ClassList
from core.project.project import HOME_FOLDER, Project
from core.session.dataset.statistics import dataset_statistics
from core.session.loading.folder_scan import check_folder, list_pictures


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
            count = len(made.pictures.add(list_pictures(made.folder)))
            result = {
                "project": str(made.home),
                "pictures": count,
                "classes": {c.name: c.value for c in class_list},
            }
        print_result(
            result, as_json, [f"{count} pictures and {len(class_list)} classes in {result['project']}."]
        )


def status_command(project: ProjectOption = Path(), as_json: JsonOption = False) -> None:
    """Print project statistics. Works while the window is open."""
    with report_errors(), Project.open_read_only(project) as opened:
        counts, classes, runs = opened.pictures.counts(), opened.classes.read(), opened.runs.all()
        painted = sum(counts.class_pixels.values())
        summary = dataset_statistics(opened.pictures.all(), opened.pictures.pixels_by_picture(), classes)
        result = {
            "project": str(opened.home),
            "pictures": counts.pictures,
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
            "runs": [
                {
                    "run": r.id,
                    "state": r.state,
                    "started_at": r.started_at,
                    "device": r.device,
                    "labelled_pictures": r.labelled_pictures,
                    "published": r.published,
                    "best_miou": r.best_miou,
                }
                for r in runs
            ],
        }
    lines = [
        f"{result['project']}",
        f"{counts.pictures} pictures: {counts.labelled} labelled, {counts.done} done, "
        f"{counts.predicted} predicted, {counts.unreadable} unreadable; {counts.edits} edits",
        "splits: " + (", ".join(f"{k} {v}" for k, v in sorted(counts.by_split.items())) or "none yet"),
    ]
    for c in classes:
        pixels = counts.class_pixels.get(c.value, 0)
        lines.append(f"{c.value:4} {c.name:20} {pixels / painted if painted else 0:7.1%} of labelled pixels")
    lines += [f"to check: {finding.sentence}" for finding in summary.findings]
    for r in runs[:5]:
        score = f"mIoU {r.best_miou:.3f}" if r.best_miou is not None else "no score"
        lines.append(
            f"run {r.id}: {r.state}, {score}, {r.labelled_pictures} labelled pictures, {r.device or ''}"
        )
    print_result(result, as_json, lines)
