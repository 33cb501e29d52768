"""Resuming a run, with the state of its optimizer if that was saved, and stopping a run so that it can be resumed."""

from __future__ import annotations

import contextlib
import json
import math
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import FrameType
from typing import TYPE_CHECKING

from core.base.errors import TrainingError
from core.models.spec import ModelSpec
from core.project.project import Project
from core.project.records import RunRecord, Split
from core.training.recipe import Recipe

if TYPE_CHECKING:
    from core.training.resume_state import ResumePoint


@dataclass(frozen=True, slots=True)
class ResumePlan:
    """How a run is resumed: the recipe with the total budget, whether the optimizer state is restored, and a sentence
    that says so."""

    recipe: Recipe
    with_state: bool
    sentence: str


def plan_resume(
    project: Project, base: RunRecord, spec: ModelSpec, recipe: Recipe, extend_budget: bool
) -> ResumePlan:
    """recipe: of the resumed run; its budget is added to the one used if `extend_budget`, otherwise it is the total.

    Raises TrainingError if nothing of the budget is left.
    """
    from core.training.resume_state import read_resume_point

    progress = read_resume_point(project.run_folder(base.id))
    before = ModelSpec.from_json(json.loads(base.model))
    recipe_before = Recipe.from_json(json.loads(base.recipe))
    if progress is None:
        sentence = f"Run {base.id} has no saved optimizer state; training starts from its weights."
        return ResumePlan(recipe, False, sentence)
    if replace(before, weights="none", inherits=()) != replace(spec, weights="none"):
        sentence = f"Run {base.id} has another input size or other classes; training starts from its weights."
        return ResumePlan(recipe, False, sentence)
    if recipe_before.optimizer != recipe.optimizer:
        used = recipe_before.optimizer
        sentence = f"Run {base.id} used another optimizer ({used}); training starts from its weights."
        return ResumePlan(recipe, False, sentence)
    pictures = max(1, sum(1 for r in project.pictures.labelled(Split.TRAIN)))
    if extend_budget:
        recipe = _extended(recipe, progress, pictures)
    elif _is_used_up(recipe, progress, pictures):
        raise TrainingError(
            f"Run {base.id} has used up its budget; extend it with --minutes, --steps or --epochs."
        )
    return ResumePlan(
        recipe, True, f"Resumes run {base.id} with its optimizer state at step {progress.step}."
    )


def _extended(recipe: Recipe, progress: ResumePoint, pictures: int) -> Recipe:
    if recipe.minutes is not None:
        return replace(recipe, minutes=recipe.minutes + progress.seconds / 60)
    if recipe.steps is not None:
        return replace(recipe, steps=recipe.steps + progress.step)
    assert recipe.epochs is not None
    return replace(recipe, epochs=recipe.epochs + progress.step * recipe.batch / pictures)


def _is_used_up(recipe: Recipe, progress: ResumePoint, pictures: int) -> bool:
    if recipe.minutes is not None:
        return progress.seconds >= recipe.minutes * 60
    steps = recipe.steps or math.ceil((recipe.epochs or 0) * pictures / recipe.batch)
    return progress.step >= steps


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Yields a function that returns True after Ctrl+C was pressed once. A second press interrupts as usual."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        pressed.set()

    signal.signal(signal.SIGINT, on_signal)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
