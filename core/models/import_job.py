"""Jobs and results of reading a stranger's file of weights. Sent between processes; does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.labels.class_list import Colour
from core.models.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class ImportedClass:
    """Name and colour, in the file, of one class of the network's head."""

    name: str
    colour: Colour


@dataclass(frozen=True, slots=True)
class ModelImportJob:
    """What to read.

    network, encoder, size: used for a file without metadata; out: the safetensors file to write
    memory_bytes, seconds: the limits, of memory and of processor time
    """

    path: Path
    out: Path
    network: str | None
    encoder: str | None
    size: int
    memory_bytes: int
    seconds: float


class ImportReady(msgspec.Struct, frozen=True, tag=True):
    """The file was read and checked; `out` of the job holds its weights. classes: empty where it does not name them."""

    spec: ModelSpec
    classes: tuple[ImportedClass, ...]


class ImportFailed(msgspec.Struct, frozen=True, tag=True):
    """The message of a ModelError."""

    message: str


ImportReply = ImportReady | ImportFailed
