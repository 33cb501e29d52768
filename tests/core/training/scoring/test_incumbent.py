"""A new network takes the place of the one in use only where it is better on the same pictures."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from core.models.checkpoint import load_checkpoint, save_checkpoint
from core.models.inference import predict
from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.data.training_set import TrainingSet
from core.training.distributed import ProcessGroup
from core.training.events import CheckpointPublished, InUseScored, TrainingEvent, TrainingNote
from core.training.loop import train
from core.training.recipe import Recipe
from core.training.scoring import checkpoint_selection, incumbent_scorer
from core.training.scoring.incumbent import Incumbent
from core.training.scoring.incumbent_scorer import IncumbentScorer
from core.training.scoring.validation import validate
from core.training.single_device import SingleDevice

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 32, (1, 2))
TWO_STEPS = Recipe(minutes=None, steps=2, batch=4, threads=1, device="cpu", learning_rate=1e-5)
EASY = replace(TWO_STEPS, steps=60, learning_rate=1e-2, ema=0.8)


def example(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A red disc (class 2) on blue ground (class 1), 48 x 64 pixels: scaled for the network."""
    dice = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :64]
    disc = (x - dice.integers(16, 48)) ** 2 + (y - dice.integers(16, 32)) ** 2 < dice.integers(100, 240)
    picture = np.where(disc[..., None], (220, 30, 20), (20, 60, 200)).astype(np.uint8)
    return picture, np.where(disc, 2, 1).astype(np.uint8)


def snapshot_in(folder: Path, spec: ModelSpec, recipe: Recipe, *, val: int = 2) -> TrainingSnapshot:
    files = folder / "pictures"
    files.mkdir(parents=True)
    snapshot = TrainingSnapshot.create(folder / "snapshot", spec, recipe)
    for number in range(4 + val):
        picture, values = example(number)
        path = files / f"{number}.png"
        cv2.imwrite(str(path), picture[..., ::-1])
        snapshot.put(number, path.name, "train" if number < 4 else "val", picture, values, source=path)
    return snapshot


def trained(
    folder: Path, recipe: Recipe, incumbent: Incumbent | None = None, spec: ModelSpec = SPEC, val: int = 2
) -> list[TrainingEvent]:
    torch.manual_seed(1)
    heard: list[TrainingEvent] = []
    train(
        build_network(spec), spec, snapshot_in(folder, spec, recipe, val=val), recipe,
        run_folder=folder / "run", on_event=heard.append, incumbent=incumbent,
    )  # fmt: skip
    return heard


