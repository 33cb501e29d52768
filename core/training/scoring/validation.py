"""Validation scores of a network on labelled pictures, at the size of each picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.labels.confusion_scores import class_iou, mean_iou, pixel_accuracy
from core.models.input_tensors import normalise, pad_to_stride
from core.models.tiled_inference import max_pixels_at_once, tiled_logits
from core.training.data.training_set import LabelledExample, TrainingSet
from core.training.distributed import ProcessGroup
from core.training.scoring.own_size import own_size_confusion


@dataclass(frozen=True, slots=True)
class ValidationScore:
    """Scores on `pictures` pictures.

    matrix: (classes, classes) int64 pixels, rows true, columns predicted, in the order of `TrainingSet.scored_values`
    per_class: IoU by row of the labelled classes, 0 for one that the network does not know
    seconds: time spent, without other work done between two batches
    """

    matrix: NDArray[np.int64]
    miou: float
    per_class: dict[int, float]
    pixel_accuracy: float
    pictures: int
    seconds: float


@torch.no_grad()
def validate(
    model: nn.Module,
    pictures: TrainingSet,
    *,
    split: str,
    limit: int | None = None,
    autocast: Callable[[], AbstractContextManager[object]],
    should_abort: Callable[[], bool],
    group: ProcessGroup,
) -> ValidationScore | None:
    """Score `model` (in eval mode) on the pictures of a split, at most `limit` of them, divided over the processes.

    `should_abort` is asked between two pictures, of several processes between two batches (and may do other work
    there). None when it says yes, or when nothing in the split is labelled.
    """
    rows = len(pictures.scored_values)
    total = torch.zeros((rows, rows), dtype=torch.int64, device=pictures.device)
    count, seconds = 0, 0.0
    for number, examples in enumerate(pictures.evaluation_batches(split, limit)):
        if should_abort():
            return None
        if not group.is_local(number):
            continue
        started = time.monotonic()
        with autocast():
            logits = _logits(model, examples, pictures)
        seconds += time.monotonic() - started
        for example, each in zip(examples, logits, strict=True):
            if group.world_size == 1 and should_abort():  # large pictures take a while
                return None
            started = time.monotonic()
            total += own_size_confusion(each, example.truth, rows)
            count += 1
            seconds += time.monotonic() - started
    count = int(group.sum(torch.tensor(count, device=pictures.device)))
    if not count:
        return None
    return score_from_confusion(group.sum(total).cpu().numpy(), count, seconds, rows)


def score_from_confusion(
    matrix: NDArray[np.int64], pictures: int, seconds: float, rows: int
) -> ValidationScore:
    """The score from a confusion matrix of at least `rows` classes; those beyond count as wrong predictions only."""
    iou = class_iou(matrix)
    per_class = {row: float(iou[row]) for row in range(rows) if matrix[row].sum()}
    return ValidationScore(
        matrix[:rows, :rows], mean_iou(matrix), per_class, pixel_accuracy(matrix), pictures, seconds
    )


def _logits(
    model: nn.Module, examples: list[LabelledExample], pictures: TrainingSet
) -> Tensor | list[Tensor]:
    """Of each example (C, h, w), in tiles where the pictures are too large for one pass."""
    height, width = examples[0].target.shape
    limit = max_pixels_at_once(pictures.device)
    if height * width > limit:
        return [
            torch.cat(list(tiled_logits(model, each.picture, pictures.device, limit, pictures.statistics)), 1)
            for each in examples
        ]
    batch = pad_to_stride(normalise(torch.stack([each.picture for each in examples]), pictures.statistics))
    logits: Tensor = model(batch.contiguous(memory_format=torch.channels_last))
    return logits[:, :, :height, :width]
