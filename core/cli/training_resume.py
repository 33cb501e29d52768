"""Going on with a run: with all that its optimiser remembers where that was kept, and stopping so that it can be."""

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
    """How a run is gone on with: the recipe with its whole budget, whether with the optimiser's state, and that in
    a sentence."""

    recipe: Recipe
    with_state: bool
    sentence: str


def plan_resume(
    project: Project, base: RunRecord, spec: ModelSpec, recipe: Recipe, extend_budget: bool
) -> ResumePlan:
    """`recipe` is what the run is to go on with; its budget comes on top of what was spent when `on_top`, and is
    the whole otherwise. Raises TrainingError when nothing of it is left."""
    from core.training.resume_state import read_resume_point

    spent = read_resume_point(project.run_folder(base.id))
    before = ModelSpec.from_json(json.loads(base.model))
    optimizer = Recipe.from_json(json.loads(base.recipe)).optimizer
    reason = ""
    if spent is None:
        reason = "left no state of its optimiser"
    elif replace(before, weights="none", inherits=()) != replace(spec, weights="none"):
        reason = "was of another size or of other classes"
    elif optimizer != recipe.optimizer:
        reason = f"learned with another optimiser ({optimizer})"
    if spent is None or reason:
        sentence = f"Run {base.id} {reason}; a new training starts from its weights."
        return ResumePlan(recipe, False, sentence)
    pictures = max(1, sum(1 for r in project.pictures.labelled(Split.TRAIN)))
    if extend_budget:
        recipe = _more(recipe, spent, pictures)
    elif _is_spent(recipe, spent, pictures):
        raise TrainingError(
            f"Run {base.id} has used up its budget; say how much more it gets with --minutes, --steps or --epochs."
        )
    return ResumePlan(recipe, True, f"Goes on with run {base.id} and its optimiser at step {spent.step}.")


def _more(recipe: Recipe, spent: ResumePoint, pictures: int) -> Recipe:
    if recipe.minutes is not None:
        return replace(recipe, minutes=recipe.minutes + spent.seconds / 60)
    if recipe.steps is not None:
        return replace(recipe, steps=recipe.steps + spent.step)
    assert recipe.epochs is not None
    return replace(recipe, epochs=recipe.epochs + spent.step * recipe.batch / pictures)


def _is_spent(recipe: Recipe, spent: ResumePoint, pictures: int) -> bool:
    if recipe.minutes is not None:
        return spent.seconds >= recipe.minutes * 60
    steps = recipe.steps or math.ceil((recipe.epochs or 0) * pictures / recipe.batch)
    return spent.step >= steps


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Yields a question that is true once Ctrl+C was pressed. The second press does what it always does."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return
    before = signal.getsignal(signal.SIGINT)

    def note(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        pressed.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
