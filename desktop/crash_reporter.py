"""Handles unexpected errors: writes them to a log file, tells the user, and lets the program continue."""

from __future__ import annotations

import faulthandler
import logging
import platform
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TextIO

import platformdirs

log = logging.getLogger(__name__)


class CrashReporter:
    """Catches unhandled exceptions on any thread, and crashes of the interpreter. Labels are on disk already.

    notify: gets one sentence for people, on any thread; must return at once
    """

    def __init__(self, notify: Callable[[str], None], folder: Path | None = None) -> None:
        self._notify = notify
        self.path = (folder or platformdirs.user_log_path("maskloop", appauthor=False)) / "crash.log"
        self._fault_file: TextIO | None = None
        self.count = 0

    def install(self) -> None:
        """Install the hooks. Without a writable folder there is no log, but errors are still reported."""
        sys.excepthook = self._hook
        threading.excepthook = lambda args: self.report(args.exc_value)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fault_file = (self.path.parent / "fault.log").open("a", encoding="utf-8")
            faulthandler.enable(self._fault_file)
        except OSError:
            faulthandler.enable()

    def report(self, problem: BaseException | None) -> None:
        """Log the error and notify the user; None is ignored."""
        if problem is None:
            return
        self.count += 1
        kind = type(problem).__name__
        sentence = f"Something went wrong inside Maskloop ({kind}). Your labels are saved."
        text = "".join(traceback.format_exception(problem))
        log.error("unexpected error\n%s", text)
        try:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(f"--- {platform.platform()} Python {platform.python_version()}\n{text}\n")
            sentence = f"{sentence} Details are in {self.path}."
        except OSError:
            log.debug("cannot write %s", self.path)
        self._notify(sentence)

    def _hook(self, kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, problem, trace)
            return
        self.report(problem)
