"""The command line: the commands of core, and the two that open the window."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated

import typer

from core.cli import app as core_app


@functools.cache
def build_app(only: str | None = None) -> typer.Typer:
    """The application with all commands, or with one of those that work without a window."""
    app = core_app.build_app(only)
    if only is None:
        app.command("open", hidden=True)(open_command)
        app.command("demo")(demo_command)
    return app


def open_command(
    folder: Annotated[Path | None, typer.Argument(help="A folder of pictures.")] = None,
    project: Annotated[
        Path | None,
        typer.Option("--project", help="Keep the project in this folder instead of FOLDER/.maskloop."),
    ] = None,
) -> None:
    """Open the window (the default)."""
    from desktop.app import open_window

    raise typer.Exit(
        open_window(folder.absolute() if folder else None, project.absolute() if project else None)
    )


def demo_command(
    directory: Annotated[
        Path | None, typer.Option("--dir", help="Where the sample project is made; kept for the next time.")
    ] = None,
    tour: Annotated[
        Path | None, typer.Option("--tour", help="Drive the window through everything; pictures go here.")
    ] = None,
) -> None:
    """Open the built-in sample project with training under way."""
    if tour is not None:
        from desktop.tour.tour import run_tour

        raise typer.Exit(run_tour(tour.absolute(), directory.absolute() if directory else None))
    from desktop.app import build

    folder = directory.absolute() if directory else None
    raise typer.Exit(build().run(lambda window: window.open_sample(folder or window.sample_folder)))
