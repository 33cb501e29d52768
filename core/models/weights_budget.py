"""Bounds on files of weights from strangers, checked before anything is built from them.

A header may list 300,000 tensors, a description may ask for gigabytes, and parts of an archive may overlap, so that a
small file becomes a large one in memory.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import torch
from torch import nn

from core.base.display_text import quoted
from core.base.errors import ModelError
from core.models.catalogue import encoders
from core.models.network_builder import build_network
from core.models.spec import ModelSpec

MAX_HEADER_BYTES = 4 << 20
"""Of a safetensors file. The largest networks that can be trained here need a tenth of it."""
MAX_TENSORS = 20_000
MAX_PICKLE_BYTES = 16 << 20
"""Of the description of tensors in a PyTorch file."""
BUILD_RESERVE = 512 << 20
_MAX_DIMENSIONS = 8
_SMALL_ENCODER = 30.0
"""Million parameters."""

Shapes = Mapping[str, tuple[int, ...]]
"""Shape of each tensor by its name."""


@dataclass(frozen=True, slots=True)
class WeightsHeader:
    """What a safetensors file says about itself: shapes by name, and texts by key."""

    shapes: Shapes
    metadata: Mapping[str, str]


def read_header(path: Path) -> WeightsHeader:
    """The header of a safetensors file. Raises ValueError when it is damaged or larger than any network needs, and
    OSError. The library checks types, sizes and places of the tensors again."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if not 2 <= size <= MAX_HEADER_BYTES:
            raise ValueError(
                f"its header claims {size:,} bytes; that of a network has up to {MAX_HEADER_BYTES:,}"
            )
        text = file.read(size)
    if len(text) < size:
        raise ValueError("its header is cut off")
    try:
        raw = json.loads(text)
    except RecursionError as error:
        raise ValueError("its header is nested too deeply") from error
    if not isinstance(raw, dict):
        raise ValueError("its header is not a table")
    metadata = raw.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its texts are not texts")
    if len(raw) > MAX_TENSORS:
        raise ValueError(f"it lists {len(raw):,} tensors; a network has up to {MAX_TENSORS:,}")
    return WeightsHeader({name: _shape(entry) for name, entry in raw.items()}, metadata)


def _shape(entry: Any) -> tuple[int, ...]:
    shape = entry.get("shape") if isinstance(entry, dict) else None
    if not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS:
        raise ValueError("a tensor has no shape")
    if not all(type(side) is int and 0 <= side < 1 << 40 for side in shape):
        raise ValueError("a tensor has an impossible shape")
    return tuple(shape)


def check_archive(file: IO[bytes], size: int) -> None:
    """Raises ValueError unless the zip archive of a PyTorch file expands to no more than its `size` in bytes."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
    if len(parts) > MAX_TENSORS:
        raise ValueError("it has too many parts")
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise ValueError("it is compressed, which torch never does")
    # Parts may lie on top of each other, each as large as the file.
    if sum(part.file_size for part in parts) > size:
        raise ValueError("its parts are larger than the file")
    if any(part.file_size > MAX_PICKLE_BYTES for part in parts if part.filename.endswith(".pkl")):
        raise ValueError("its description is too large")


def outline_network(spec: ModelSpec) -> nn.Module | None:
    """The network on torch's “meta” device, whose tensors have shapes but no data; None where it cannot be built so.

    Some transformers compute with numbers while they are built. Raises ModelError as `build_network`.
    """
    try:
        with torch.device("meta"):
            return build_network(replace(spec, weights="none"))
    except (RuntimeError, NotImplementedError):
        return None
    except ModelError as error:
        if isinstance(error.__cause__, RuntimeError | NotImplementedError):
            return None
        raise


def reference_network(spec: ModelSpec) -> nn.Module:
    """The network to compare a file with: its outline where it may be large, else itself. Raises ModelError.

    An outline loads a library for symbolic mathematics, which takes two seconds; a small network is built at once.
    """
    outline = None if has_small_encoder(spec) else outline_network(spec)
    return outline or build_network(replace(spec, weights="none"))


def build_budget(file_bytes: int) -> int:
    """Bytes of memory that building a network may take whose file of weights has `file_bytes`: four times as much, for
    weights of 16 bits and for what is only needed meanwhile, and half a gigabyte."""
    return 4 * file_bytes + BUILD_RESERVE


def has_small_encoder(spec: ModelSpec) -> bool:
    """Whether the network is known to be built in some hundred megabytes."""
    known = {encoder.name: encoder.parameters for encoder in encoders()}
    return spec.encoder is None or known.get(spec.encoder, math.inf) <= _SMALL_ENCODER


def check_fit(network: nn.Module, shapes: Shapes) -> None:
    """Raises ValueError unless the tensors of a file are those of the network, before they are read.

    With the outline of a network: before either is allocated.
    """
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    for name, shape in expected.items():
        if name not in shapes:
            raise ValueError(f"{name} is missing")
        if shapes[name] != shape:
            raise ValueError(f"{name} has the shape {list(shapes[name])} instead of {list(shape)}")
    more = sorted(set(shapes) - set(expected))
    if more:
        raise ValueError(f"{quoted(more[0])} is no part of it")
