"""Training steps: every option of a recipe has an effect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.events import (
    LearningRateFound,
    ModelEvaluated,
    TrainingEvent,
    TrainingNote,
    TrainingProgress,
)
from core.training.learning_rate_finder import MIN_RATE, rate_from_curve
from core.training.loop import TrainingResult, train
from core.training.recipe import (
    INITIALISERS,
    OPTIMIZERS,
    Recipe,
)

SPEC = ModelSpec("asymmetric-unet", None, "none", 32, (4, 9))
UNET = ModelSpec("unet", "resnet18", "none", 32, (4, 9))
TWO_STEPS = Recipe(minutes=None, steps=2, batch=2, threads=1)


def frozen(
    folder: Path, recipe: Recipe = TWO_STEPS, *, spec: ModelSpec = SPEC, val: int = 1
) -> TrainingSnapshot:
    """Half class 4, half class 9; the boundary lies elsewhere in each picture."""
    snapshot = TrainingSnapshot.create(folder, spec, recipe)
    for number in range(4 + val):
        values = np.full((32, 32), 4, np.uint8)
        values[:, 8 + 3 * number :] = 9
        picture = np.repeat((values * 25)[..., None], 3, 2)
        snapshot.put(number, f"{number}", "train" if number < 4 else "val", picture, values)
    return snapshot


def trained(
    folder: Path, recipe: Recipe, *, spec: ModelSpec = SPEC, model: nn.Module | None = None, **more: Any
) -> tuple[TrainingResult, nn.Module, list[TrainingEvent]]:
    if model is None:
        torch.manual_seed(1)
        model = build_network(spec)
    heard: list[TrainingEvent] = []
    snapshot = frozen(folder / "s", recipe, spec=spec)
    outcome = train(model, spec, snapshot, recipe, run_folder=folder / "run", on_event=heard.append, **more)
    return outcome, model, heard


@pytest.mark.parametrize(
    "change",
    [{"optimizer": name} for name in OPTIMIZERS[1:]]
    + [{"initialiser": name} for name in INITIALISERS if name != "own"]
    + [
        {"dropout": 0.5},
        {"ema": 0.0},
        {"clip": 0.0},
        {"loss": "focal+lovasz"},
        {"blur": 2.0, "noise": 0.1},
        {"schedule": "one-cycle", "warm_up": 0},
        {"precision": "bf16-mixed"},
        {"fresh": 0.0, "balanced": 1.0},
    ],
    ids=str,
)
def test_each_option_trains_and_changes_the_weights(tmp_path: Path, change: dict[str, Any]) -> None:
    usual = replace(TWO_STEPS, precision="32-true")
    outcome, model, _ = trained(tmp_path / "a", replace(usual, **change))
    assert (outcome.step, outcome.published) == (2, True)
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())
    _, before, _ = trained(tmp_path / "b", usual)
    if change.keys() & {"ema", "clip", "fresh"}:
        return  # in two steps from scratch the same weights: another average, no long gradient, nothing fresh
    assert not torch.equal(model.state_dict()["head.weight"], before.state_dict()["head.weight"])


def test_frozen_encoder_is_trained_after_its_share(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = build_network(UNET)
    assert isinstance(model.encoder, nn.Module)
    encoder, before = model.encoder, {k: v.clone() for k, v in model.encoder.state_dict().items()}
    seen: list[bool] = []

    def look() -> None:
        now = encoder.state_dict()
        seen.append(all(torch.equal(now[name], tensor) for name, tensor in before.items()))

    recipe = replace(TWO_STEPS, steps=4, freeze_encoder=0.5)
    trained(tmp_path, recipe, spec=UNET, model=model, between_steps=look)
    assert seen == [True, True, True, False]  # before steps 1 to 4


def test_note_when_there_is_no_encoder_to_freeze(tmp_path: Path) -> None:
    _, _, heard = trained(tmp_path, replace(TWO_STEPS, freeze_encoder=0.5))
    assert ["no encoder" in event.message for event in heard if isinstance(event, TrainingNote)] == [True]


def test_learning_rate_finder_restores_weights_and_optimizer(tmp_path: Path) -> None:
    recipe = replace(TWO_STEPS, learning_rate=None, steps=1)
    _, _, heard = trained(tmp_path / "a", recipe)
    (found,) = [event for event in heard if isinstance(event, LearningRateFound)]
    rates = [rate for rate, _ in found.curve]
    assert rates == sorted(rates)
    assert MIN_RATE <= found.rate < 1
    assert found.curve[0][1] == pytest.approx(_first_loss(tmp_path / "b"), rel=1e-3)
    # Whoever stops during the test gets the network as it was.
    asked = iter([False] * 5)
    outcome, model, heard = trained(tmp_path / "c", recipe, should_stop=lambda: next(asked, True))
    torch.manual_seed(1)
    assert outcome.step == 0
    for name, tensor in build_network(SPEC).state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor)


def _first_loss(folder: Path) -> float:
    _, _, heard = trained(folder, TWO_STEPS)
    return next(event.loss for event in heard if isinstance(event, TrainingProgress))


def test_rate_is_a_tenth_of_that_at_the_lowest_loss() -> None:
    curve = tuple((10.0 ** (-5 + n / 4), abs(n - 12) + 1.0) for n in range(17))
    assert rate_from_curve(curve) == pytest.approx(1e-3)
    assert rate_from_curve(curve[:4]) is None


def test_patience_ends_a_training_without_gain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.scoring.checkpoint_selection.FIRST_EVALUATION_SECONDS", 0.0)
    monkeypatch.setattr("core.training.scoring.checkpoint_selection.MAX_INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr("core.training.scoring.checkpoint_selection.MAX_EVALUATION_SHARE", 1e9)
    recipe = replace(TWO_STEPS, steps=500, learning_rate=1e-8, ema=0.0, patience=3, schedule="constant")
    outcome, _, heard = trained(tmp_path, recipe)
    assert not outcome.stopped
    assert outcome.step < 500
    assert "3 evaluations" in [event.message for event in heard if isinstance(event, TrainingNote)][-1]


class Small(nn.Module):
    """A network that runs out of memory with more than `most` pictures."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.inner, self.most = build_network(SPEC), most

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        if self.training and len(pictures) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
        answer: torch.Tensor = self.inner(pictures)
        return answer


