"""Import of a trained network from a file: ours with metadata, or plain weights of a known architecture.

No pickle: a PyTorch file is read with `weights_only`, which creates nothing but tensors and plain containers, and only
when it is an uncompressed zip archive, whose size is known before it is read. That still leaves files that compute or
allocate without end: those of strangers are read in a process with limits, see `core.models.import_process`.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from core.base.display_text import quoted
from core.base.errors import ModelError
from core.labels.class_list import ClassList
from core.models.catalogue import resolve_network
from core.models.checkpoint import MAX_WEIGHTS_FILE_BYTES, all_finite
from core.models.export import METADATA_KEY
from core.models.import_job import ImportedClass
from core.models.network_builder import build_network, head_layers
from core.models.spec import ModelSpec
from core.models.weights_budget import (
    Shapes,
    WeightsHeader,
    check_archive,
    check_fit,
    read_header,
    reference_network,
)

MAX_METADATA_BYTES = 1 << 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CheckedWeights:
    """The content of a file: tensors by name that fit the network of the spec, and the classes, if it names any."""

    tensors: dict[str, Tensor]
    spec: ModelSpec
    classes: tuple[ImportedClass, ...]


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
    return load_network(read_weights(path, network, encoder, size), path)


def load_network(weights: CheckedWeights, path: Path) -> ImportedModel:
    """The network with these weights. path: of the file, for messages. Raises ModelError."""
    model = build_network(replace(weights.spec, weights="none"))
    try:
        model.load_state_dict(weights.tensors)
    except (RuntimeError, KeyError, ValueError, TypeError) as error:
        raise _mismatch_error(path, weights.spec, error) from error
    return ImportedModel(model.eval(), weights.spec, weights.classes)


def read_weights(path: Path, network: str | None, encoder: str | None, size: int) -> CheckedWeights:
    """As `read_model`, without building the network. Raises ModelError."""
    try:
        if not path.is_file() and path.exists():
            raise ModelError(
                f"{path.name} is not a file. Give a .safetensors, or a .pt with nothing but weights."
            )
        if path.stat().st_size > MAX_WEIGHTS_FILE_BYTES:
            raise ModelError(f"{path.name} is too large to be a network of Maskloop.")
        match path.suffix.lower():
            case ".safetensors":
                return _read_safetensors(path, network, encoder, size)
            case ".pt" | ".pth":
                tensors = _without_prefix(_read_torch(path))
                shapes = {name: tuple(value.shape) for name, value in tensors.items()}
                spec = _spec_from_weights(path, shapes, network, encoder, size)
                _check_weights(path, spec, shapes)
                return CheckedWeights(_finite(path, tensors), spec, ())
    except OSError as error:
        raise ModelError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    raise ModelError(
        f"{path.name} cannot be read as weights. Give a .safetensors, or a .pt with nothing else in it."
    )


def _read_safetensors(path: Path, network: str | None, encoder: str | None, size: int) -> CheckedWeights:
    header = read_safetensors_header(path)
    try:
        text = header.metadata.get(METADATA_KEY)
        if text is None:
            shapes: Shapes = _without_prefix(dict(header.shapes))
            spec = _spec_from_weights(path, shapes, network, encoder, size)
            classes: tuple[ImportedClass, ...] = ()
        else:
            shapes = header.shapes
            spec, classes = _spec_from_metadata(path, _metadata(path, text))
        _check_weights(path, spec, shapes)
        with safetensors.safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
    except (safetensors.SafetensorError, ValueError) as error:
        raise _damage_error(path, error) from error
    return CheckedWeights(_finite(path, _without_prefix(tensors) if text is None else tensors), spec, classes)


def read_safetensors_header(path: Path) -> WeightsHeader:
    """Raises ModelError when it is damaged or larger than any network needs, and OSError."""
    try:
        return read_header(path)
    except ValueError as error:
        raise _damage_error(path, error) from error


def _damage_error(path: Path, error: Exception) -> ModelError:
    return ModelError(f"{path.name} is damaged or not a safetensors file ({error}).")


def _metadata(path: Path, text: str) -> Mapping[str, Any]:
    try:
        metadata = json.loads(text) if len(text) <= MAX_METADATA_BYTES else None
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise ModelError(f"The description of the network in {path.name} is damaged.")
    return metadata


def _check_weights(path: Path, spec: ModelSpec, shapes: Shapes) -> None:
    """Raises ModelError unless the weights are those of the network, which is not allocated where it can be avoided."""
    try:
        check_fit(reference_network(spec), shapes)
    except ValueError as error:
        raise _mismatch_error(path, spec, error) from error


def _finite(path: Path, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    if not all_finite(tensors.values()):
        raise ModelError(f"Some weights in {path.name} are not finite numbers; the network cannot be used.")
    return tensors


def _read_torch(path: Path) -> dict[str, Tensor]:
    refused = ModelError(
        f"{path.name} contains more than weights; opening it could run unknown code. "
        "Ask for the weights alone (a state dict), better as .safetensors."
    )
    if not zipfile.is_zipfile(path):
        raise refused
    try:
        with path.open("rb") as file:
            check_archive(file, path.stat().st_size)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (MemoryError, OSError):
        raise
    except (
        Exception
    ) as error:  # a pickle that was made by hand raises anything: TypeError, IndexError, RecursionError ..
        raise refused from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise refused
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if len(tensors) < len(content) or not all(map(_is_plain, tensors.values())):
        raise refused
    return tensors


def _is_plain(tensor: Tensor) -> bool:
    """Whether it has all its numbers in memory; a view of a few that are repeated may claim any size."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
        return False
    return tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()


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
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(
            f"The description of the network in {path.name} is damaged ({quoted(repr(error))})."
        ) from error
    return spec, tuple(ImportedClass(each.name, each.colour) for each in class_list)


def _without_prefix(content: dict[str, T]) -> dict[str, T]:
    """Parameter names of the bare network: training programs put “module.” or “model.” before all of them."""
    for prefix in ("module.", "model."):
        if all(name.startswith(prefix) for name in content):
            content = {name.removeprefix(prefix): value for name, value in content.items()}
    return content


def _spec_from_weights(
    path: Path, shapes: Shapes, network: str | None, encoder: str | None, size: int
) -> ModelSpec:
    """The spec, with one class 1, 2, 3, ... for each output of the head."""
    if network is None:
        raise ModelError(
            f"{path.name} does not say which network its weights are of. Give --arch, and --encoder where it has one."
        )
    name, encoder = resolve_network(network, encoder)
    spec = ModelSpec(name, encoder, "none", size, (1, 2))
    model = reference_network(spec)
    head = head_layers(model)[0]
    key = next(key for key, value in model.state_dict(keep_vars=True).items() if value is head.weight)
    shape = shapes.get(key, ())
    if len(shape) != 4 or not 1 <= shape[0] <= 254:
        raise _mismatch_error(path, spec, KeyError(key))
    return replace(spec, class_values=tuple(range(1, shape[0] + 1)))


def _mismatch_error(path: Path, spec: ModelSpec, error: Exception) -> ModelError:
    reason = " ".join(str(error).split())[:160]
    return ModelError(
        f"The weights in {path.name} do not fit the network {spec.network_name} ({reason}). "
        "Give the --arch and --encoder that they were trained with."
    )
