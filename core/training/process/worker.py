"""The training process: commands as lines of JSON on standard input, events as lines of JSON on standard output.

Started by `core.training.process.worker_client`; everything a library prints goes to standard error. It ends when its input closes,
which also happens when the program that started it dies.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import json
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
from typing import TYPE_CHECKING, Any, TextIO

from core.base.errors import MaskloopError, ModelError
from core.training.events import (
    PredictionFailed,
    PredictionReady,
    TrainingEvent,
    TrainingFinished,
    TrainingNote,
    WorkerFailed,
    encode_event,
)
from core.training.exit_reason import (
    LOST_DEVICE_EXIT_CODE,
    OUT_OF_MEMORY_TEXT,
    is_lost_device,
    is_out_of_memory,
)

# torch is imported where it is first needed, on the main thread, while the reading thread already listens.
if TYPE_CHECKING:
    from core.models.checkpoint import LoadedModel
    from core.models.spec import ModelSpec

Command = dict[str, Any]

BACKGROUND_SHARE = 0.25
"""Of the time of a running training, what predictions may take that nobody looks at yet."""


class JobScheduler:
    """What is to be done and in which order. Lives on the main thread; only the queue is shared with the reader.

    Urgent predictions come first, also between two training steps; then training; the other predictions get a
    small share of its time, or all of it while training is paused or over.
    """

    def __init__(self, inbox: queue.SimpleQueue[Command], emit: Callable[[TrainingEvent], None]) -> None:
        self._inbox, self._emit = inbox, emit
        self._urgent: deque[Command] = deque()
        self._ordinary: deque[Command] = deque()
        self._next_ordinary = 0.0
        self._next_training: Command | None = None
        self._quit = self._stop = self._pause = self._changed = False
        self._learning = False
        self._loaded: tuple[tuple[str, int, str], LoadedModel] | None = None

    def run(self) -> None:
        """Until told to quit."""
        while True:
            self._listen(wait=not (self._urgent or self._ordinary or self._next_training))
            if self._quit:
                return
            if self._urgent:
                self._predict(self._urgent.popleft())
            elif self._next_training:
                command, self._next_training = self._next_training, None
                self._train(command)
            elif self._ordinary:
                self._predict(self._ordinary.popleft())

    def _listen(self, *, wait: bool = False) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._take(self._inbox.get(block=wait))
                wait = False

    def _take(self, command: Command) -> None:
        match command["do"]:
            case "train":
                self._next_training, self._stop, self._pause = command, False, False
            case "refresh":
                self._changed = True
            case "predict":
                same = command["picture_id"]
                for waiting in (self._urgent, self._ordinary):
                    for old in [c for c in waiting if c["picture_id"] == same]:
                        waiting.remove(old)
                (self._urgent if command["urgent"] else self._ordinary).append(command)
            case "forget":
                self._ordinary.clear()
            case "pause":
                self._pause = True
            case "resume":
                self._pause = False
            case "stop":
                if self._next_training:
                    self._next_training = None
                    self._emit(TrainingFinished("stopped", 0))
                self._stop = True
            case "prepare":
                _import_all()
            case "quit":
                self._quit = True

    # Training ---------------------------------------------------------------------------------

    def _between_steps(self) -> None:
        self._listen()
        while self._urgent and not self._quit:
            self._predict(self._urgent.popleft())
            self._listen()
        if self._quit or self._stop:  # the person waits for the end; what nobody looks at waits for it too
            return
        if self._ordinary and (self._pause or time.monotonic() >= self._next_ordinary):
            began = time.monotonic()
            self._predict(self._ordinary.popleft())
            now = time.monotonic()
            self._next_ordinary = now + (now - began) * (1 / BACKGROUND_SHARE - 1)

    def _should_stop(self) -> bool:
        return self._stop or self._quit or self._next_training is not None

    def _snapshot_changed(self) -> bool:
        self._listen()
        changed, self._changed = self._changed, False
        return changed

    def _train(self, command: Command) -> None:
        """One training from start to Finished or Failed; its memory is free afterwards."""
        self._stop = self._changed = False
        self._learning = True
        try:
            step, stopped = self._run(command)
        except Exception as problem:  # whatever happens is told; the process stays for predictions
            detail = traceback.format_exc()
            _end_if_device_is_lost(problem)
            if isinstance(problem, MaskloopError):
                sentence = str(problem)
            elif isinstance(problem, MemoryError) or is_out_of_memory(f"{type(problem).__name__}: {problem}"):
                sentence = OUT_OF_MEMORY_TEXT.format("Training stopped: the training process")
            else:
                sentence = (
                    f"Training stopped because of a mistake in Maskloop ({type(problem).__name__}). "
                    "Nothing you painted is lost; start it again, and report the details if it happens again."
                )
            self._emit(WorkerFailed(sentence, detail))
        else:
            replaced = self._next_training is not None
            self._emit(TrainingFinished("replaced" if replaced else "stopped" if stopped else "budget", step))
        finally:
            self._stop = self._pause = self._learning = False
            _give_memory_back()

    def _run(self, command: Command) -> tuple[int, bool]:
        from core.models.checkpoint import trained_label_digests
        from core.training.data.snapshot import TrainingSnapshot
        from core.training.devices import seed_everything
        from core.training.loop import train

        snapshot = TrainingSnapshot.open(Path(command["snapshot"]))
        seed_everything(snapshot.recipe)  # a fresh network starts with weights of its seed
        base = Path(command["base"]) if command["base"] else None
        model, warm = self._first_model(base, snapshot.spec)
        outcome = train(
            model,
            snapshot.spec,
            snapshot,
            snapshot.recipe,
            run_folder=Path(command["run_folder"]),
            on_event=self._emit,
            should_stop=self._should_stop,
            should_pause=lambda: self._pause,
            snapshot_changed=self._snapshot_changed,
            between_steps=self._between_steps,
            warm_start=warm,
            base_digests=trained_label_digests(base) if base and warm else None,
        )
        return outcome.step, outcome.stopped

    def _first_model(self, base: Path | None, spec: ModelSpec) -> tuple[Any, bool]:
        """The network to start with, and whether it has learned before. Bad old weights are no reason not to train."""
        from core.models.checkpoint import load_starting_model

        def tell(sentence: str) -> None:
            self._emit(TrainingNote(sentence))

        if base is not None:
            try:
                return load_starting_model(base, spec), True
            except ModelError as problem:
                tell(f"Training starts from scratch, because the last network cannot be used: {problem}")
        return load_starting_model(None, spec, tell), False

    # Predictions ------------------------------------------------------------------------------

    def _predict(self, command: Command) -> None:
        """One picture from file to file; a failure is told and goes no further."""
        picture_id = int(command["picture_id"])
        try:
            from core.labels.prediction import write_prediction
            from core.models.inference import predict_file

            loaded = self._checkpoint(Path(command["checkpoint"]), command["device"])
            mask = predict_file(
                loaded, Path(command["picture"]), int(command["run_id"]), command.get("tta", "none")
            )
            out = Path(command["out"])
            write_prediction(out, mask)
            self._emit(PredictionReady(picture_id, str(out), mask.mean_confidence, mask.run_id))
        except MaskloopError as problem:
            self._emit(PredictionFailed(picture_id, str(problem)))
        except Exception as problem:  # as above: told, and on with the next
            traceback.print_exc()
            _end_if_device_is_lost(problem)
            if isinstance(problem, MemoryError) or is_out_of_memory(f"{type(problem).__name__}: {problem}"):
                reason = "there is not enough memory for it; close other programs"
            else:
                reason = f"{type(problem).__name__}: {problem}"
            name = Path(command["picture"]).name
            self._emit(PredictionFailed(picture_id, f"{name} could not be predicted: {reason}."))

    def _checkpoint(self, folder: Path, device: str) -> LoadedModel:
        """The network of a checkpoint folder, kept until its weights change or another is asked for. A training that
        is under way keeps its threads and its dice."""
        import torch

        from core.models.checkpoint import load_checkpoint
        from core.models.spec import WEIGHTS_FILE
        from core.training.devices import resolve_device, set_cpu_threads

        try:
            key = (str(folder), (folder / WEIGHTS_FILE).stat().st_mtime_ns, device)
        except OSError as problem:
            raise ModelError(f"There is no trained network in {folder.name}; train one first.") from problem
        if self._loaded is None or self._loaded[0] != key:
            self._loaded = None
            if not self._learning:
                set_cpu_threads(None)
            with torch.random.fork_rng(devices=[]):
                self._loaded = (key, load_checkpoint(folder, resolve_device(device)))
        return self._loaded[1]


def _import_all() -> None:
    """Import what the first training will need, so that it starts at once."""
    import core.models.inference
    import core.training.loop  # noqa: F401


def _end_if_device_is_lost(problem: Exception) -> None:
    """The program says what happened, and starts a fresh process when it needs one."""
    if isinstance(problem, RuntimeError) and is_lost_device(str(problem)):
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(LOST_DEVICE_EXIT_CODE)


def _give_memory_back() -> None:
    """To the graphics card and to the system."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def _reserve_stdout() -> TextIO:
    """The real standard output, for events only; whatever else is written to it from now on goes to standard error."""
    sys.stdout.flush()
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return events


def _read_commands(inbox: queue.SimpleQueue[Command]) -> None:
    for line in sys.stdin:
        try:
            command = json.loads(line)
            if isinstance(command, dict) and "do" in command:
                inbox.put(command)
        except ValueError:
            print(f"not a command: {line[:200]!r}", file=sys.stderr)  # noqa: T201  (this is the log)
    inbox.put({"do": "quit"})


def main() -> None:
    events = _reserve_stdout()
    faulthandler.enable()
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the program; it closes our input
    if hasattr(os, "nice"):
        os.nice(10)

    def emit(event: TrainingEvent) -> None:
        try:
            events.write(encode_event(event) + "\n")
            events.flush()
        except OSError:
            os._exit(0)  # nobody listens any more

    inbox: queue.SimpleQueue[Command] = queue.SimpleQueue()
    threading.Thread(target=_read_commands, args=(inbox,), name="commands", daemon=True).start()
    JobScheduler(inbox, emit).run()
    events.close()
    # No teardown of torch and its threads: nothing of it is worth the second it takes.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
