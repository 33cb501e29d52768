"""What every command shares: progress on the terminal, one JSON object, one sentence for an error."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from core.base.errors import Cancelled, MaskloopError, UserError
from core.project.project import Project

# Standard output is for results; everything said on the way goes to standard error.
console = Console(stderr=True, highlight=False)

ProgressCallback = Callable[[int, int], None]


@contextlib.contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[ProgressCallback]:
    """A bar on a terminal, silence elsewhere. Yields a function that takes how many of how many are done."""
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
        yield lambda done, of: bar.update(task, completed=done, total=of)


def open_for_writing(folder: Path, home: Path | None, purpose: str) -> Project:
    """Like `Project.open`, and says what had to be put in order first."""
    project = Project.open(folder, home, purpose)
    if project.store.notice:
        console.print(project.store.notice, markup=False, soft_wrap=True)
    return project


_TyperUsageError: Any = typer.BadParameter.__bases__[0]
"""What typer raises for words that it does not take; its own name is a private one in newer releases."""


def run(app: typer.Typer, words: list[str]) -> int:
    """Run a command. Returns the exit code; wrong use is one sentence on standard error, as any other error is."""
    try:
        code = app(args=words, prog_name="maskloop", standalone_mode=False)
    except _TyperUsageError as problem:
        said = problem.format_message().removesuffix(".").replace("Value error, ", "")
        if "\n" not in said:  # else it is the help of a word that needs another one behind it
            said += f"; see {problem.ctx.command_path if problem.ctx else 'maskloop'} --help."
        console.print(said, markup=False, soft_wrap=True)
        return 2
    except typer.Abort:
        console.print("Interrupted.")
        return 1
    return code if isinstance(code, int) else 0


class UsageError(UserError):
    """The command was called with words it does not take."""


@contextlib.contextmanager
def report_errors() -> Iterator[None]:
    """Turn our errors into one sentence on standard error and exit code 1, 2 for wrong use."""
    try:
        yield
    except UsageError as problem:
        console.print(str(problem), markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except Cancelled:
        console.print("Cancelled.")
        raise typer.Exit(1) from None
    except MaskloopError as problem:
        console.print(str(problem), markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("Interrupted.")
        raise typer.Exit(1) from None


def print_result(result: dict[str, Any], as_json: bool, lines: list[str]) -> None:
    """The result of a command: one JSON object, or lines for people."""
    encoding = sys.stdout.encoding or "utf-8"
    # A pipe on Windows may not know the letters of a class name: JSON escapes them, lines show a question mark.
    narrow = not encoding.lower().startswith("utf")
    text = (
        json.dumps(_replace_non_finite(result), ensure_ascii=narrow, allow_nan=False)
        if as_json
        else "\n".join(lines)
    )
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + "\n")


def _replace_non_finite(value: Any) -> Any:
    """JSON has no "not a number": a score that does not exist is null."""
    if isinstance(value, dict):
        return {key: _replace_non_finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_non_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
