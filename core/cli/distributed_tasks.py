"""Commands that several processes do together: what the first of them tells the others, and what those do."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.base.errors import ImageError, MaskloopError, ModelError, TrainingError
from core.training.distributed_config import DistributedConfig
from core.training.events import TrainingEvent
from core.training.recipe import Recipe

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from core.training.distributed import ProcessGroup
    from core.training.loop import TrainingResult

FOLLOWER_EXIT_CODE = 0
"""Also when the leader is gone: it says what happened, and Fabric ends it when a follower says that it failed."""


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """All that a training needs to know, in paths that every machine sees. base: the folder of the run whose weights
    it starts from; with_state: also from what that run's optimiser remembers."""

    recipe: Recipe
    snapshot: Path
    run_folder: Path
    base: Path | None
    base_seen: Mapping[int, str] | None
    with_state: bool


@dataclass(frozen=True, slots=True)
class PredictionTask:
    """checkpoint: its folder; work: of each picture the file, where its prediction goes, and the (width, height) at
    which it was labelled, None when it was not; tta: as `predict` takes it."""

    checkpoint: Path
    items: Sequence[tuple[Path, Path, tuple[int, int] | None]]
    run_id: int
    tta: str


@contextmanager
def launch_processes(recipe: Recipe, spread: DistributedConfig) -> Iterator[tuple[Fabric, ProcessGroup]]:
    """All processes, started and joined. Raises TrainingError, also when one of them is lost on the way."""
    from core.training.devices import make_fabric
    from core.training.distributed import ProcessGroup, leave_process_group

    fabric = make_fabric(recipe, spread)
    try:
        fabric.launch()
        yield fabric, ProcessGroup(fabric)
    except (RuntimeError, ValueError) as problem:
        if spread.world_size == 1:
            raise
        reason = str(problem).strip().split("\n", maxsplit=1)[0][:160]
        raise TrainingError(
            f"The work of {spread.world_size} processes ended, because one of them was lost or could not start ({reason}). "
            "What was saved before is still there; try again, or with one device."
        ) from problem
    finally:
        leave_process_group()


def run_distributed_training(
    task: TrainingTask,
    spread: DistributedConfig,
    on_event: Callable[[TrainingEvent], None],
    on_note: Callable[[str], None],
    should_stop: Callable[[], bool],
) -> TrainingResult:
    """Train with all processes. Raises TrainingError or ModelError."""
    with launch_processes(task.recipe, spread) as (fabric, together):
        return _train(together.broadcast(task), fabric, on_event, on_note, should_stop)


def _train(
    task: TrainingTask,
    fabric: Fabric,
    on_event: Callable[[TrainingEvent], None],
    say: Callable[[str], None],
    should_stop: Callable[[], bool],
) -> TrainingResult:
    from core.models.checkpoint import load_starting_model
    from core.training.data.snapshot import TrainingSnapshot
    from core.training.devices import seed_everything
    from core.training.loop import train

    snapshot = TrainingSnapshot.open(task.snapshot)
    seed_everything(task.recipe)  # fresh weights are those of the seed
    return train(
        load_starting_model(task.base, snapshot.spec, say),
        snapshot.spec,
        snapshot,
        task.recipe,
        run_folder=task.run_folder,
        on_event=on_event,
        base_digests=task.base_seen,
        warm_start=task.base is not None,
        should_stop=should_stop,
        resume_from=task.base if task.with_state else None,
        keep_state=True,
        fabric=fabric,
    )


def run_distributed_prediction(
    task: PredictionTask,
    recipe: Recipe,
    spread: DistributedConfig,
    on_result: Callable[[int, float | str], None],
) -> None:
    """Predict with all processes. `hear` is told the number of a picture and its mean confidence, or why it has no
    prediction; of the leader's pictures at once, of the others' at the end.

    Raises ModelError when the weights cannot be loaded.
    """
    with launch_processes(recipe, spread) as (fabric, together):
        _predict(together.broadcast(task), fabric, together, on_result)


def _predict(
    task: PredictionTask, fabric: Fabric, together: ProcessGroup, hear: Callable[[int, float | str], None]
) -> None:
    from core.evaluation.run_score import check_size
    from core.labels.prediction import write_prediction
    from core.models.checkpoint import load_checkpoint
    from core.models.inference import predict_file

    loaded = load_checkpoint(task.checkpoint, fabric.device)
    said: dict[int, float | str] = {}
    for number, (picture, out, size) in enumerate(task.items):
        if not together.is_local(number):
            continue
        try:
            mask = predict_file(loaded, picture, task.run_id, task.tta)
            check_size(picture, mask, size)
            write_prediction(out, mask)
            said[number] = mask.mean_confidence
        except (ImageError, ModelError) as problem:
            said[number] = str(problem)
        except OSError as problem:
            said[number] = f"The prediction of “{picture.name}” cannot be saved: {problem}."
        hear(number, said[number])
    for share in together.gather_objects(said)[1:]:
        for number, words in share.items():
            hear(number, words)


def run_follower(recipe: Callable[[], Recipe], spread: DistributedConfig) -> None:
    """What a follower does instead of the command: its share of whatever the leader says. Does not come back.

    recipe: finds the leader's; what is wrong with it the leader says.
    """
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl+C reaches all: the leader agrees with them when to stop
    try:
        with launch_processes(recipe(), spread) as (fabric, together):
            task: TrainingTask | PredictionTask | None = together.broadcast(None)
            if isinstance(task, TrainingTask):
                _train(task, fabric, lambda _: None, lambda _: None, lambda: False)
            elif isinstance(task, PredictionTask):
                _predict(task, fabric, together, lambda _number, _said: None)
    except (MaskloopError, OSError):
        pass
    os._exit(FOLLOWER_EXIT_CODE)
