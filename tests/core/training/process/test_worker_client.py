"""The client with a real training process: train, publish, predict, pause, stop, replace after a kill."""

import os
import queue
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.labels.prediction import read_prediction
from core.models.checkpoint import save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.events import (
    CheckpointPublished,
    PredictionFailed,
    PredictionReady,
    TrainingEvent,
    TrainingFinished,
    TrainingProgress,
    TrainingStarted,
    WorkerFailed,
)
from core.training.process.worker_client import WorkerClient
from core.training.recipe import Recipe

SPEC = ModelSpec("asymmetric-unet", None, "none", 32, (1, 2))
PATIENCE = 90.0


class Listener:
    """Collects events; `until` waits for one that fits and returns all up to it."""

    def __init__(self) -> None:
        self.events: queue.Queue[TrainingEvent] = queue.Queue()

    def until(self, fits: Callable[[TrainingEvent], bool]) -> list[TrainingEvent]:
        seen: list[TrainingEvent] = []
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                seen.append(self.events.get(timeout=1))
            except queue.Empty:
                continue
            if fits(seen[-1]):
                return seen
        raise AssertionError(f"it never came; there were {seen[-8:]}")

    def none_within(self, seconds: float, kind: type[TrainingEvent]) -> bool:
        time.sleep(seconds)
        left = []
        while not self.events.empty():
            left.append(self.events.get())
        return not any(isinstance(event, kind) for event in left)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def worker(listener: Listener) -> Iterator[WorkerClient]:
    before = set(threading.enumerate())
    worker = WorkerClient(listener.events.put)
    yield worker
    worker.close()
    worker.close()
    assert set(threading.enumerate()) <= before, "a thread survived"


def freeze(folder: Path, **recipe: object) -> TrainingSnapshot:
    snapshot = TrainingSnapshot.create(
        folder, SPEC, Recipe(**{"minutes": 10.0, "batch": 2, "threads": 1, **recipe})
    )  # type: ignore[arg-type]
    for number in range(3):
        values = np.full((24, 32), 1, np.uint8)
        values[:, 10 + number :] = 2
        picture = np.repeat((values * 100)[..., None], 3, 2)
        snapshot.put(number, f"{number}", "val" if number == 2 else "train", picture, values)
    return snapshot


def pid_of(worker: WorkerClient) -> int:
    assert worker._process is not None
    return worker._process.pid


def picture_file(folder: Path) -> Path:
    path = folder / "picture.png"
    Image.fromarray(np.full((40, 50, 3), 99, np.uint8)).save(path)
    return path


def test_a_training_session(tmp_path: Path, worker: WorkerClient, listener: Listener) -> None:
    """Trains, publishes; predicts between two steps; pauses, and predicts meanwhile; goes on; stops."""
    run, picture = tmp_path / "run", picture_file(tmp_path)
    snapshot = freeze(tmp_path / "s")
    worker.train(run, snapshot.folder)
    first = listener.until(lambda e: isinstance(e, CheckpointPublished))
    assert isinstance(first[0], TrainingStarted)
    published = first[-1]
    assert isinstance(published, CheckpointPublished)
    assert Path(published.path) == run

    worker.predict(run, picture, 7, tmp_path / "p" / "7.png", run_id=3, urgent=True)
    predicted = listener.until(lambda e: isinstance(e, PredictionReady))[-1]
    assert isinstance(predicted, PredictionReady)
    assert (predicted.picture_id, predicted.run_id) == (7, 3)
    mask = read_prediction(Path(predicted.path))
    assert mask.values.shape == (40, 50)
    assert mask.run_id == 3
    assert predicted.mean_confidence == pytest.approx(mask.mean_confidence)

    worker.pause()
    worker.predict(run, picture, 8, tmp_path / "p" / "8.png", run_id=3)
    listener.until(lambda e: isinstance(e, PredictionReady) and e.picture_id == 8)
    assert listener.none_within(1.5, TrainingProgress)
    worker.resume()
    listener.until(lambda e: isinstance(e, TrainingProgress))

    worker.predict(run, tmp_path / "gone.png", 9, tmp_path / "p" / "9.png", run_id=3, urgent=True)
    refused = listener.until(lambda e: isinstance(e, PredictionFailed))[-1]
    assert isinstance(refused, PredictionFailed)
    assert refused.picture_id == 9
    assert "gone.png" in refused.message

    snapshot.put(2, "2", "val", *_all_one_class())
    worker.refresh()
    worker.stop()
    finished = listener.until(lambda e: isinstance(e, TrainingFinished | WorkerFailed))[-1]
    assert finished == TrainingFinished("stopped", getattr(finished, "step", -1))
    worker.predict(run, picture, 10, tmp_path / "p" / "10.png", run_id=3)
    listener.until(lambda e: isinstance(e, PredictionReady) and e.picture_id == 10)

    pid = pid_of(worker)
    worker.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def _all_one_class() -> tuple[np.ndarray, np.ndarray]:
    return np.full((24, 32, 3), 100, np.uint8), np.full((24, 32), 1, np.uint8)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_process_is_reported_and_replaced(
    tmp_path: Path, worker: WorkerClient, listener: Listener
) -> None:
    snapshot = freeze(tmp_path / "s")
    worker.train(tmp_path / "run", snapshot.folder)
    listener.until(lambda e: isinstance(e, TrainingProgress))
    killed = pid_of(worker)
    os.kill(killed, signal.SIGKILL)
    failed = listener.until(lambda e: isinstance(e, WorkerFailed))[-1]
    assert isinstance(failed, WorkerFailed)
    assert failed.message.startswith("Training stopped: the training process ")
    assert "signal 9" in failed.message or "memory" in failed.message
    with pytest.raises(ProcessLookupError):
        os.kill(killed, 0)  # reaped, no zombie

    # The next commands start a fresh process: one that predicts, refuses bad trainings with a sentence, and lives.
    save_checkpoint(tmp_path / "base", build_network(SPEC), SPEC, {})
    worker.predict(tmp_path / "base", picture_file(tmp_path), 1, tmp_path / "1.png", run_id=1)
    listener.until(lambda e: isinstance(e, PredictionReady))
    assert pid_of(worker) != killed
    worker.train(tmp_path / "run", tmp_path / "no snapshot here")
    refused = listener.until(lambda e: isinstance(e, WorkerFailed))[-1]
    assert isinstance(refused, WorkerFailed)
    assert "cannot be read" in refused.message
    worker.train(tmp_path / "run2", freeze(tmp_path / "s2", minutes=None, steps=2).folder, tmp_path / "base")
    assert listener.until(lambda e: isinstance(e, TrainingFinished))[-1] == TrainingFinished("budget", 2)

    # A process that does not react to Stop any more is ended.
    worker.train(tmp_path / "run3", snapshot.folder)
    listener.until(lambda e: isinstance(e, TrainingProgress))
    os.kill(pid_of(worker), signal.SIGSTOP)
    worker.stop()
    finished = listener.until(lambda e: isinstance(e, TrainingFinished | WorkerFailed))[-1]
    assert isinstance(finished, TrainingFinished)
    assert finished.reason == "stopped"


