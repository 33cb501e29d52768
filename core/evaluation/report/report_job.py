"""The job and the messages of the process that writes a report. Does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.project.records import Split


@dataclass(frozen=True, slots=True)
class ReportJob:
    """home: of the project; out: the HTML file; runs: their numbers, in the order of the page; split: to evaluate on"""

    home: Path
    out: Path
    runs: tuple[int, ...]
    split: Split = Split.VAL
    device: str = "auto"


class ReportStep(msgspec.Struct, frozen=True, tag=True):
    """Progress: `done` of `total` pictures of a run are evaluated."""

    run_id: int
    done: int
    total: int


class ReportReady(msgspec.Struct, frozen=True, tag=True):
    """problems: a sentence for each picture that could not be scored."""

    problems: tuple[str, ...]


class ReportFailed(msgspec.Struct, frozen=True, tag=True):
    message: str


ReportMessage = ReportStep | ReportReady | ReportFailed
"""Messages of `core.evaluation.report.report_worker`; the last one is ReportReady or ReportFailed."""
