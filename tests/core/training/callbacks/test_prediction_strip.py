"""Predictions of each published checkpoint, stored by a training, and what a stranger's folder may hold."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import ImageError, TrainingError
from core.labels.prediction_history import (
    HISTORY_FOLDER,
    MAX_CHECKPOINTS,
    SIDE,
    PredictionHistory,
    PublishedCheckpoint,
)
from core.models.network_builder import build_network
from core.training.callbacks.callback_list import make_callbacks
from core.training.callbacks.callback_options import NO_CALLBACKS
from core.training.events import CheckpointPublished, TrainingEvent
from core.training.loop import train
from tests.core.training.small_training import RECIPE, SPEC, small_snapshot


def checkpoint(step: int) -> PublishedCheckpoint:
    return PublishedCheckpoint(step, step / 10, step / 100, math.nan if step == 0 else 0.5)


def test_a_training_stores_what_each_checkpoint_predicts(tmp_path: Path) -> None:
    events: list[TrainingEvent] = []
    folder = tmp_path / "7"
    folder.mkdir()
    snapshot = small_snapshot(tmp_path / "snapshot")
    recipe = replace(RECIPE, steps=6)
    with make_callbacks(NO_CALLBACKS, folder, SPEC, recipe, events.append) as callbacks:
        train(
            build_network(SPEC), SPEC, snapshot, recipe,
            run_folder=folder, on_event=callbacks.on_event, callbacks=callbacks,
            should_stop=lambda: False, should_pause=lambda: False,
            snapshot_changed=lambda: False, between_steps=lambda: None,
        )  # fmt: skip
    published = [event.step for event in events if isinstance(event, CheckpointPublished)]
    found = PredictionHistory(folder)
    assert [each.step for each in found.checkpoints()] == published
    assert published
    assert found.pictures() == [4, 5], "the val pictures"
    values = found.read(published[-1], 4)
    assert values.shape == (24, 32)
    assert set(np.unique(values)) <= {4, 9}


def test_the_strip_stays_small(tmp_path: Path) -> None:
    found = PredictionHistory(tmp_path)
    large = np.ones((500, 1000), np.uint8)
    for step in range(MAX_CHECKPOINTS + 3):
        found.add(checkpoint(step), {3: large if step < 2 else large[:4, :4]})
    steps = [each.step for each in found.checkpoints()]
    assert len(steps) < MAX_CHECKPOINTS
    assert (steps[0], steps[-1]) == (0, MAX_CHECKPOINTS + 2)
    assert max(np.diff(steps)) <= 2, "evenly thinned"
    files = sorted(int(path.name.split("-")[0]) for path in (tmp_path / HISTORY_FOLDER).glob("*.png"))
    assert files == steps
    assert found.read(0, 3).shape == (SIDE // 2, SIDE)
    assert math.isnan(found.checkpoints()[0].miou)
    found.add(checkpoint(steps[-1]), {3: large[:4, :4]})
    assert [each.step for each in found.checkpoints()] == steps, "a checkpoint that is published again"


def test_links_and_damaged_files_are_not_read(tmp_path: Path) -> None:
    found = PredictionHistory(tmp_path / "run")
    (tmp_path / "run").mkdir()
    found.add(checkpoint(1), {3: np.ones((4, 4), np.uint8)})
    listed = found.folder / "checkpoints.jsonl"
    listed.write_text(
        listed.read_text() + '{"step": 1e400}\n[]\nnothing\n{"step": -4}\n' + "[" * 9999, "utf-8"
    )
    assert [each.step for each in found.checkpoints()] == [1]
    image = found.folder / "1-3.png"
    image.rename(tmp_path / "elsewhere.png")
    image.symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(ImageError, match="link"):
        found.read(1, 3)
    image.unlink()
    image.write_bytes(b"\x89PNG\r\n\x1a\n....")
    with pytest.raises(ImageError, match="cannot be read"):
        found.read(1, 3)
    other = PredictionHistory(tmp_path / "other")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / HISTORY_FOLDER).symlink_to(found.folder)
    with pytest.raises(TrainingError, match="link"):
        other.add(checkpoint(1), {3: np.ones((4, 4), np.uint8)})
    assert other.pictures() == []
