"""Scores the network in use on the pictures on which a training scores its own, so that the two can be compared."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.base.errors import ImageError, ModelError
from core.images.image_reader import read_model_input
from core.models.checkpoint import LoadedModel, load_checkpoint
from core.models.inference import predict
from core.training.data.training_set import LabelledExample, TrainingSet
from core.training.distributed import ProcessGroup
from core.training.scoring.incumbent import Incumbent
from core.training.scoring.metrics import confusion_matrix
from core.training.scoring.validation import ScoreSum, ValidationScore

MIN_PICTURES = 16
"""Pictures that are predicted whatever time it takes: fewer would not tell two networks apart."""


class IncumbentScorer:
    """Lives on the training thread. The network may have another architecture, input and list of classes: it predicts
    the picture files, and its predictions are compared with the labels that the training is scored on."""

    def __init__(self, incumbent: Incumbent, pictures: TrainingSet, group: ProcessGroup) -> None:
        self.run_id = incumbent.run_id
        self.seconds = 0.0
        """Spent on predictions so far."""
        self._incumbent, self._pictures, self._group = incumbent, pictures, group
        self._key: object = None
        self._score: ValidationScore | None = None
        self._confusion: dict[tuple[int, str], Tensor] = {}  # sparse, by (id, digest of the label)
        self._values: tuple[int, ...] = ()
        self._predicted, self._affordable = 0, 0

    def score(
        self, split: str, limit: int, allowed_seconds: float, should_abort: Callable[[], bool]
    ) -> ValidationScore | None:
        """Its score on the pictures of now; those whose labels have changed are predicted again.

        On at most `limit` pictures, evenly spread, and on fewer where all predictions of this training would take more
        than `allowed_seconds`, but on `MIN_PICTURES` at the least: `pictures` of the answer says on how many. None when
        `should_abort`, asked between two pictures, said yes. Raises ModelError when its weights cannot be read.
        """
        pictures = self._pictures
        key = (split, pictures.validation_key if split == "val" else pictures.training_key)
        if self._key != key:
            self._score = self._measure(split, limit, allowed_seconds, should_abort)
            self._key = None if self._score is None else key
        return self._score

    def _measure(
        self, split: str, limit: int, allowed_seconds: float, should_abort: Callable[[], bool]
    ) -> ValidationScore | None:
        with torch.random.fork_rng(devices=[]):  # the training goes on with the random numbers it had
            loaded = load_checkpoint(self._incumbent.folder, self._pictures.device)
        if self._values != self._pictures.scored_values:
            self._values = self._pictures.scored_values
            self._confusion.clear()
        first = None
        if limit <= MIN_PICTURES or not self._affordable:
            first = self._measure_on(loaded, split, min(limit, MIN_PICTURES), should_abort)
            if first is None or limit <= MIN_PICTURES:
                return first
        each = self.seconds / max(1, self._predicted)
        more = limit if each * limit <= allowed_seconds else int((allowed_seconds - self.seconds) / each)
        self._affordable = int(self._group.rank_zero_value(max(self._affordable, MIN_PICTURES, more)))
        if first is not None and self._affordable == MIN_PICTURES:
            return first
        return self._measure_on(loaded, split, min(limit, self._affordable), should_abort)

    def _measure_on(
        self, loaded: LoadedModel, split: str, limit: int, should_abort: Callable[[], bool]
    ) -> ValidationScore | None:
        count = len(self._values)
        table = _row_table(loaded, self._incumbent, self._values)
        total = ScoreSum(count + 1, self._pictures.device, self._group)
        for number, examples in enumerate(self._pictures.evaluation_batches(split, limit)):
            if should_abort():
                return None
            if not self._group.is_local(number):
                total.skip(len(examples))
                continue
            for example in examples:
                if self._group.world_size == 1 and should_abort():
                    return None
                matrix = self._confusion_of(example, loaded, table).to_dense()
                total.add(matrix.to(self._pictures.device), example.truth.size)
        return total.score(count, 0.0)

    def _confusion_of(
        self, example: LabelledExample, loaded: LoadedModel, table: NDArray[np.uint8]
    ) -> Tensor:
        key = (example.entry.picture_id, example.entry.digest)
        found = self._confusion.get(key)
        if found is None:
            started = time.monotonic()
            mask = predict(loaded, _picture(example, loaded), full_size=example.truth.shape[::-1])
            predicted, truth = torch.from_numpy(table[mask.values]), torch.from_numpy(example.truth)
            found = self._confusion[key] = confusion_matrix(
                predicted, truth, len(self._values) + 1
            ).to_sparse()
            self.seconds += time.monotonic() - started
            self._predicted += 1
        return found


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
