"""Validation scores of a network on labelled pictures, at the size of each picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.labels.bootstrap import miou_interval
from core.labels.confusion_scores import MEAN_SCORES, class_iou
from core.labels.score_basis import FEW_PIXELS, ScoreBasis
from core.models.input_tensors import normalise, pad_to_stride
from core.models.tiled_inference import max_pixels_at_once, tiled_logits
from core.training.data.training_set import IGNORE_INDEX, LabelledExample, TrainingSet
from core.training.distributed import ProcessGroup
from core.training.losses import class_weights, segmentation_loss
from core.training.recipe import Recipe
from core.training.scoring.own_size import own_size_confusion


@dataclass(frozen=True, slots=True)
class ValidationScore:
    """Scores on `pictures` pictures.

    matrix: (classes, classes) int64 pixels, rows true, columns predicted, in the order of `TrainingSet.scored_values`
    per_class: IoU by row of the labelled classes, 0 for one that the network does not know
    seconds: time spent, without other work done between two batches; means: all of `MEAN_SCORES`
    by_picture: (pictures, 3, classes) pixels predicted correctly, of the truth, and predicted
    pixels: of all pictures, also those that do not count
    loss: mean over the pictures, None where each is too large for it
    """

    matrix: NDArray[np.int64]
    miou: float
    per_class: dict[int, float]
    pixel_accuracy: float
    pictures: int
    seconds: float
    means: Mapping[str, float] = field(default_factory=dict)
    by_picture: NDArray[np.int64] | None = None
    pixels: int = 0
    loss: float | None = None

    def basis(self, values: Sequence[int]) -> ScoreBasis | None:
        """What the mean rests on; values: class value of each row. Draws pictures anew a thousand times, so it is for
        scores that are told."""
        if self.by_picture is None:
            return None
        counted = self.by_picture[:, 1].sum(0)
        few = {value: int(n) for value, n in zip(values, counted, strict=True) if 0 < n < FEW_PIXELS}
        share = float(counted.sum() / self.pixels)
        return ScoreBasis(self.pictures, share, miou_interval(self.by_picture), few)

    def iou_without(self, rows: Collection[int]) -> Mapping[int, float]:
        """IoU by row, as `per_class`, over the pixels whose true class is none of `rows`."""
        if not rows:
            return self.per_class
        matrix = self.matrix.copy()
        matrix[list(rows)] = 0
        iou = class_iou(matrix)
        return {row: float(iou[row]) for row in self.per_class if row not in rows}

    def mean(self, metric: str) -> float:
        """The score of this name in `MEAN_SCORES`."""
        return self.miou if metric == "miou" else self.means[metric]


class ScoreSum:
    """Adds up the confusion matrices of pictures, and remembers what each contributes."""

    def __init__(self, rows: int, device: str | torch.device, group: ProcessGroup) -> None:
        """rows: of the matrices, those of classes first; group: the processes that share the pictures."""
        self._device, self._group = device, group
        self._total = torch.zeros((rows, rows), dtype=torch.int64, device=device)
        self._by_picture: list[Tensor] = []
        self._pixels = 0
        self._losses = torch.zeros(2, device=device)  # sum and number

    def add_loss(self, loss: Tensor) -> None:
        """The loss of a picture, a scalar."""
        self._losses += torch.stack([loss.detach().float(), self._losses.new_ones(())])

    def add(self, matrix: Tensor, pixels: int) -> None:
        """The (rows, rows) matrix of a picture of `pixels` pixels."""
        self._total += matrix
        self._by_picture.append(torch.stack([matrix.diagonal(), matrix.sum(1), matrix.sum(0)]))
        self._pixels += pixels

    def skip(self, pictures: int) -> None:
        """Pictures that another process adds."""
        self._by_picture += [self._total.new_zeros((3, len(self._total)))] * pictures

    def score(self, classes: int, seconds: float) -> ValidationScore | None:
        """The score of the first `classes` rows; those beyond are wrong predictions only. None without a picture."""
        if not self._by_picture:
            return None
        matrix = self._group.sum(self._total).cpu().numpy()
        counts = self._group.sum(torch.stack(self._by_picture)).cpu().numpy()[:, :, :classes]
        pixels = int(self._group.sum(torch.tensor(self._pixels, device=self._device)))
        loss, with_loss = self._group.sum(self._losses).tolist()
        iou = class_iou(matrix)
        per_class = {row: float(iou[row]) for row in range(classes) if matrix[row].sum()}
        means = {name: mean(matrix) for name, mean in MEAN_SCORES.items()}
        return ValidationScore(
            matrix[:classes, :classes],
            means["miou"],
            per_class,
            means["pixel_accuracy"],
            len(counts),
            seconds,
            means,
            counts,
            pixels,
            loss / with_loss if with_loss else None,
        )


def validation_loss(pictures: TrainingSet, recipe: Recipe) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss that `recipe` trains with, of the logits (C, h, w) and target (h, w) of one whole picture."""
    weights = torch.from_numpy(class_weights(pictures.class_pixel_counts(), recipe.class_weights))
    weights = weights.to(pictures.device)

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        return segmentation_loss(logits[None], target[None].long(), recipe.loss, weights)

    return loss


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
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> ValidationScore | None:
    """Score `model` (in eval mode) on the pictures of a split, at most `limit` of them, divided over the processes.

    `should_abort` is asked between two pictures, of several processes between two batches (and may do other work
    there). None when it says yes, or when nothing in the split is labelled.
    loss: as `validation_loss` returns it
    """
    rows = len(pictures.scored_values)
    total = ScoreSum(rows, pictures.device, group)
    most_pixels = max_pixels_at_once(pictures.device)
    seconds = 0.0
    for number, examples in enumerate(pictures.evaluation_batches(split, limit)):
        if should_abort():
            return None
        if not group.is_local(number):
            total.skip(len(examples))
            continue
        started = time.monotonic()
        with autocast():
            logits = _logits(model, examples, pictures)
        seconds += time.monotonic() - started
        for example, each in zip(examples, logits, strict=True):
            if group.world_size == 1 and should_abort():  # large pictures take a while
                return None
            started = time.monotonic()
            total.add(own_size_confusion(each, example.truth, rows), example.truth.size)
            small = example.target.numel() <= most_pixels
            # Not of a picture whose only labels are of a class that the network does not know: it would count as 0.
            if loss is not None and small and (example.target_array != IGNORE_INDEX).any():
                total.add_loss(loss(each, example.target))
            seconds += time.monotonic() - started
    return total.score(rows, seconds)


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
