"""Validation scores of a network on labelled pictures, scaled to the size of its input."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.models.input_tensors import normalise, pad_to_stride
from core.training.data.training_set import TrainingSet
from core.training.distributed import ProcessGroup
from core.training.metrics import confusion_matrix, iou_from_confusion, mean_iou, pixel_accuracy


@dataclass(frozen=True, slots=True)
class ValidationScore:
    """Scores on `pictures` pictures.

    matrix: (classes, classes) int64 pixels, rows true, columns predicted; per_class: IoU by row of the labelled classes
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
    class_count: int,
    *,
    split: str,
    limit: int | None = None,
    autocast: Callable[[], AbstractContextManager[object]],
    should_abort: Callable[[], bool],
    group: ProcessGroup,
) -> ValidationScore | None:
    """Score `model` (in eval mode) on the pictures of a split, at most `limit` of them, divided over the processes.

    `should_abort` is asked between two batches (and may do other work there). None when it says yes, or when nothing
    in the split is labelled.
    """
    total = torch.zeros((class_count, class_count), dtype=torch.int64, device=pictures.device)
    count, seconds = 0, 0.0
    for number, examples in enumerate(pictures.evaluation_batches(split, limit)):
        if should_abort():
            return None
        if not group.is_local(number):
            continue
        started = time.monotonic()
        batch = pad_to_stride(
            normalise(torch.stack([example.picture for example in examples]), pictures.statistics)
        )
        truth = torch.stack([example.target for example in examples])
        with autocast():
            logits = model(batch.contiguous(memory_format=torch.channels_last))
        rows = logits[:, :, : truth.shape[1], : truth.shape[2]].argmax(1)
        total += confusion_matrix(rows, truth, class_count)
        count += len(examples)
        seconds += time.monotonic() - started
    count = int(group.sum(torch.tensor(count, device=pictures.device)))
    if not count:
        return None
    matrix = group.sum(total).cpu().numpy()
    iou = iou_from_confusion(matrix)
    per_class = {row: float(iou[row]) for row in range(class_count) if matrix[row].sum()}
    return ValidationScore(matrix, mean_iou(matrix), per_class, pixel_accuracy(matrix), count, seconds)
