"""The training loop, in the order in which it runs."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from core.errors import TrainingError
from core.models.spec import ModelSpec
from core.training.augment import batch_of
from core.training.averaging import AveragedModel
from core.training.budget import Budget, learning_rate
from core.training.data import LabelledPictures
from core.training.events import Event, Started
from core.training.losses import class_weights, label_loss
from core.training.publishing import Judge
from core.training.recipe import Recipe
from core.training.snapshot import Snapshot
from core.training.spread import Spread
from core.training.state import Spent, keep_state, take_up_state
from core.training.telling import ProgressTeller
from core.training.together import Together

GRADIENT_NORM = 1.0
"""Longer gradients are shortened to it: a mislabelled picture in a small batch must not throw the weights about."""
STOPPED = 2.0
LONGEST_LAST_LOOK = 0.5
"""Seconds that scoring may take when somebody pressed Stop."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training ended: steps done, whether it was stopped, the best validation mIoU, whether it published."""

    step: int
    stopped: bool
    best_miou: float | None
    published: bool


def train(
    model: nn.Module,
    spec: ModelSpec,
    snapshot: Snapshot,
    recipe: Recipe,
    *,
    run_folder: Path,
    on_event: Callable[[Event], None],
    should_stop: Callable[[], bool] = lambda: False,
    should_pause: Callable[[], bool] = lambda: False,
    snapshot_changed: Callable[[], bool] = lambda: False,
    between_steps: Callable[[], None] = lambda: None,
    base_seen: Mapping[int, str] | None = None,
    warm: bool = False,
    resume: Path | None = None,
    keep: bool = False,
    fabric: Fabric | None = None,
) -> Outcome:
    """Train `model` on a snapshot and publish checkpoints into `run_folder`.

    model: as `core.models.checkpoint.start_from` gives it; `warm` when it comes from a trained checkpoint, which
    is then the one to beat, and `base_seen` the labels that one has seen (`seen` in its card, numbers as keys)
    should_stop, should_pause, snapshot_changed: asked between two steps; the last is true once after labels were
    put into the snapshot; between_steps: other work for this thread, such as a prediction
    resume: a run folder whose training kept its state, to go on from there (also with a larger budget);
    keep: leave such a state in `run_folder` at the end
    fabric: one that has launched several processes, each of which calls this with the same arguments and a batch that
    is a multiple of their number; only the first tells and publishes. Stop, pause and news are for one process.

    Raises TrainingError when there is nothing to learn from or the numbers explode, ModelError when a checkpoint
    cannot be written.
    """
    fabric, chance = fabric or fabric_for(recipe), torch.Generator().manual_seed(recipe.seed)
    together = Together(fabric)
    on_event = together.voice(on_event)
    torch.manual_seed(recipe.seed)

    pictures = LabelledPictures(snapshot, spec, recipe, fabric.device, base_seen)
    weights = _weights(pictures, recipe)
    model = model.to(device=fabric.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    model = together.normed_alike(model)
    learner, optimizer = fabric.setup(model, optimizer_for(model, recipe))
    averaged = AveragedModel(model, recipe.ema)  # after the setup, which gives all processes the same weights

    def give_up() -> bool:
        between_steps()
        return should_stop()

    spent = take_up_state(resume, model, averaged, optimizer) if resume else Spent()
    budget = Budget(recipe, pictures.train_count, step=spent.step, seconds=spent.seconds)
    teller = ProgressTeller(budget, recipe.batch, on_event)
    judge = Judge(
        run_folder, spec, recipe, pictures,
        on_event=on_event, autocast=fabric.autocast, give_up=give_up, together=together,
    )  # fmt: skip
    on_event(Started(str(fabric.device), sum(p.numel() for p in model.parameters()), pictures.train_count))
    if warm or resume:
        judge.judge_base(averaged.model, budget.seconds)

    def share_over() -> float:
        """Of the budget; more than 1 when somebody pressed Stop."""
        share = budget.share(step)
        return together.agreed(STOPPED if share < 1 and give_up() else share)

    step = spent.step
    while (share := share_over()) < 1:
        if should_pause():
            budget.hold()
            time.sleep(0.03)
            continue
        budget.go_on()
        if snapshot_changed():
            weights = _take_in_news(pictures, recipe, budget, judge, step)

        for group in optimizer.param_groups:
            group["lr"] = learning_rate(recipe, share, step - spent.step)
        # All processes draw the same batch, by the same dice, and each learns from its share.
        batch, targets = batch_of(pictures.draw(recipe.batch), pictures.canvas, recipe, chance)
        logits = together.gathered(learner(together.share(batch)))
        loss = label_loss(logits, targets, recipe.loss, weights)
        _step(fabric, learner, optimizer, loss)
        averaged.update()

        step += 1
        if together.leads:
            teller.step_done(step, loss)
        if together.agreed(judge.due(budget.seconds)):
            judge.look(averaged.model, step, budget.seconds)

    stopped = share > 1
    # A stop is answered at once; the last look is skipped when it would keep the person waiting.
    if step and (not stopped or together.agreed(judge.cost) < LONGEST_LAST_LOOK):
        judge.stop_asking()
        judge.look(averaged.model, step, budget.seconds)
    if keep and together.leads:
        keep_state(run_folder, model, averaged, optimizer, Spent(step, budget.seconds))
    return Outcome(step, stopped, judge.best, judge.published)


def _take_in_news(
    pictures: LabelledPictures, recipe: Recipe, budget: Budget, judge: Judge, step: int
) -> Tensor:
    """Learn from the labels of now on; their class weights."""
    news = pictures.refresh()
    if news.train:
        budget.reopen(step)
    if news.train or news.val:
        judge.news(budget.seconds)
    return _weights(pictures, recipe)


def _step(fabric: Fabric, learner: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    fabric.backward(loss)
    fabric.clip_gradients(learner, optimizer, max_norm=GRADIENT_NORM, error_if_nonfinite=False)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def _weights(pictures: LabelledPictures, recipe: Recipe) -> Tensor:
    """Class weights for the labels of now, on their device. Raises TrainingError when there are no labels."""
    if not pictures.train_count:
        raise TrainingError("There is nothing to learn from yet. Paint a few strokes of two classes first.")
    return torch.from_numpy(class_weights(pictures.class_pixels(), recipe.class_weights)).to(pictures.device)


def fabric_for(recipe: Recipe, spread: Spread | None = None) -> Fabric:
    """Devices, their cores and number format; several are one process each, which `launch` starts.

    Raises TrainingError when this machine does not have them.
    """
    spread = spread or Spread()
    kind, _, number = device_for(recipe.device).partition(":")
    precision = recipe.precision
    if precision == "auto":
        precision = "bf16-mixed" if _has_bfloat16(kind) else "16-mixed" if kind == "cuda" else "32-true"
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells which precision it was given
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning_fabric.*")
            fabric = Fabric(
                accelerator=kind,
                devices=[int(number)] if number else spread.devices,
                num_nodes=spread.nodes,
                strategy=spread.strategy,
                precision=precision,
            )
    except Exception as problem:  # Fabric has a dozen ways to say no
        raise TrainingError(
            f"The device “{recipe.device}” cannot be used here ({problem}). Choose the device “auto”."
        ) from problem
    if fabric.device.type == "cpu":
        use_cores(recipe.threads, processes=spread.devices)
    return fabric


def _has_bfloat16(kind: str) -> bool:
    """Half-size numbers in hardware: on recent processors they make a step a quarter shorter, on others much longer."""
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    features = (
        torch.cpu.get_capabilities() if kind == "cpu" and hasattr(torch.cpu, "get_capabilities") else {}
    )
    return bool(features.get("avx512_bf16") or features.get("amx_bf16"))


def optimizer_for(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Weight decay only where it means something: on the weights of layers, not on biases and norms."""
    wanted = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in wanted if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in wanted if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=recipe.learning_rate)


def device_for(wanted: str) -> str:
    """As torch names it; "auto" is the first of cuda, mps and cpu that this machine has."""
    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def use_cores(threads: int | None, processes: int = 1) -> None:
    """Let torch use this many processor cores; when None, all that this process may use, shared with others."""
    if threads is None:
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        threads = max(1, threads // processes)
    torch.set_num_threads(threads)
