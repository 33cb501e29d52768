"""Small things are learned from crops of large pictures, and their loss by scaling shows in the scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from core.models.network_builder import build_network
from core.models.spec import ModelSpec
from core.training.data.small_regions import advise_size
from core.training.data.snapshot import TrainingSnapshot
from core.training.events import ModelEvaluated, TrainingEvent
from core.training.loop import train
from core.training.recipe import Recipe

SIDE, DOT = 384, 4
SPEC = ModelSpec("asymmetric-unet-small", None, "none", 32, (1, 2))
RECIPE = Recipe(
    minutes=None, steps=60, batch=4, threads=1, device="cpu", learning_rate=1e-2, ema=0.8, crop=64, turn=0.0,
    colour=0.0, zoom=(1.0, 1.0),
)  # fmt: skip


def dotted(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A grey picture with bright dots of class 2, four pixels wide, and its label."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(60, 100, (SIDE, SIDE, 3)).astype(np.uint8)
    values = np.ones((SIDE, SIDE), np.uint8)
    for y, x in rng.integers(0, SIDE - DOT, (60, 2)):
        picture[y : y + DOT, x : x + DOT] = 230
        values[y : y + DOT, x : x + DOT] = 2
    return picture, values


def last_score(folder: Path, spec: ModelSpec) -> tuple[ModelEvaluated, TrainingSnapshot]:
    snapshot = TrainingSnapshot.create(folder / "snapshot", spec, RECIPE)
    for number in range(4):
        snapshot.put(number, f"{number}.png", "val" if number == 3 else "train", *dotted(number))
    torch.manual_seed(1)
    heard: list[TrainingEvent] = []
    train(build_network(spec), spec, snapshot, RECIPE, run_folder=folder / "run", on_event=heard.append)
    return next(event for event in reversed(heard) if isinstance(event, ModelEvaluated)), snapshot


def test_dots_are_learned_at_the_size_that_keeps_them(tmp_path: Path) -> None:
    scaled, snapshot = last_score(tmp_path / "scaled", SPEC)
    assert scaled.per_class[2] < 0.2, "dots of a third of a pixel"
    advice = advise_size([entry.scaled_regions for entry in snapshot.entries().values()], SPEC.size)
    assert set(advice.lost) == {2}
    assert 192 <= advice.better <= SIDE
    kept, _ = last_score(tmp_path / "kept", replace(SPEC, size=advice.better))
    assert kept.per_class[2] > 0.4
    assert sum(map(sum, kept.confusion)) == sum(map(sum, scaled.confusion)) == SIDE**2, "at its own size"
