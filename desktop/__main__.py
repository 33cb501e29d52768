"""The command `maskloop`: a folder opens the window, a word is a command, `demo` shows what it is all about."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from core.commands.app import app, command_names


@app.command("open", hidden=True)
def open_(
    folder: Annotated[Path | None, typer.Argument(help="A folder of pictures.")] = None,
    project: Annotated[
        Path | None,
        typer.Option("--project", help="Keep the project in this folder instead of FOLDER/.maskloop."),
    ] = None,
) -> None:
    """Open the window (the default)."""
    from desktop.app import build

    home = project.absolute() if project else None
    raise typer.Exit(
        build().run(lambda window: window.open(folder.absolute(), home) if folder is not None else None)
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
        from desktop.tour.steps import take_tour

        raise typer.Exit(take_tour(tour.absolute(), directory.absolute() if directory else None))
    from desktop.app import build

    folder = directory.absolute() if directory else None
    raise typer.Exit(build().run(lambda window: window.open_sample(folder or window.sample_folder)))


def main() -> None:
    """Entry point: the first word decides; a path (or nothing) means the window."""
    words = sys.argv[1:]
    first = words[0] if words else ""
    if not first or (first not in command_names() and first not in ("--help", "--version")):
        if first and not first.startswith("-") and not Path(first).exists():
            sys.stderr.write(f"There is no folder and no command called “{first}”; see maskloop --help.\n")
            sys.exit(2)
        words = ["open", *words]
    app(args=words, prog_name="maskloop")


if __name__ == "__main__":
    main()
