"""Every choice of a recipe has an effect on a training."""

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
from core.training.budget import Budget
from core.training.checkpoint_selection import Baseline
from core.training.data.augmentation import make_batch
from core.training.data.dataset import IGNORE_INDEX, TrainingSet
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
    SCHEDULES,
    Recipe,
)
from core.training.schedule import learning_rate_at
from core.training.validation import ValidationScore

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


# Schedules and augmentation ---------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_begin_softly_and_stay_below_the_peak(schedule: str) -> None:
    recipe = Recipe(learning_rate=1.0, schedule=schedule, warm_up=10)
    rates = [learning_rate_at(recipe, step / 200, step) for step in range(201)]
    assert rates[0] <= 0.1
    assert 0.8 < max(rates) <= 1.0 + 1e-3
    assert all(rate > 0 for rate in rates)
    assert (rates[-1] == 1.0) is (schedule == "constant")
    peak = int(np.argmax(rates))
    assert (50 < peak < 70) is (schedule == "one-cycle")


def test_an_epoch_of_smaller_batches_has_more_steps() -> None:
    budget = Budget(Recipe(minutes=None, epochs=4, batch=4), 10)
    assert budget.steps == 10
    budget.adjust_for_batch(2, 2.0)
    assert budget.steps == 18
    fixed = Budget(Recipe(minutes=None, steps=10), 10)
    fixed.adjust_for_batch(2, 2.0)
    assert fixed.steps == 10


def test_corrections_travel_with_their_pixels(tmp_path: Path) -> None:
    recipe = Recipe(zoom=(0.5, 2.0), turn=20.0, flip="strong", colour=0.0, correction_weight=3.0)
    snapshot = TrainingSnapshot.create(tmp_path, SPEC, recipe)
    values = np.full((24, 32), 4, np.uint8)
    values[6:18, 4:20] = 9
    picture = np.repeat((values * 25)[..., None], 3, 2)
    snapshot.put(1, "corrected", "train", picture, values, values == 9)
    snapshot.put(2, "not", "train", picture, values)
    pictures = TrainingSet(TrainingSnapshot.open(tmp_path), SPEC, recipe, torch.device("cpu"))
    drawn = pictures.sample(16)
    batch = make_batch(drawn, (32, 32), recipe, torch.Generator().manual_seed(0))
    assert batch.pixel_weights is not None
    for draw, targets, emphasis in zip(drawn, batch.targets, batch.pixel_weights, strict=True):
        expected = torch.where((targets == 1) & (draw.example.entry.picture_id == 1), 3.0, 1.0)
        torch.testing.assert_close(emphasis, expected)
    plain = replace(recipe, correction_weight=1.0)
    assert make_batch(drawn, (32, 32), plain, torch.Generator()).pixel_weights is None


def test_upside_down_only_when_strong(tmp_path: Path) -> None:
    """The upper half is class 4: it stays above unless pictures are mirrored upside down too."""
    for flip in ("none", "light", "strong"):
        recipe = Recipe(zoom=(1.0, 1.0), turn=0.0, flip=flip)
        snapshot = TrainingSnapshot.create(tmp_path, SPEC, recipe)
        values = np.full((32, 32), 9, np.uint8)
        values[:16] = 4
        values[:, :4] = 0
        snapshot.put(1, "a", "train", np.zeros((32, 32, 3), np.uint8), values)
        pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"))
        batch = make_batch(pictures.sample(24), (32, 32), recipe, torch.Generator().manual_seed(0))
        upside_down = (batch.targets[:, 4, 16] == 1).float().mean().item()
        sideways = (batch.targets[:, 4, 31] == IGNORE_INDEX).float().mean().item()
        assert (0.2 < upside_down < 0.8) is (flip == "strong")
        assert (0.2 < sideways < 0.8) is (flip != "none")


def test_blur_softens_an_edge_and_noise_roughens_a_plain(tmp_path: Path) -> None:
    plain = Recipe(zoom=(1.0, 1.0), turn=0.0, flip="none", colour=0.0)
    pictures = TrainingSet(frozen(tmp_path), SPEC, plain, torch.device("cpu"))
    drawn = pictures.sample(4)

    def edges(recipe: Recipe) -> tuple[float, float]:
        made = make_batch(drawn, (32, 32), recipe, torch.Generator().manual_seed(3)).pictures
        return made.diff(dim=3).abs().max().item(), made.diff(dim=2).abs().mean().item()

    assert edges(replace(plain, blur=2.0))[0] < edges(plain)[0]
    assert edges(plain)[1] == 0
    assert edges(replace(plain, noise=0.1))[1] > 0


