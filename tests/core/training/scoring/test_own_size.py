"""Scores at the picture's own size."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.models.inference import upscaled_bands
from core.models.spec import ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.data.training_set import IGNORE_INDEX, TrainingSet
from core.training.devices import make_runtime
from core.training.distributed import ProcessGroup
from core.training.events import ModelEvaluated, TrainingEvent
from core.training.recipe import Recipe
from core.training.scoring.checkpoint_selection import CheckpointSelector
from core.training.scoring.metrics import confusion_matrix
from core.training.scoring.own_size import own_size_confusion
from core.training.scoring.validation import ValidationScore, validate

SPEC = ModelSpec("asymmetric-unet-small", None, "none", 32, (1, 2))
RECIPE = Recipe(minutes=None, steps=1, device="cpu")


@pytest.mark.parametrize(
    ("small", "full"),
    [
        ((24, 32), (240, 320)),
        ((24, 32), (143, 201)),
        ((24, 32), (25, 33)),
        ((48, 64), (12, 16)),
        ((1, 7), (9, 50)),
    ],
)
def test_equals_the_argmax_of_all_interpolated_logits(small: tuple[int, int], full: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    smooth = cv2.resize(
        rng.normal(size=(4, 5, 3)).astype(np.float32), small[::-1], interpolation=cv2.INTER_CUBIC
    )
    logits = torch.from_numpy(np.ascontiguousarray(smooth.transpose(2, 0, 1)))
    truth = rng.choice(np.array([0, 1, 2, IGNORE_INDEX], np.uint8), full)
    wanted = torch.zeros((4, 4), dtype=torch.int64)
    for rows, band in upscaled_bands(iter([logits]), 3, small[0], *full):
        wanted += confusion_matrix(band.argmax(0), torch.from_numpy(truth[rows]), 4)
    found = own_size_confusion(logits, truth, 4)
    assert int(found.sum()) == int((truth != IGNORE_INDEX).sum())
    assert int((found - wanted).abs().sum()) <= 2, "but for ties"


class Blind(nn.Module):
    """Says the first class everywhere."""

    def forward(self, batch: Tensor) -> Tensor:
        logits = torch.zeros(len(batch), 2, *batch.shape[2:])
        logits[:, 0] = 1.0
        return logits


def dotted() -> np.ndarray:
    """(320, 320) uint8: dots of class 2, a pixel each, none of them where the label is sampled at 32 pixels."""
    values = np.ones((320, 320), np.uint8)
    values[10::20, 11::20] = 2
    assert not (cv2.resize(values, (32, 32), interpolation=cv2.INTER_NEAREST_EXACT) == 2).any()
    return values


def scored(snapshot: TrainingSnapshot, spec: ModelSpec = SPEC) -> tuple[ValidationScore | None, TrainingSet]:
    pictures = TrainingSet(snapshot, spec, RECIPE, torch.device("cpu"))
    score = validate(
        Blind(), pictures, split="val", autocast=nullcontext, should_abort=lambda: False,
        group=ProcessGroup(make_runtime(RECIPE)),
    )  # fmt: skip
    return score, pictures


def snapshot_of(folder: Path, values: np.ndarray) -> TrainingSnapshot:
    picture = np.full((*values.shape, 3), 90, np.uint8)
    snapshot = TrainingSnapshot.create(folder, SPEC, RECIPE)
    snapshot.put(1, "a.png", "train", picture, values)
    snapshot.put(2, "b.png", "val", picture, values)
    return snapshot


def test_a_class_that_vanishes_from_the_scaled_label_still_counts(tmp_path: Path) -> None:
    score, _ = scored(snapshot_of(tmp_path, dotted()))
    assert score is not None
    assert score.per_class[1] == 0.0
    assert score.miou == pytest.approx((1 - 256 / 320**2) / 2)
    assert score.matrix.sum() == 320 * 320


def test_a_change_that_the_scaled_label_does_not_show_is_scored_anew(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, dotted())
    _, pictures = scored(snapshot)
    before = pictures.validation_key
    changed = dotted()
    changed[10, 11] = 1
    snapshot.put(2, "b.png", "val", np.full((320, 320, 3), 90, np.uint8), changed)
    assert pictures.refresh().val
    assert pictures.validation_key != before


def test_a_class_added_during_the_training_counts_as_not_known(tmp_path: Path) -> None:
    values = np.ones((24, 32), np.uint8)
    snapshot = snapshot_of(tmp_path, values)
    score, pictures = scored(snapshot)
    assert score is not None and score.miou == 1.0
    values[:, 16:] = 7
    snapshot.put(2, "b.png", "val", np.full((24, 32, 3), 90, np.uint8), values)
    pictures.refresh()
    assert pictures.scored_values == (1, 2, 7)
    score, _ = scored(snapshot)
    assert score is not None
    assert score.per_class == {0: 0.5, 2: 0.0}
    assert score.miou == 0.25


def test_a_damaged_label_of_own_size_is_named(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, dotted())
    entry = snapshot.entries()[2]
    assert entry.has_own_size and not snapshot.entries()[1].has_own_size
    next(tmp_path.rglob("2-*.truth.z")).write_bytes(b"no label")
    with pytest.raises(Exception, match=r"val label of b\.png"):
        snapshot.read_truth(replace(entry))


def test_of_large_pictures_fewer_are_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.scoring.checkpoint_selection.MIN_VALIDATION_PICTURES", 1)
    snapshot = snapshot_of(tmp_path, dotted())
    for number in range(3, 8):
        snapshot.put(number, "c.png", "val", np.full((320, 320, 3), 90, np.uint8), dotted())
    heard: list[TrainingEvent] = []
    pictures = TrainingSet(snapshot, SPEC, RECIPE, torch.device("cpu"))
    selector = CheckpointSelector(
        tmp_path / "run", SPEC, RECIPE, pictures, on_event=heard.append, autocast=nullcontext,
        should_abort=lambda: False, group=ProcessGroup(make_runtime(RECIPE)),
    )  # fmt: skip
    for pixels, scored_pictures in ((600_000_000, 6), (3 * 320 * 320, 3), (1, 1)):
        monkeypatch.setattr("core.training.scoring.checkpoint_selection.MAX_VALIDATION_PIXELS", pixels)
        selector.evaluate(Blind(), 1, 1.0)
        evaluated = [event for event in heard if isinstance(event, ModelEvaluated)]
        assert evaluated[-1].labelled_pictures == scored_pictures
