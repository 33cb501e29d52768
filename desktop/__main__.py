"""The command `maskloop`: a folder opens the window, a word is a command, `demo` shows what it is all about."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Entry point: the first word decides; a path (or nothing) means the window."""
    words = sys.argv[1:]
    first = words[0] if words else ""
    if not words or (len(words) == 1 and _is_surely_a_folder(first)):
        # The way most people come in: without what only commands need, the window is there a tenth sooner.
        from desktop.app import open_window

        sys.exit(open_window(Path(first).absolute() if first else None))
    from core.commands.app import command_names
    from core.commands.terminal import run
    from desktop.commands import app

    if not first or (first not in command_names() and first not in ("--help", "--version")):
        if first and not first.startswith("-") and not Path(first).exists():
            sys.stderr.write(f"There is no folder and no command called “{first}”; see maskloop --help.\n")
            sys.exit(2)
        words = ["open", *words]
    sys.exit(run(app, words))


def _is_surely_a_folder(word: str) -> bool:
    """Written as a path, so that it can be no command, even if there is a folder of that name too."""
    return (word in (".", "..") or any(sep in word for sep in ("/", os.sep))) and Path(word).is_dir()


if __name__ == "__main__":
    main()
