"""The program `maskloop`: without arguments or with a folder it opens the window, else it runs a command."""

from __future__ import annotations

import sys
from pathlib import Path

COMMANDS = frozenset((
    "backup", "check", "demo", "duplicates", "evaluate", "export", "formats", "import", "init", "model", "models",
    "open", "predict", "report", "recipe", "rescue", "restore", "runs", "simulate", "split", "stats", "status",
    "train", "unlock",
))  # fmt: skip
"""Names of all commands. Asking typer for them takes half a second, by which the window would show later."""


def main() -> None:
    """Entry point: the first argument is a command, or a folder for the window."""
    arguments = sys.argv[1:]
    first = arguments[0] if arguments else ""
    if not arguments or (len(arguments) == 1 and _is_folder_argument(first)):
        # The usual start: without the imports of the commands the window shows a tenth of a second sooner.
        sys.exit(_open_window(Path(first).absolute() if first else None))
    from core.cli import app
    from core.cli.terminal import run
    from desktop.cli_commands import build_app

    if not first or first not in (*COMMANDS, "--help", "--version"):
        if first and not first.startswith("-") and not Path(first).exists():
            sys.stderr.write(f"There is no folder and no command called “{first}”; see maskloop --help.\n")
            sys.exit(2)
        arguments = ["open", *arguments]
    sys.exit(run(build_app(first if first in app.COMMANDS else None), arguments))


def _open_window(folder: Path | None) -> int:
    """The first picture is read while the modules of the window are still being imported."""
    if folder is None:
        from desktop.app import open_window

        return open_window(None)
    from core.session.loading.first_picture import prefetch_first_picture

    loads = [prefetch_first_picture(folder)]
    from desktop.app import open_window

    return open_window(folder, first_picture_loads=loads)


def _is_folder_argument(word: str) -> bool:
    """Whether this is a folder and no command; a folder named like a command needs a path, such as ./train."""
    return word not in COMMANDS and Path(word).is_dir()


if __name__ == "__main__":
    main()
