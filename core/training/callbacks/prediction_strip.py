"""Stores what each published checkpoint predicts in a few pictures, for the epoch strip of the window."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain, islice
from pathlib import Path

import numpy as np
from torch import nn

from core.labels.prediction_history import MAX_PICTURES, PredictionHistory, PublishedCheckpoint
from core.models.spec import ModelSpec
from core.training.callbacks.callback import Callback, EvaluationRecord, predict_rows
from core.training.data.training_set import LabelledExample, TrainingSet

MAX_PIXELS = 4_000_000
"""Of large pictures fewer are predicted: as many as have this many pixels, but MIN_PICTURES."""
MIN_PICTURES = 4


class PredictionStrip(Callback):
    """The same val pictures each time, evenly spread; those of train where there are none."""

    title = "The epoch strip"

    def __init__(self, run_folder: Path, spec: ModelSpec) -> None:
        self._history = PredictionHistory(run_folder)
        self._values = np.zeros(256, np.uint8)
        self._values[: len(spec.class_values)] = spec.class_values

    def on_start(self, _network: nn.Module, pictures: TrainingSet, _note: Callable[[str], None]) -> None:
        self._pictures = pictures

    def on_evaluated(self, network: nn.Module, record: EvaluationRecord) -> None:
        if not record.published:
            return
        predicted = {}
        for each in self._examples(record.split):
            if self.should_abort():
                return
            predicted[each.entry.picture_id] = self._values[predict_rows(network, each, self._pictures)]
        miou = record.scores.get("miou", math.nan) if record.split == "val" else math.nan
        self._history.add(PublishedCheckpoint(record.step, record.seconds, record.epoch, miou), predicted)

    def _examples(self, split: str) -> list[LabelledExample]:
        batches = self._pictures.evaluation_batches(split, MAX_PICTURES)
        found = list(islice(chain.from_iterable(batches), MAX_PICTURES))
        pixels = max((each.target_array.size for each in found), default=1)
        count = max(MIN_PICTURES, MAX_PIXELS // pixels)
        chosen = np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)
        return [found[at] for at in chosen]
