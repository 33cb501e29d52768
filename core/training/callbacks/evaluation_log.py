"""Logs with a row or line for each evaluation: CSV, and lines of JSON."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from core.base.errors import TrainingError
from core.labels.confusion_scores import MEAN_SCORES
from core.training.callbacks.callback import Callback, EvaluationRecord

COLUMNS = (
    "run",
    "step",
    "epoch",
    "seconds",
    "split",
    "pictures",
    "published",
    "loss",
    "learning_rate",
    "pictures_per_second",
    "val_loss",
)


class CsvLog(Callback):
    """A row for each evaluation: COLUMNS, all means, and the IoU of each class, empty where it was not measured.

    classes: names, in the order of the columns. A file that exists is continued if it has these columns.
    """

    def __init__(self, path: Path, classes: Sequence[str]) -> None:
        self.title = f"The log {path.name}"
        self._path, self._classes = path, classes
        self._header = _csv_line([*COLUMNS, *MEAN_SCORES, *(f"iou {name}" for name in classes)])

    def on_evaluated(self, network: nn.Module, record: EvaluationRecord) -> None:
        del network
        scores = [record.scores.get(name) for name in MEAN_SCORES]
        row = [*(getattr(record, name) for name in COLUMNS), *scores, *map(record.iou.get, self._classes)]
        append_text(self._path, _csv_line(row), header=self._header)


class JsonLog(Callback):
    """A line of JSON for each evaluation, an `EvaluationRecord`."""

    def __init__(self, path: Path) -> None:
        self.title = f"The log {path.name}"
        self._path = path

    def on_evaluated(self, network: nn.Module, record: EvaluationRecord) -> None:
        del network
        append_text(self._path, record.to_json() + "\n")


def append_text(path: Path, text: str, *, header: str = "") -> None:
    """Add text to a file, after `header` where it is new. A link is not followed.

    Raises TrainingError when it begins with another header, and OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0) as file:
        expected = header.encode()
        file.seek(0)
        begins = file.read(max(1, len(expected)))
        if begins and not begins.startswith(expected):
            raise TrainingError(f"{path} has columns for other classes. Choose another file")
        file.write((b"" if begins else expected) + text.encode())


def _csv_line(values: Sequence[object]) -> str:
    line = io.StringIO()
    empty = ["" if isinstance(each, float) and math.isnan(each) else each for each in values]
    csv.writer(line).writerow(empty)  # None becomes an empty field
    return line.getvalue()
