"""Client of the training process: starts it, sends commands, receives events, replaces it after a crash.

Does not import torch.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.base.json_process import JsonProcess
from core.base.process_pause import ProcessPause
from core.training.callbacks.callback_options import NO_CALLBACKS, CallbackOptions
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
from core.training.exit_reason import exit_message, oom_kill_count
from core.training.process.commands import (
    DropPredictionsCommand,
    PauseCommand,
    PredictCommand,
    PrepareCommand,
    QuitCommand,
    RefreshCommand,
    ResumeCommand,
    StopCommand,
    TrainCommand,
    WorkerCommand,
)
from core.training.scoring.incumbent import Incumbent

log = logging.getLogger(__name__)

MODULE = "core.training.process.worker"
STOP_TIMEOUT = 2.0
"""Seconds the process has to end after a stop before it is terminated."""
IDLE_SECONDS = 600.0
"""Seconds without work after which the process ends and gives its memory back; the next command starts another."""
MAX_CRASHES = 3
"""Crashes in a row without an event in between, after which only a new `train` starts the process again."""
_START_PROCESS = PrepareCommand | TrainCommand | PredictCommand
"""Commands that start the process when it does not run; the others mean nothing to a new one."""


@dataclass(frozen=True, slots=True)
class _OutputLine:
    process: JsonProcess
    text: str


@dataclass(frozen=True, slots=True)
class _ProcessEnded:
    process: JsonProcess


_Item = WorkerCommand | _OutputLine | _ProcessEnded
LONGEST_HOLD = 0.3
"""Seconds for which `hold` pauses a training at the most."""


class WorkerClient:
    """Starts the training process when it is first needed, ends it when idle, and starts a fresh one after a crash.

    Every method may be called from any thread and returns at once (`close` excepted). `on_event` is called on the
    client's own thread, one event after the other; it must be quick. Each `train` ends in TrainingFinished or
    WorkerFailed; each `predict` in PredictionReady or PredictionFailed, unless it is dropped by `drop_predictions` or
    replaced by a newer `predict` of the same picture.
    """

    def __init__(self, on_event: Callable[[TrainingEvent], None]) -> None:
        self._on_event = on_event
        self._inbox: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._pause = ProcessPause(LONGEST_HOLD)
        # Below: used by the supervising thread only, but for `hold`, which looks.
        self._backlog: deque[_Item] = deque()
        self._process: JsonProcess | None = None
        self._has_begun = False  # the process has said something; before that it imports
        self._oom_kills = 0
        self._crashes = 0
        self._training = False
        self._step = 0
        self._pending: set[int] = set()
        self._stop_deadline: float | None = None
        self._terminated = False
        self._used = 0.0

    # Commands -----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Start the process and let it import torch, so that the first training or prediction starts sooner."""
        self._enqueue(PrepareCommand())

    def train(
        self,
        run_folder: Path,
        snapshot: Path,
        base: Path | None = None,
        incumbent: Incumbent | None = None,
        callbacks: CallbackOptions = NO_CALLBACKS,
    ) -> None:
        """Train on `snapshot` and publish into `run_folder`; start from the checkpoint folder `base`.

        incumbent, callbacks: as in `TrainCommand`.

        A training that is running ends first (TrainingFinished with reason "replaced").
        """
        self._enqueue(
            TrainCommand(
                run_folder.absolute(),
                snapshot.absolute(),
                base.absolute() if base else None,
                incumbent,
                callbacks,
            )
        )

    def refresh(self) -> None:
        """Labels in the snapshot have changed: train on them from the next step on."""
        self._enqueue(RefreshCommand())

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
        """Predict one picture file into `out`; an urgent one (on screen) next, between two training steps.

        tta: test-time augmentation, a key of `core.models.inference.TTA_VIEWS`; device: as in a recipe
        """
        self._enqueue(
            PredictCommand(
                checkpoint.absolute(), picture.absolute(), picture_id, out.absolute(), run_id, urgent, tta, device
            )
        )  # fmt: skip

    def drop_predictions(self) -> None:
        """Drop all queued predictions that are not urgent; they get no event."""
        self._enqueue(DropPredictionsCommand())

    def pause(self) -> None:
        """Hold training between two steps; predictions continue."""
        self._enqueue(PauseCommand())

    def resume(self) -> None:
        """Continue after `pause`."""
        self._enqueue(ResumeCommand())

    def stop(self) -> None:
        """End training within two seconds and keep the best checkpoint; TrainingFinished follows."""
        self._enqueue(StopCommand())

    def hold(self, *, on: bool) -> None:
        """Leave the whole processor to somebody who waits: pause a process that trains, also inside a step, until this
        is called again with False or LONGEST_HOLD has passed."""
        process = self._process
        if not on:
            self._pause.end()
        elif process is not None and self._training:
            self._pause.begin(process)

    def close(self, timeout: float = 8.0) -> None:
        """End the process and every thread; waits for that at most `timeout` seconds. No event comes afterwards."""
        self._pause.end()
        with self._lock:
            self._closed = True
            thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        self._inbox.put(QuitCommand())
        thread.join(timeout)

    def _enqueue(self, command: WorkerCommand) -> None:
        with self._lock:
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
                if self._stop_deadline is not None:
                    self._enforce_stop()
                else:
                    self._end_process()
                continue
            self._used = time.monotonic()
            match item:
                case _OutputLine():
                    if item.process is self._process:
                        self._handle_line(item.text)
                case _ProcessEnded():
                    if item.process is self._process:
                        self._reap()
                case QuitCommand():
                    self._end_process()
                    return
                case command:
                    self._send(command)

    def _next(self) -> _Item:
        """The next item; raises queue.Empty when a stop takes too long, or the process was idle for too long."""
        if self._backlog:
            return self._backlog.popleft()
        deadline = self._stop_deadline
        if deadline is None and self._process and not self._training and not self._pending:
            deadline = self._used + IDLE_SECONDS
        return self._inbox.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))

    def _send(self, command: WorkerCommand) -> None:
        """Send one command, starting the process when the command needs it."""
        if self._process and self._process.has_exited:
            self._reap()
        if isinstance(command, TrainCommand):
            self._crashes = 0
        process = self._process or self._start(command)
        if process is None:
            return
        match command:
            case TrainCommand():
                self._training, self._step = True, 0
                self._stop_deadline, self._terminated = None, False
            case PredictCommand(picture_id=picture_id):
                self._pending.add(picture_id)
            case DropPredictionsCommand():
                # Urgent ones are few; one that is answered later finds no entry here, which does no harm.
                self._pending.clear()
            case StopCommand() if self._training:
                self._stop_deadline = time.monotonic() + STOP_TIMEOUT
        try:
            process.send(command)
        except (OSError, ValueError):
            self._reap()

    def _start(self, command: WorkerCommand) -> JsonProcess | None:
        """A new process, or None when the command does not need one or it cannot be started."""
        if not isinstance(command, _START_PROCESS):
            return None
        if self._crashes >= MAX_CRASHES:
            self._refuse(command, "it ended unexpectedly several times in a row")
            return None
        self._oom_kills = oom_kill_count()
        self._has_begun = False
        try:
            self._process = JsonProcess(
                MODULE,
                on_line=lambda process, line: self._inbox.put(_OutputLine(process, line)),
                on_exit=lambda process: self._inbox.put(_ProcessEnded(process)),
            )
        except OSError as error:
            self._refuse(command, str(error))
        return self._process

    def _handle_line(self, text: str) -> None:
        try:
            event = decode_event(text)
        except ValueError:
            log.warning("the training process wrote a line that is not an event: %s", text[:200])
            return
        self._crashes, self._has_begun = 0, True
        match event:
            case TrainingStarted():
                self._training = True
            case TrainingProgress(step=step):
                self._step = step
            case PredictionReady(picture_id=picture_id) | PredictionFailed(picture_id=picture_id):
                self._pending.discard(picture_id)
            case TrainingFinished(reason=reason) if reason != "replaced":
                self._training, self._stop_deadline = False, None
            case WorkerFailed():
                self._training, self._stop_deadline = False, None
        self._emit(event)

    def _enforce_stop(self) -> None:
        """Stopping takes too long: terminate the process, then kill it. Published checkpoints are already on disk."""
        if self._process is None:
            self._stop_deadline = None
        elif not self._terminated:
            self._terminated = True
            self._stop_deadline = time.monotonic() + 1.0
            self._process.terminate()
        else:
            self._stop_deadline = None
            self._process.kill()

    def _reap(self) -> None:
        """The process is gone or unusable: wait for its end and report what that means for pending work."""
        process = self._process
        if process is None:
            return
        expected, code = self._terminated, process.reap(STOP_TIMEOUT)
        self._handle_remaining_lines(process)
        self._process = None
        training, pending = self._training, sorted(self._pending)
        self._training, self._stop_deadline, self._terminated = False, None, False
        self._pending.clear()
        if not expected:
            self._crashes += 1
            stderr_tail = list(process.stderr_tail)
            oom_kill_seen = oom_kill_count() > self._oom_kills
            message = exit_message(code, stderr_tail, oom_kill_seen=oom_kill_seen, training=training)
            self._emit(WorkerFailed(message, "\n".join(stderr_tail), training))
        elif training:
            self._emit(TrainingFinished("stopped", self._step))
        for picture_id in pending:
            self._emit(PredictionFailed(picture_id, "The prediction was interrupted.", lost=True))

    def _handle_remaining_lines(self, process: JsonProcess) -> None:
        """Handle what the process wrote before it ended; everything else in the inbox keeps its order."""
        others = list(self._backlog)
        while not self._inbox.empty():
            others.append(self._inbox.get())
        self._backlog.clear()
        for item in others:
            if isinstance(item, _OutputLine) and item.process is process:
                self._handle_line(item.text)
            else:
                self._backlog.append(item)

    def _refuse(self, command: WorkerCommand, reason: str) -> None:
        message = f"The training process cannot be started: {reason}. Close other programs and try again."
        match command:
            case PredictCommand(picture_id=picture_id):
                self._emit(PredictionFailed(picture_id, message))
            case TrainCommand():
                self._emit(WorkerFailed(message, reason))

    def _end_process(self) -> None:
        if self._process:
            try:
                self._process.send(QuitCommand())
            except (OSError, ValueError):
                log.debug("the training process ended before it was told to quit")
            if not self._has_begun:
                self._process.terminate()  # an import takes seconds to hear of it, and nothing is lost
            self._process.reap(STOP_TIMEOUT)
            self._process = None

    def _emit(self, event: TrainingEvent) -> None:
        if self._closed:
            return
        try:
            self._on_event(event)
        except Exception:  # an error in the listener must not end the supervision of the process
            log.exception("an event of the training process could not be delivered: %r", event)
