"""When a network is looked at, and whether it becomes the one that is used."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from core.base.errors import TrainingError
from core.models.checkpoint import all_finite, save_checkpoint
from core.models.spec import ModelSpec
from core.training.data.dataset import TrainingSet
from core.training.distributed import ProcessGroup
from core.training.events import CheckpointPublished, ModelEvaluated, TrainingEvent, TrainingNote
from core.training.progress import DIVERGED_TEXT
from core.training.recipe import Recipe
from core.training.validation import ValidationScore, validate

FIRST_EVALUATION_SECONDS, MAX_INTERVAL_SECONDS, INTERVAL_GROWTH = 6.0, 15.0, 1.3
"""Seconds to the first look, the longest time between two, and how the time between grows."""
EVALUATION_DELAY_AFTER_UPDATE = 4.0
"""Seconds after new labels came: the person who painted them is waiting for an answer."""
RETRY_SECONDS = 1.0
"""Seconds after a look that found its pictures replaced meanwhile."""
MAX_EVALUATION_SHARE = 0.12
"""Of the time, what looking may cost; with many validation pictures the looks become rarer."""
MIOU_TOLERANCE_AFTER_UPDATE = 0.01
"""IoU that may be lost once when labels changed: the answer has to know them, and scores wobble by as much."""
KNOWN_CLASS_IOU = 0.2
"""IoU from which on a class counts as known, and is guarded."""
CLASS_TOLERANCE, CLASS_TOLERANCE_AFTER_UPDATE = 0.01, 0.05
"""IoU that a known class may lose against the network that the training began with; docs/adr/0011 has the reasons."""
INTERPOLATION_SHARES = (0.5, 0.25)
"""Where between the best weights and those of now to look when those of now lose something; docs/adr/0016."""
MAX_VALIDATION_PICTURES = 256
"""Validation pictures in one look; a spread choice of more changes nothing but the time."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the network that a training began with reached on the val pictures of now: mean, and IoU by row of the
    classes that it knows."""

    miou: float
    known_iou: Mapping[int, float]

    @classmethod
    def from_score(cls, score: ValidationScore) -> Baseline:
        return cls(score.miou, {row: iou for row, iou in score.per_class.items() if iou >= KNOWN_CLASS_IOU})

    def largest_class_loss(self, found: ValidationScore) -> float:
        """The most that a known class would lose; below 0 when all gain."""
        return max((iou - found.per_class.get(row, iou) for row, iou in self.known_iou.items()), default=0.0)

    def allowed_class_loss(self, found: ValidationScore, *, after_update: bool) -> float:
        """The most that a known class may lose: little, or as much as the mean gains."""
        return max(CLASS_TOLERANCE_AFTER_UPDATE if after_update else CLASS_TOLERANCE, found.miou - self.miou)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a look came to: the score that counts, whether it is good enough, the seconds that scoring took, and the
    weights that were put aside where the model now holds a mixture."""

    found: ValidationScore
    good: bool
    cost: float
    aside: Mapping[str, Tensor] | None = None


