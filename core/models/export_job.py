"""Jobs and results of exporting a trained network. Sent between processes; does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.base.errors import ModelError
from core.base.number_text import percent_text
from core.base.text import count_of

MODEL_FORMATS = {
    ".onnx": "ONNX, for ONNX Runtime and others",
    ".pt2": "torch.export, for PyTorch",
    ".safetensors": "Weights, for Maskloop and for own code",
}
MAX_COMPARED_PICTURES = 12
"""Pictures on which the exported network is compared with Maskloop's own predictions."""


@dataclass(frozen=True, slots=True)
class ExportedClass:
    """A class of the exported network; value: of its pixels in the mask."""

    value: int
    name: str
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class ModelExportJob:
    """What to export.

    folder: of the checkpoint; out: the file to write, its suffix one of MODEL_FORMATS
    classes: those of the project now; value_map: (256,) class value at the time of the training -> value now
    pictures: files to compare predictions on; sizes: (width, height) of the project's pictures, each shape once
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
            raise ModelError(f"“{self.out.name}” has no known file type. End the name with one of {known}.")


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """What was written.

    canvas: (width, height) of the network's input; pictures: how many were compared
    equal: share of their pixels with the same class as in Maskloop's own predictions; None when nothing could be
    compared, for the reason in `note`
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
        """For the user."""
        written = f"{Path(self.out).name} ({self.megabytes:.1f} MB) was written."
        if self.equal is None:
            return f"{written} {self.note}".strip()
        compared = (
            f"In {count_of(self.pictures, 'picture')}, {_percent(self.equal)} of the pixels get the same class as in "
            "Maskloop's own prediction."
        )
        return f"{written} {compared} {self.note}".strip()


class ExportStep(msgspec.Struct, frozen=True, tag=True):
    """Progress: what is being done, after `done` of `total` steps."""

    what: str
    done: int
    total: int


class ExportReady(msgspec.Struct, frozen=True, tag=True):
    model: ExportedModel


class ExportFailed(msgspec.Struct, frozen=True, tag=True):
    message: str


ExportMessage = ExportStep | ExportReady | ExportFailed
"""Messages of `core.models.export_worker`; the last one is ExportReady or ExportFailed."""


def _percent(share: float) -> str:
    """Never “100 %” while a pixel differs."""
    return "100 %" if share == 1.0 else percent_text(min(share, 0.9999), 2)
