"""Scores the network in use on the pictures on which a training scores its own, so that the two can be compared."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.base.errors import ImageError, ModelError
from core.images.image_reader import read_model_input
from core.models.checkpoint import LoadedModel, load_checkpoint
from core.models.inference import predict
from core.training.data.training_set import LabelledExample, TrainingSet
from core.training.distributed import ProcessGroup
from core.training.scoring.incumbent import Incumbent
from core.training.scoring.metrics import confusion_matrix
from core.training.scoring.validation import ValidationScore, score_from_confusion


class IncumbentScorer:
    """Lives on the training thread. The network may have another architecture, input and list of classes: it predicts
    the picture files, and its predictions are compared with the labels that the training is scored on."""

    def __init__(self, incumbent: Incumbent, pictures: TrainingSet, group: ProcessGroup) -> None:
        self.run_id = incumbent.run_id
        self._incumbent, self._pictures, self._group = incumbent, pictures, group
        self._key: object = None
        self._score: ValidationScore | None = None

    def score(self, split: str, limit: int, should_abort: Callable[[], bool]) -> ValidationScore | None:
        """Its score on the pictures of now, measured again when they have changed.

        None when `should_abort`, which is asked between two pictures, said yes. Raises ModelError when its weights
        cannot be read.
        """
        pictures = self._pictures
        key = (split, pictures.validation_key if split == "val" else pictures.training_key)
        if self._key != key:
            self._score = self._measure(split, limit, should_abort)
            self._key = None if self._score is None else key
        return self._score

    def _measure(self, split: str, limit: int, should_abort: Callable[[], bool]) -> ValidationScore | None:
        pictures = self._pictures
        with torch.random.fork_rng(devices=[]):  # the training goes on with the random numbers it had
            loaded = load_checkpoint(self._incumbent.folder, pictures.device)
        table = _row_table(loaded, self._incumbent, pictures.scored_values)
        count = len(pictures.scored_values)
        total = torch.zeros((count + 1, count + 1), dtype=torch.int64)
        scored = 0
        for number, examples in enumerate(pictures.evaluation_batches(split, limit)):
            if should_abort():
                return None
            if not self._group.is_local(number):
                continue
            for example in examples:
                if self._group.world_size == 1 and should_abort():
                    return None
                mask = predict(loaded, _picture(example, loaded), full_size=example.truth.shape[::-1])
                total += confusion_matrix(
                    torch.from_numpy(table[mask.values]), torch.from_numpy(example.truth), count + 1
                )
                scored += 1
        scored = int(self._group.sum(torch.tensor(scored, device=pictures.device)))
        matrix = self._group.sum(total.to(pictures.device)).cpu().numpy()
        return score_from_confusion(matrix, scored, 0.0, count) if scored else None


def _row_table(loaded: LoadedModel, incumbent: Incumbent, values: tuple[int, ...]) -> NDArray[np.uint8]:
    """(256,) uint8: the row of a score for each class value that the network predicts; len(values) for a class that is
    gone, whose predictions count as wrong."""
    if len(incumbent.values) != len(loaded.spec.class_values):
        raise ModelError(f"The weights of run {incumbent.run_id} do not have the classes that were stored.")
    table = np.full(256, len(values), np.uint8)
    for predicted, now in zip(loaded.spec.class_values, incumbent.values, strict=True):
        if now in values:
            table[predicted] = values.index(now)
    return table


def _picture(example: LabelledExample, loaded: LoadedModel) -> NDArray[np.uint8]:
    """(H, W, C) uint8 from the picture's file; as scaled for this training where that cannot be read."""
    if example.entry.source:
        with contextlib.suppress(ImageError):
            return read_model_input(Path(example.entry.source), loaded.spec.channels)
    return np.ascontiguousarray(example.picture.permute(1, 2, 0).cpu().numpy())