class CheckpointSelector:
    """Scores the averaged weights now and then and publishes them when they are the best yet.

    Best on the same validation pictures: when those change, the best so far is scored again on the new ones. The
    starting weights (`base`) take part, so that a training never replaces a good network by a worse one, and none
    of their known classes may lose more than it is allowed, unless the mean gains as much. Weights that lose
    something are met part of the way: a mixture of them and the best often has the gain without the loss (WiSE-FT,
    Wortsman and others 2022, arXiv 2109.01903). Without validation pictures every look publishes. Lives on the
    training thread.
    """

    def __init__(
        self,
        folder: Path,
        spec: ModelSpec,
        recipe: Recipe,
        pictures: TrainingSet,
        *,
        on_event: Callable[[TrainingEvent], None],
        autocast: Callable[[], AbstractContextManager[object]],
        should_abort: Callable[[], bool],
        group: ProcessGroup,
    ) -> None:
        self._folder, self._spec, self._recipe, self._pictures = folder, spec, recipe, pictures
        self._on_event, self._autocast, self._give_up = on_event, autocast, should_abort
        self._together = group
        self._members: frozenset[tuple[int, str]] = frozenset()
        self._best_weights: dict[str, Tensor] | None = None
        self._news = False
        self._gap = FIRST_EVALUATION_SECONDS
        self._next = FIRST_EVALUATION_SECONDS
        self.best_miou: float | None = None
        self.evaluation_seconds = 0.0
        self.published = False
        self.evaluations_without_gain = 0
        self.rejected_class_loss = (
            0.0  # what a class would have lost in a better network that was not published
        )
        self._floor = Baseline(0.0, {})

    def is_due(self, seconds: float) -> bool:
        """Is it time for a look, `seconds` into the training?"""
        return seconds >= self._next

    def on_label_update(self, seconds: float) -> None:
        """Labels changed: look soon."""
        self._news = True
        self.evaluations_without_gain = 0
        self._gap = FIRST_EVALUATION_SECONDS
        self._next = min(self._next, seconds + EVALUATION_DELAY_AFTER_UPDATE)

    def evaluate_final(
        self, model: nn.Module, step: int, seconds: float, should_abort: Callable[[], bool] = lambda: False
    ) -> None:
        """The training is over, and this is what remains of it."""
        self._give_up = should_abort
        self.evaluate(model, step, seconds)

    def report_rejected(self) -> None:
        """At the end: whether a network that is better in the mean was not published for the sake of one class."""
        if self.rejected_class_loss and not self.published:
            self._on_event(
                TrainingNote(
                    f"A better network was not used, because one class would have lost {self.rejected_class_loss:.0%} of IoU. "
                    "Label more of what it mistakes, in val pictures too."
                )
            )

    def evaluate_base(self, model: nn.Module, seconds: float) -> None:
        """Score the starting weights, the ones to beat. Emits nothing: they were published before."""
        self._best_weights = _copied(model)
        self._rescore_best(model)
        if self._pictures.has_fresh:
            self.on_label_update(seconds)

    def evaluate(self, model: nn.Module, step: int, seconds: float) -> None:
        """Score `model` (in eval mode), tell, and publish it when it is the best. Raises ModelError when the disk
        refuses, TrainingError when the weights are no numbers any more."""
        if not all_finite(model.state_dict().values()):
            raise TrainingError(DIVERGED_TEXT)
        if self._members != self._pictures.validation_key and not self._rescore_best(model):
            self._next = seconds + RETRY_SECONDS
            return
        split = "val" if self._members else "train"
        found = self._score(model, split)
        if found is None:
            self._next = seconds + RETRY_SECONDS
            return
        verdict = self._verdict(model, found, split)
        self._plan(seconds, verdict.cost)
        self._on_event(self._evaluated(verdict.found, split, step, seconds))
        self.evaluations_without_gain = 0 if verdict.good else self.evaluations_without_gain + 1
        if verdict.good:
            self._publish(model, verdict.found, step, seconds, measured=bool(self._members))
        if verdict.aside is not None:
            model.load_state_dict(verdict.aside)

    def _verdict(self, model: nn.Module, found: ValidationScore, split: str) -> _Verdict:
        """Whether `model`, or what lies part of the way to it, is to be published; `model` then holds what is meant."""
        behind, cost = MIOU_TOLERANCE_AFTER_UPDATE if self._news else 0.0, found.seconds
        if not self._members or self._is_better(found, CLASS_TOLERANCE, behind):
            return _Verdict(found, True, cost)
        if self._best_weights is not None:
            now = _copied(model)
            for share in INTERPOLATION_SHARES:
                _put_between(model, self._best_weights, now, share)
                met = self._score(model, split)
                cost += met.seconds if met else 0.0
                if met and self._is_better(met, CLASS_TOLERANCE):
                    return _Verdict(met, True, cost, aside=now)
            model.load_state_dict(now)
        allowed = self._floor.allowed_class_loss(found, after_update=self._news)
        return _Verdict(found, self._is_better(found, allowed, behind), cost)

    def _is_better(self, found: ValidationScore, tolerated: float, behind: float = 0.0) -> bool:
        """Better in the mean, or no more than so much `behind`, and no known class loses more than is `tolerated`."""
        if math.isnan(found.miou) or (self.best_miou is not None and found.miou <= self.best_miou - behind):
            return False
        loss = self._floor.largest_class_loss(found)
        if loss > tolerated:
            self.rejected_class_loss = loss
        return loss <= tolerated

    def _publish(
        self, model: nn.Module, found: ValidationScore, step: int, seconds: float, *, measured: bool
    ) -> None:
        values = self._spec.class_values
        card: dict[str, Any] = {
            "step": step,
            "seconds": round(seconds, 1),
            "miou": found.miou if measured else None,
            "per_class": {str(values[row]): iou for row, iou in found.per_class.items()} if measured else {},
            "recipe": self._recipe.to_json(),
            "seen": {str(number): digest for number, digest in self._pictures.label_digests.items()},
        }
        if self._together.is_rank_zero:
            save_checkpoint(self._folder, model, self._spec, card)
        self._news = False
        self.published, self.rejected_class_loss = True, 0.0
        if not measured or self.best_miou is None or found.miou > self.best_miou:
            # Weights that came through by the tolerance do not lower the bar: it would sink with every label.
            self._best_weights = _copied(model)
            self.best_miou = found.miou if measured else None
        self._on_event(CheckpointPublished(step, found.miou if measured else None, str(self._folder)))

    def _rescore_best(self, model: nn.Module) -> bool:
        """Bring `best` up to the validation pictures of now, with the best weights lent to `model` for a moment.
        False when it could not be done and has to be done again: a score without a rival must not win."""
        members = self._pictures.validation_key
        best, floor = None, Baseline(0.0, {})
        if self._best_weights is not None and members:
            now = _copied(model)
            model.load_state_dict(self._best_weights)
            found = self._score(model, "val")
            model.load_state_dict(now)
            if found is None:
                return False
            if not math.isnan(found.miou):
                best, floor, self.evaluation_seconds = found.miou, Baseline.from_score(found), found.seconds
        self._members, self.best_miou, self._floor = members, best, floor
        return True

    def _score(self, model: nn.Module, split: str) -> ValidationScore | None:
        most = MAX_VALIDATION_PICTURES if split == "val" else 16
        return validate(
            model,
            self._pictures,
            len(self._spec.class_values),
            split=split,
            limit=most,
            autocast=self._autocast,
            should_abort=self._give_up,
            group=self._together,
        )

    def _plan(self, seconds: float, cost: float) -> None:
        self.evaluation_seconds = cost
        self._gap = min(
            self._gap * INTERVAL_GROWTH, MAX_INTERVAL_SECONDS if self._members else 4 * MAX_INTERVAL_SECONDS
        )
        self._next = seconds + max(self._gap, self.evaluation_seconds / MAX_EVALUATION_SHARE)

    def _evaluated(self, found: ValidationScore, split: str, step: int, seconds: float) -> ModelEvaluated:
        values = self._spec.class_values
        return ModelEvaluated(
            step=step,
            seconds=seconds,
            miou=found.miou,
            per_class={values[row]: iou for row, iou in found.per_class.items()},
            pixel_accuracy=found.pixel_accuracy,
            confusion=tuple(tuple(int(n) for n in line) for line in found.matrix),
            labelled_pictures=found.pictures,
            split=split,
        )


def _copied(model: nn.Module) -> dict[str, Tensor]:
    return copy.deepcopy(model.state_dict())


def _put_between(
    model: nn.Module, start: Mapping[str, Tensor], end: Mapping[str, Tensor], share: float
) -> None:
    """Give `model` the weights so much of the way from one state of it to another; counters are those of the end."""
    for name, tensor in model.state_dict().items():
        there = end[name]
        tensor.copy_(start[name].lerp(there, share) if there.is_floating_point() else there)