def test_batch_is_halved_when_memory_runs_out_with_one_note(tmp_path: Path) -> None:
    recipe = replace(TWO_STEPS, batch=16, steps=None, epochs=8.0)
    outcome, _, heard = trained(tmp_path / "a", recipe, model=Small(2))
    assert outcome.published
    assert (
        outcome.step == 9
    )  # 2 steps of 16 were to come; the first took 2, and what was left is 8 times as much
    (note,) = [event.message for event in heard if isinstance(event, TrainingNote)]
    assert "16 pictures" in note
    assert "with 2" in note
    with pytest.raises(torch.OutOfMemoryError):
        trained(tmp_path / "b", recipe, model=Small(0))


def test_deterministic_trainings_are_bitwise_equal(tmp_path: Path) -> None:
    recipe = replace(TWO_STEPS, steps=4, deterministic=True, threads=None, colour=0.4, blur=1.0, noise=0.1)
    try:
        states = [trained(tmp_path / name, recipe)[1].state_dict() for name in "ab"]
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        trained(tmp_path / "c", TWO_STEPS)
    assert not torch.are_deterministic_algorithms_enabled()
    for name, tensor in states[0].items():
        assert torch.equal(states[1][name], tensor), name


def test_training_goes_on_uncompiled_when_compile_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_compiler(_network: nn.Module) -> Any:
        def refuse(_pictures: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no C++ compiler found")

        return refuse

    monkeypatch.setattr(torch, "compile", no_compiler)
    outcome, _, heard = trained(tmp_path, replace(TWO_STEPS, compile=True))
    assert outcome.published
    assert next(e.message for e in heard if isinstance(e, TrainingNote)).startswith(
        "The network cannot be compiled"
    )
    assert [e.step for e in heard if isinstance(e, ModelEvaluated)] == [2]
