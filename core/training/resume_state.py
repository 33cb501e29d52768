"""The state with which a training can be resumed: weights, averaged weights, optimizer state, budget spent."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
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
"""Runs of a project that keep their state; of the others only the weights remain."""
_MODEL, _AVERAGE, _OPTIMIZER = "model/", "average/", "optimizer/"


class StatefulOptimizer(Protocol):
    """An optimizer, bare or wrapped by Fabric."""

    @property
    def state(self) -> MutableMapping[Any, Any]: ...
    @property
    def param_groups(self) -> list[dict[str, Any]]: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Steps and seconds that a training had spent when its state was saved; rate_share: of its schedule `Plateau`."""

    step: int = 0
    seconds: float = 0.0
    rate_share: float = 1.0


def save_state(
    folder: Path, model: nn.Module, average: AveragedModel, optimizer: StatefulOptimizer, point: ResumePoint
) -> None:
    """Write the state beside the checkpoint in `folder`. Raises ModelError when the disk refuses."""
    tensors = {_MODEL + name: value for name, value in model.state_dict().items()}
    tensors |= {_AVERAGE + name: value for name, value in average.model.state_dict().items()}
    parameters = _parameters(model, optimizer)
    for number, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            if isinstance(value, Tensor):
                tensors[f"{_OPTIMIZER}{parameters[number][0]}/{key}"] = value
    packed = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    spent: dict[str, float] = {"step": point.step, "seconds": point.seconds}
    if point.rate_share != 1:  # unknown to earlier versions
        spent["rate_share"] = point.rate_share
    metadata = {"spent": json.dumps(spent)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / STATE_FILE, safetensors.torch.save(packed, metadata))
    except OSError as error:
        raise ModelError(f"The state of the training cannot be saved: {error}.") from error


def load_state(
    folder: Path,
    model: nn.Module,
    average: AveragedModel,
    optimizer: StatefulOptimizer,
    note: Callable[[str], None] = lambda _: None,
) -> ResumePoint:
    """Load the saved state into a model, its average and its optimizer, all of the same shapes as then.

    A parameter that was not trained then starts without a state of the optimizer. So do all, and `note` says so, where
    an earlier version has numbered the parameters, and now trains others.

    Raises TrainingError when there is none or it belongs to another network.
    """
    path = folder / STATE_FILE
    try:
        with safetensors.safe_open(str(path), "pt") as opened:
            spent = ResumePoint(**json.loads(opened.metadata()["spent"]))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  (not a dict)
        model.load_state_dict(_with_prefix(tensors, _MODEL))
        average.model.load_state_dict(_with_prefix(tensors, _AVERAGE))
        average.updates = spent.step
        state = _numbered_state(_with_prefix(tensors, _OPTIMIZER), _parameters(model, optimizer))
        if state is None:
            note(
                "Another version of Maskloop trained other layers; the weights are kept, the optimizer starts afresh."
            )
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state or {}, "param_groups": groups})
    except FileNotFoundError as error:
        raise TrainingError(
            f"The run {folder.name} has no saved training state; start a new training."
        ) from error
    except (OSError, safetensors.SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = str(error).strip().split("\n", maxsplit=1)[0][:160]
        raise TrainingError(
            f"The run {folder.name} cannot be resumed, because it does not fit this network ({reason})."
        ) from error
    return spent


def read_resume_point(folder: Path) -> ResumePoint | None:
    """Steps and seconds a run had spent; None when it has no saved state."""
    try:
        with safetensors.safe_open(str(folder / STATE_FILE), "pt") as opened:
            return ResumePoint(**json.loads(opened.metadata()["spent"]))
    except (OSError, safetensors.SafetensorError, ValueError, KeyError, TypeError):
        return None


def delete_old_states(runs: Path, keep: int = MAX_STATES) -> None:
    """Delete the oldest states in the folders under `runs`: each is several times as large as its network."""
    states = sorted(runs.glob(f"*/{STATE_FILE}"), key=lambda path: path.stat().st_mtime_ns)
    for path in states[:-keep]:
        path.unlink(missing_ok=True)


def _parameters(model: nn.Module, optimizer: StatefulOptimizer) -> list[tuple[str, Tensor]]:
    """(name, parameter) in the order in which the optimizer numbers them."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return [(names[id(each)], each) for group in optimizer.param_groups for each in group["params"]]


def _numbered_state(
    saved: dict[str, Tensor], parameters: list[tuple[str, Tensor]]
) -> dict[int, dict[str, Tensor]] | None:
    """The state as the optimizer numbers it; None where numbers of an earlier version do not fit.

    Raises ValueError for another shape: a fused optimizer does not check it, and would write beyond the end.
    """
    numbers = {name: number for number, (name, _) in enumerate(parameters)}
    state: dict[int, dict[str, Tensor]] = {}
    for path, value in saved.items():
        name, _, key = path.rpartition("/")
        number = int(name) if name.isdigit() else numbers.get(name)
        if number is None:
            continue  # this parameter is not trained now
        fits = number < len(parameters) and (not value.ndim or value.shape == parameters[number][1].shape)
        if not fits and name.isdigit():
            return None
        if not fits:
            raise ValueError("the state of the optimizer has another shape")
        state.setdefault(number, {})[key] = value
    return state


def _with_prefix(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
