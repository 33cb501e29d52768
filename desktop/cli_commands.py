"""The command line: the commands of core, and the two that open the window."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from core.cli.app import app

__all__ = ["app"]


@app.command("open", hidden=True)
def open_(
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


@app.command("demo")
def demo(
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
