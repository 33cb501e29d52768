"""The training loop, from top to bottom in the order in which it runs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from core.base.errors import ModelError, TrainingError
from core.models.checkpoint import load_checkpoint
from core.models.network_builder import has_encoder
from core.models.spec import ModelSpec
from core.training.budget import Budget
from core.training.callbacks.callback_list import CallbackList
from core.training.data.snapshot import TrainingSnapshot
from core.training.data.training_set import LabelUpdate, TrainingSet
from core.training.devices import make_runtime, seed_everything
from core.training.distributed import ProcessGroup
from core.training.ema import AveragedModel
from core.training.events import LearningRateFound, TrainingEvent, TrainingNote, TrainingStarted
from core.training.head.fresh_head import FreshHead
from core.training.head.new_class_rows import NewClassRows
from core.training.learning_rate_finder import find_learning_rate
from core.training.losses import class_weights
from core.training.optimizer import (
    FrozenEncoder,
    add_head_dropout,
    initialise_weights,
    make_optimizer,
)
from core.training.progress_reporter import ProgressReporter, StageReporter
from core.training.recipe import Recipe, default_recipe
from core.training.resume_state import ResumePoint, StatefulOptimizer, load_state, save_state
from core.training.schedule import Plateau, learning_rate_at
from core.training.scoring.checkpoint_selection import CheckpointSelector
from core.training.scoring.incumbent import Incumbent
from core.training.scoring.incumbent_scorer import IncumbentScorer
from core.training.train_step import TrainStep

if TYPE_CHECKING:
    from core.training.single_device import Runtime

FINAL_EVALUATION_SECONDS = 0.5
"""Time for the last evaluation after the user pressed Stop; it is given up when it takes longer."""
PAUSE_SECONDS = 0.03
"""Interval at which a paused training checks whether to continue."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """How a training ended: steps done, whether it was stopped, the best validation mIoU, whether it published."""

    step: int
    stopped: bool
    best_miou: float | None
    published: bool


def train(  # noqa: PLR0915  (one pass from top to bottom)
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
    incumbent: Incumbent | None = None,
    resume_from: Path | None = None,
    keep_state: bool = False,
    runtime: Runtime | None = None,
    callbacks: CallbackList | None = None,
) -> TrainingResult:
    """Train `model` on a snapshot and publish checkpoints into `run_folder`.

    model: from `core.models.checkpoint.load_starting_model`; with `warm_start` from a trained checkpoint, then the
    one to beat, and `base_digests` are the labels it was trained on (picture id -> digest)
    incumbent: the network in use, unless that is the one to start from; what is worse does not take its place
    should_stop, should_pause, snapshot_changed: asked between two steps; the last is true once after labels in the
    snapshot have changed; between_steps: other work for this thread, such as a prediction
    resume_from: a run folder with a saved state, to continue from there (also with a larger budget)
    keep_state: save such a state in `run_folder` at the end
    runtime: one that has launched several processes. Each calls this with the same arguments and a batch size that is a
    multiple of their number; only rank zero reports, publishes and is asked to stop. Pause and changed labels are for
    a single process.
    callbacks: on rank zero; `on_event` is then theirs

    Raises TrainingError when nothing is labelled or the loss diverges, ModelError when a checkpoint cannot be written.
    """
    runtime = runtime or make_runtime(recipe)
    group, callbacks = ProcessGroup(runtime), callbacks or CallbackList()
    on_event = group.rank_zero_only(on_event)
    seed_everything(recipe)

    def note(message: str) -> None:
        on_event(TrainingNote(message))

    # Data, network, optimizer
    pictures = TrainingSet(snapshot, spec, recipe, runtime.device, base_digests)
    weights = _class_weights(pictures, recipe)
    if not (warm_start or resume_from):
        initialise_weights(model, recipe.initialiser, keep_encoder=spec.weights != "none")
    pretrained = spec.weights == "imagenet" and has_encoder(model)
    state = _set_up(runtime, group, model, recipe, note, pretrained=pretrained)
    start = state.load(resume_from, note)
    parameters = sum(p.numel() for p in model.parameters())
    on_event(TrainingStarted(str(runtime.device), parameters, pictures.train_count))
    budget = Budget(recipe, pictures.train_count, step=start.step, seconds=start.seconds)
    fresh_head = FreshHead(spec, recipe, pictures, snapshot.folder / "features", lambda: budget.seconds)
    new_rows = NewClassRows(recipe, pictures)

    def should_abort() -> bool:
        """Asked wherever the training can be held; returns after a pause."""
        between_steps()
        while should_pause() and not should_stop():
            budget.pause()
            time.sleep(PAUSE_SECONDS)
            between_steps()
        budget.resume()
        return bool(group.rank_zero_value(should_stop()))

    # With several processes the question is put to all of them, and only this one has callbacks.
    callbacks.on_start(
        state.averaged.model, pictures, should_abort if group.world_size == 1 else lambda: False
    )
    progress = ProgressReporter(budget, on_event, epoch=start.step * recipe.batch / pictures.train_count)
    selector = CheckpointSelector(
        run_folder, spec, recipe, pictures,
        on_event=on_event, autocast=runtime.autocast, should_abort=should_abort, group=group,
        incumbent=IncumbentScorer(incumbent, pictures, group) if incumbent else None,
        on_evaluated=callbacks.on_evaluated,
    )  # fmt: skip
    if warm_start or resume_from:
        selector.evaluate_base(_model_to_beat(resume_from, spec, state.averaged.model), budget.seconds)
    if pictures.has_fresh if warm_start else not resume_from:
        _fit_heads(
            new_rows, fresh_head, state, selector, weights, start.step, budget, should_abort, on_event,
            is_new=not warm_start,
        )  # fmt: skip
    if recipe.learning_rate is None:  # found here, so that it suits the network with its fitted head
        before = budget.seconds
        rate = _find_learning_rate(state, pictures, weights, should_abort, on_event)
        budget.skip(budget.seconds - before)
        recipe = selector.recipe = replace(recipe, learning_rate=rate)

    # Steps
    step, out_of_patience, plateau = start.step, False, Plateau(recipe, start.rate_share)
    while (fraction := group.rank_zero_value(budget.fraction_spent(step))) < 1 and not should_abort():
        rate = plateau.share * learning_rate_at(recipe, fraction, step - start.step)
        batch_before = state.train_step.batch_size
        loss = state.step(fraction, rate, pictures, weights)
        step += 1
        budget.adjust_for_batch(step, batch_before / state.train_step.batch_size)
        if group.is_rank_zero:
            progress.add_step(step, loss, state.train_step.batch_size, rate, pictures.train_count)
        if snapshot_changed():  # before the evaluation, which then uses the labels of now
            update = _apply_label_update(pictures, budget, selector, step)
            weights = _class_weights(pictures, recipe)
            if update.train:
                _fit_heads(
                    new_rows, fresh_head, state, selector, weights, step, budget, should_abort, on_event
                )
        if group.rank_zero_value(selector.is_due(budget.seconds)):
            selector.evaluate(state.averaged.model, step, budget.seconds)
            plateau.update(selector.evaluations_without_gain, note)
            if out_of_patience := 0 < recipe.patience <= selector.evaluations_without_gain:
                note(f"Training ended early: {selector.evaluations_without_gain} evaluations without a gain.")
                break

    # Last evaluation, saved state
    stopped = fraction < 1 and not out_of_patience
    if step and not out_of_patience:
        _evaluate_final(selector, state.averaged.model, step, budget.seconds, group, stopped=stopped)
    selector.report_rejected()
    if keep_state and group.is_rank_zero:
        state.save(run_folder, ResumePoint(step, budget.seconds, plateau.share), note)
    return TrainingResult(step, stopped, selector.best_miou, selector.published)


@dataclass(frozen=True, slots=True)
class _TrainState:
    """The parts of a training that change with each step. default_rate: learning rate of this kind of device."""

    model: nn.Module
    averaged: AveragedModel
    optimizer: StatefulOptimizer
    train_step: TrainStep
    frozen: FrozenEncoder
    default_rate: float

    def step(self, fraction: float, rate: float, pictures: TrainingSet, weights: Tensor) -> Tensor:
        self.frozen.step(fraction)
        self.train_step.set_learning_rate(rate)
        loss = self.train_step.step(pictures, weights)
        self.averaged.update()
        return loss

    def continue_from(self, network: nn.Module) -> None:
        """Take the weights of another network of the same spec; the optimizer starts again."""
        self.model.load_state_dict(network.state_dict())
        self.averaged.reset()
        self.optimizer.state.clear()

    def load(self, folder: Path | None, note: Callable[[str], None]) -> ResumePoint:
        if folder is None:
            return ResumePoint()
        return load_state(folder, self.model, self.averaged, self.optimizer, note)

    def save(self, folder: Path, point: ResumePoint, note: Callable[[str], None]) -> None:
        try:
            save_state(folder, self.model, self.averaged, self.optimizer, point)
        except ModelError as error:  # the checkpoint is safe; only resuming is lost
            note(str(error))


def _set_up(
    runtime: Runtime,
    group: ProcessGroup,
    model: nn.Module,
    recipe: Recipe,
    note: Callable[[str], None],
    *,
    pretrained: bool,
) -> _TrainState:
    model = model.to(device=runtime.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    model = group.sync_batch_norm(model)
    default_rate = default_recipe(runtime.device.type, pretrained=pretrained).learning_rate or 1e-3
    rate = recipe.learning_rate or default_rate
    encoder_rate = recipe.encoder_rate if pretrained else 1.0
    levels = recipe.frozen_levels if pretrained else 0
    frozen = FrozenEncoder(model, recipe.freeze_encoder, levels, norm=pretrained and recipe.frozen_norm)
    network, optimizer = runtime.setup(model, make_optimizer(model, recipe, rate, encoder_rate))
    frozen.step(0.0)
    averaged = AveragedModel(model, recipe.ema)  # after the setup, which gives all processes the same weights
    if not add_head_dropout(model, recipe.dropout):
        note("This network has no layer for dropout; training continues without it.")
    if recipe.freeze_encoder and not has_encoder(model):
        note("This network has no encoder that could be frozen; all of it is trained.")
    train_step = TrainStep(runtime, network, optimizer, recipe, note, group)
    return _TrainState(model, averaged, optimizer, train_step, frozen, default_rate)


def _find_learning_rate(
    state: _TrainState,
    pictures: TrainingSet,
    weights: Tensor,
    should_abort: Callable[[], bool],
    on_event: Callable[[TrainingEvent], None],
) -> float:
    StageReporter(on_event)("Looking for a learning rate")
    with pictures.fresh_quota_restored():
        found, curve = find_learning_rate(
            state.train_step, state.model, state.optimizer, pictures, weights, should_abort
        )
    rate = found or state.default_rate
    on_event(LearningRateFound(curve, rate))
    return rate


def _fit_heads(
    new_rows: NewClassRows,
    fresh_head: FreshHead,
    state: _TrainState,
    selector: CheckpointSelector,
    weights: Tensor,
    step: int,
    budget: Budget,
    should_abort: Callable[[], bool],
    on_event: Callable[[TrainingEvent], None],
    *,
    is_new: bool = False,
) -> None:
    """Fit to the labels of now: rows for the classes that the network does not know, then a head for all of them. What
    is the best network so far is published.

    Training goes on from the rows in any case: without val pictures of such a class nothing says that they are better.
    It goes on from the head where that is the best, or where the network was not trained yet (is_new).
    """
    group, on_stage = state.train_step.group, StageReporter(on_event)
    rows_fitted = None if is_new else new_rows.fit(state.averaged.model, weights, should_abort, on_stage)
    if rows_fitted is not None:
        group.share_weights(rows_fitted)
        selector.evaluate_candidate(rows_fitted, step, budget.seconds)
        state.continue_from(rows_fitted)
    if not (selector.accepts_candidates and group.rank_zero_value(fresh_head.is_possible)):
        return
    try:
        network = fresh_head.fit(weights, should_abort, on_stage)
    except ModelError as error:  # a trained network does not need the weights that it started from
        on_event(TrainingNote(f"No head is fitted to the new labels. {error}"))
        return
    if network is not None:
        group.share_weights(network)
        better = selector.evaluate_candidate(network, step, budget.seconds)
        fresh_head.was_better(better)
        if better or is_new:
            state.continue_from(network)


def _apply_label_update(
    pictures: TrainingSet, budget: Budget, selector: CheckpointSelector, step: int
) -> LabelUpdate:
    """Load the changed labels, give them time, evaluate soon: the user waits for a result."""
    update = pictures.refresh()
    if update.train:
        budget.extend(step)
    if update.train or update.val:
        selector.on_label_update(budget.seconds)
    return update


def _evaluate_final(
    selector: CheckpointSelector,
    averaged: nn.Module,
    step: int,
    seconds: float,
    group: ProcessGroup,
    *,
    stopped: bool,
) -> None:
    """The last evaluation. After Stop the user waits: it is skipped or given up when it takes long."""
    if stopped and group.rank_zero_value(selector.evaluation_seconds) >= FINAL_EVALUATION_SECONDS:
        return
    deadline = time.monotonic() + (FINAL_EVALUATION_SECONDS if stopped else math.inf)
    selector.evaluate_final(
        averaged, step, seconds, lambda: bool(group.rank_zero_value(time.monotonic() > deadline))
    )


def _model_to_beat(resume_from: Path | None, spec: ModelSpec, averaged: nn.Module) -> nn.Module:
    """The published network of the resumed run; the averaged weights where there is none that fits."""
    if resume_from is not None:
        try:
            loaded = load_checkpoint(resume_from, next(averaged.parameters()).device)
        except ModelError:
            return averaged
        if loaded.spec == spec:
            return loaded.model
    return averaged


def _class_weights(pictures: TrainingSet, recipe: Recipe) -> Tensor:
    """(classes,) float32 for the labels of now, on their device. Raises TrainingError when nothing is labelled."""
    if not pictures.train_count:
        raise TrainingError("There are no labels to train on yet. Paint a few strokes of two classes first.")
    weights = class_weights(pictures.class_pixel_counts(), recipe.class_weights)
    return torch.from_numpy(weights).to(pictures.device)
