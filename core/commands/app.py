"""The command line: each command opens the project, does one thing and says what it did."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from core.commands.care import duplicates_command, part_json, split_command
from core.commands.document import backup_command, check_command, restore_command
from core.commands.learning import evaluate_command, predict_command, train_command
from core.commands.terminal import WrongUseError, answer, open_to_write, plain_errors, progress
from core.errors import ProjectError
from core.formats.masks import recognise
from core.labels.classes import ClassList
from core.project.project import HOME, Project
from core.project.records import Split
from core.session.exporting import ExportWish, MaskStyle, plan_export, run_export
from core.session.importing import import_masks
from core.session.opening import check_folder, list_pictures
from core.session.statistics import statistics

FORMATS = {
    "masks": ("in, out", "folders images/ and masks/ with a classes.json; a mask pixel is a class index"),
    "colour-masks": ("out", "the same with masks in the classes' colours"),
}

app = typer.Typer(
    name="maskloop",
    help="maskloop FOLDER opens the window on a folder of pictures: paint a few classes, and a network learns in the "
    "background. The commands below work on the same project without a window.",
    no_args_is_help=False,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _say_version(wanted: bool) -> None:
    if wanted:
        answer({}, False, [f"maskloop {version('maskloop')}"])
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is."),
    ] = False,
) -> None:
    pass


ProjectOption = Annotated[
    Path, typer.Option("--project", help="The folder of pictures, or the project folder itself.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
SplitOption = Annotated[Split | None, typer.Option("--split", help="Only this part of the dataset.")]


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
    with plain_errors():
        check_folder(folder)
        names = [name for name in classes.split(",") if name.strip()]
        listed = ClassList()
        for name in names:
            listed = listed.added(name)
        home = (project or folder / HOME).absolute()
        if (home / "project.sqlite").exists():
            raise ProjectError(f"{home} already holds a project. Open it with: maskloop {folder}")
        with open_to_write(folder, project, "maskloop init") as made:
            made.classes.write(listed)
            count = len(made.pictures.add(list_pictures(made.folder)))
            result = {
                "project": str(made.home),
                "pictures": count,
                "classes": {c.name: c.value for c in listed},
            }
        answer(result, as_json, [f"{count} pictures and {len(listed)} classes in {result['project']}."])


@app.command("formats")
def formats(as_json: JsonOption = False) -> None:
    """List the dataset formats."""
    table = {name: {"directions": ways, "about": about} for name, (ways, about) in FORMATS.items()}
    answer(table, as_json, [f"{name:14} {ways:8} {about}" for name, (ways, about) in FORMATS.items()])


@app.command("import")
def import_(
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help="masks")],
    source: Annotated[Path, typer.Argument(metavar="SRC", help="The dataset's folder.")],
    into: Annotated[
        Path | None, typer.Option("--into", help="The project's folder; pictures are copied there.")
    ] = None,
    split: Annotated[
        Split | None, typer.Option("--split", help="Put all of it here, whatever its own folders say.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a dataset into a project."""
    with plain_errors():
        if format_ not in FORMATS or "in" not in FORMATS[format_][0]:
            raise WrongUseError(f"“{format_}” cannot be imported; “maskloop formats” lists what can.")
        dataset = recognise(source)
        folder = into or source
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise ProjectError(f"{folder} cannot be made: {problem.strerror or problem}.") from problem
        with (
            open_to_write(folder, None, "maskloop import") as project,
            progress("Importing", quiet=as_json) as bar,
        ):
            report = import_masks(project, dataset, split=split, progress=bar)
            result = {"project": str(project.home), **asdict(report), "problems": list(report.problems)}
        lines = [f"{report.pictures} pictures, {report.labels} with labels, {len(report.classes)} classes."]
        answer(result, as_json, lines + [f"Left out: {problem}" for problem in report.problems])


@app.command("export")
def export(
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help="masks or colour-masks")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new folder for the dataset.")],
    project: ProjectOption = Path(),
    split: SplitOption = None,
    what: Annotated[str, typer.Option(help="labels, predictions, or both with a comma between.")] = "labels",
    only_done: Annotated[bool, typer.Option(help="Leave out pictures not marked done.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write pictures and masks as a dataset."""
    with plain_errors():
        styles = {"masks": MaskStyle.INDEX, "colour-masks": MaskStyle.COLOUR}
        if format_ not in styles:
            raise WrongUseError(f"“{format_}” cannot be exported; “maskloop formats” lists what can.")
        wanted = {part.strip() for part in what.split(",")}
        if not wanted <= {"labels", "predictions"}:
            raise WrongUseError("--what takes labels, predictions, or labels,predictions.")
        wish = ExportWish(
            out,
            styles[format_],
            frozenset([split.value] if split else []),
            "labels" in wanted,
            "predictions" in wanted,
            only_done,
        )
        with Project.read(project) as opened, progress("Exporting", quiet=as_json) as bar:
            report = run_export(opened, plan_export(opened, wish), bar)
        result = {**asdict(report), "out": str(report.out), "problems": list(report.problems)}
        lines = [
            f"{report.pictures} pictures, {report.pairs} with masks, {report.predictions} predictions "
            f"in {report.out}."
        ]
        answer(result, as_json, lines + [f"Left out: {problem}" for problem in report.problems])


@app.command("status")
def status(project: ProjectOption = Path(), as_json: JsonOption = False) -> None:
    """The project in numbers; works while the window is open."""
    with plain_errors(), Project.read(project) as opened:
        counts, classes, runs = opened.pictures.counts(), opened.classes.read(), opened.runs.all()
        painted = sum(counts.class_pixels.values())
        told = statistics(opened.pictures.all(), opened.pictures.all_pixels(), classes)
        result = {
            "project": str(opened.home),
            "pictures": counts.pictures,
            "labelled": counts.labelled,
            "done": counts.done,
            "predicted": counts.predicted,
            "unreadable": counts.unreadable,
            "splits": counts.by_split,
            "edits": counts.edits,
            "by_split": {split.value: part_json(part, classes) for split, part in told.parts.items()},
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
    answer(result, as_json, lines)


app.command("train")(train_command)
app.command("predict")(predict_command)
app.command("evaluate")(evaluate_command)
app.command("split")(split_command)
app.command("duplicates")(duplicates_command)
app.command("check")(check_command)
app.command("backup")(backup_command)
app.command("restore")(restore_command)


def command_names() -> set[str]:
    """Every word that is a command; anything else in first place is a folder to open."""
    return {str(command.name) for command in app.registered_commands}
