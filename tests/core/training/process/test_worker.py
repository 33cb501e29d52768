"""Failures of a training: the message, the last good checkpoint, and a process that still works."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from core.base.errors import ModelError, TrainingError
from core.models.checkpoint import load_checkpoint, load_starting_model, save_checkpoint
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.events import (
    CheckpointPublished,
    PredictionFailed,
    PredictionReady,
    TrainingEvent,
    TrainingStarted,
    WorkerFailed,
)
from core.training.exit_reason import (
    LOST_DEVICE_EXIT_CODE,
    exit_message,
    is_lost_device,
    is_out_of_memory,
)
from core.training.loop import train
from core.training.process.commands import PredictCommand, TrainCommand, WorkerCommand
from core.training.process.worker import JobScheduler
from core.training.process.worker_client import WorkerClient
from core.training.recipe import Recipe

SPEC = ModelSpec("asymmetric-unet", None, "none", 32, (1, 2))
RECIPE = Recipe(minutes=None, steps=4, batch=2, threads=1, device="cpu")
PATIENCE = 120.0


def freeze(folder: Path, recipe: Recipe = RECIPE) -> TrainingSnapshot:
    snapshot = TrainingSnapshot.create(folder, SPEC, recipe)
    for number in range(3):
        values = np.full((24, 32), 1, np.uint8)
        values[:, 10 + number :] = 2
        snapshot.put(number, f"{number}", "train", np.repeat((values * 100)[..., None], 3, 2), values)
    return snapshot


class Exploding(nn.Module):
    """Wraps a network; its logits become nan after some steps."""

    def __init__(self, model: nn.Module, good_steps: int) -> None:
        super().__init__()
        self.model, self.left = model, good_steps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.left -= 1
        answer: torch.Tensor = self.model(x)
        return answer * float("nan") if self.training and self.left < 0 else answer


@pytest.mark.parametrize("good_steps", [0, 2])
def test_diverging_training_ends_and_publishes_nothing(tmp_path: Path, good_steps: int) -> None:
    """Without val pictures every evaluation publishes, but never weights that are not finite."""
    run = tmp_path / "run"
    save_checkpoint(run, build_network(SPEC), SPEC, {"step": 1})
    before = (run / "model.safetensors").read_bytes()
    heard: list[TrainingEvent] = []
    with pytest.raises(TrainingError, match="last good network stays in use"):
        train(
            Exploding(build_network(SPEC), good_steps), SPEC, freeze(tmp_path / "s"), RECIPE,
            run_folder=run, on_event=heard.append,
        )  # fmt: skip
    assert not [event for event in heard if isinstance(event, CheckpointPublished)]
    assert (run / "model.safetensors").read_bytes() == before
    load_starting_model(run, SPEC)


def test_full_disk_ends_the_training_and_keeps_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    snapshot = freeze(tmp_path / "s")
    train(build_network(SPEC), SPEC, snapshot, RECIPE, run_folder=run, on_event=lambda _: None)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ModelError, match="free space"):
        train(
            build_network(SPEC),
            SPEC,
            snapshot,
            replace(RECIPE, steps=6),
            run_folder=run,
            on_event=lambda _: None,
        )
    assert load_checkpoint(run).metadata["step"] == 4


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        ("CUDA error: unspecified launch failure\nCUDA kernel errors might be ...", True),
        ("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", True),
        ("CUDA error: out of memory", False),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", False),
        ("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED", False),
        ("The size of tensor a (3) must match the size of tensor b (4)", False),
    ],
)
def test_lost_graphics_card_is_recognised_by_the_error(said: str, lost: bool) -> None:
    assert is_lost_device(said) is lost


def test_message_about_a_lost_graphics_card() -> None:
    said = exit_message(
        LOST_DEVICE_EXIT_CODE, ["RuntimeError: CUDA error"], oom_kill_seen=False, training=True
    )
    assert "lost its graphics card" in said
    assert "“cpu”" in said


@pytest.mark.parametrize(
    ("said", "memory"),
    [
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", True),
        ("OSError: [WinError 1455] The paging file is too small for this operation to complete", True),
        ("RuntimeError: The size of tensor a (1455) must match the size of tensor b (4)", False),
        ("CUDA error: unspecified launch failure", False),
    ],
)
def test_out_of_memory_is_recognised_by_the_error(said: str, memory: bool) -> None:
    assert is_out_of_memory(said) is memory


def test_network_that_needs_a_batch_of_two_raises_a_training_error(tmp_path: Path) -> None:
    spec = ModelSpec("deeplabv3plus", "resnet18", "none", 32, (1, 2))
    recipe = replace(RECIPE, batch=1)
    with pytest.raises(TrainingError, match="batch of 2 or more"):
        train(
            build_network(spec), spec, freeze(tmp_path / "s", recipe), recipe,
            run_folder=tmp_path / "run", on_event=lambda _: None,
        )  # fmt: skip


def test_device_without_float64_can_publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apple's refuse them."""

    def refused(_tensor: torch.Tensor) -> torch.Tensor:
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    monkeypatch.setattr(torch.Tensor, "double", refused)
    heard: list[TrainingEvent] = []
    train(
        build_network(SPEC), SPEC, freeze(tmp_path / "s"), RECIPE,
        run_folder=tmp_path / "run", on_event=heard.append,
    )  # fmt: skip
    assert [event for event in heard if isinstance(event, CheckpointPublished)]


