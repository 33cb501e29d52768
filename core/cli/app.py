"""The command-line application. Only the modules of the command that is called are imported: all take half a second."""

from __future__ import annotations

import functools
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer

from core.cli.terminal import print_result

COMMANDS = {
    "init": "project_commands:init_command",
    "status": "project_commands:status_command",
    "stats": "stats_command:stats_command",
    "formats": "transfer_commands:formats_command",
    "import": "transfer_commands:import_command",
    "export": "transfer_commands:export_command",
    "train": "train_command:train_command",
    "predict": "predict_command:predict_command",
    "evaluate": "evaluate_command:evaluate_command",
    "report": "report_command:report_command",
    "runs": "runs_command:runs_app",
    "recipe": "recipe_command:recipe_command",
    "simulate": "simulate_command:simulate_command",
    "models": "model_commands:models_command",
    "model": "model_commands:model_app",
    "split": "dataset_commands:split_command",
    "duplicates": "dataset_commands:duplicates_command",
    "check": "project_file_commands:check_command",
    "backup": "project_file_commands:backup_command",
    "restore": "project_file_commands:restore_command",
    "rescue": "project_file_commands:rescue_command",
    "unlock": "project_file_commands:unlock_command",
}
"""Module in this package and function (or group of commands) of every command that works without a window."""


@functools.cache
def build_app(only: str | None = None) -> typer.Typer:
    """The application with all commands, or with one of them."""
    app = typer.Typer(
        name="maskloop",
        help="maskloop FOLDER opens a folder of pictures in the window: label a few of them, and a network trains in "
        "the background. The commands below work on the same project without a window.",
        no_args_is_help=False,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    for name in COMMANDS if only is None else [only]:
        module, _, function = COMMANDS[name].partition(":")
        command: Any = getattr(import_module(f"core.cli.{module}"), function)
        if isinstance(command, typer.Typer):
            app.add_typer(command)
        else:
            app.command(name)(command)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        print_result({}, False, [f"maskloop {version('maskloop')}"])
        raise typer.Exit


def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass
