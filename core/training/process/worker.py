"""The training process (`python -m`): reads commands from standard input, writes events to standard output.

Started by `core.training.process.worker_client`. It ends when its input closes, which also happens when the program
that started it dies.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.base.allocator import release_freed_memory
from core.base.errors import MaskloopError, ModelError
from core.base.json_worker import lower_priority, reserve_stdout, resume_with_parent, send_message
from core.training.events import (
    PredictionFailed,
    PredictionReady,
    TrainingEvent,
    TrainingFinished,
    TrainingNote,
    TrainingStarted,
    WorkerFailed,
)
from core.training.exit_reason import (
    LOST_DEVICE_EXIT_CODE,
    OUT_OF_MEMORY_TEXT,
    is_lost_device,
    is_out_of_memory,
)
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
    decode_command,
)

# torch is imported inside functions, on the main thread, while the reading thread already accepts commands.
if TYPE_CHECKING:
    from torch import nn

    from core.models.checkpoint import LoadedModel
    from core.models.spec import ModelSpec

BACKGROUND_SHARE = 0.25
"""Share of the time of a running training for predictions that are not on screen."""


class JobScheduler:
    """Decides which command runs next. Lives on the main thread; only the queue is shared with the reading thread.

    Urgent predictions come first, also between two training steps; then training; the other predictions get
    `BACKGROUND_SHARE` of its time, or all of it while training is paused or over.
    """

    def __init__(
        self, inbox: queue.SimpleQueue[WorkerCommand], emit: Callable[[TrainingEvent], None]
    ) -> None:
        self._inbox, self._emit = inbox, emit
        self._urgent: deque[PredictCommand] = deque()
        self._background: deque[PredictCommand] = deque()
        self._next_background = 0.0
        self._next_training: TrainCommand | None = None
        self._quit = self._stop = self._pause = self._changed = False
        self._training = self._has_begun = False
        self._loaded: tuple[tuple[str, int, str], LoadedModel] | None = None

    def run(self) -> None:
        """Run commands until QuitCommand."""
        while True:
            self._poll(wait=not (self._urgent or self._background or self._next_training))
            if self._quit:
                return
            if self._urgent:
                self._predict(self._urgent.popleft())
            elif self._next_training:
                command, self._next_training = self._next_training, None
                self._train(command)
            elif self._background:
                self._predict(self._background.popleft())

    def _poll(self, *, wait: bool = False) -> None:
        """Accept every queued command; with `wait` the first is waited for."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._accept(self._inbox.get(block=wait))
                wait = False

    def _accept(self, command: WorkerCommand) -> None:
        match command:
            case TrainCommand():
                self._next_training, self._stop, self._pause = command, False, False
            case RefreshCommand():
                self._changed = True
            case PredictCommand():
                for waiting in (self._urgent, self._background):
                    for old in [c for c in waiting if c.picture_id == command.picture_id]:
                        waiting.remove(old)
                (self._urgent if command.urgent else self._background).append(command)
            case DropPredictionsCommand():
                self._background.clear()
            case PauseCommand():
                self._pause = True
            case ResumeCommand():
                self._pause = False
            case StopCommand():
                if self._next_training:
                    self._next_training = None
                    self._emit(TrainingFinished("stopped", 0))
                self._stop = True
            case PrepareCommand():
                _import_all()
            case QuitCommand():
                self._quit = True

    # Training ---------------------------------------------------------------------------------

    def _between_steps(self) -> None:
        self._poll()
        while self._urgent and not self._quit:
            self._predict(self._urgent.popleft())
            self._poll()
        if self._quit or self._stop:  # the user waits for the end of the training; background work waits too
            return
        if self._background and (self._pause or time.monotonic() >= self._next_background):
            started = time.monotonic()
            self._predict(self._background.popleft())
            now = time.monotonic()
            self._next_background = now + (now - started) * (1 / BACKGROUND_SHARE - 1)

    def _should_stop(self) -> bool:
        return self._stop or self._quit or self._next_training is not None

    def _snapshot_changed(self) -> bool:
        self._poll()
        changed, self._changed = self._changed, False
        return changed

    def _train(self, command: TrainCommand) -> None:
        """One training from start to TrainingFinished or WorkerFailed; its memory is free afterwards."""
        self._stop = self._changed = False
        self._training, self._has_begun = True, False
        try:
            step, stopped = self._run_training(command)
        except Exception as error:  # every failure is reported; the process stays for predictions
            details = traceback.format_exc()
            _exit_if_device_is_lost(error)
            refused = isinstance(error, MaskloopError) and not self._has_begun
            if isinstance(error, MaskloopError):
                message = str(error)
            elif _is_out_of_memory(error):
                message = OUT_OF_MEMORY_TEXT
            else:
                message = (
                    f"Training stopped because of an internal error ({type(error).__name__}). "
                    "Nothing you painted is lost; start it again, and report the details if it happens again."
                )
            self._emit(WorkerFailed(message, details, refused=refused))
        else:
            replaced = self._next_training is not None
            self._emit(TrainingFinished("replaced" if replaced else "stopped" if stopped else "budget", step))
        finally:
            self._stop = self._pause = self._training = False
            _free_memory()

    def _run_training(self, command: TrainCommand) -> tuple[int, bool]:
        """(steps done, whether it was stopped)."""
        from core.models.checkpoint import trained_label_digests
        from core.training.callbacks.callback_list import make_callbacks
        from core.training.data.snapshot import TrainingSnapshot
        from core.training.devices import seed_everything
        from core.training.loop import train

        snapshot = TrainingSnapshot.open(command.snapshot)
        seed_everything(snapshot.recipe)  # before a new network draws its weights
        model, warm_start = self._starting_model(command.base, snapshot.spec)
        with make_callbacks(
            command.callbacks, command.run_folder, snapshot.spec, snapshot.recipe, self._on_training_event
        ) as callbacks:
            result = train(
                model,
                snapshot.spec,
                snapshot,
                snapshot.recipe,
                run_folder=command.run_folder,
                on_event=callbacks.on_event,
                should_stop=self._should_stop,
                should_pause=lambda: self._pause,
                snapshot_changed=self._snapshot_changed,
                between_steps=self._between_steps,
                warm_start=warm_start,
                incumbent=command.incumbent,
                base_digests=trained_label_digests(command.base) if command.base and warm_start else None,
                callbacks=callbacks,
            )
        return result.step, result.stopped

    def _on_training_event(self, event: TrainingEvent) -> None:
        self._has_begun |= isinstance(event, TrainingStarted)
        self._emit(event)

    def _starting_model(self, base: Path | None, spec: ModelSpec) -> tuple[nn.Module, bool]:
        """The network to start with, and whether it was trained before. An unusable checkpoint is only noted."""
        from core.models.checkpoint import load_starting_model

        def note(message: str) -> None:
            self._emit(TrainingNote(message))

        if base is not None:
            try:
                return load_starting_model(base, spec), True
            except ModelError as error:
                note(f"Training starts from scratch, because the last network cannot be used: {error}")
        return load_starting_model(None, spec, note), False

    # Predictions ------------------------------------------------------------------------------

    def _predict(self, command: PredictCommand) -> None:
        """Predict one picture from file to file; a failure is reported and ends nothing else."""
        try:
            from core.labels.prediction import write_prediction
            from core.models.inference import predict_file

            loaded = self._load(command.checkpoint, command.device)
            mask = predict_file(loaded, command.picture, command.run_id, command.tta)
            write_prediction(command.out, mask)
            self._emit(
                PredictionReady(command.picture_id, str(command.out), mask.mean_confidence, mask.run_id)
            )
        except MaskloopError as error:
            self._emit(PredictionFailed(command.picture_id, str(error)))
        except Exception as error:  # reported, and on with the next
            traceback.print_exc()
            _exit_if_device_is_lost(error)
            if _is_out_of_memory(error):
                reason = "there is not enough memory for it; close other programs"
            else:
                reason = f"{type(error).__name__}: {error}"
            message = f"{command.picture.name} could not be predicted: {reason}."
            self._emit(PredictionFailed(command.picture_id, message))

    def _load(self, folder: Path, device: str) -> LoadedModel:
        """The network of a checkpoint folder, cached until its weights change or another is asked for.

        A running training keeps its number of threads and its random generator.
        """
        import torch

        from core.models.checkpoint import load_checkpoint
        from core.models.spec import WEIGHTS_FILE
        from core.training.devices import resolve_device, set_cpu_threads

        try:
            key = (str(folder), (folder / WEIGHTS_FILE).stat().st_mtime_ns, device)
        except OSError as error:
            raise ModelError(
                f"There is no trained network in the folder “{folder.name}”; train one first."
            ) from error
        if self._loaded is None or self._loaded[0] != key:
            self._loaded = None
            if not self._training:
                set_cpu_threads(None)
            with torch.random.fork_rng(devices=[]):
                self._loaded = (key, load_checkpoint(folder, resolve_device(device)))
        return self._loaded[1]


def _import_all() -> None:
    """Import what the first training needs, so that it starts at once."""
    import core.models.inference
    import core.training.loop  # noqa: F401


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or is_out_of_memory(f"{type(error).__name__}: {error}")


def _exit_if_device_is_lost(error: Exception) -> None:
    """End the process: it cannot use the graphics card again. The client reports it and starts a new process."""
    if isinstance(error, RuntimeError) and is_lost_device(str(error)):
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(LOST_DEVICE_EXIT_CODE)


def _free_memory() -> None:
    """Return unused memory to the graphics card and to the system."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    release_freed_memory()


def _read_commands(inbox: queue.SimpleQueue[WorkerCommand]) -> None:
    for line in sys.stdin:
        try:
            inbox.put(decode_command(line))
        except ValueError:
            print(f"not a command: {line[:200]!r}", file=sys.stderr)  # noqa: T201  (this is the log)
    inbox.put(QuitCommand())


def main() -> None:
    messages = reserve_stdout()
    faulthandler.enable()
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the program, which then closes our input
    lower_priority()
    resume_with_parent()

    def emit(event: TrainingEvent) -> None:
        try:
            send_message(messages, event)
        except OSError:
            os._exit(0)  # nobody reads any more

    inbox: queue.SimpleQueue[WorkerCommand] = queue.SimpleQueue()
    threading.Thread(target=_read_commands, args=(inbox,), name="commands", daemon=True).start()
    JobScheduler(inbox, emit).run()
    messages.close()
    # Without the teardown of torch and its threads, which takes a second.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
