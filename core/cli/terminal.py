"""Terminal output of all commands: progress bar, result as JSON or text, errors as one sentence, exit codes."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from core.base.display_text import printable
from core.base.errors import Cancelled, MaskloopError, ProjectLockedError, UserError
from core.project.project import Project

# Standard output is for results; progress and messages go to standard error.
console = Console(stderr=True, highlight=False)


class BarUpdate(Protocol):
    """Takes the numbers done and total, and what is being done where that changes."""

    def __call__(self, done: int, of: int, title: str | None = None, /) -> None: ...


@contextlib.contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[BarUpdate]:
    """A progress bar, shown only on a terminal. Yields a function that shows how far it is."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with bar:
        task = bar.add_task(title, total=None)

        def update(done: int, of: int, title: str | None = None, /) -> None:
            if title is not None and title != bar.tasks[0].description:
                bar.reset(task, total=None, description=title)
            bar.update(task, completed=done, total=of or None)

        yield update


def open_for_writing(folder: Path, home: Path | None, purpose: str, *, to_repair: bool = False) -> Project:
    """Like `Project.open`; prints the notice of the store if something was set aside, such as a foreign log file."""
    project = Project.open(folder, home, purpose, to_repair=to_repair)
    if project.store.notice:
        console.print(printable(project.store.notice), markup=False, soft_wrap=True)
    return project


_TyperUsageError: Any = typer.BadParameter.__bases__[0]
"""Base class of typer's exceptions for wrong arguments, which is private in newer releases."""


def run(app: typer.Typer, words: list[str]) -> int:
    """Run a command and return its exit code. Wrong arguments are reported as one sentence on standard error."""
    try:
        code = app(args=words, prog_name="maskloop", standalone_mode=False)
    except _TyperUsageError as problem:
        message = problem.format_message().removesuffix(".").replace("Value error, ", "")
        if "\n" not in message:  # otherwise it is the help text of a group without subcommand
            command = problem.ctx.command_path if problem.ctx else "maskloop"
            message = f"{message}; see {command} --help."
        console.print(message, markup=False, soft_wrap=True)
        return 2
    except typer.Abort:
        console.print("Interrupted.")
        return 1
    return code if isinstance(code, int) else 0


class UsageError(UserError):
    """The command was called with wrong arguments."""


@contextlib.contextmanager
def report_errors() -> Iterator[None]:
    """Print MaskloopErrors as one sentence on standard error; exit code 1, for wrong arguments 2."""
    try:
        yield
    except UsageError as problem:
        console.print(printable(str(problem)), markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except Cancelled:
        console.print("Cancelled.")
        raise typer.Exit(1) from None
    except ProjectLockedError as problem:
        unlock = f" If nothing runs there any more, remove its lock: maskloop unlock --project {problem.home}"
        sentence = f"{problem}{unlock if problem.can_take_over else ''}"
        console.print(printable(sentence), markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except MaskloopError as problem:
        console.print(printable(str(problem)), markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("Interrupted.")
        raise typer.Exit(1) from None


def print_result(result: dict[str, Any], as_json: bool, lines: list[str]) -> None:
    """Print the result of a command: one JSON object, or lines of text."""
    encoding = sys.stdout.encoding or "utf-8"
    # A pipe on Windows may not be able to encode a class name: JSON escapes it, text shows question marks.
    ascii_only = not encoding.lower().startswith("utf")
    text = (
        json.dumps(_replace_non_finite(result), ensure_ascii=ascii_only, allow_nan=False)
        if as_json
        else "\n".join(printable(line) for line in lines)
    )
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + "\n")


def _replace_non_finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not have, by null."""
    if isinstance(value, dict):
        return {key: _replace_non_finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_non_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
