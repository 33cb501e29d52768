"""The command-line application: registers all commands that work without a window."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from core.cli.dataset_commands import duplicates_command, split_command
from core.cli.model_commands import model_app, models_command
from core.cli.predict_commands import evaluate_command, predict_command
from core.cli.project_commands import init_command, status_command
from core.cli.project_file_commands import (
    backup_command,
    check_command,
    rescue_command,
    restore_command,
)
from core.cli.simulate_command import simulate_command
from core.cli.terminal import print_result
from core.cli.train_command import train_command
from core.cli.transfer_commands import export_command, formats_command, import_command

app = typer.Typer(
    name="maskloop",
    help="maskloop FOLDER opens a folder of pictures in the window: label a few of them, and a network trains in the "
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
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


app.command("init")(init_command)
app.command("status")(status_command)
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
app.command("rescue")(rescue_command)


def command_names() -> set[str]:
    """The names of all commands; any other first argument is a folder to open."""
    groups = {str(group.typer_instance.info.name) for group in app.registered_groups if group.typer_instance}
    return groups | {str(command.name) for command in app.registered_commands}
