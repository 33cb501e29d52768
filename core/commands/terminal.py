"""What every command shares: progress on the terminal, one JSON object, one sentence for an error."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from core.errors import Cancelled, MaskloopError

# Standard output is for results; everything said on the way goes to standard error.
console = Console(stderr=True, highlight=False)

Report = Callable[[int, int], None]


@contextlib.contextmanager
def progress(title: str, *, quiet: bool) -> Iterator[Report]:
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


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turn our errors into one sentence on standard error and exit code 1."""
    try:
        yield
    except Cancelled:
        console.print("Cancelled.")
        raise typer.Exit(1) from None
    except MaskloopError as problem:
        console.print(str(problem), markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("Interrupted.")
        raise typer.Exit(1) from None


def answer(result: dict[str, Any], as_json: bool, lines: list[str]) -> None:
    """The result of a command: one JSON object, or lines for people."""
    if as_json:
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(lines) + "\n")
