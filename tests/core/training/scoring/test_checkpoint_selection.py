"""Which checkpoints a training publishes."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from core.labels.confusion_scores import class_iou
from core.models.spec import ModelSpec
from core.training.data.snapshot import TrainingSnapshot
from core.training.data.training_set import TrainingSet
from core.training.devices import make_runtime
from core.training.distributed import ProcessGroup
from core.training.events import CheckpointPublished, ModelEvaluated, TrainingEvent, TrainingNote
from core.training.recipe import Recipe
from core.training.scoring.checkpoint_selection import MAX_EVALUATION_SHARE, Baseline, CheckpointSelector
from core.training.scoring.validation import ValidationScore


def scored(*ious: float) -> ValidationScore:
    per_class = dict(enumerate(ious))
    return ValidationScore(np.eye(len(ious), dtype=np.int64), float(np.mean(ious)), per_class, 0.5, 3, 0.1)


def of_matrix(pixels: list[list[int]]) -> ValidationScore:
    matrix = np.array(pixels, np.int64)
    iou = class_iou(matrix)
    return ValidationScore(matrix, float(iou.mean()), dict(enumerate(map(float, iou))), 0.5, 3, 0.1)


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
def test_known_class_may_lose_only_what_is_allowed(
    found: tuple[float, ...], news: bool, passes: bool
) -> None:
    floor, now = Baseline.from_score(scored(0.60, 0.50, 0.1)), scored(*found)
    assert set(floor.known_iou) == {0, 1}
    assert (floor.largest_class_loss(now) <= floor.allowed_class_loss(now, after_update=news)) is passes


def test_what_a_class_loses_on_its_own_pixels_is_not_hidden_by_a_new_class() -> None:
    """Rows true, columns predicted. The second class was predicted on all pixels of the third, a new one."""
    before = of_matrix([[90, 10, 0], [10, 90, 0], [0, 100, 0]])
    floor = Baseline.from_score(before)
    assert floor.unknown == {2} and set(floor.known_iou) == {0, 1}
    assert floor.known_iou[1] == pytest.approx(90 / 110)
    after = of_matrix([[90, 10, 0], [10, 70, 20], [0, 0, 100]])
    assert after.per_class[1] > before.per_class[1], "with the pixels of the new class it seems to gain"
    assert floor.largest_class_loss(after) == pytest.approx(90 / 110 - 70 / 110)


class Painted(nn.Module):
    """Predicts the second class in the columns from `first`, whatever the picture shows."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first

    def forward(self, batch: Tensor) -> Tensor:
        columns = torch.arange(batch.shape[3]) >= self.first
        return torch.stack([~columns, columns]).float()[None, :, None].expand(len(batch), 2, *batch.shape[2:])


def selector_in(folder: Path, recipe: Recipe, heard: list[TrainingEvent]) -> CheckpointSelector:
    """Of a train and a val picture whose second class has the last twelfth of the columns."""
    spec = ModelSpec("asymmetric-unet-small", None, "none", 96, (1, 2))
    values = np.ones((96, 96), np.uint8)
    values[:, 88:] = 2
    snapshot = TrainingSnapshot.create(folder / "snapshot", spec, recipe)
    for number, part in enumerate(("train", "val")):
        snapshot.put(number, f"{part}.png", part, np.full((96, 96, 3), 90, np.uint8), values)
    return CheckpointSelector(
        folder / "run", spec, recipe, TrainingSet(snapshot, spec, recipe, torch.device("cpu")),
        on_event=heard.append, autocast=nullcontext, should_abort=lambda: False,
        group=ProcessGroup(make_runtime(recipe)),
    )  # fmt: skip


@pytest.mark.parametrize(("first", "is_news", "said"), [(77, False, 1), (73, True, 0)])
def test_only_a_network_that_was_better_is_said_to_have_been_rejected(
    tmp_path: Path, first: int, is_news: bool, said: int
) -> None:
    """Both lose 6 and 11 points of the first class. One gains 5 in the mean, the other loses half a point, which is
    allowed after new labels."""
    heard: list[TrainingEvent] = []
    selector = selector_in(tmp_path, Recipe(device="cpu"), heard)
    selector.evaluate_base(Painted(94), 0.0)
    if is_news:
        selector.on_label_update(1.0)
    selector.evaluate(Painted(first), 1, 2.0)
    assert not selector.published
    selector.report_rejected()
    notes = [event.message for event in heard if isinstance(event, TrainingNote)]
    assert len(notes) == said
    assert all("A checkpoint with a higher mIoU was not used" in note for note in notes)


class SlowIncumbent:
    """A network in use that takes twelve seconds to score, and gets no result."""

    run_id, seconds = 3, 0.0

    def score(self, *_: object) -> None:
        self.seconds += 12.0


def test_time_for_the_network_in_use_delays_the_next_evaluation(tmp_path: Path) -> None:
    selector = selector_in(tmp_path, Recipe(device="cpu"), [])
    selector._incumbent = SlowIncumbent()  # type: ignore[assignment]
    selector.evaluate(Painted(88), 1, 1.0)
    assert selector.published
    assert not selector.is_due(1.0 + 0.9 * 12 / MAX_EVALUATION_SHARE)
    assert selector.is_due(1.0 + 12 / MAX_EVALUATION_SHARE + 60)


@pytest.mark.parametrize(("metric", "kept"), [("miou", 78), ("pixel_accuracy", 100)])
def test_the_recipe_says_which_score_decides(tmp_path: Path, metric: str, kept: int) -> None:
    """The second class has the last tenth of the columns. A network that never predicts it is right in more pixels
    than one that finds all of it and as many pixels too much of the other, but has the lower mean IoU."""
    heard: list[TrainingEvent] = []
    selector = selector_in(tmp_path, Recipe(device="cpu", metric=metric), heard)
    for step, first in enumerate((100, 78)):
        selector.evaluate(Painted(first), step, 1.0)
    scores = [event.means for event in heard if isinstance(event, ModelEvaluated)]
    assert scores[0]["pixel_accuracy"] > scores[1]["pixel_accuracy"]
    assert scores[0]["miou"] < scores[1]["miou"]
    published = [event.step for event in heard if isinstance(event, CheckpointPublished)]
    assert published[-1] == {100: 0, 78: 1}[kept]