# Publishing ------------------------------------------------------------------------------------------


def scored(*ious: float) -> ValidationScore:
    per_class = dict(enumerate(ious))
    return ValidationScore(np.eye(len(ious), dtype=np.int64), float(np.mean(ious)), per_class, 0.5, 3, 0.1)


@pytest.mark.parametrize(
    ("found", "news", "passes"),
    [
        ((0.62, 0.50, 0.1), False, True),  # every class gains, or is not known yet
        ((0.595, 0.52, 0.0), False, True),  # within a point; the third was never known
        ((0.55, 0.60, 0.1), False, False),  # five points for a mean that gains less than two
        ((0.55, 0.90, 0.3), False, True),  # the mean gains as much
        ((0.56, 0.55, 0.1), True, True),  # an answer to new labels may cost a little more
        ((0.50, 0.62, 0.1), True, False),
    ],
)
def test_a_known_class_is_not_given_away(found: tuple[float, ...], news: bool, passes: bool) -> None:
    floor, now = Baseline.from_score(scored(0.60, 0.50, 0.1)), scored(*found)
    assert set(floor.known_iou) == {0, 1}
    assert (floor.largest_class_loss(now) <= floor.allowed_class_loss(now, after_update=news)) is passes


# Trainings ---------------------------------------------------------------------------------------------


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
def test_each_choice_trains_and_matters(tmp_path: Path, change: dict[str, Any]) -> None:
    usual = replace(TWO_STEPS, precision="32-true")
    outcome, model, _ = trained(tmp_path / "a", replace(usual, **change))
    assert (outcome.step, outcome.published) == (2, True)
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())
    _, before, _ = trained(tmp_path / "b", usual)
    if change.keys() & {"ema", "clip", "fresh"}:
        return  # in two steps from scratch the same weights: another average, no long gradient, nothing fresh
    assert not torch.equal(model.state_dict()["head.weight"], before.state_dict()["head.weight"])


def test_a_frozen_encoder_stays_and_then_learns(tmp_path: Path) -> None:
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


def test_what_a_network_cannot_do_is_said(tmp_path: Path) -> None:
    _, _, heard = trained(tmp_path, replace(TWO_STEPS, freeze_encoder=0.5))
    assert ["no encoder" in event.message for event in heard if isinstance(event, TrainingNote)] == [True]


def test_a_range_test_finds_a_rate_and_changes_nothing_else(tmp_path: Path) -> None:
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


def test_a_tenth_of_where_the_loss_was_lowest() -> None:
    curve = tuple((10.0 ** (-5 + n / 4), abs(n - 12) + 1.0) for n in range(17))
    assert rate_from_curve(curve) == pytest.approx(1e-3)
    assert rate_from_curve(curve[:4]) is None


def test_patience_ends_a_training_that_no_longer_gets_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.training.checkpoint_selection.FIRST_EVALUATION_SECONDS", 0.0)
    monkeypatch.setattr("core.training.checkpoint_selection.MAX_INTERVAL_SECONDS", 0.0)
    monkeypatch.setattr("core.training.checkpoint_selection.MAX_EVALUATION_SHARE", 1e9)
    recipe = replace(TWO_STEPS, steps=500, learning_rate=1e-8, ema=0.0, patience=3, schedule="constant")
    outcome, _, heard = trained(tmp_path, recipe)
    assert not outcome.stopped
    assert outcome.step < 500
    assert "3 evaluations" in [event.message for event in heard if isinstance(event, TrainingNote)][-1]


class Small(nn.Module):
    """A network on a machine whose memory holds two pictures."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.inner, self.most = build_network(SPEC), most

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        if self.training and len(pictures) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
        answer: torch.Tensor = self.inner(pictures)
        return answer


def test_when_memory_runs_out_the_batch_halves_and_that_is_said_once(tmp_path: Path) -> None:
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


def test_deterministic_trainings_are_equal_to_the_last_bit(tmp_path: Path) -> None:
    recipe = replace(TWO_STEPS, steps=4, deterministic=True, threads=None, colour=0.4, blur=1.0, noise=0.1)
    try:
        states = [trained(tmp_path / name, recipe)[1].state_dict() for name in "ab"]
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        trained(tmp_path / "c", TWO_STEPS)
    assert not torch.are_deterministic_algorithms_enabled()
    for name, tensor in states[0].items():
        assert torch.equal(states[1][name], tensor), name


def test_a_network_that_cannot_be_compiled_trains_without(
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
