"""Writes to the project on the document lane, and announces what each write has changed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import ParamSpec

from core.base.changes import Changes
from core.base.lane import Lane

P = ParamSpec("P")


class ChangeWriter:
    """Runs writes on the document lane and announces their changes there, in order. Called from any thread.

    A write returns the `Changes` that it made; when there are none, nothing is announced.
    """

    def __init__(self, document: Lane, announce: Callable[[Changes], None]) -> None:
        self._document = document
        self._announce = announce

    def submit(self, write: Callable[P, Changes], *args: P.args, **kwargs: P.kwargs) -> Future[None]:
        """Run `write` after everything queued before it. The future ends when its changes have been announced."""
        return self._document.submit(self._run, partial(write, *args, **kwargs))

    def write(self, write: Callable[P, Changes], *args: P.args, **kwargs: P.kwargs) -> None:
        """Run `write` and wait for it; at once when called on the document lane. Raises what `write` raises."""
        work = partial(write, *args, **kwargs)
        if self._document.owns_current_thread():
            self._run(work)
        else:
            self._document.submit(self._run, work).result()

    def _run(self, work: Callable[[], Changes]) -> None:
        changes = work()
        if changes:
            self._announce(changes)
