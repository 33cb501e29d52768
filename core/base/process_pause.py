"""Pauses a child process for a moment, so that another has the whole processor. Linux only: a paused process whose
parent dies must go on by itself (`resume_with_parent`)."""

from __future__ import annotations

import sys
import threading

from core.base.json_process import JsonProcess


class ProcessPause:
    """May be called from any thread."""

    def __init__(self, longest: float) -> None:
        """longest: seconds after which the process goes on whatever happens."""
        self._longest = longest
        self._lock = threading.Lock()
        self._paused: JsonProcess | None = None
        self._timer: threading.Timer | None = None

    def begin(self, process: JsonProcess) -> None:
        """Pause a process from now on; a pause before ends."""
        if sys.platform != "linux":
            return
        self.end()
        with self._lock:
            self._paused = process
            self._timer = threading.Timer(self._longest, self.end)
            self._timer.daemon = True
            self._timer.start()
            process.pause()

    def end(self) -> None:
        """Let the process go on, if it is paused."""
        with self._lock:
            process, self._paused = self._paused, None
            timer, self._timer = self._timer, None
            if process is not None:
                process.resume()
        if timer is not None:
            timer.cancel()
