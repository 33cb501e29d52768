"""The training process as the program sees it: commands in, events out, care when it dies. No torch here."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import sysconfig
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.training.crash import memory_kills, why_it_ended
from core.training.events import Event, Failed, Finished, NotPredicted, Predicted, Progress, from_line

log = logging.getLogger(__name__)

STOP_SECONDS = 2.0
"""How long the process may take to stop by itself before it is ended."""
_NEEDS_PROCESS = {"prepare", "train", "predict"}


@dataclass(slots=True)
class _Child:
    """One life of the training process. Belongs to the supervising thread."""

    process: subprocess.Popen[str]
    readers: tuple[threading.Thread, ...]
    last_words: deque[str]
    memory_kills: int


@dataclass(frozen=True, slots=True)
class _Line:
    child: int
    text: str


@dataclass(frozen=True, slots=True)
class _Ended:
    child: int


class Worker:
    """Starts the training process when it is first needed, talks to it, and starts a fresh one after a crash.

    Every method may be called from any thread and returns at once (`close` excepted). `on_event` is called on
    the worker's own thread, one event after the other; it must be quick and hand over to where the event
    belongs. Nothing is lost silently: each `train` ends in Finished or Failed, each `predict` in Predicted or
    NotPredicted, or is dropped by `forget` or by a newer `predict` of the same picture.
    """

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._inbox: queue.SimpleQueue[dict[str, Any] | _Line | _Ended] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closed = False
        # From here on: touched by the supervising thread only.
        self._child: _Child | None = None
        self._training = False
        self._step = 0
        self._waiting: set[int] = set()
        self._stop_by: float | None = None
        self._insisted = False

    # What the program asks for -------------------------------------------------------------

    def prepare(self) -> None:
        """Start the process and let it import torch, so that the first training or prediction comes sooner."""
        self._ask(do="prepare")

    def train(self, run_folder: Path, snapshot: Path, base: Path | None = None) -> None:
        """Train on `snapshot` and publish into `run_folder`; start from the checkpoint folder `base`.

        A training that is running ends first (Finished with reason "replaced").
        """
        self._ask(
            do="train",
            run_folder=str(run_folder.absolute()),
            snapshot=str(snapshot.absolute()),
            base=str(base.absolute()) if base else None,
        )

    def refresh(self) -> None:
        """Labels were put into (or removed from) the snapshot: learn from them from the next step on."""
        self._ask(do="refresh")

    def predict(
        self,
        checkpoint: Path,
        picture: Path,
        picture_id: int,
        out: Path,
        *,
        run_id: int,
        urgent: bool = False,
    ) -> None:
        """Predict one picture file into `out`; an urgent one (on screen) next, between two training steps."""
        self._ask(
            do="predict",
            checkpoint=str(checkpoint.absolute()),
            picture=str(picture.absolute()),
            picture_id=picture_id,
            out=str(out.absolute()),
            urgent=urgent,
            run_id=run_id,
        )

    def forget(self) -> None:
        """Drop all waiting predictions that are not urgent; they get no event."""
        self._ask(do="forget")

    def pause(self) -> None:
        """Hold training between two steps; predictions go on."""
        self._ask(do="pause")

    def resume(self) -> None:
        """Go on after `pause`."""
        self._ask(do="resume")

    def stop(self) -> None:
        """End training within two seconds and keep the best checkpoint; Finished follows. Predictions go
        on.
        """
        self._ask(do="stop")

    def close(self, timeout: float = 8.0) -> None:
        """End the process and every thread; returns when they are gone. No event comes afterwards."""
        with self._starting:
            self._closed = True
            thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        self._inbox.put({"do": "quit"})
        thread.join(timeout)

    def _ask(self, **command: Any) -> None:
        with self._starting:
            if self._closed:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._supervise, name="training-worker", daemon=True)
                self._thread.start()
        self._inbox.put(command)

    # The supervising thread -----------------------------------------------------------------

    def _supervise(self) -> None:
        while True:
            wait = None if self._stop_by is None else max(0.0, self._stop_by - time.monotonic())
            try:
                item = self._inbox.get(timeout=wait)
            except queue.Empty:
                self._insist()
                continue
            if isinstance(item, _Line):
                if self._child and id(self._child) == item.child:
                    self._hear(item.text)
            elif isinstance(item, _Ended):
                if self._child and id(self._child) == item.child:
                    self._bury()
            elif item["do"] == "quit":
                self._quit()
                return
            else:
                self._tell(item)

    def _tell(self, command: dict[str, Any]) -> None:
        """Write one command to the process, starting one when the command needs it."""
        if self._child and self._child.process.poll() is not None:
            self._bury()
        if self._child is None:
            if command["do"] not in _NEEDS_PROCESS:
                return
            try:
                self._child = self._start()
            except OSError as problem:
                self._refuse(command, problem)
                return
        match command["do"]:
            case "train":
                self._training, self._step = True, 0
                self._stop_by, self._insisted = None, False
            case "predict":
                self._waiting.add(command["picture_id"])
            case "forget":
                # Urgent ones are few; one that is answered later finds no entry here, which does no harm.
                self._waiting.clear()
            case "stop" if self._training:
                self._stop_by = time.monotonic() + STOP_SECONDS
        assert self._child.process.stdin is not None
        try:
            self._child.process.stdin.write(json.dumps(command) + "\n")
            self._child.process.stdin.flush()
        except (OSError, ValueError):
            self._bury()

    def _hear(self, text: str) -> None:
        try:
            event = from_line(text)
        except ValueError:
            log.warning("the training process said something else than an event: %s", text[:200])
            return
        match event:
            case Progress(step=step):
                self._step = step
            case Predicted(picture_id=picture_id) | NotPredicted(picture_id=picture_id):
                self._waiting.discard(picture_id)
            case Finished(reason=reason) if reason != "replaced":
                self._training, self._stop_by = False, None
            case Failed():
                self._training, self._stop_by = False, None
        self._give(event)

    def _insist(self) -> None:
        """Stopping takes too long: end the process, first politely. What was published is safe on the
        disk.
        """
        if self._child is None:
            self._stop_by = None
        elif not self._insisted:
            self._insisted = True
            self._stop_by = time.monotonic() + 1.0
            self._child.process.terminate()
        else:
            self._stop_by = None
            self._child.process.kill()

    def _bury(self) -> None:
        """The process is gone or unusable: reap it, say what that means, and be ready to start another."""
        child, self._child = self._child, None
        if child is None:
            return
        wanted = self._insisted
        code = _reap(child)
        training, waiting = self._training, sorted(self._waiting)
        self._training, self._stop_by, self._insisted = False, None, False
        self._waiting.clear()
        if wanted:
            self._give(Finished("stopped", self._step))
        else:
            tail = list(child.last_words)
            short_of_memory = memory_kills() > child.memory_kills
            sentence = why_it_ended(code, tail, short_of_memory=short_of_memory, training=training)
            self._give(Failed(sentence, "\n".join(tail)))
        for picture_id in waiting:
            self._give(NotPredicted(picture_id, "The prediction was interrupted; it can be asked for again."))

    def _refuse(self, command: dict[str, Any], problem: OSError) -> None:
        sentence = f"The training process cannot be started: {problem}. Close other programs and try again."
        if command["do"] == "predict":
            self._give(NotPredicted(command["picture_id"], sentence))
        else:
            self._give(Failed(sentence, repr(problem)))

    def _quit(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(OSError, ValueError):
            assert child.process.stdin is not None
            child.process.stdin.write('{"do": "quit"}\n')
            child.process.stdin.close()
        _reap(child)

    def _give(self, event: Event) -> None:
        if self._closed:
            return
        try:
            self._on_event(event)
        except Exception:  # the listener's mistake must not end the supervision of a process
            log.exception("an event of the training process could not be delivered: %r", event)

    def _start(self) -> _Child:
        """Start the process below normal priority, importing the same `core` whatever the current folder
        is.
        """
        environment = dict(os.environ, PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8")
        root = str(Path(__file__).resolve().parents[2])
        if root not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
            before = environment.get("PYTHONPATH")
            environment["PYTHONPATH"] = f"{root}{os.pathsep}{before}" if before else root
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        process = subprocess.Popen(
            # -P: a file random.py in the current folder must not be imported instead of Python's.
            [sys.executable, "-P", "-m", "core.training.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            creationflags=flags,
        )
        last_words: deque[str] = deque(maxlen=60)
        child = _Child(process, (), last_words, memory_kills())
        token = id(child)
        child.readers = (
            threading.Thread(
                target=self._read_events, args=(process, token), name="training-events", daemon=True
            ),
            threading.Thread(
                target=_read_last_words, args=(process, last_words), name="training-log", daemon=True
            ),
        )
        for reader in child.readers:
            reader.start()
        return child

    def _read_events(self, process: subprocess.Popen[str], token: int) -> None:
        assert process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            for line in process.stdout:
                if line.strip():
                    self._inbox.put(_Line(token, line))
        self._inbox.put(_Ended(token))


def _read_last_words(process: subprocess.Popen[str], last_words: deque[str]) -> None:
    assert process.stderr is not None
    with contextlib.suppress(OSError, ValueError):
        for line in process.stderr:
            last_words.append(line.rstrip())
            log.debug("training process: %s", line.rstrip())


def _reap(child: _Child) -> int:
    """Wait for the process, end it when it will not, close its pipes and readers. Returns its exit code."""
    process = child.process
    try:
        code = process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            code = process.wait(1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    for reader in child.readers:
        reader.join(2.0)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            with contextlib.suppress(OSError, ValueError):
                pipe.close()
    return code
