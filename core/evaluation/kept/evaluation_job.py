"""The job and the messages of the process that evaluates. Does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.project.records import Split


@dataclass(frozen=True, slots=True)
class EvaluationJob:
    """home: of the project; run: its number, unused with `weights`, a file of a network; split: to evaluate on, unused
    with `data`, the folder of a dataset in the format of that name; only_kept: look for a kept evaluation, compute
    none"""

    home: Path
    run: int = 0
    weights: Path | None = None
    split: Split = Split.VAL
    data: Path | None = None
    format: str = "auto"
    device: str = "auto"
    tta: str = "none"
    only_kept: bool = False


class EvaluationStep(msgspec.Struct, frozen=True, tag=True):
    """Progress: `done` of `total` pictures are scored."""

    done: int
    total: int


class EvaluationReady(msgspec.Struct, frozen=True, tag=True):
    """The evaluation is kept under this key, which no other has."""

    key: str


class EvaluationMissing(msgspec.Struct, frozen=True, tag=True):
    """None is kept, or labels or weights have changed since."""


class EvaluationFailed(msgspec.Struct, frozen=True, tag=True):
    message: str


EvaluationMessage = EvaluationStep | EvaluationReady | EvaluationMissing | EvaluationFailed
"""Messages of `core.evaluation.kept.evaluation_worker`; all but EvaluationStep are the last one."""
