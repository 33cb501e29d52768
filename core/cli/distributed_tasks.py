"""Training and prediction in several processes: the task that rank 0 broadcasts, and the work of each rank.

Rank 0 (the leader) owns the project, writes and prints. The other ranks (followers) only do their share of the work.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.base.errors import ImageError, MaskloopError, ModelError, TrainingError
from core.training.callbacks.callback_options import NO_CALLBACKS, CallbackOptions
from core.training.distributed_config import DistributedConfig
from core.training.events import TrainingEvent
from core.training.recipe import Recipe
from core.training.scoring.incumbent import Incumbent

if TYPE_CHECKING:
    from core.training.distributed import ProcessGroup
    from core.training.loop import TrainingResult
    from core.training.single_device import Runtime

FOLLOWER_EXIT_CODE = 0
"""Followers never report failure: the leader reports it, and Fabric would kill the leader if a follower failed."""


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """Everything that training needs, with paths valid on every machine. base: the folder of the run whose weights it
    starts from; with_state: also restore the state of that run's optimizer; incumbent: the network in use, unless that
    is the base."""

    recipe: Recipe
    snapshot: Path
    run_folder: Path
    base: Path | None
    base_seen: Mapping[int, str] | None
    with_state: bool
    incumbent: Incumbent | None = None
    callbacks: CallbackOptions = NO_CALLBACKS


@dataclass(frozen=True, slots=True)
class PredictionTask:
    """checkpoint: its folder; items: for each picture its file, the file for its prediction, and the (width, height) of
    its label, None if it has none; tta: test-time augmentation."""

    checkpoint: Path
    items: Sequence[tuple[Path, Path, tuple[int, int] | None]]
    run_id: int
    tta: str


@contextmanager
def launch_processes(
    recipe: Recipe, distribution: DistributedConfig
) -> Iterator[tuple[Runtime, ProcessGroup]]:
    """Start all processes and connect them. Raises TrainingError, also if a process is lost while they work."""
    from core.training.devices import make_runtime
    from core.training.distributed import ProcessGroup, leave_process_group

    runtime = make_runtime(recipe, distribution)
    try:
        runtime.launch()
        yield runtime, ProcessGroup(runtime)
    except (RuntimeError, ValueError) as problem:
        if distribution.world_size == 1:
            raise
        reason = str(problem).strip().split("\n", maxsplit=1)[0][:160]
        raise TrainingError(
            f"One of the {distribution.world_size} processes was lost or could not be started ({reason}). "
            "Everything saved before is kept. Try again, or use one device."
        ) from problem
    finally:
        leave_process_group()


def run_distributed_training(
    task: TrainingTask,
    distribution: DistributedConfig,
    on_event: Callable[[TrainingEvent], None],
    on_note: Callable[[str], None],
    should_stop: Callable[[], bool],
) -> TrainingResult:
    """Train with all processes; called by the leader. Raises TrainingError or ModelError."""
    with launch_processes(task.recipe, distribution) as (runtime, group):
        return _train(group.broadcast(task), runtime, on_event, on_note, should_stop)


def _train(
    task: TrainingTask,
    runtime: Runtime,
    on_event: Callable[[TrainingEvent], None],
    on_note: Callable[[str], None],
    should_stop: Callable[[], bool],
) -> TrainingResult:
    from core.models.checkpoint import load_starting_model
    from core.training.callbacks.callback_list import CallbackList, make_callbacks
    from core.training.data.snapshot import TrainingSnapshot
    from core.training.devices import seed_everything
    from core.training.loop import train

    snapshot = TrainingSnapshot.open(task.snapshot)
    seed_everything(task.recipe)  # so that the seed determines the initial weights
    model = load_starting_model(task.base, snapshot.spec, on_note)
    made = (
        make_callbacks(task.callbacks, task.run_folder, snapshot.spec, task.recipe, on_event)
        if runtime.global_rank == 0
        else CallbackList()
    )
    with made as callbacks:
        return train(
            model,
            snapshot.spec,
            snapshot,
            task.recipe,
            run_folder=task.run_folder,
            on_event=callbacks.on_event,
            base_digests=task.base_seen,
            warm_start=task.base is not None,
            should_stop=should_stop,
            resume_from=task.base if task.with_state else None,
            keep_state=True,
            incumbent=task.incumbent,
            runtime=runtime,
            callbacks=callbacks,
        )


def run_distributed_prediction(
    task: PredictionTask,
    recipe: Recipe,
    distribution: DistributedConfig,
    on_result: Callable[[int, float | str], None],
) -> None:
    """Predict with all processes; called by the leader. Raises ModelError if the weights cannot be loaded.

    on_result: receives the number of a picture and its mean confidence, or the reason why it has no prediction. Results
    of the leader arrive at once, those of the followers at the end.
    """
    with launch_processes(recipe, distribution) as (runtime, group):
        _predict(group.broadcast(task), runtime, group, on_result)


def _predict(
    task: PredictionTask, runtime: Runtime, group: ProcessGroup, on_result: Callable[[int, float | str], None]
) -> None:
    from core.evaluation.run_score import check_size
    from core.labels.prediction import write_prediction
    from core.models.checkpoint import load_checkpoint
    from core.models.inference import predict_file

    loaded = load_checkpoint(task.checkpoint, runtime.device)
    results: dict[int, float | str] = {}
    for number, (picture, out, size) in enumerate(task.items):
        if not group.is_local(number):
            continue
        try:
            mask = predict_file(loaded, picture, task.run_id, task.tta)
            check_size(picture, mask, size)
            write_prediction(out, mask)
            results[number] = mask.mean_confidence
        except (ImageError, ModelError) as problem:
            results[number] = str(problem)
        except OSError as problem:
            results[number] = f"The prediction of “{picture.name}” cannot be saved: {problem}."
        on_result(number, results[number])
    for follower_results in group.gather_objects(results)[1:]:
        for number, result in follower_results.items():
            on_result(number, result)


def run_follower(recipe: Callable[[], Recipe], distribution: DistributedConfig) -> None:
    """Run a follower process instead of the command: its share of the leader's task. Ends the process.

    recipe: returns the same recipe as in the leader, which reports errors in it.
    """
    # Ctrl+C is sent to all processes; the leader tells the followers when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with launch_processes(recipe(), distribution) as (runtime, group):
            task: TrainingTask | PredictionTask | None = group.broadcast(None)
            if isinstance(task, TrainingTask):
                _train(task, runtime, lambda _: None, lambda _: None, lambda: False)
            elif isinstance(task, PredictionTask):
                _predict(task, runtime, group, lambda _number, _result: None)
    except (MaskloopError, OSError):
        pass
    os._exit(FOLLOWER_EXIT_CODE)
