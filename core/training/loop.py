"""The training loop, in the order in which it runs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from core.base.errors import ModelError, TrainingError
from core.models.checkpoint import load_checkpoint
from core.models.spec import ModelSpec
from core.training.budget import Budget, learning_rate_at
from core.training.checkpoint_selection import CheckpointSelector
from core.training.data.dataset import TrainingSet
from core.training.data.snapshot import TrainingSnapshot
from core.training.devices import make_fabric, seed_everything
from core.training.distributed import ProcessGroup
from core.training.ema import AveragedModel
from core.training.events import LearningRateFound, TrainingEvent, TrainingNote, TrainingStarted
from core.training.learning_rate_finder import find_learning_rate
from core.training.losses import class_weights
from core.training.optimizer import (
    FrozenEncoder,
    add_head_dropout,
    has_encoder,
    initialise_weights,
    make_optimizer,
)
from core.training.progress import ProgressReporter
from core.training.recipe import Recipe, default_recipe
from core.training.resume_state import ResumePoint, StatefulOptimizer, load_state, save_state
from core.training.train_step import TrainStep

FINAL_EVALUATION_SECONDS = 0.5
"""Seconds that scoring may take when somebody pressed Stop; after so many it is given up."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """How a training ended: steps done, whether it was stopped, the best validation mIoU, whether it published."""

    step: int
    stopped: bool
    best_miou: float | None
    published: bool


def train(
    model: nn.Module,
    spec: ModelSpec,
    snapshot: TrainingSnapshot,
    recipe: Recipe,
    *,
    run_folder: Path,
    on_event: Callable[[TrainingEvent], None],
    should_stop: Callable[[], bool] = lambda: False,
    should_pause: Callable[[], bool] = lambda: False,
    snapshot_changed: Callable[[], bool] = lambda: False,
    between_steps: Callable[[], None] = lambda: None,
    base_digests: Mapping[int, str] | None = None,
    warm_start: bool = False,
    resume_from: Path | None = None,
    keep_state: bool = False,
    fabric: Fabric | None = None,
) -> TrainingResult:
    """Train `model` on a snapshot and publish checkpoints into `run_folder`.

    model: as `core.models.checkpoint.start_from` gives it; `warm` when it comes from a trained checkpoint, which
    is then the one to beat, and `base_seen` the labels that one has seen (`seen` in its card, numbers as keys)
    should_stop, should_pause, snapshot_changed: asked between two steps; the last is true once after labels were
    put into the snapshot; between_steps: other work for this thread, such as a prediction
    resume: a run folder whose training kept its state, to go on from there (also with a larger budget);
    keep: leave such a state in `run_folder` at the end
    fabric: one that has launched several processes, each of which calls this with the same arguments and a batch that
    is a multiple of their number; only the first tells, publishes and is asked to stop. Pause and news are for one
    process.

    Raises TrainingError when there is nothing to learn from or the numbers explode, ModelError when a checkpoint
    cannot be written.
    """
    fabric = fabric or make_fabric(recipe)
    together = ProcessGroup(fabric)
    on_event = together.rank_zero_only(on_event)
    seed_everything(recipe)

    def tell(sentence: str) -> None:
        on_event(TrainingNote(sentence))

    def give_up() -> bool:
        between_steps()
        return bool(together.rank_zero_value(should_stop()))

    pictures = TrainingSet(snapshot, spec, recipe, fabric.device, base_digests)
    weights = _weights(pictures, recipe)
    if not (warm_start or resume_from):
        initialise_weights(model, recipe.initialiser, keep_encoder=spec.weights != "none")
    learning = _set_up(fabric, together, model, recipe, tell)
    spent = learning.take_up(resume_from)
    on_event(
        TrainingStarted(str(fabric.device), sum(p.numel() for p in model.parameters()), pictures.train_count)
    )
    if recipe.learning_rate is None:
        recipe = replace(recipe, learning_rate=_found_rate(learning, pictures, weights, give_up, on_event))

    budget = Budget(recipe, pictures.train_count, step=spent.step, seconds=spent.seconds)
    teller = ProgressReporter(budget, on_event)
    judge = CheckpointSelector(
        run_folder, spec, recipe, pictures,
        on_event=on_event, autocast=fabric.autocast, should_abort=give_up, group=together,
    )  # fmt: skip
    if warm_start or resume_from:
        judge.evaluate_base(_to_beat(resume_from, spec, learning.averaged.model), budget.seconds)

    step, hopeless = spent.step, False
    while (share := together.rank_zero_value(budget.fraction_spent(step))) < 1 and not give_up():
        if should_pause():
            budget.pause()
            time.sleep(0.03)
            continue
        budget.resume()
        before = learning.stepper.batch_size
        loss = learning.step(share, learning_rate_at(recipe, share, step - spent.step), pictures, weights)
        step += 1
        budget.adjust_for_batch(step, before / learning.stepper.batch_size)
        if together.is_rank_zero:
            teller.add_step(step, loss, learning.stepper.batch_size)
        if snapshot_changed():  # between step and look, so that the look is at the labels of now
            weights = _take_in_news(pictures, recipe, budget, judge, step)
        if together.rank_zero_value(judge.is_due(budget.seconds)):
            judge.evaluate(learning.averaged.model, step, budget.seconds)
            if hopeless := 0 < recipe.patience <= judge.evaluations_without_gain:
                tell(f"Training ended early: {judge.evaluations_without_gain} looks brought nothing better.")
                break

    stopped = share < 1 and not hopeless
    # A stop is answered at once; the last look is skipped when it would keep the person waiting.
    if (
        step
        and not hopeless
        and (not stopped or together.rank_zero_value(judge.evaluation_seconds) < FINAL_EVALUATION_SECONDS)
    ):
        ends = time.monotonic() + (FINAL_EVALUATION_SECONDS if stopped else math.inf)
        judge.evaluate_final(
            learning.averaged.model,
            step,
            budget.seconds,
            lambda: bool(together.rank_zero_value(time.monotonic() > ends)),
        )
    judge.report_rejected()
    if keep_state and together.is_rank_zero:
        learning.keep(run_folder, ResumePoint(step, budget.seconds), tell)
    return TrainingResult(step, stopped, judge.best_miou, judge.published)


@dataclass(frozen=True, slots=True)
class _Learning:
    """The parts of a training that change with each step."""

    model: nn.Module
    averaged: AveragedModel
    optimizer: StatefulOptimizer
    stepper: TrainStep
    frozen: FrozenEncoder
    usual_rate: float

    def step(self, share: float, rate: float, pictures: TrainingSet, weights: Tensor) -> Tensor:
        self.frozen.step(share)
        self.stepper.set_learning_rate(rate)
        loss = self.stepper.step(pictures, weights)
        self.averaged.update()
        return loss

    def take_up(self, resume: Path | None) -> ResumePoint:
        return load_state(resume, self.model, self.averaged, self.optimizer) if resume else ResumePoint()

    def keep(self, folder: Path, spent: ResumePoint, tell: Callable[[str], None]) -> None:
        try:
            save_state(folder, self.model, self.averaged, self.optimizer, spent)
        except ModelError as problem:  # the network itself is safe: not to be able to go on is no failure
            tell(str(problem))


def _set_up(
    fabric: Fabric, together: ProcessGroup, model: nn.Module, recipe: Recipe, tell: Callable[[str], None]
) -> _Learning:
    model = model.to(device=fabric.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    model = together.sync_batch_norm(model)
    usual_rate = default_recipe(fabric.device.type).learning_rate or 1e-3
    rate = recipe.learning_rate or usual_rate
    learner, optimizer = fabric.setup(model, make_optimizer(model, recipe, rate))
    averaged = AveragedModel(model, recipe.ema)  # after the setup, which gives all processes the same weights
    if not add_head_dropout(model, recipe.dropout):
        tell("This network has no place for dropout; training goes on without.")
    if recipe.freeze_encoder and not has_encoder(model):
        tell("This network has no encoder of its own that could be frozen; all of it learns.")
    stepper = TrainStep(fabric, learner, optimizer, recipe, tell, together)
    frozen = FrozenEncoder(model, recipe.freeze_encoder)
    return _Learning(model, averaged, optimizer, stepper, frozen, usual_rate)


def _found_rate(
    learning: _Learning,
    pictures: TrainingSet,
    weights: Tensor,
    give_up: Callable[[], bool],
    on_event: Callable[[TrainingEvent], None],
) -> float:
    with pictures.fresh_quota_restored():
        found, curve = find_learning_rate(
            learning.stepper, learning.model, learning.optimizer, pictures, weights, give_up
        )
    rate = found or learning.usual_rate
    on_event(LearningRateFound(curve, rate))
    return rate


def _take_in_news(
    pictures: TrainingSet, recipe: Recipe, budget: Budget, judge: CheckpointSelector, step: int
) -> Tensor:
    """Labels have changed: there is time to learn them, and somebody waits for an answer. Their class weights."""
    news = pictures.refresh()
    if news.train:
        budget.extend(step)
    if news.train or news.val:
        judge.on_label_update(budget.seconds)
    return _weights(pictures, recipe)


def _to_beat(resume: Path | None, spec: ModelSpec, average: nn.Module) -> nn.Module:
    """The best weights of the run that goes on; those it ended with where it never published."""
    if resume is not None:
        try:
            loaded = load_checkpoint(resume, next(average.parameters()).device)
        except ModelError:
            return average
        if loaded.spec == spec:
            return loaded.model
    return average


def _weights(pictures: TrainingSet, recipe: Recipe) -> Tensor:
    """Class weights for the labels of now, on their device. Raises TrainingError when there are no labels."""
    if not pictures.train_count:
        raise TrainingError("There is nothing to learn from yet. Paint a few strokes of two classes first.")
    return torch.from_numpy(class_weights(pictures.class_pixel_counts(), recipe.class_weights)).to(
        pictures.device
    )
