"""The base of all callbacks, and the record of one evaluation that they get."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.models.tiled_inference import max_pixels_at_once, tiled_logits
from core.training.data.training_set import LabelledExample, TrainingSet
from core.training.events import TrainingEvent


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """One evaluation. Field names are those of a line of `log.jsonl`, and of what a command reads.

    run: name of the run's folder, its number; epoch: passes over the labelled pictures; pictures: that were scored
    loss, learning_rate, pictures_per_second: of the last second of training, None before the first step
    published: whether these weights were kept; they are then in `folder`
    scores: all means, 0..1; iou: by name of the class; val_loss: the recipe's loss on val, where it was measured
    """

    run: str
    step: int
    epoch: float
    seconds: float
    split: str
    pictures: int
    loss: float | None
    learning_rate: float | None
    pictures_per_second: float | None
    published: bool
    scores: Mapping[str, float]
    iou: Mapping[str, float]
    folder: str
    val_loss: float | None = None

    def to_json(self) -> str:
        """One line, without a line end; null for a score that cannot be computed."""
        return json.dumps(_finite(asdict(self)), ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Callback:
    """Listens to one training, on its thread. What a method raises ends the callback, not the training."""

    title = ""
    """Of the callback, for sentences."""
    should_abort: Callable[[], bool] = staticmethod(lambda: False)
    """Asked between two pictures by a callback that predicts some; it may do other work there."""

    def on_start(self, network: nn.Module, pictures: TrainingSet, note: Callable[[str], None]) -> None:
        """Before the first step. network: that will be evaluated, in eval mode; note: tells the person a sentence"""

    def on_event(self, event: TrainingEvent) -> None: ...

    def on_evaluated(self, network: nn.Module, record: EvaluationRecord) -> None:
        """After an evaluation. network: the one that was scored, in eval mode"""

    def close(self) -> None:
        """At the end, however the training ended."""


@torch.inference_mode()
def predict_rows(network: nn.Module, example: LabelledExample, pictures: TrainingSet) -> NDArray[np.uint8]:
    """(h, w) uint8 rows of the network's output, at the size of its input."""
    limit = max_pixels_at_once(pictures.device)
    pieces = tiled_logits(network, example.picture, pictures.device, limit, pictures.statistics)
    rows: NDArray[np.uint8] = torch.cat([piece.argmax(0) for piece in pieces]).to(torch.uint8).cpu().numpy()
    return rows
