"""One life of the training process: started, written to, read from, reaped. No torch here."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from core.base.json_process import child_environment
from core.training.exit_reason import oom_kill_count

log = logging.getLogger(__name__)

_numbers = itertools.count(1)


class WorkerProcess:
    """A running `python -m core.training.process.worker` and the two threads that read what it says.

    Belongs to one thread; `on_line(number, line)` and `on_end(number)` are called on the reading thread. Raises
    OSError when the process cannot be started.
    """

    def __init__(self, on_line: Callable[[int, str], None], on_end: Callable[[int], None]) -> None:
        self.number = next(_numbers)
        self.stderr_tail: deque[str] = deque(maxlen=60)
        self._memory_kills = oom_kill_count()
        self._on_line, self._on_end = on_line, on_end
        self._process = start_process("core.training.process.worker")
        self._readers = (
            threading.Thread(target=self._read_events, name="training-events", daemon=True),
            threading.Thread(target=self._read_last_words, name="training-log", daemon=True),
        )
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_exited(self) -> bool:
        return self._process.poll() is not None

    @property
    def oom_kill_seen(self) -> bool:
        """The system has ended a process for want of memory since this one was started."""
        return oom_kill_count() > self._memory_kills

    def send(self, command: Mapping[str, Any]) -> None:
        """Write one command. Raises OSError or ValueError when the process does not listen any more."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def reap(self, timeout: float) -> int:
        """Wait for the end, bring it about when it does not come, close pipes and threads. Returns the exit code."""
        with contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            try:
                code = self._process.wait(1.0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                code = self._process.wait()
        for reader in self._readers:
            reader.join(2.0)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                with contextlib.suppress(OSError, ValueError):
                    pipe.close()
        return code

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            for line in self._process.stdout:
                if line.strip():
                    self._on_line(self.number, line)
        self._on_end(self.number)

    def _read_last_words(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(OSError, ValueError):
            for line in self._process.stderr:
                self.stderr_tail.append(line.rstrip())
                log.debug("training process: %s", line.rstrip())


def start_process(module: str, *, read_stderr: bool = True) -> subprocess.Popen[str]:
    """A process beside ours that runs `module` and is talked to in lines of text; its errors too when `heard`.

    Raises OSError when it cannot be started.
    """
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return subprocess.Popen(
        # -P: a file random.py in the current folder must not be imported instead of Python's.
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if read_stderr else subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=child_environment(),
        creationflags=flags,
    )
