"""The command line: each command opens the project, does one thing and says what it did."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from core.base.errors import ProjectError
from core.cli.dataset_commands import duplicates_command, split_command, split_json
from core.cli.model_commands import model_app, models_command
from core.cli.predict_commands import evaluate_command, predict_command
from core.cli.project_file_commands import backup_command, check_command, restore_command
from core.cli.simulate_command import simulate_command
from core.cli.terminal import open_for_writing, print_result, report_errors
from core.cli.train_command import train_command
from core.cli.transfer_commands import export_command, formats_command, import_command
from core.labels.class_list import ClassList
from core.project.project import HOME_FOLDER, Project
from core.session.dataset.statistics import dataset_statistics
from core.session.loading.picture_loader import check_folder, list_pictures

app = typer.Typer(
    name="maskloop",
    help="maskloop FOLDER opens the window on a folder of pictures: paint a few classes, and a network learns in the "
    "background. The commands below work on the same project without a window.",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_result({}, False, [f"maskloop {version('maskloop')}"])
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Say which version this is."),
    ] = False,
) -> None:
    pass


ProjectOption = Annotated[
    Path, typer.Option("--project", help="The folder of pictures, or the project folder itself.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(help="A folder of pictures.")],
    classes: Annotated[str, typer.Option(help="Names of the classes, with commas between.")] = "",
    project: Annotated[
        Path | None, typer.Option("--project", help="Keep the project in this folder instead.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a project of a folder of pictures."""
    with report_errors():
        check_folder(folder)
        names = [name for name in classes.split(",") if name.strip()]
        listed = ClassList()
        for name in names:
            listed = listed.with_class(name)
        home = (project or folder / HOME_FOLDER).absolute()
        if (home / "project.sqlite").exists():
            raise ProjectError(f"{home} already holds a project. Open it with: maskloop {folder}")
        with open_for_writing(folder, project, "maskloop init") as made:
            made.classes.save(listed)
            count = len(made.pictures.add(list_pictures(made.folder)))
            result = {
                "project": str(made.home),
                "pictures": count,
                "classes": {c.name: c.value for c in listed},
            }
        print_result(result, as_json, [f"{count} pictures and {len(listed)} classes in {result['project']}."])


@app.command("status")
def status(project: ProjectOption = Path(), as_json: JsonOption = False) -> None:
    """The project in numbers; works while the window is open."""
    with report_errors(), Project.open_read_only(project) as opened:
        counts, classes, runs = opened.pictures.counts(), opened.classes.read(), opened.runs.all()
        painted = sum(counts.class_pixels.values())
        told = dataset_statistics(opened.pictures.all(), opened.pictures.pixels_by_picture(), classes)
        result = {
            "project": str(opened.home),
            "pictures": counts.pictures,
            "labelled": counts.labelled,
            "done": counts.done,
            "predicted": counts.predicted,
            "unreadable": counts.unreadable,
            "splits": counts.by_split,
            "edits": counts.edits,
            "by_split": {split.value: split_json(part, classes) for split, part in told.parts.items()},
            "sizes": [{"width": w, "height": h, "pictures": count} for (w, h), count in told.sizes],
            "worth_a_look": [
                {"kind": odd.key, "sentence": odd.sentence, "pictures": len(odd.pictures)}
                for odd in told.findings
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
    lines += [f"worth a look: {odd.sentence}" for odd in told.findings]
    for r in runs[:5]:
        score = f"mIoU {r.best_miou:.3f}" if r.best_miou is not None else "no score"
        lines.append(
            f"run {r.id}: {r.state}, {score}, {r.labelled_pictures} labelled pictures, {r.device or ''}"
        )
    print_result(result, as_json, lines)


app.command("formats")(formats_command)
app.command("import")(import_command)
app.command("export")(export_command)
app.command("train")(train_command)
app.command("predict")(predict_command)
app.command("evaluate")(evaluate_command)
app.command("simulate")(simulate_command)
app.command("models")(models_command)
app.add_typer(model_app)
app.command("split")(split_command)
app.command("duplicates")(duplicates_command)
app.command("check")(check_command)
app.command("backup")(backup_command)
app.command("restore")(restore_command)


def command_names() -> set[str]:
    """Every word that is a command; anything else in first place is a folder to open."""
    groups = {str(group.typer_instance.info.name) for group in app.registered_groups if group.typer_instance}
    return groups | {str(command.name) for command in app.registered_commands}
