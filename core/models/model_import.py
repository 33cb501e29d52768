"""Import of a trained network from a file: ours with metadata, or plain weights of a known architecture.

No pickle: a PyTorch file is read with `weights_only`, which creates nothing but tensors and plain containers, and only
when it is an uncompressed zip archive, whose size is known before it is read.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from core.base.errors import ModelError
from core.labels.class_list import ClassList, Colour
from core.models.catalogue import resolve_network
from core.models.checkpoint import MAX_WEIGHTS_FILE_BYTES
from core.models.export import METADATA_KEY
from core.models.network_builder import build_network, head_layers
from core.models.spec import ModelSpec

MAX_METADATA_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ImportedClass:
    """Name and colour, in the file, of one class of the network's head."""

    name: str
    colour: Colour


@dataclass(frozen=True, slots=True)
class ImportedModel:
    """A network from a file, in eval mode; its spec has the class values of the file.

    classes: empty where the file does not name them
    """

    model: nn.Module
    spec: ModelSpec
    classes: tuple[ImportedClass, ...]


def read_model(
    path: Path, network: str | None = None, encoder: str | None = None, size: int = 256
) -> ImportedModel:
    """Read a .safetensors file, or a .pt or .pth file that contains nothing but weights. Raises ModelError.

    network, encoder, size: used for a file without metadata
    """
    tensors, metadata = _read(path)
    if metadata is not None:
        spec, classes = _spec_from_metadata(path, metadata)
    elif network is None:
        raise ModelError(
            f"{path.name} does not say which network its weights are of. Give --arch, and --encoder where it has one."
        )
    else:
        tensors = _without_prefix(tensors)
        spec, classes = _spec_from_weights(path, tensors, network, encoder, size), ()
    model = build_network(replace(spec, weights="none"))
    try:
        model.load_state_dict(tensors)
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        raise _mismatch_error(path, spec, error) from error
    if not all(bool(value.isfinite().all()) for value in tensors.values() if value.is_floating_point()):
        raise ModelError(f"Some weights in {path.name} are not finite numbers; the network cannot be used.")
    return ImportedModel(model.eval(), spec, classes)


def _read(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any] | None]:
    try:
        if path.stat().st_size > MAX_WEIGHTS_FILE_BYTES:
            raise ModelError(f"{path.name} is too large to be a network of Maskloop.")
        match path.suffix.lower():
            case ".safetensors":
                return _read_safetensors(path)
            case ".pt" | ".pth":
                return _read_torch(path), None
    except OSError as error:
        raise ModelError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    raise ModelError(
        f"{path.name} cannot be read as weights. Give a .safetensors, or a .pt with nothing else in it."
    )


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any] | None]:
    try:
        with safetensors.safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get(METADATA_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
    except safetensors.SafetensorError as error:
        raise ModelError(f"{path.name} is damaged or not a safetensors file ({error}).") from error
    if text is None:
        return tensors, None
    try:
        metadata = json.loads(text) if len(text) <= MAX_METADATA_BYTES else None
    except ValueError:
        metadata = None
    if not isinstance(metadata, dict):
        raise ModelError(f"The description of the network in {path.name} is damaged.")
    return tensors, metadata


def _read_torch(path: Path) -> dict[str, Tensor]:
    refused = ModelError(
        f"{path.name} contains more than weights; opening it could run unknown code. "
        "Ask for the weights alone (a state dict), better as .safetensors."
    )
    if not zipfile.is_zipfile(path):
        raise refused
    with zipfile.ZipFile(path) as archive:
        if any(part.compress_type != zipfile.ZIP_STORED for part in archive.infolist()):
            raise refused  # torch does not compress; a compressed file may expand to any size
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError, AttributeError) as error:
        raise refused from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise refused
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if len(tensors) < len(content):
        raise refused
    return tensors


def _spec_from_metadata(
    path: Path, metadata: Mapping[str, Any]
) -> tuple[ModelSpec, tuple[ImportedClass, ...]]:
    try:
        spec = replace(ModelSpec.from_json(metadata["spec"]), inherits=())
        rows = {int(row["index"]): row for row in metadata["classes"]}
        class_list = ClassList()
        for value in spec.class_values:
            red, green, blue = (int(part) & 255 for part in rows[value]["color"])
            class_list = class_list.with_class(str(rows[value]["name"]), (red, green, blue), value)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The description of the network in {path.name} is damaged ({error!r}).") from error
    return spec, tuple(ImportedClass(each.name, each.colour) for each in class_list)


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Parameter names of the bare network: training programs put “module.” or “model.” before all of them."""
    for prefix in ("module.", "model."):
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def _spec_from_weights(
    path: Path, tensors: Mapping[str, Tensor], network: str, encoder: str | None, size: int
) -> ModelSpec:
    """The spec, with one class 1, 2, 3, ... for each output of the head."""
    name, encoder = resolve_network(network, encoder)
    spec = ModelSpec(name, encoder, "none", size, (1, 2))
    model = build_network(spec)
    head = head_layers(model)[0]
    key = next(key for key, value in model.state_dict(keep_vars=True).items() if value is head.weight)
    if key not in tensors or tensors[key].ndim != 4 or not 1 <= len(tensors[key]) <= 254:
        raise _mismatch_error(path, spec, KeyError(key))
    return replace(spec, class_values=tuple(range(1, len(tensors[key]) + 1)))


def _mismatch_error(path: Path, spec: ModelSpec, error: Exception) -> ModelError:
    reason = " ".join(str(error).split())[:160]
    return ModelError(
        f"The weights in {path.name} do not fit the network {spec.network_name} ({reason}). "
        "Give the --arch and --encoder that they were trained with."
    )
