"""When a training evaluates its network, and whether the result becomes the published checkpoint."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from core.base.errors import ModelError, TrainingError
from core.base.number_text import percent_text
from core.labels.confusion_scores import METRIC_TITLES
from core.models.checkpoint import all_finite, save_checkpoint
from core.models.spec import ModelSpec
from core.training.data.training_set import TrainingSet
from core.training.distributed import ProcessGroup
from core.training.events import (
    CheckpointPublished,
    InUseScored,
    ModelEvaluated,
    TrainingEvent,
    TrainingNote,
)
from core.training.progress_reporter import DIVERGED_TEXT
from core.training.recipe import Recipe
from core.training.scoring.incumbent_scorer import IncumbentScorer
from core.training.scoring.validation import ValidationScore, validate, validation_loss

FIRST_EVALUATION_SECONDS, MAX_INTERVAL_SECONDS, INTERVAL_GROWTH = 6.0, 15.0, 1.3
"""Seconds to the first evaluation, longest interval between two, and growth of the interval."""
EVALUATION_DELAY_AFTER_UPDATE = 4.0
"""Seconds to the next evaluation after labels have changed: the user waits for new predictions."""
RETRY_SECONDS = 1.0
"""Seconds to the next attempt after an evaluation whose pictures were replaced meanwhile."""
MAX_EVALUATION_SHARE = 0.12
"""Share of the time for evaluations; with many validation pictures they become rarer."""
MIOU_TOLERANCE_AFTER_UPDATE = 0.01
"""Loss of mean IoU allowed once after labels have changed: new labels must be used soon, and scores vary by as much."""
KNOWN_CLASS_IOU = 0.2
"""IoU from which on a class counts as known and is guarded."""
CLASS_TOLERANCE, CLASS_TOLERANCE_AFTER_UPDATE = 0.01, 0.05
"""Loss of IoU allowed to a known class against the starting weights; docs/adr/0011 has the reasons."""
INTERPOLATION_SHARES = (0.5, 0.25)
"""Interpolations between the best and the current weights that are tried when those lose something; docs/adr/0016."""
MAX_VALIDATION_PICTURES, MAX_TRAINING_PICTURES = 256, 16
"""Pictures in one evaluation, evenly spread over the split; more only take longer."""
MIN_VALIDATION_PICTURES, MAX_VALIDATION_PIXELS = 16, 600_000_000
"""Of large pictures fewer are evaluated: as many as have this many pixels, a quarter of a minute's work, but some."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Scores of the starting weights on the current val pictures.

    known_iou: by row, of the known classes only; unknown: rows of which no pixel was predicted rightly, such as a new
    class. Their pixels are left out of `known_iou`: a known class that was predicted there gains when the new class is
    learned, which would hide what it loses on its own pixels.
    """

    miou: float
    known_iou: Mapping[int, float]
    unknown: frozenset[int] = frozenset()

    @classmethod
    def from_score(cls, score: ValidationScore) -> Baseline:
        unknown = frozenset(row for row in score.per_class if not score.matrix[row, row])
        known = {row: iou for row, iou in score.iou_without(unknown).items() if iou >= KNOWN_CLASS_IOU}
        return cls(score.miou, known, unknown)

    def largest_class_loss(self, score: ValidationScore) -> float:
        """Largest loss of IoU of a known class; negative when all gain."""
        now = score.iou_without(self.unknown)
        return max((iou - now.get(row, iou) for row, iou in self.known_iou.items()), default=0.0)

    def allowed_class_loss(self, score: ValidationScore, *, after_update: bool) -> float:
        """Loss of IoU allowed to a known class: a small tolerance, or as much as the mean gains."""
        return max(CLASS_TOLERANCE_AFTER_UPDATE if after_update else CLASS_TOLERANCE, score.miou - self.miou)


@dataclass(frozen=True, slots=True)
class _Decision:
    """seconds: of all scoring; current_weights: to be restored where the model now holds interpolated ones."""

    score: ValidationScore
    accepted: bool
    seconds: float
    current_weights: Mapping[str, Tensor] | None = None


class CheckpointSelector:
    """Evaluates the averaged weights at intervals and publishes them when they are the best so far.

    Scores are compared on the same validation pictures: when those change, the best weights are scored again. The
    starting weights take part, so that a training never replaces a good network by a worse one, and no class they
    know may lose more than a tolerance, unless the mean gains as much. When the current weights lose something,
    interpolations between them and the best are tried: these often have the gain without the loss (WiSE-FT, Wortsman
    and others 2022, arXiv 2109.01903). Without validation pictures every evaluation publishes. Lives on the training
    thread.

    A training that did not start from the network in use has that as its `incumbent`: what it publishes is used only
    once it scores better on the same pictures, without validation pictures on those that were trained on.

    recipe: stored with each checkpoint; evaluation_seconds: of the last evaluation
    rejected_class_loss: IoU that a class would have lost in a better network that was not published
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
        incumbent: IncumbentScorer | None = None,
        on_evaluated: Callable[[nn.Module, ModelEvaluated, bool], None] = lambda *_: None,
    ) -> None:
        """on_evaluated: called after an evaluation with the network that was scored, and whether it was published"""
        self._folder, self._spec, self.recipe, self._pictures = folder, spec, recipe, pictures
        self._on_event, self._autocast, self._should_abort = on_event, autocast, should_abort
        self._on_evaluated = on_evaluated
        self._group = group
        self._incumbent = incumbent
        self._kept_incumbent = ""
        self._incumbent_seconds = 0.0  # of scoring it since the last evaluation was scheduled
        self._validation_key: frozenset[tuple[int, str]] = frozenset()
        self._best_weights: dict[str, Tensor] | None = None
        self._baseline = Baseline(0.0, {})
        self._labels_changed = False
        self._interval = FIRST_EVALUATION_SECONDS
        self._next = FIRST_EVALUATION_SECONDS
        self._best_value: float | None = None
        self.best_miou: float | None = None
        self.evaluation_seconds = 0.0
        self.published = False
        self.evaluations_without_gain = 0
        self.rejected_class_loss = 0.0

    def is_due(self, seconds: float) -> bool:
        """Whether it is time for an evaluation, `seconds` into the training."""
        return seconds >= self._next

    def on_label_update(self, seconds: float) -> None:
        """Labels have changed: evaluate soon."""
        self._labels_changed = True
        self.evaluations_without_gain = 0
        self._interval = FIRST_EVALUATION_SECONDS
        self._next = min(self._next, seconds + EVALUATION_DELAY_AFTER_UPDATE)

    def evaluate_base(self, model: nn.Module, seconds: float) -> None:
        """Score the starting weights, the ones to beat, which were published before."""
        self._best_weights = _copy_weights(model)
        self._rescore_best(model, seconds=seconds)
        if self._pictures.has_fresh:
            self.on_label_update(seconds)

    def evaluate(self, model: nn.Module, step: int, seconds: float) -> None:
        """Score `model` (in eval mode), emit the result, publish the model when it is the best.

        Raises ModelError when the disk refuses, TrainingError when the weights are not finite.
        """
        if not all_finite(model.state_dict().values()):
            raise TrainingError(DIVERGED_TEXT)
        if self._validation_key != self._pictures.validation_key and not self._rescore_best(
            model, step, seconds
        ):
            self._next = seconds + RETRY_SECONDS
            return
        split = "val" if self._validation_key else "train"
        score = self._score(model, split)
        if score is None:
            self._next = seconds + RETRY_SECONDS
            return
        decision = self._decide(model, score, split)
        self._on_event(event := self._evaluated(decision.score, split, step, seconds))
        self.evaluations_without_gain = 0 if decision.accepted else self.evaluations_without_gain + 1
        if decision.accepted:
            self._publish(model, decision.score, step, seconds, split)
        self._tell(model, event, decision.accepted, seconds, decision.seconds)
        if decision.current_weights is not None:
            model.load_state_dict(decision.current_weights)

    def _tell(
        self, model: nn.Module, event: ModelEvaluated, published: bool, seconds: float, spent: float
    ) -> None:
        """Tell the callbacks, and schedule the next evaluation by what this one took, them included."""
        started = time.monotonic()
        self._on_evaluated(model, event, published)
        self._schedule_next(seconds, spent + time.monotonic() - started)
        self._next += self._incumbent_seconds / MAX_EVALUATION_SHARE
        self._incumbent_seconds = 0.0

    @property
    def accepts_candidates(self) -> bool:
        """Whether `evaluate_candidate` can publish: without val pictures nothing says that a network is better than
        what was published before."""
        return bool(self._pictures.validation_key) or self._best_weights is None

    def evaluate_candidate(self, model: nn.Module, step: int, seconds: float) -> bool:
        """Score a network that was not trained from the best one; emit the result and publish only when it is better.

        Returns whether it was published. Raises ModelError when the disk refuses.
        """
        if self._validation_key != self._pictures.validation_key and not self._rescore_best(
            model, step, seconds
        ):
            return False
        if not self.accepts_candidates:
            return False
        split = "val" if self._validation_key else "train"
        score = self._score(model, split)
        if score is None or (self._validation_key and not self._is_better(score, CLASS_TOLERANCE)):
            return False
        self._on_event(event := self._evaluated(score, split, step, seconds))
        self.evaluations_without_gain = 0
        self._publish(model, score, step, seconds, split)
        self._tell(model, event, True, seconds, score.seconds)
        return True

    def evaluate_final(
        self, model: nn.Module, step: int, seconds: float, should_abort: Callable[[], bool] = lambda: False
    ) -> None:
        """The last evaluation of a training, with a condition of its own to abort it."""
        self._should_abort = should_abort
        self.evaluate(model, step, seconds)

    def report_rejected(self) -> None:
        """At the end: note that the network in use stays, or that a network with a better mean was not published
        because a class would have lost."""
        if self._kept_incumbent:
            self._on_event(TrainingNote(self._kept_incumbent, stored=True))
        if self.rejected_class_loss and not self.published:
            self._on_event(
                TrainingNote(
                    f"A checkpoint with a higher {METRIC_TITLES[self.recipe.metric]} was not used, because one class "
                    f"would have lost {percent_text(self.rejected_class_loss)} of IoU. Label more of the pixels that "
                    "are predicted wrongly, also in val pictures."
                )
            )

    def _decide(self, model: nn.Module, score: ValidationScore, split: str) -> _Decision:
        """Whether to publish `model` or an interpolation between it and the best; `model` then holds those weights."""
        tolerance, seconds = MIOU_TOLERANCE_AFTER_UPDATE if self._labels_changed else 0.0, score.seconds
        if not self._validation_key or self._is_better(score, CLASS_TOLERANCE, tolerance):
            return _Decision(score, True, seconds)
        if self._best_weights is not None:
            current = _copy_weights(model)
            for share in INTERPOLATION_SHARES:
                _interpolate(model, self._best_weights, current, share)
                between = self._score(model, split)
                seconds += between.seconds if between else 0.0
                if between and self._is_better(between, CLASS_TOLERANCE):
                    return _Decision(between, True, seconds, current_weights=current)
            model.load_state_dict(current)
        allowed = self._baseline.allowed_class_loss(score, after_update=self._labels_changed)
        return _Decision(score, self._is_better(score, allowed, tolerance), seconds)

    def _is_better(self, score: ValidationScore, class_tolerance: float, tolerance: float = 0.0) -> bool:
        """Whether the recipe's metric is above the best less a tolerance, and no known class loses too much."""
        value = score.mean(self.recipe.metric)
        if math.isnan(value):
            return False
        if self._best_value is not None and value <= self._best_value - tolerance:
            return False
        loss = self._baseline.largest_class_loss(score)
        if loss > class_tolerance and (self._best_value is None or value > self._best_value):
            self.rejected_class_loss = loss
        return loss <= class_tolerance

    def _publish(
        self, model: nn.Module, score: ValidationScore, step: int, seconds: float, split: str
    ) -> None:
        values, measured = self._pictures.scored_values, bool(self._validation_key)
        metadata: dict[str, Any] = {
            "step": step,
            "seconds": round(seconds, 1),
            "miou": score.miou if measured else None,
            "per_class": {str(values[row]): iou for row, iou in score.per_class.items()} if measured else {},
            "recipe": self.recipe.to_json(),
            "seen": {str(number): digest for number, digest in self._pictures.label_digests.items()},
        }
        if self._group.is_rank_zero:
            save_checkpoint(self._folder, model, self._spec, metadata)
        self._labels_changed = False
        self.published, self.rejected_class_loss = True, 0.0
        value = score.mean(self.recipe.metric)
        if not measured or self._best_value is None or value > self._best_value:
            # Weights accepted within the tolerance do not become the best: it would sink with every label.
            self._best_weights = _copy_weights(model)
            self._best_value, self.best_miou = (value, score.miou) if measured else (None, None)
        in_use = self._beats_incumbent(model, score, split, step, seconds)
        self._on_event(CheckpointPublished(step, score.miou if measured else None, str(self._folder), in_use))
        if in_use and measured:
            self._report_in_use(score, step, seconds)

    def _beats_incumbent(
        self, model: nn.Module, score: ValidationScore, split: str, step: int, seconds: float
    ) -> bool:
        """Whether a checkpoint, `model`, takes the place of the network in use; there is none once one did."""
        if self._incumbent is None:
            return True
        own: ValidationScore | None = score
        try:
            other = self._score_incumbent(self._incumbent, split, seconds)
        except ModelError as problem:
            self._on_event(TrainingNote(f"{problem} The new network takes its place."))
            other, self._incumbent = None, None
        if other is not None and other.pictures < score.pictures:
            own = self._score(model, split, other.pictures)
        metric = self.recipe.metric
        if self._incumbent is None or (
            other is not None
            and own is not None
            and (own.mean(metric) > other.mean(metric) or math.isnan(other.mean(metric)))
        ):
            self._incumbent, self._kept_incumbent = None, ""
            return True
        run, pictures = self._incumbent.run_id, "val pictures" if split == "val" else "labelled pictures"
        if other is None or own is None:
            self._kept_incumbent = f"Run {run} stays in use: the training ended before the two were compared."
            return False
        if split == "val":
            self._report_in_use(other, step, seconds)
        self._kept_incumbent = (
            f"Run {run} stays in use: it has {METRIC_TITLES[metric]} {other.mean(metric):.3f} on the same {pictures}, "
            f"the new network {own.mean(metric):.3f}. “Use this network” in the table of runs takes the new one all "
            "the same."
        )
        return False

    def _score_incumbent(
        self, incumbent: IncumbentScorer, split: str, seconds: float
    ) -> ValidationScore | None:
        """The time it takes delays the next evaluation, as that of any evaluation does."""
        before, planned = incumbent.seconds, (self.recipe.minutes or 0.0) * 60
        allowed = MAX_EVALUATION_SHARE * max(seconds, planned)
        try:
            return incumbent.score(split, self._limit(split), allowed, self._should_abort)
        finally:
            self._incumbent_seconds += incumbent.seconds - before

    def _report_in_use(self, score: ValidationScore, step: int, seconds: float) -> None:
        values = self._pictures.scored_values
        per_class = {values[row]: iou for row, iou in score.per_class.items()}
        self._on_event(InUseScored(step, seconds, score.miou, per_class, score.basis(values)))

    def _rescore_best(self, model: nn.Module, step: int = 0, seconds: float = 0.0) -> bool:
        """Score the best weights on the current validation pictures, in `model`, which gets its own weights back.

        False when that failed and must be repeated: without a score to beat the next weights would win unmeasured.
        """
        key = self._pictures.validation_key
        best_value, best_miou, baseline = None, None, Baseline(0.0, {})
        if self._best_weights is not None and key:
            current = _copy_weights(model)
            model.load_state_dict(self._best_weights)
            score = self._score(model, "val")
            model.load_state_dict(current)
            if score is None:
                return False
            if not math.isnan(score.miou):
                best_value, best_miou = score.mean(self.recipe.metric), score.miou
                baseline = Baseline.from_score(score)
                self.evaluation_seconds = score.seconds
                if self._incumbent is None:
                    self._report_in_use(score, step, seconds)
        self._validation_key, self._baseline = key, baseline
        self._best_value, self.best_miou = best_value, best_miou
        return True

    def _score(self, model: nn.Module, split: str, limit: int | None = None) -> ValidationScore | None:
        return validate(
            model,
            self._pictures,
            split=split,
            limit=limit or self._limit(split),
            autocast=self._autocast,
            should_abort=self._should_abort,
            group=self._group,
            loss=validation_loss(self._pictures, self.recipe) if split == "val" else None,
        )

    def _limit(self, split: str) -> int:
        if split != "val":
            return MAX_TRAINING_PICTURES
        affordable = MAX_VALIDATION_PIXELS // max(1, self._pictures.mean_validation_pixels)
        return min(MAX_VALIDATION_PICTURES, max(MIN_VALIDATION_PICTURES, affordable))

    def _schedule_next(self, seconds: float, evaluation_seconds: float) -> None:
        self.evaluation_seconds = evaluation_seconds
        longest = MAX_INTERVAL_SECONDS if self._validation_key else 4 * MAX_INTERVAL_SECONDS
        self._interval = min(self._interval * INTERVAL_GROWTH, longest)
        self._next = seconds + max(self._interval, evaluation_seconds / MAX_EVALUATION_SHARE)

    def _evaluated(self, score: ValidationScore, split: str, step: int, seconds: float) -> ModelEvaluated:
        values, known = self._pictures.scored_values, len(self._spec.class_values)
        return ModelEvaluated(
            step=step,
            seconds=seconds,
            miou=score.miou,
            per_class={values[row]: iou for row, iou in score.per_class.items()},
            pixel_accuracy=score.pixel_accuracy,
            confusion=tuple(tuple(int(n) for n in line) for line in score.matrix[:known, :known]),
            labelled_pictures=score.pictures,
            split=split,
            basis=score.basis(values),
            means=score.means,
            loss=score.loss,
        )


def _copy_weights(model: nn.Module) -> dict[str, Tensor]:
    return copy.deepcopy(model.state_dict())


def _interpolate(
    model: nn.Module, start: Mapping[str, Tensor], end: Mapping[str, Tensor], share: float
) -> None:
    """Load the weights `share` of the way from `start` to `end` into `model`; integer counters are those of `end`."""
    for name, tensor in model.state_dict().items():
        target = end[name]
        tensor.copy_(start[name].lerp(target, share) if target.is_floating_point() else target)
