"""Everything a training needs to go on where it ended: weights, their average, and the optimizer's memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from core.base.errors import ModelError, TrainingError
from core.models.checkpoint import write_atomic
from core.training.ema import AveragedModel

STATE_FILE = "resume.safetensors"
MAX_STATES = 3
"""Runs of a project that can be gone on with; of the others the weights remain."""
_MODEL, _AVERAGE, _OPTIMIZER = "model/", "average/", "optimizer/"


class StatefulOptimizer(Protocol):
    """An optimizer, bare or wrapped by Fabric."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """What a training had used of its budget when its state was kept."""

    step: int = 0
    seconds: float = 0.0


def save_state(
    folder: Path, model: nn.Module, average: AveragedModel, optimizer: StatefulOptimizer, point: ResumePoint
) -> None:
    """Write the state beside the checkpoint in `folder`. Raises ModelError when the disk refuses."""
    tensors = {_MODEL + name: value for name, value in model.state_dict().items()}
    tensors |= {_AVERAGE + name: value for name, value in average.model.state_dict().items()}
    for number, memory in optimizer.state_dict()["state"].items():
        for key, value in memory.items():
            if isinstance(value, Tensor):
                tensors[f"{_OPTIMIZER}{number}/{key}"] = value
    packed = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    said = {"spent": json.dumps({"step": point.step, "seconds": point.seconds})}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / STATE_FILE, safetensors.torch.save(packed, said))
    except OSError as problem:
        raise ModelError(f"The state of the training cannot be saved: {problem}.") from problem


def load_state(
    folder: Path, model: nn.Module, average: AveragedModel, optimizer: StatefulOptimizer
) -> ResumePoint:
    """Put the kept state into a model, its average and its optimizer, all of the same shape as then.

    Raises TrainingError when there is none or it belongs to another network.
    """
    path = folder / STATE_FILE
    try:
        with safetensors.safe_open(str(path), "pt") as opened:
            spent = ResumePoint(**json.loads(opened.metadata()["spent"]))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  (not a dict)
        model.load_state_dict(_under(tensors, _MODEL))
        average.model.load_state_dict(_under(tensors, _AVERAGE))
        average.updates = spent.step
        memory: dict[int, dict[str, Tensor]] = {}
        for name, value in _under(tensors, _OPTIMIZER).items():
            number, _, key = name.partition("/")
            memory.setdefault(int(number), {})[key] = value
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": memory, "param_groups": groups})
    except FileNotFoundError as problem:
        raise TrainingError(
            f"The run {folder.name} left nothing to resume; start a new training."
        ) from problem
    except (OSError, safetensors.SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as problem:
        reason = str(problem).strip().split("\n", maxsplit=1)[0][:160]
        raise TrainingError(
            f"The run {folder.name} cannot be resumed, because it does not fit this network ({reason})."
        ) from problem
    return spent


def read_resume_point(folder: Path) -> ResumePoint | None:
    """What a run had used of its budget; None when it left no state."""
    try:
        with safetensors.safe_open(str(folder / STATE_FILE), "pt") as opened:
            return ResumePoint(**json.loads(opened.metadata()["spent"]))
    except (OSError, safetensors.SafetensorError, ValueError, KeyError, TypeError):
        return None


def delete_old_states(runs: Path, keep: int = MAX_STATES) -> None:
    """Let go of the oldest states in the folders under `runs`: each is several times as large as its network."""
    kept = sorted(runs.glob(f"*/{STATE_FILE}"), key=lambda path: path.stat().st_mtime_ns)
    for path in kept[:-keep]:
        path.unlink(missing_ok=True)


def _under(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
