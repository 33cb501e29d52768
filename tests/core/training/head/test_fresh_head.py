"""A head fitted anew when labels have changed, which takes the place of a network that is worse."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.models.checkpoint import (
    load_checkpoint,
    load_starting_model,
    save_checkpoint,
    trained_label_digests,
)
from core.models.network_builder import build_network
from core.models.networks import packaged_weights
from core.models.networks.hypercolumn import HypercolumnNet
from core.models.networks.packaged_weights import PACKAGED_WEIGHTS
from core.training.data.snapshot import TrainingSnapshot
from core.training.events import (
    CheckpointPublished,
    LearningRateFound,
    ModelEvaluated,
    TrainingEvent,
    TrainingNote,
    TrainingStage,
)
from core.training.head.fresh_head import MAX_FAILURES, FreshHead
from core.training.loop import TrainingResult, train
from core.training.recipe import Recipe
from tests.core.training.head.test_head_fit import EVEN, RECIPE, SPEC, example, snapshot, training_set


def untrained(folder: Path) -> Path:
    """A checkpoint that predicts nothing useful."""
    torch.manual_seed(0)
    save_checkpoint(folder, build_network(SPEC).eval(), SPEC, {"seen": {}})
    return folder


def rerun(base: Path, labels: TrainingSnapshot, out: Path, recipe: Recipe = RECIPE) -> list[TrainingEvent]:
    """Train on from a checkpoint."""
    events: list[TrainingEvent] = []
    train(
        load_starting_model(base, SPEC), SPEC, labels, recipe,
        run_folder=out, on_event=events.append, warm_start=True, base_digests=trained_label_digests(base),
    )  # fmt: skip
    return events


def test_new_labels_replace_a_worse_network_at_once(tmp_path: Path) -> None:
    events = rerun(untrained(tmp_path / "base"), snapshot(tmp_path / "snapshot"), tmp_path / "run")
    first = next(e for e in events if isinstance(e, ModelEvaluated))
    assert first.step == 0 and first.miou > 0.7
    assert next(e for e in events if isinstance(e, CheckpointPublished)).step == 0


def test_a_better_network_stays_and_nothing_is_said(tmp_path: Path) -> None:
    labels = snapshot(tmp_path / "snapshot")
    good: list[TrainingEvent] = []
    recipe = RECIPE.with_changes({"steps": 10, "learning_rate": 1e-3})
    train(
        load_starting_model(None, SPEC),
        SPEC,
        labels,
        recipe,
        run_folder=tmp_path / "good",
        on_event=good.append,
    )
    before = load_checkpoint(tmp_path / "good")
    labels.put(9, "9.png", "train", *example(9))
    events = rerun(tmp_path / "good", labels, tmp_path / "run", RECIPE.with_changes({"head_first": True}))
    best = max(e.miou for e in good if isinstance(e, ModelEvaluated))
    # Either the fresh head was better on val, and said so, or the first evaluation is the one after the only step.
    first = next(e for e in events if isinstance(e, ModelEvaluated))
    assert first.step == 1 or first.miou > best
    assert before.spec == SPEC


def test_without_new_labels_no_head_is_fitted(tmp_path: Path) -> None:
    labels = snapshot(tmp_path / "snapshot")
    known = {str(n): entry.digest for n, entry in labels.entries().items() if entry.split == "train"}
    torch.manual_seed(0)
    save_checkpoint(tmp_path / "base", build_network(SPEC).eval(), SPEC, {"seen": known})
    events = rerun(tmp_path / "base", labels, tmp_path / "run")
    assert [e.step for e in events if isinstance(e, ModelEvaluated)] == [1]


def test_a_network_trains_on_without_the_weights_that_it_started_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, labels = untrained(tmp_path / "base"), snapshot(tmp_path / "snapshot")
    known = PACKAGED_WEIGHTS["tu-tf_efficientnet_lite0"]
    missing = {"tu-tf_efficientnet_lite0": replace(known, module="not_installed")}
    monkeypatch.setattr(packaged_weights, "PACKAGED_WEIGHTS", missing)
    events = rerun(base, labels, tmp_path / "run")
    (note,) = (e.message for e in events if isinstance(e, TrainingNote))
    assert note.startswith("No head is fitted") and "not installed" in note
    assert [e.step for e in events if isinstance(e, ModelEvaluated)] == [1]


def test_fits_that_are_no_better_end_for_this_training(tmp_path: Path) -> None:
    fresh = FreshHead(SPEC, RECIPE, training_set(tmp_path / "labels"), tmp_path / "features")
    assert fresh.is_possible
    network = fresh.fit(EVEN, lambda: False)
    assert isinstance(network, HypercolumnNet) and not network.training
    assert not fresh.is_possible, "the next fit waits, so that training gets most of the time"
    assert len([*(tmp_path / "features").glob("*.npz")]) == 4
    assert fresh.fit(EVEN, lambda: True) is None
    for _ in range(MAX_FAILURES):
        fresh.was_better(False)
    fresh._next_fit = -math.inf
    assert not fresh.is_possible
    fresh.was_better(True)
    assert fresh.is_possible


def test_time_in_which_the_clock_stood_still_does_not_delay_the_next_fit(tmp_path: Path) -> None:
    """The clock of a training stops while it is paused."""
    pictures = training_set(tmp_path / "labels")
    fresh = FreshHead(SPEC, RECIPE, pictures, tmp_path / "features", lambda: 5.0)
    assert fresh.fit(EVEN, lambda: False) is not None
    assert fresh.is_possible


def first_round(
    folder: Path, events: list[TrainingEvent], recipe: Recipe = RECIPE, **controls: Callable[[], object]
) -> TrainingResult:
    """Train a new network; `controls` are callbacks of `train`."""
    return train(
        load_starting_model(None, SPEC), SPEC, snapshot(folder / "snapshot"), recipe,
        run_folder=folder / "run", on_event=events.append, **controls,
    )  # fmt: skip


def stages(events: list[TrainingEvent]) -> list[str]:
    return [event.description for event in events if isinstance(event, TrainingStage)]


def test_the_fit_says_what_it_does(tmp_path: Path) -> None:
    events: list[TrainingEvent] = []
    first_round(tmp_path, events)
    said = stages(events)
    assert said[0] == "Computing features 0 of 4" and said[-1] == "Fitting the head"


def test_a_fit_can_be_stopped(tmp_path: Path) -> None:
    events: list[TrainingEvent] = []
    result = first_round(tmp_path, events, should_stop=lambda: bool(stages(events)))
    assert result.stopped and result.step == 0 and not result.published
    assert stages(events) == ["Computing features 0 of 4"]


def test_a_fit_can_be_paused_and_does_other_work_meanwhile(tmp_path: Path) -> None:
    events: list[TrainingEvent] = []
    asked, work = iter(range(100)), []

    def should_pause() -> bool:
        return bool(stages(events)) and next(asked) < 5

    def between_steps() -> None:
        work.append(len(events))

    result = first_round(tmp_path, events, should_pause=should_pause, between_steps=between_steps)
    assert result.published and result.step == 1
    assert work.count(2) >= 6, "asked again and again after the first stage, without another event"


def test_the_learning_rate_is_looked_for_after_the_head_is_fitted(tmp_path: Path) -> None:
    events: list[TrainingEvent] = []
    first_round(tmp_path, events, RECIPE.with_changes({"learning_rate": None}))
    kinds = [type(event) for event in events if not isinstance(event, TrainingStage)]
    assert kinds.index(CheckpointPublished) < kinds.index(LearningRateFound)
    found = next(event for event in events if isinstance(event, LearningRateFound))
    assert found.curve[0][1] < 1.0, (
        "a network with random weights starts at the loss of a coin, with Dice above 1"
    )
    steps = [event.step for event in events if isinstance(event, CheckpointPublished)]
    stored = load_checkpoint(tmp_path / "run").metadata["recipe"]["learning_rate"]
    assert stored == (found.rate if steps[-1] else None)


def test_no_head_is_fitted_that_nothing_could_be_compared_with(tmp_path: Path) -> None:
    events = rerun(untrained(tmp_path / "base"), snapshot(tmp_path / "snapshot", val=0), tmp_path / "run")
    assert not stages(events) and any(isinstance(event, CheckpointPublished) for event in events)
