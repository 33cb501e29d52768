"""Checkpoints on disk: safetensors, never pickle, in the layout that segmentation_models_pytorch loads."""

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

from core.base.display_text import quoted
from core.base.errors import ModelError
from core.base.process_limits import memory_limit
from core.models.network_builder import StatusCallback, build_network, grow_head
from core.models.spec import WEIGHTS_FILE, ModelSpec
from core.models.weights_budget import (
    build_budget,
    check_fit,
    has_small_encoder,
    outline_network,
    read_header,
)

CONFIG_FILE, RUN_FILE = "config.json", "run.json"
MAX_RUN_FILE_BYTES = 64 << 20
MAX_WEIGHTS_FILE_BYTES = 8 << 30


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A network ready for inference: in eval mode, on its device. metadata: as given to `save_checkpoint`."""

    model: nn.Module
    spec: ModelSpec
    metadata: Mapping[str, Any]


def save_checkpoint(folder: Path, model: nn.Module, spec: ModelSpec, metadata: Mapping[str, Any]) -> None:
    """Write `model.safetensors`, `config.json` and `run.json` (spec and metadata) into `folder`.

    All are written to temporary files, then renamed, the weights last: their time tells a reader that a new checkpoint
    is there. Networks of segmentation_models_pytorch can be loaded from the folder with its `from_pretrained`.
    metadata: JSON values. Raises ModelError when the disk refuses or the weights are not finite.
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    if not all_finite(tensors.values()):
        raise ModelError("The trained network is not saved, because its weights are not finite numbers.")
    settings = getattr(model, "config", None)
    if isinstance(settings, Mapping):
        # The encoder's weights are in the file; with a name here from_pretrained would download them again.
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
    except OSError as error:
        raise ModelError(
            f"The trained network cannot be saved: {error}. Check the free space of the disk."
        ) from error


def load_checkpoint(folder: Path, device: torch.device | str = "cpu") -> LoadedModel:
    """Load what `save_checkpoint` wrote. Raises ModelError when it is missing or damaged."""
    spec, metadata = read_checkpoint_metadata(folder)
    path = folder / WEIGHTS_FILE
    try:
        if path.stat().st_size > MAX_WEIGHTS_FILE_BYTES:
            raise ModelError(f"The weights in {folder.name} are too large to be a network of Maskloop.")
        shapes = read_header(path).shapes
        # A description may ask for gigabytes that the file does not have.
        is_small = has_small_encoder(spec)
        outline = None if is_small else outline_network(spec)
        if outline is not None:
            check_fit(outline, shapes)
        # Some transformers cannot be outlined: they may take what their weights justify.
        is_bounded = is_small or outline is not None
        with contextlib.nullcontext() if is_bounded else memory_limit(build_budget(path.stat().st_size)):
            model = build_network(replace(spec, weights="none"))
        check_fit(model, shapes)
        # Read instead of memory-mapped: a mapped file cannot be replaced on Windows.
        tensors = safetensors.torch.load(path.read_bytes())
        if not all_finite(tensors.values()):
            raise ValueError("some are not finite")
        model.load_state_dict(tensors)
    except OSError as error:
        raise ModelError(f"The weights in {folder.name} cannot be read: {error}.") from error
    except (safetensors.SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = str(error).strip().split("\n", maxsplit=1)[0][:160]
        raise ModelError(
            f"The weights in {folder.name} are damaged or not of this network ({reason}). Train again."
        ) from error
    model = model.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return LoadedModel(model.eval().requires_grad_(False), spec, metadata)


def read_checkpoint_metadata(folder: Path) -> tuple[ModelSpec, Mapping[str, Any]]:
    """Spec and metadata, without the weights. Raises ModelError."""
    path = folder / RUN_FILE
    try:
        if path.stat().st_size > MAX_RUN_FILE_BYTES:
            raise ModelError(f"{path.name} in {folder.name} is too large to be right.")
        raw = json.loads(path.read_text("utf-8"))
        metadata = raw["card"]
        if not isinstance(metadata, dict):
            raise TypeError("the metadata is not an object")
        return ModelSpec.from_json(raw["spec"]), metadata
    except FileNotFoundError as error:
        raise ModelError(
            f"There is no trained network in the folder “{folder.name}”; train one first."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise ModelError(
            f"The description of the network in {folder.name} is damaged ({quoted(repr(error))})."
        ) from error


def trained_label_digests(folder: Path) -> dict[int, str]:
    """Labels a checkpoint was trained on: picture id -> digest. Empty where its metadata does not list them.

    Raises ModelError.
    """
    seen = read_checkpoint_metadata(folder)[1].get("seen")
    try:
        return {int(number): str(digest) for number, digest in seen.items()} if isinstance(seen, dict) else {}
    except ValueError:
        return {}


def load_starting_model(
    base: Path | None, spec: ModelSpec, on_status: StatusCallback | None = None
) -> nn.Module:
    """The network a training starts with, on the CPU in train mode. Raises ModelError.

    base: checkpoint folder whose weights it gets, the head adapted to the classes of `spec`; None: a new network
    """
    if base is None:
        return build_network(spec, on_status)
    loaded = load_checkpoint(base)
    same_head = loaded.spec.class_values == spec.class_values and not spec.inherits
    same = same_head and _is_same_body(loaded.spec, spec)
    model = loaded.model if same else grow_head(loaded.model, loaded.spec, spec)
    return model.requires_grad_(True).train()


def _is_same_body(one: ModelSpec, other: ModelSpec) -> bool:
    return (one.architecture, one.encoder, one.channels) == (
        other.architecture,
        other.encoder,
        other.channels,
    )


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether no number is infinite or nan."""
    # Read together, so that the GPU is waited for once.
    finite = [torch.isfinite(tensor).all() for tensor in tensors if tensor.is_floating_point()]
    return not finite or bool(torch.stack(finite).all())


def write_atomic(path: Path, content: bytes) -> None:
    """Write a temporary file, flush it to the disk, rename it. Raises OSError."""
    write_all_atomic({path: content})


def write_all_atomic(contents: Mapping[Path, bytes]) -> None:
    """Write temporary files, flush them, rename them in this order once all are written. Raises OSError."""
    temporary_paths = {path: path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in contents}
    try:
        for path, content in contents.items():
            with temporary_paths[path].open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        for path, temporary in temporary_paths.items():
            _rename(temporary, path)
    finally:
        for temporary in temporary_paths.values():
            temporary.unlink(missing_ok=True)


def _rename(temporary: Path, path: Path) -> None:
    for attempt in range(20):
        with contextlib.suppress(PermissionError):  # Windows, while somebody has the old file open
            temporary.replace(path)
            return
        time.sleep(0.02 * (attempt + 1))
    temporary.replace(path)
