"""Messages between the program and the process that converts a huge picture."""

from __future__ import annotations

from pathlib import Path

import msgspec

MEMORY_BYTES = 1 << 30
"""What a conversion may allocate; it needs some rows of the picture and of its smaller copies."""
SECONDS = 3600.0
"""Processor time of a conversion."""


class ConversionJob(msgspec.Struct, frozen=True):
    """target: the file to write; memory_bytes, seconds: limits of the process"""

    source: Path
    target: Path
    memory_bytes: int = MEMORY_BYTES
    seconds: float = SECONDS


class ConversionProgress(msgspec.Struct, frozen=True, tag="progress"):
    """share: what is done, 0..1"""

    share: float


class ConversionDone(msgspec.Struct, frozen=True, tag="done"):
    """The file is written."""


class ConversionFailed(msgspec.Struct, frozen=True, tag="failed"):
    """message: a sentence for people"""

    message: str


ConversionMessage = ConversionProgress | ConversionDone | ConversionFailed
