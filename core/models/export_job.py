"""What is to be delivered of a trained network, and what came of it, in words that fit in a line. No torch here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.base.errors import ModelError

MODEL_FORMATS = {
    ".onnx": "ONNX, for ONNX Runtime and others",
    ".pt2": "torch.export, for PyTorch",
    ".safetensors": "Weights, for Maskloop and for own code",
}
MAX_COMPARED_PICTURES = 12
"""Pictures on which what was delivered is compared with our own predictions."""


@dataclass(frozen=True, slots=True)
class ExportedClass:
    """A class as the delivered network numbers it; `value` is what a pixel of its mask holds."""

    value: int
    name: str
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ModelExportJob:
    """folder: of the checkpoint; out: the file to write, its suffix one of FORMATS

    classes: those of the project now; now: (256,) what a class value of the checkpoint is called by now
    pictures: files to compare on; sizes: (width, height) of the pictures it is for, one of each shape at least
    """

    folder: Path
    out: Path
    classes: tuple[ExportedClass, ...]
    value_map: tuple[int, ...]
    pictures: tuple[Path, ...] = ()
    sizes: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.out.suffix.lower() not in MODEL_FORMATS:
            known = ", ".join(MODEL_FORMATS)
            raise ModelError(
                f"“{self.out.name}” does not say what to write. End the name with one of {known}."
            )

    def to_line(self) -> str:
        raw = asdict(self)
        for name in ("folder", "out"):
            raw[name] = str(raw[name])
        return json.dumps({**raw, "pictures": [str(path) for path in self.pictures]})

    @classmethod
    def from_line(cls, line: str) -> ModelExportJob:
        raw = json.loads(line)
        return cls(
            Path(raw["folder"]),
            Path(raw["out"]),
            tuple(ExportedClass(c["value"], c["name"], tuple(c["colour"])) for c in raw["classes"]),
            tuple(raw["value_map"]),
            tuple(Path(path) for path in raw["pictures"]),
            tuple((width, height) for width, height in raw["sizes"]),
        )


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """What was written.

    pictures: how many were compared; equal: share of their pixels that say the same as our own predictions, None
    when nothing could be compared, which `note` then explains; canvas: (width, height) that the network sees
    """

    out: str
    classes_file: str
    megabytes: float
    canvas: tuple[int, int]
    pictures: int
    equal: float | None
    note: str = ""

    @property
    def message(self) -> str:
        """For people."""
        said = f"{Path(self.out).name} ({self.megabytes:.1f} MB) is written."
        if self.equal is not None:
            count = "1 picture" if self.pictures == 1 else f"{self.pictures} pictures"
            said += (
                f" On {count} it gives {_percent(self.equal)} of the pixels the class that Maskloop predicts."
            )
        return f"{said} {self.note}".strip()

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ExportedModel:
        return cls(**{**raw, "canvas": tuple(raw["canvas"])})


def _percent(share: float) -> str:
    """Never “100 %” while a pixel differs."""
    return "100 %" if share == 1.0 else f"{min(share, 0.9999):.2%}".replace("%", " %")
