"""The options of `maskloop train` for callbacks that are no part of the recipe: logs, TensorBoard, a command."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from core.base.destination import check_output_file, check_output_folder
from core.base.errors import TrainingError
from core.project.project import Project
from core.training.callbacks.callback_options import NO_TENSORBOARD_TEXT, CallbackOptions, has_tensorboard
from core.training.callbacks.command_line import command_arguments

_PANEL = "Callbacks"

TensorboardOption = Annotated[
    Path | None,
    typer.Option(
        "--tensorboard",
        metavar="DIR",
        help="Write event files for TensorBoard into a folder for this run in DIR.",
        rich_help_panel=_PANEL,
    ),
]
CsvOption = Annotated[
    Path | None,
    typer.Option(
        "--csv",
        metavar="FILE",
        help="Append a row for each evaluation to this file, as to log.csv in the folder of the run.",
        rich_help_panel=_PANEL,
    ),
]
LogOption = Annotated[
    Path | None,
    typer.Option(
        "--log",
        metavar="FILE",
        help="Append a line of JSON for each evaluation to this file, as to log.jsonl in the folder of the run.",
        rich_help_panel=_PANEL,
    ),
]
CommandOption = Annotated[
    str,
    typer.Option(
        "--after-evaluation",
        metavar="COMMAND",
        help="Run COMMAND, or the function NAME of FILE.py:NAME, after each evaluation, with its JSON as input.",
        rich_help_panel=_PANEL,
    ),
]


def callback_options(
    tensorboard: Path | None, csv: Path | None, json_lines: Path | None, command: str
) -> CallbackOptions:
    """What is asked for, checked before anything is trained. Raises TrainingError or UserError."""
    if tensorboard is not None:
        check_output_folder(tensorboard)
        if not has_tensorboard():
            raise TrainingError(NO_TENSORBOARD_TEXT)
    for file in (csv, json_lines):
        if file is not None:
            check_output_file(file)
    if command:
        command_arguments(command)
    return CallbackOptions((), tensorboard, csv, json_lines, command, waits=True)


def options_of_run(options: CallbackOptions, project: Project, run_id: int) -> CallbackOptions:
    """The options for one run, with the classes of the project and a folder of its own for TensorBoard."""
    folder = options.tensorboard and options.tensorboard / f"{project.folder.name}-{run_id}"
    return replace(options, classes=project.classes.read().classes, tensorboard=folder)


def tensorboard_note(options: CallbackOptions) -> str:
    """How to look at the event files of this run, and of others beside it; empty without them."""
    if options.tensorboard is None:
        return ""
    return f"Look at it with: tensorboard --logdir {shlex.quote(str(options.tensorboard.parent))}"
