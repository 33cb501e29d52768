"""Trained weights on the disk: safetensors, never pickle, in the layout segmentation_models_pytorch loads."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from core.base.errors import ModelError
from core.models.network_builder import StatusCallback, build_network, grow_head
from core.models.spec import WEIGHTS_FILE, ModelSpec

CONFIG_FILE, RUN_FILE = "config.json", "run.json"
MAX_RUN_FILE_BYTES = 64 << 20
MAX_WEIGHTS_FILE_BYTES = 8 << 30


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A network ready to predict: in eval mode, on its device. `card` is what `save_checkpoint` was given."""

    model: nn.Module
    spec: ModelSpec
    metadata: Mapping[str, Any]


def save_checkpoint(folder: Path, model: nn.Module, spec: ModelSpec, metadata: Mapping[str, Any]) -> None:
    """Write `model.safetensors`, `config.json` and `run.json` (spec and card) into `folder`, each beside and, once
    all are on the disk, renamed, the weights last: their time tells a reader that something new is there.

    A network of segmentation_models_pytorch can be loaded from the folder with its `from_pretrained`.
    card: plain values. Raises ModelError when the disk refuses or the weights are no numbers.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    if not all_finite(tensors.values()):
        raise ModelError("The trained network is not saved, because its weights are no longer numbers.")
    settings = getattr(model, "config", None)
    if isinstance(settings, Mapping):
        # The encoder's weights are in the file; with their name here from_pretrained would download them too.
        config = {**settings, "encoder_weights": None, "_model_class": type(model).__name__}
    else:
        config = {"_model_class": type(model).__name__, "classes": len(spec.class_values)}
    run = {"version": 1, "spec": spec.to_json(), "card": dict(metadata)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_all_atomic(
            {
                folder / CONFIG_FILE: json.dumps(config, indent=2, sort_keys=True).encode(),
                folder / RUN_FILE: json.dumps(run, indent=2).encode(),
                folder / WEIGHTS_FILE: safetensors.torch.save(tensors, {"format": "pt"}),
            }
        )
    except OSError as problem:
        raise ModelError(
            f"The trained network cannot be saved: {problem}. Check the free space of the disk."
        ) from problem


def load_checkpoint(folder: Path, device: torch.device | str = "cpu") -> LoadedModel:
    """What `save_checkpoint` wrote. Raises ModelError when it is missing, damaged, or not such a file."""
    spec, card = read_checkpoint_metadata(folder)
    model = build_network(replace(spec, weights="none"))
    path = folder / WEIGHTS_FILE
    try:
        if path.stat().st_size > MAX_WEIGHTS_FILE_BYTES:
            raise ModelError(f"The weights in {folder.name} are too large to be a network of Maskloop.")
        # Read whole instead of mapped: a mapped file cannot be replaced on Windows.
        tensors = safetensors.torch.load(path.read_bytes())
        if not all_finite(tensors.values()):
            raise ValueError("some of them are no numbers")
        model.load_state_dict(tensors)
    except OSError as problem:
        raise ModelError(f"The weights in {folder.name} cannot be read: {problem}.") from problem
    except (safetensors.SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as problem:
        reason = str(problem).strip().split("\n", maxsplit=1)[0][:160]
        raise ModelError(
            f"The weights in {folder.name} are damaged or not of this network ({reason}). Train again."
        ) from problem
    model = model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return LoadedModel(model.eval().requires_grad_(False), spec, card)


def read_checkpoint_metadata(folder: Path) -> tuple[ModelSpec, Mapping[str, Any]]:
    """Spec and card without the weights. Raises ModelError."""
    path = folder / RUN_FILE
    try:
        if path.stat().st_size > MAX_RUN_FILE_BYTES:
            raise ModelError(f"{path.name} in {folder.name} is too large to be right.")
        raw = json.loads(path.read_text("utf-8"))
        card = raw["card"]
        if not isinstance(card, dict):
            raise TypeError("the card is not a table")
        return ModelSpec.from_json(raw["spec"]), card
    except FileNotFoundError as problem:
        raise ModelError(f"There is no trained network in {folder.name}; train one first.") from problem
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError) as problem:
        raise ModelError(
            f"The description of the network in {folder.name} is damaged ({problem!r})."
        ) from problem


def trained_label_digests(folder: Path) -> dict[int, str]:
    """What a checkpoint has learned from: picture id -> digest of its label. Empty where its card does not say so.
    Raises ModelError."""
    seen = read_checkpoint_metadata(folder)[1].get("seen")
    try:
        return {int(number): str(digest) for number, digest in seen.items()} if isinstance(seen, dict) else {}
    except ValueError:
        return {}


def load_starting_model(
    base: Path | None, spec: ModelSpec, on_status: StatusCallback | None = None
) -> nn.Module:
    """The network a training starts with: fresh, or with the weights of the checkpoint folder `base`, its head
    grown or shrunk to the classes of `spec`. On the processor, in train mode. Raises ModelError."""
    if base is None:
        return build_network(spec, on_status)
    loaded = load_checkpoint(base)
    same_head = loaded.spec.class_values == spec.class_values and not spec.inherits
    same = same_head and _same_body(loaded.spec, spec)
    model = loaded.model if same else grow_head(loaded.model, loaded.spec, spec)
    return model.requires_grad_(True).train()


def _same_body(one: ModelSpec, other: ModelSpec) -> bool:
    return (one.architecture, one.encoder, one.channels) == (
        other.architecture,
        other.encoder,
        other.channels,
    )


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Neither infinite nor not a number, all of them."""
    # Answered together, so that a graphics card is waited for once.
    finite = [torch.isfinite(tensor).all() for tensor in tensors if tensor.is_floating_point()]
    return not finite or bool(torch.stack(finite).all())


def write_atomic(path: Path, content: bytes) -> None:
    """Beside, flushed to the disk, then renamed. Raises OSError."""
    write_all_atomic({path: content})


def write_all_atomic(contents: Mapping[Path, bytes]) -> None:
    """Beside, flushed to the disk, and renamed, in this order, once all are written. Raises OSError."""
    beside = {path: path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in contents}
    try:
        for path, content in contents.items():
            with beside[path].open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        for path, temporary in beside.items():
            _rename(temporary, path)
    finally:
        for temporary in beside.values():
            temporary.unlink(missing_ok=True)


def _rename(temporary: Path, path: Path) -> None:
    for attempt in range(20):
        with contextlib.suppress(PermissionError):  # Windows, while somebody has the old file open
            temporary.replace(path)
            return
        time.sleep(0.02 * (attempt + 1))
    temporary.replace(path)