def test_prediction_between_steps_keeps_threads_and_random_state(tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=6, deterministic=True)
    snapshot = freeze(tmp_path / "s", recipe)
    save_checkpoint(tmp_path / "other", build_network(SPEC), SPEC, {})
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(tmp_path / "p.png")
    torch.set_num_threads(2)

    def trained(name: str, *, asked: bool) -> tuple[set[int], dict[str, torch.Tensor]]:
        inbox: queue.SimpleQueue[WorkerCommand] = queue.SimpleQueue()
        threads: set[int] = set()

        def hear(event: TrainingEvent) -> None:
            threads.add(torch.get_num_threads())
            if asked and isinstance(event, TrainingStarted):
                inbox.put(
                    PredictCommand(
                        tmp_path / "other", tmp_path / "p.png", 1, tmp_path / "out.png", run_id=1, urgent=True,
                        device="cpu",
                    )
                )  # fmt: skip

        JobScheduler(inbox, hear)._train(TrainCommand(tmp_path / name, snapshot.folder, None))
        return threads, load_checkpoint(tmp_path / name).model.state_dict()

    try:
        alone, beside = trained("alone", asked=False), trained("beside", asked=True)
    finally:
        torch.use_deterministic_algorithms(False)
    assert (tmp_path / "out.png").is_file()
    assert alone[0] == beside[0] == {1}
    assert all(torch.equal(alone[1][name], beside[1][name]) for name in alone[1])


# In a real process --------------------------------------------------------------------------------


@pytest.fixture
def heard() -> queue.Queue[TrainingEvent]:
    return queue.Queue()


@pytest.fixture
def worker(heard: queue.Queue[TrainingEvent]) -> Iterator[WorkerClient]:
    made = WorkerClient(heard.put)
    yield made
    made.close()


def until(heard: queue.Queue[TrainingEvent], fits: Callable[[TrainingEvent], bool]) -> list[TrainingEvent]:
    seen: list[TrainingEvent] = []
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            seen.append(heard.get(timeout=1))
        except queue.Empty:
            continue
        if fits(seen[-1]):
            return seen
    raise AssertionError(f"it never came; there were {seen[-8:]}")


FAIL_ON_THIRD_STEP = """
import pathlib
import core.training.train_step as stepping
from core.training.train_step import make_batch as good

def lost(*words, left=[3]):
    left[0] -= 1
    if left[0] < 0 and not pathlib.Path(r"{flag}").exists():
        pathlib.Path(r"{flag}").touch()
        raise RuntimeError("CUDA error: unspecified launch failure")
    return good(*words)

stepping.make_batch = lost
"""


def test_process_is_replaced_after_a_lost_graphics_card(
    tmp_path: Path, worker: WorkerClient, heard: queue.Queue[TrainingEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process with the lost card exits; the next one works, and reports the missing picture."""
    (tmp_path / "sitecustomize.py").write_text(FAIL_ON_THIRD_STEP.format(flag=tmp_path / "lost"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    save_checkpoint(tmp_path / "base", build_network(SPEC), SPEC, {})
    snapshot = freeze(tmp_path / "s", replace(RECIPE, steps=None, minutes=10.0))
    worker.train(tmp_path / "run", snapshot.folder, tmp_path / "base")
    events = until(heard, lambda e: isinstance(e, WorkerFailed))
    assert sum(isinstance(event, WorkerFailed) for event in events) == 1
    assert "lost its graphics card" in events[-1].message  # type: ignore[union-attr]
    assert (tmp_path / "lost").exists()

    for name in ("a", "b"):
        Image.fromarray(np.full((24, 32, 3), 99, np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "a.png").unlink()
    for number, name in enumerate(("a", "b")):
        worker.predict(
            tmp_path / "base", tmp_path / f"{name}.png", number, tmp_path / f"{number}.png", run_id=1
        )
    events = until(heard, lambda e: isinstance(e, PredictionReady))
    assert [type(event) for event in events] == [PredictionFailed, PredictionReady]
    assert "a.png" in events[0].message  # type: ignore[union-attr]
