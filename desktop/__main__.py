"""The command `maskloop`: a folder opens the window, a word is a command, `demo` shows what it is all about."""

from __future__ import annotations

import sys
from pathlib import Path

COMMANDS = frozenset((
    "backup", "check", "demo", "duplicates", "evaluate", "export", "formats", "import", "init", "model", "models",
    "open", "predict", "restore", "simulate", "split", "status", "train",
))  # fmt: skip
"""Every word that is a command: to ask the commands themselves takes half a second, which a window would come later."""


def main() -> None:
    """Entry point: the first word decides; a path (or nothing) means the window."""
    words = sys.argv[1:]
    first = words[0] if words else ""
    if not words or (len(words) == 1 and _is_folder_argument(first)):
        # The way most people come in: without what only commands need, the window is there a tenth sooner.
        sys.exit(_open_window(Path(first).absolute() if first else None))
    from core.cli.app import command_names
    from core.cli.terminal import run
    from desktop.cli_commands import app

    if not first or (first not in command_names() and first not in ("--help", "--version")):
        if first and not first.startswith("-") and not Path(first).exists():
            sys.stderr.write(f"There is no folder and no command called “{first}”; see maskloop --help.\n")
            sys.exit(2)
        words = ["open", *words]
    sys.exit(run(app, words))


def _open_window(folder: Path | None) -> int:
    """The first picture is read while what draws the window is still being loaded."""
    if folder is None:
        from desktop.app import open_window

        return open_window(None)
    from core.session.loading.first_picture import prefetch_first_picture

    begun = [prefetch_first_picture(folder)]
    from desktop.app import open_window

    return open_window(folder, first_picture_loads=begun)


def _is_folder_argument(word: str) -> bool:
    """A folder, by a name that can be no command; one that can is meant by its path, as in ./train."""
    return word not in COMMANDS and Path(word).is_dir()


if __name__ == "__main__":
    main()
