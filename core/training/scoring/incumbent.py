"""The network in use when a training begins, which a new network has to beat. Does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Incumbent:
    """folder: of its checkpoint; values: the present class value of each row of its output, 0 where it is gone."""

    run_id: int
    folder: Path
    values: tuple[int, ...]
