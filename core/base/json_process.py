"""A child process that runs a Python module and exchanges messages with us as lines of JSON.

This is the parent's side; `core.base.json_worker` is the child's. Messages are msgspec structs or dataclasses.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import queue
import signal
import subprocess
import sys
import sysconfig
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

log = logging.getLogger(__name__)

STDERR_LINES = 60
"""Lines of the child's standard error that are kept for a report."""
TERMINATE_TIMEOUT = 1.0
"""Seconds a child has to end after `terminate` before it is killed."""


def encode_message(message: object) -> str:
    """A struct or dataclass as one line of JSON, ASCII only, without a line end; paths become text, bytes base64.

    Raises NotImplementedError for any other object. Senders convert numpy scalars with `int` and `float`.
    """
    return json.dumps(msgspec.to_builtins(message, str_keys=True, enc_hook=_encode_extra))


def decode_message(line: str, kind: Any) -> Any:
    """The message that `encode_message` wrote; infinite numbers come back as nan. Raises ValueError for anything else.

    kind: the class of the message, or a union of tagged structs
    """
    raw = json.loads(line, parse_constant=lambda _: math.nan)
    try:
        return msgspec.convert(raw, kind, str_keys=True, dec_hook=_decode_extra)
    except msgspec.ValidationError as error:
        raise ValueError(f"unexpected message ({error}): {line[:80]!r}") from error


class JsonProcess:
    """A running `python -m module` and the two threads that read its output.

    `on_line(process, line)` is called on the reading thread for each line of standard output, `on_exit(process)` after
    the last one; without `on_line` the lines are queued for `receive`. `send`, `receive` and `reap` belong to one
    thread; `terminate` and `kill` may be called from any. Raises OSError when the process cannot be started.
    """

    def __init__(
        self,
        module: str,
        *,
        on_line: Callable[[JsonProcess, str], None] | None = None,
        on_exit: Callable[[JsonProcess], None] | None = None,
    ) -> None:
        self.module = module
        self.stderr_tail: deque[str] = deque(maxlen=STDERR_LINES)
        self._on_line, self._on_exit = on_line, on_exit
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._process = _start(module)
        self._readers = (
            threading.Thread(target=self._read_stdout, name=f"{module}-output", daemon=True),
            threading.Thread(target=self._read_stderr, name=f"{module}-log", daemon=True),
        )
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_exited(self) -> bool:
        return self._process.poll() is not None

    def send(self, message: object) -> None:
        """Write one message. Raises OSError or ValueError when the process no longer reads."""
        assert self._process.stdin is not None
        self._process.stdin.write(encode_message(message) + "\n")
        self._process.stdin.flush()

    def receive(self, timeout: float | None = None) -> str | None:
        """The next line, waited for; None once the process has closed its output. Raises TimeoutError when none of
        both happens in `timeout` seconds."""
        try:
            return self._lines.get(timeout=timeout)
        except queue.Empty as error:
            raise TimeoutError(f"{self.module} did not answer in {timeout:.0f} s") from error

    def terminate(self) -> None:
        self._process.terminate()
        if sys.platform != "win32":
            self._process.send_signal(signal.SIGCONT)  # one that is paused would not notice

    def pause(self) -> None:
        """Stop it until `resume`. POSIX only."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()

    def reap(self, timeout: float) -> int:
        """Close the input, wait for the end, force it after `timeout` seconds, and close pipes and threads.

        Returns the exit code, negative for a signal as in `Popen.returncode`.
        """
        with contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            try:
                code = self._process.wait(TERMINATE_TIMEOUT)
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

    def _read_stdout(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            for line in self._process.stdout:
                if not line.strip():
                    continue
                if self._on_line:
                    self._on_line(self, line)
                else:
                    self._lines.put(line)
        self._lines.put(None)
        if self._on_exit:
            self._on_exit(self)

    def _read_stderr(self) -> None:
        # Read all the time: a library that prints a lot would otherwise block on a full pipe.
        assert self._process.stderr is not None
        with contextlib.suppress(OSError, ValueError):
            for line in self._process.stderr:
                self.stderr_tail.append(line.rstrip())
                log.debug("%s: %s", self.module, line.rstrip())


def child_environment() -> dict[str, str]:
    """Our environment variables, with this copy of `core` on the module path whatever the current folder is.

    Idle OpenMP threads sleep instead of spinning: while a window and other programs run, that saves a third of the
    processor time of a training step and costs no time.
    """
    environment = dict(os.environ, PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8")
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    root = str(Path(__file__).resolve().parents[2])
    if root not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        before = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{root}{os.pathsep}{before}" if before else root
    return environment


def _start(module: str) -> subprocess.Popen[str]:
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return subprocess.Popen(
        # -P: a file random.py in the current folder must not be imported instead of Python's.
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=child_environment(),
        creationflags=flags,
    )


def _encode_extra(value: object) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} cannot be sent as JSON")


def _decode_extra(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(f"{kind.__name__} cannot be read from JSON")
