"""The training process as the program sees it: commands in, events out, care when it dies. No torch here."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.training.events import (
    PredictionFailed,
    PredictionReady,
    TrainingEvent,
    TrainingFinished,
    TrainingProgress,
    TrainingStarted,
    WorkerFailed,
    decode_event,
)
from core.training.exit_reason import exit_message
from core.training.process.worker_process import WorkerProcess

log = logging.getLogger(__name__)

STOP_TIMEOUT = 2.0
"""How long the process may take to stop by itself before it is ended."""
MAX_CRASHES = 3
"""Crashes in a row, without an event between them, after which only a new `train` starts the process again."""
_NEEDS_PROCESS = {"prepare", "train", "predict"}


@dataclass(frozen=True, slots=True)
class _Line:
    child: int
    text: str


@dataclass(frozen=True, slots=True)
class _Ended:
    child: int


class WorkerClient:
    """Starts the training process when it is first needed, talks to it, and starts a fresh one after a crash.

    Every method may be called from any thread and returns at once (`close` excepted). `on_event` is called on
    the worker's own thread, one event after the other; it must be quick and hand over to where the event
    belongs. Nothing is lost silently: each `train` ends in Finished or Failed, each `predict` in Predicted or
    NotPredicted, or is dropped by `forget` or by a newer `predict` of the same picture.
    """

    def __init__(self, on_event: Callable[[TrainingEvent], None]) -> None:
        self._on_event = on_event
        self._inbox: queue.SimpleQueue[dict[str, Any] | _Line | _Ended] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closed = False
        # From here on: touched by the supervising thread only.
        self._backlog: deque[dict[str, Any] | _Line | _Ended] = deque()
        self._child: WorkerProcess | None = None
        self._crashes = 0
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
        tta: str = "none",
        device: str = "auto",
    ) -> None:
        """Predict one picture file into `out`; an urgent one (on screen) next, between two training steps. `tta`: how
        often it is looked at, a key of `core.models.inference.VIEWS`; `device` as in a recipe."""
        self._ask(
            do="predict",
            checkpoint=str(checkpoint.absolute()),
            picture=str(picture.absolute()),
            picture_id=picture_id,
            out=str(out.absolute()),
            urgent=urgent,
            run_id=run_id,
            tta=tta,
            device=device,
        )

    def drop_predictions(self) -> None:
        """Drop all waiting predictions that are not urgent; they get no event."""
        self._ask(do="forget")

    def pause(self) -> None:
        """Hold training between two steps; predictions go on."""
        self._ask(do="pause")

    def resume(self) -> None:
        """Go on after `pause`."""
        self._ask(do="resume")

    def stop(self) -> None:
        """End training within two seconds and keep the best checkpoint; Finished follows."""
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
            try:
                item = self._next()
            except queue.Empty:
                self._insist()
                continue
            if isinstance(item, _Line):
                if self._child and self._child.number == item.child:
                    self._hear(item.text)
            elif isinstance(item, _Ended):
                if self._child and self._child.number == item.child:
                    self._bury()
            elif item["do"] == "quit":
                self._quit()
                return
            else:
                self._tell(item)

    def _next(self) -> dict[str, Any] | _Line | _Ended:
        """What comes next; raises queue.Empty when it is time to insist on a stop."""
        if self._backlog:
            return self._backlog.popleft()
        wait = None if self._stop_by is None else max(0.0, self._stop_by - time.monotonic())
        return self._inbox.get(timeout=wait)

    def _tell(self, command: dict[str, Any]) -> None:
        """Hand one command to the process, starting one when the command needs it."""
        if self._child and self._child.has_exited:
            self._bury()
        if command["do"] == "train":
            self._crashes = 0
        if self._child is None:
            if command["do"] not in _NEEDS_PROCESS:
                return
            if self._crashes >= MAX_CRASHES:
                self._refuse(command, "it ended unexpectedly several times in a row")
                return
            try:
                self._child = WorkerProcess(
                    lambda number, line: self._inbox.put(_Line(number, line)),
                    lambda number: self._inbox.put(_Ended(number)),
                )
            except OSError as problem:
                self._refuse(command, str(problem))
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
                self._stop_by = time.monotonic() + STOP_TIMEOUT
        try:
            self._child.send(command)
        except (OSError, ValueError):
            self._bury()

    def _hear(self, text: str) -> None:
        try:
            event = decode_event(text)
        except ValueError:
            log.warning("the training process said something else than an event: %s", text[:200])
            return
        self._crashes = 0
        match event:
            case TrainingStarted():
                self._training = True
            case TrainingProgress(step=step):
                self._step = step
            case PredictionReady(picture_id=picture_id) | PredictionFailed(picture_id=picture_id):
                self._waiting.discard(picture_id)
            case TrainingFinished(reason=reason) if reason != "replaced":
                self._training, self._stop_by = False, None
            case WorkerFailed():
                self._training, self._stop_by = False, None
        self._give(event)

    def _insist(self) -> None:
        """Stopping takes too long: end the process, first politely. What was published is safe on the disk."""
        if self._child is None:
            self._stop_by = None
        elif not self._insisted:
            self._insisted = True
            self._stop_by = time.monotonic() + 1.0
            self._child.terminate()
        else:
            self._stop_by = None
            self._child.kill()

    def _bury(self) -> None:
        """The process is gone or unusable: reap it, say what that means, and be ready to start another."""
        child = self._child
        if child is None:
            return
        wanted, code = self._insisted, child.reap(STOP_TIMEOUT)
        self._hear_the_rest(child)
        self._child = None
        training, waiting = self._training, sorted(self._waiting)
        self._training, self._stop_by, self._insisted = False, None, False
        self._waiting.clear()
        if not wanted:
            self._crashes += 1
            last_words = list(child.stderr_tail)
            sentence = exit_message(code, last_words, oom_kill_seen=child.oom_kill_seen, training=training)
            self._give(WorkerFailed(sentence, "\n".join(last_words), training))
        elif training:
            self._give(TrainingFinished("stopped", self._step))
        for picture_id in waiting:
            self._give(PredictionFailed(picture_id, "The prediction was interrupted.", lost=True))

    def _hear_the_rest(self, child: WorkerProcess) -> None:
        """What the process said before it ended still counts; everything else keeps its order."""
        others = list(self._backlog)
        while not self._inbox.empty():
            others.append(self._inbox.get())
        self._backlog.clear()
        for item in others:
            if isinstance(item, _Line) and item.child == child.number:
                self._hear(item.text)
            else:
                self._backlog.append(item)

    def _refuse(self, command: dict[str, Any], reason: str) -> None:
        sentence = f"The training process cannot be started: {reason}. Close other programs and try again."
        if command["do"] == "predict":
            self._give(PredictionFailed(command["picture_id"], sentence))
        elif command["do"] == "train":
            self._give(WorkerFailed(sentence, reason))

    def _quit(self) -> None:
        if self._child:
            try:
                self._child.send({"do": "quit"})
            except (OSError, ValueError):
                log.debug("the training process was gone before it could be told to quit")
            self._child.reap(STOP_TIMEOUT)
            self._child = None

    def _give(self, event: TrainingEvent) -> None:
        if self._closed:
            return
        try:
            self._on_event(event)
        except Exception:  # the listener's mistake must not end the supervision of a process
            log.exception("an event of the training process could not be delivered: %r", event)
