"""A training of a few steps in one or two processes, for test_distributed: python -m tests.distributed_training OUT."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from core.models.spec import ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.devices import make_runtime
from core.training.distributed import ProcessGroup, leave_process_group
from core.training.distributed_config import DistributedConfig
from core.training.events import ModelEvaluated, TrainingEvent
from core.training.loop import train
from core.training.recipe import Recipe

SPEC = ModelSpec("asymmetric-unet", None, "none", 32, (4, 9))
RECIPE = Recipe(
    minutes=None, steps=5, batch=4, threads=1, precision="32-true", device="cpu", ema=0.5, learning_rate=1e-2
)


def network(seed: int) -> nn.Sequential:
    """Group norm and no dropout: the result does not depend on which process computes which picture."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU(), nn.Conv2d(8, 2, 3, padding=1)
    )


def freeze(folder: Path) -> TrainingSnapshot:
    """Pictures with different numbers of labelled pixels, so that a mean of means would be another loss."""
    snapshot = TrainingSnapshot.create(folder, SPEC, RECIPE)
    for number in range(7):
        rng = np.random.default_rng(number)
        values = np.full((24, 32), 4, np.uint8)
        values[:, 8 + 2 * number :] = 9
        values[: 3 * number] = 0
        picture = np.where(values[..., None] == 9, (220, 30, 20), (20, 60, 200)) + rng.integers(
            0, 30, (24, 32, 3)
        )
        snapshot.put(number, str(number), "train" if number < 4 else "val", picture.astype(np.uint8), values)
    return snapshot


def learn(out: Path, devices: int) -> None:
    """Train, and write the weights and scores of this process into `out`."""
    runtime = make_runtime(RECIPE, DistributedConfig.resolve(devices, 1, "auto"))
    if runtime.global_rank == 0:
        freeze(out / "snapshot")
    runtime.launch()
    rank, events = runtime.global_rank, list[TrainingEvent]()
    model = network(seed=rank)  # the weights of rank zero are sent to the others
    train(
        model, SPEC, TrainingSnapshot.open(out / "snapshot"), RECIPE,
        run_folder=out / "run", on_event=events.append, runtime=runtime,
    )  # fmt: skip
    shared = network(seed=10 + rank).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    ProcessGroup(runtime).share_weights(shared)
    weights = {**model.state_dict(), **shared.state_dict(prefix="shared.")}
    save_file({name: value.contiguous() for name, value in weights.items()}, out / f"{rank}.safetensors")
    scores = [[e.miou, e.confusion, e.labelled_pictures] for e in events if isinstance(e, ModelEvaluated)]
    (out / f"{rank}.json").write_text(json.dumps({"events": len(events), "scores": scores}))
    leave_process_group()


if __name__ == "__main__":
    learn(Path(sys.argv[1]), devices=2)
