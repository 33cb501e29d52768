"""When Maskloop itself is at fault: write it down, tell the person once, and go on if possible."""

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

import platformdirs

NOTIFY_SECONDS = 5.0

log = logging.getLogger(__name__)


class CrashReporter:
    """Catches what nobody caught, on any thread, and the interpreter's own death. Labels are on disk already.

    `tell` gets one sentence for people; it may be called from any thread and must hand over.
    """

    def __init__(self, notify: Callable[[str], None], folder: Path | None = None) -> None:
        self._tell = notify
        self.path = (folder or platformdirs.user_log_path("maskloop", appauthor=False)) / "crash.log"
        self._faults = None
        self._told = 0.0
        self.count = 0

    def install(self) -> None:
        """Start catching. A folder that cannot be written only loses the log, never the program."""
        sys.excepthook = self._hook
        threading.excepthook = lambda args: self.report(args.exc_value)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._faults = (self.path.parent / "fault.log").open("a", encoding="utf-8")
            faulthandler.enable(self._faults)
        except OSError:
            faulthandler.enable()

    def report(self, problem: BaseException | None) -> None:
        """Write the error down and say so."""
        if problem is None:
            return
        self.count += 1
        text = "".join(traceback.format_exception(problem))
        log.error("unexpected error\n%s", text)
        try:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(f"--- {platform.platform()} Python {platform.python_version()}\n{text}\n")
            where = f" Details are in {self.path}."
        except OSError:
            where = ""
        self._tell(
            f"Something went wrong inside Maskloop ({type(problem).__name__}). Your labels are saved.{where}"
        )

    def _hook(self, kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, problem, trace)
            return
        self.report(problem)