def published(heard: list[TrainingEvent]) -> CheckpointPublished:
    return next(event for event in reversed(heard) if isinstance(event, CheckpointPublished))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The checkpoint of a network that is good at the pictures, and its mIoU on val."""
    folder = tmp_path_factory.mktemp("good")
    miou = published(trained(folder, EASY)).miou
    assert miou is not None and miou > 0.8
    return folder / "run", miou


def test_a_worse_network_is_said_and_not_taken(tmp_path: Path, good: tuple[Path, float]) -> None:
    heard = trained(tmp_path, TWO_STEPS, Incumbent(3, good[0], (1, 2)))
    newcomer = published(heard)
    assert not newcomer.in_use
    assert newcomer.miou is not None and newcomer.miou < good[1]
    assert load_checkpoint(tmp_path / "run").metadata["miou"] == newcomer.miou, "it can be chosen by hand"
    notes = [event for event in heard if isinstance(event, TrainingNote)]
    assert notes[-1].stored and "Run 3 stays in use" in notes[-1].message
    scores = [event for event in heard if isinstance(event, InUseScored)]
    assert scores[-1].miou == pytest.approx(good[1], abs=1e-3), "measured as in its own training"


def test_a_better_network_takes_the_place(tmp_path: Path) -> None:
    torch.manual_seed(5)
    save_checkpoint(tmp_path / "bad", build_network(SPEC), SPEC, {})
    heard = trained(tmp_path, EASY, Incumbent(3, tmp_path / "bad", (1, 2)))
    newcomer = published(heard)
    assert newcomer.in_use
    assert [event.miou for event in heard if isinstance(event, InUseScored)][-1] == newcomer.miou
    assert not [event for event in heard if isinstance(event, TrainingNote) and event.stored]


def test_networks_of_other_inputs_are_compared_at_the_size_of_the_pictures(
    tmp_path: Path, good: tuple[Path, float]
) -> None:
    large = replace(SPEC, size=64)
    heard = trained(tmp_path, TWO_STEPS, Incumbent(3, good[0], (1, 2)), large)
    assert not published(heard).in_use
    scores = [event for event in heard if isinstance(event, InUseScored)]
    assert scores[-1].miou == pytest.approx(good[1], abs=1e-3), "at its own input"


def test_the_classes_of_now_are_compared(tmp_path: Path, good: tuple[Path, float]) -> None:
    """The two classes have changed values since: to this project, the good network says everything wrongly."""
    heard = trained(tmp_path, EASY, Incumbent(3, good[0], (2, 0)))
    assert published(heard).in_use


def test_without_val_pictures_those_that_were_trained_on_decide(
    tmp_path: Path, good: tuple[Path, float]
) -> None:
    heard = trained(tmp_path, TWO_STEPS, Incumbent(3, good[0], (1, 2)), val=0)
    assert (published(heard).in_use, published(heard).miou) == (False, None)
    notes = [event.message for event in heard if isinstance(event, TrainingNote)]
    assert "on the same labelled pictures" in notes[-1]


def test_a_network_whose_weights_are_gone_is_replaced(tmp_path: Path) -> None:
    heard = trained(tmp_path, TWO_STEPS, Incumbent(3, tmp_path / "gone", (1, 2)))
    assert published(heard).in_use
    assert "takes its place" in next(event.message for event in heard if isinstance(event, TrainingNote))


def test_judging_takes_no_more_pictures_than_its_time_allows(
    tmp_path: Path, good: tuple[Path, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def counted(*args: object, **options: object) -> object:
        seen.append(1)
        return predict(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(incumbent_scorer, "predict", counted)
    recipe = replace(TWO_STEPS)
    snapshot = snapshot_in(tmp_path, SPEC, recipe, val=24)
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"))
    group = ProcessGroup(SingleDevice(torch.device("cpu"), "32-true"))

    def scorer() -> IncumbentScorer:
        return IncumbentScorer(Incumbent(3, good[0], (1, 2)), pictures, group)

    hurried = scorer().score("val", 256, 0.0, lambda: False)
    assert hurried is not None and (hurried.pictures, len(seen)) == (incumbent_scorer.MIN_PICTURES, 16)
    seen.clear()
    patient = scorer()
    whole = patient.score("val", 256, 1e9, lambda: False)
    assert whole is not None and (whole.pictures, len(seen)) == (24, 24)
    seen.clear()
    picture, values = example(99)
    snapshot.put(4, "4.png", "val", picture, values)
    pictures.refresh()
    again = patient.score("val", 256, 1e9, lambda: False)
    assert again is not None and (again.pictures, len(seen)) == (24, 1), "the others are known"


def test_both_networks_are_compared_on_the_same_pictures(
    tmp_path: Path, good: tuple[Path, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no time for all, the newcomer is scored again on those that the network in use is scored on."""
    monkeypatch.setattr(incumbent_scorer, "MIN_PICTURES", 1)
    monkeypatch.setattr(checkpoint_selection, "MAX_EVALUATION_SHARE", 1e-9)
    heard = trained(tmp_path / "one", TWO_STEPS, Incumbent(3, good[0], (1, 2)), val=6)
    note = [event.message for event in heard if isinstance(event, TrainingNote)][-1]
    assert "Run 3 stays in use" in note
    newcomer = load_checkpoint(tmp_path / "one" / "run")
    only = TrainingSet(
        snapshot_in(tmp_path / "again", SPEC, TWO_STEPS, val=1), SPEC, TWO_STEPS, torch.device("cpu")
    )
    alone = validate(
        newcomer.model.eval(), only, split="val", autocast=contextlib.nullcontext,
        should_abort=lambda: False, group=ProcessGroup(SingleDevice(torch.device("cpu"), "32-true")),
    )  # fmt: skip
    assert alone is not None and f"the new network {alone.miou:.3f}" in note
    assert f"{alone.miou:.3f}" != f"{newcomer.metadata['miou']:.3f}"