def test_process_that_always_crashes_is_not_started_again(
    worker: WorkerClient, listener: Listener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("core.base.json_process.sys.executable", str(tmp_path / "no-python"))
    worker.predict(tmp_path, tmp_path, 1, tmp_path, run_id=1)
    refused = listener.until(lambda e: True)[-1]
    assert isinstance(refused, PredictionFailed)
    assert "cannot be started" in refused.message
    false = shutil.which("false")
    if false is None:
        pytest.skip("this system has no program that only fails")
    monkeypatch.setattr("core.base.json_process.sys.executable", false)
    crashes = 0
    for number in range(6):
        worker.predict(tmp_path, tmp_path, number, tmp_path, run_id=1)
        heard = listener.until(lambda e: isinstance(e, PredictionFailed))
        crashes += sum(isinstance(event, WorkerFailed) for event in heard)
    assert crashes == 3


def test_commands_without_work_do_not_start_the_process(worker: WorkerClient, listener: Listener) -> None:
    for ask in (worker.stop, worker.pause, worker.resume, worker.refresh, worker.drop_predictions):
        ask()
    time.sleep(0.1)
    assert worker._process is None
    assert listener.events.empty()


def test_process_ends_when_its_input_closes(tmp_path: Path) -> None:
    """The child is started with our pipe as its input; closing that is all a dying parent does."""
    import subprocess

    child = subprocess.Popen(
        [sys.executable, "-m", "core.training.process.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[4],
    )  # fmt: skip
    out, _ = child.communicate(b"this is not a command\n", timeout=PATIENCE)
    assert (child.returncode, out) == (0, b"")


def test_closing_does_not_wait_for_an_import(worker: WorkerClient) -> None:
    worker.prepare()
    deadline = time.monotonic() + PATIENCE
    while (process := worker._process) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process is not None
    worker.close()
    code = process.reap(0.0)
    assert code != 0, "it ended by itself, after its imports"


def test_an_idle_process_ends_and_another_starts_when_there_is_work(
    tmp_path: Path, worker: WorkerClient, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.process.worker_client.IDLE_SECONDS", 0.5)
    worker.prepare()
    deadline = time.monotonic() + PATIENCE
    while worker._process is None and time.monotonic() < deadline:
        time.sleep(0.01)
    first = pid_of(worker)
    while worker._process is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert worker._process is None, "the idle process was ended"
    worker.train(tmp_path / "run", freeze(tmp_path / "s", minutes=None, steps=1).folder)
    seen = listener.until(lambda e: isinstance(e, TrainingFinished | WorkerFailed))
    assert isinstance(seen[-1], TrainingFinished), "an expected end is no crash, and training is not idleness"
    assert not any(isinstance(event, WorkerFailed) for event in seen)
    assert first > 0
