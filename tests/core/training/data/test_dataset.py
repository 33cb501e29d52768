"""Loss, scores, averaging and drawing: only labelled pixels count, and every class gets its turn."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.base.errors import TrainingError
from core.models.spec import ModelSpec
from core.training.budget import Budget
from core.training.data.augmentation import make_batch
from core.training.data.dataset import IGNORE_INDEX, TrainingSet
from core.training.data.snapshot import TrainingSnapshot
from core.training.ema import AveragedModel
from core.training.losses import class_weights, segmentation_loss
from core.training.metrics import confusion_matrix, iou_from_confusion, mean_iou, pixel_accuracy
from core.training.recipe import LOSSES, Recipe
from core.training.schedule import learning_rate_at

SPEC = ModelSpec("asymmetric-unet", None, "none", 64, (2, 7, 9))


# Loss -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LOSSES)
def test_unlabelled_pixels_have_no_influence(kind: str) -> None:
    torch.manual_seed(0)
    targets = torch.randint(0, 3, (2, 8, 8))
    targets[:, :5] = IGNORE_INDEX
    logits = torch.randn(2, 3, 8, 8, requires_grad=True)
    other = logits.detach().clone()
    other[:, :, :5] = 50 * torch.randn(2, 3, 5, 8)
    loss = segmentation_loss(logits, targets, kind, torch.ones(3))
    torch.testing.assert_close(loss, segmentation_loss(other, targets, kind, torch.ones(3)))
    loss.backward()
    assert logits.grad is not None
    assert not logits.grad[:, :, :5].any()
    assert logits.grad[:, :, 5:].any()


@pytest.mark.parametrize("kind", LOSSES)
def test_nothing_labelled_is_no_loss_but_has_a_gradient(kind: str) -> None:
    logits = torch.randn(2, 3, 8, 8, requires_grad=True)
    loss = segmentation_loss(logits, torch.full((2, 8, 8), IGNORE_INDEX), kind, torch.ones(3))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_cross_entropy_agrees_with_torch_and_dice_with_its_formula() -> None:
    torch.manual_seed(0)
    logits, targets, weights = (
        torch.randn(2, 3, 8, 8),
        torch.randint(0, 3, (2, 8, 8)),
        torch.tensor([1.0, 2, 3]),
    )
    targets[0, 0] = IGNORE_INDEX
    expected = nn.functional.cross_entropy(logits, targets, weights, ignore_index=IGNORE_INDEX)
    torch.testing.assert_close(segmentation_loss(logits, targets, "ce", weights), expected)
    counted = (targets != IGNORE_INDEX).unsqueeze(1)
    truth = nn.functional.one_hot(targets.clamp(max=2), 3).permute(0, 3, 1, 2) * counted
    soft = logits.softmax(1) * counted
    dice = (2 * (soft * truth).sum((0, 2, 3)) + 1) / (soft.sum((0, 2, 3)) + truth.sum((0, 2, 3)) + 1)
    torch.testing.assert_close(segmentation_loss(logits, targets, "dice", weights), 1 - dice.mean())


@pytest.mark.parametrize("kind", ["sqrt", "inverse", "effective"])
def test_rare_classes_weigh_more(kind: str) -> None:
    weights = class_weights(np.array([900, 100, 0]), kind)
    assert weights[1] > weights[0]
    assert weights[2] == 1
    assert (weights[:2] * [0.9, 0.1]).sum() == pytest.approx(1)
    assert (class_weights(np.array([900, 100, 0]), "none") == 1).all()


# Scores ---------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 2, 3, IGNORE_INDEX])), min_size=1, max_size=60
    )
)
def test_confusion_counts_labelled_pixels(pairs: list[tuple[int, int]]) -> None:
    """Deterministically or not."""
    expected = np.zeros((4, 4), np.int64)
    for guess, true in pairs:
        if true != IGNORE_INDEX:
            expected[true, guess] += 1
    pred, truth = (torch.tensor(column, dtype=torch.uint8) for column in zip(*pairs, strict=True))
    assert (confusion_matrix(pred, truth, 4).numpy() == expected).all()
    torch.use_deterministic_algorithms(True)
    try:
        assert (confusion_matrix(pred, truth, 4).numpy() == expected).all()
    finally:
        torch.use_deterministic_algorithms(False)


def test_scores_from_a_matrix() -> None:
    matrix = np.array([[8, 2, 0], [0, 0, 0], [0, 0, 0]])
    iou = iou_from_confusion(matrix)
    assert iou[0] == pytest.approx(0.8)
    assert iou[1] == 0  # predicted but not there
    assert np.isnan(iou[2])  # neither
    assert mean_iou(matrix) == pytest.approx(0.8)
    assert pixel_accuracy(matrix) == pytest.approx(0.8)
    assert np.isnan(mean_iou(np.zeros((3, 3), np.int64)))
    assert np.isnan(pixel_accuracy(np.zeros((3, 3), np.int64)))


# Averaging and budget -------------------------------------------------------------------------


def test_the_average_follows_and_soon_forgets_the_start() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    averaged = AveragedModel(model, 0.99)
    start = averaged.model[0].weight.clone()  # type: ignore[union-attr, operator]
    with torch.no_grad():
        model[0].weight.fill_(5.0)
        model[1].running_mean.fill_(3.0)
        model[1].num_batches_tracked.fill_(7)
    for _ in range(40):
        averaged.update()
    share_of_start = 1.0
    for n in range(1, 41):
        share_of_start *= min(0.99, (1 + n) / (10 + n))
    assert share_of_start < 1e-4
    torch.testing.assert_close(averaged.model[0].weight, start * share_of_start + 5.0 * (1 - share_of_start))
    assert averaged.model[1].running_mean.item() == pytest.approx(3.0, rel=1e-3)
    assert averaged.model[1].num_batches_tracked.item() == 7
    assert not averaged.model.training


def test_budgets() -> None:
    assert Budget(Recipe(minutes=None, steps=10), 5).fraction_spent(5) == 0.5
    epochs = Budget(Recipe(minutes=None, epochs=3, batch=4), 10)
    assert epochs.steps == 8
    assert epochs.fraction_spent(8) == 1
    assert Budget(Recipe(minutes=1.0), 5, seconds=30).fraction_spent(0) == pytest.approx(0.5, abs=0.01)


def test_late_labels_reopen_a_training_by_the_clock() -> None:
    budget = Budget(Recipe(minutes=1.0), 5, seconds=57)
    budget.extend(0)
    assert budget.fraction_spent(0) == pytest.approx(0.5, abs=0.01)
    left = budget.seconds_left(0)
    assert left == pytest.approx(30, abs=0.5)


def test_a_held_budget_does_not_run() -> None:
    budget = Budget(Recipe(minutes=1.0), 5)
    budget.pause()
    held = budget.seconds
    budget.pause()
    assert budget.seconds == held
    budget.resume()
    assert budget.seconds >= held


def test_the_learning_rate_rises_and_falls() -> None:
    recipe = Recipe(learning_rate=1.0)
    rates = [learning_rate_at(recipe, step / 200, step) for step in range(201)]
    peak = int(np.argmax(rates))
    assert 15 <= peak <= 25
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] == pytest.approx(0.02)


# Drawing --------------------------------------------------------------------------------------


def filled(
    folder: Path, recipe: Recipe, values: dict[int, int], *, rare: int | None = None
) -> TrainingSnapshot:
    """A snapshot of plain pictures, each of one class value; `rare` gets one pixel in the first of them."""
    snapshot = TrainingSnapshot.create(folder, SPEC, recipe)
    for number, value in values.items():
        label = np.full((48, 64), value, np.uint8)
        if rare is not None and number == min(values):
            label[40, 60] = rare
        snapshot.put(number, str(number), "train", np.full((48, 64, 3), value, np.uint8), label)
    return snapshot


def test_values_become_rows_and_strangers_are_ignored(tmp_path: Path) -> None:
    recipe = Recipe()
    snapshot = filled(tmp_path, recipe, {1: 2, 2: 9, 3: 100, 4: 0, 5: 255}, rare=7)
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"))
    assert pictures.train_count == 2  # the others hold nothing this network can learn
    assert pictures.class_pixel_counts().tolist() == [48 * 64 - 1, 1, 48 * 64]
    assert pictures.crop_size == (64, 64)
    assert set(pictures.label_digests) == {1, 2}


def test_a_rare_class_is_drawn_about_as_often_as_a_common_one(tmp_path: Path) -> None:
    recipe = Recipe(zoom=(1.0, 1.0), turn=0.0)
    snapshot = filled(tmp_path, recipe, dict.fromkeys(range(1, 40), 2), rare=7)
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"))
    on_it = sum(draw.centre == (60.5, 40.5) for draw in pictures.sample(400))
    assert 60 < on_it < 140  # a quarter of 400: half are by class, of two classes; by pixel it would be none


def test_fresh_labels_get_their_share_for_a_while(tmp_path: Path) -> None:
    recipe = Recipe(fresh=0.5, fresh_steps=25, batch=8)
    snapshot = filled(tmp_path, recipe, dict.fromkeys(range(1, 101), 2))
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"))
    changed = np.full((48, 64), 9, np.uint8)
    snapshot.put(50, "50", "train", np.zeros((48, 64, 3), np.uint8), changed)
    assert pictures.refresh().train == {50}
    drawn = [draw.example.entry.picture_id for draw in pictures.sample(200)]
    assert 80 < drawn.count(50) < 170
    later = [draw.example.entry.picture_id for draw in pictures.sample(200)]
    assert later.count(50) < drawn.count(50)
    assert not pictures.refresh().train  # nothing new


def test_draws_whose_weights_are_thrown_away_cost_fresh_labels_nothing(tmp_path: Path) -> None:
    recipe = Recipe(fresh=0.5, fresh_steps=25, batch=8)
    snapshot = filled(tmp_path, recipe, dict.fromkeys(range(1, 101), 2))
    seen = {number: entry.digest for number, entry in snapshot.entries().items() if number != 50}
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"), seen)
    with pictures.fresh_quota_restored():
        pictures.sample(400)
    drawn = [draw.example.entry.picture_id for draw in pictures.sample(200)]
    assert 80 < drawn.count(50) < 170


@pytest.mark.parametrize("changed", [{50}, set(range(48, 51))], ids=["one", "all"])
def test_labels_may_be_replaced_while_batches_are_drawn(tmp_path: Path, changed: set[int]) -> None:
    """Somebody paints on: between two looks, files that are known are gone and others are there."""
    recipe = Recipe(fresh=0.5)
    snapshot = filled(tmp_path, recipe, dict.fromkeys(range(48, 51), 2), rare=7)
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"), {})
    for number in [*changed, *changed]:  # one earlier label stays readable, two do not
        snapshot.put(
            number, f"{number}", "train", np.zeros((48, 64, 3), np.uint8), np.full((48, 64), 9, np.uint8)
        )
    drawn = [draw.example.entry for draw in pictures.sample(60)]
    left = set(range(48, 51)) - changed or changed
    assert {entry.picture_id for entry in drawn} == left
    # What is new is told to whoever asks for it, even when drawing had to look earlier.
    assert pictures.refresh().train == changed
    assert {draw.example.entry.picture_id for draw in pictures.sample(60)} == set(range(48, 51))
    assert not pictures.refresh().train
    # Only when they are really gone there is nothing to learn from.
    for number in range(48, 51):
        snapshot.remove(number)
    pictures = TrainingSet(filled(tmp_path, recipe, {1: 2}), SPEC, recipe, torch.device("cpu"))
    snapshot.remove(1)
    with pytest.raises(TrainingError, match="taken away"):
        pictures.sample(1)


def test_what_the_base_has_not_seen_is_fresh(tmp_path: Path) -> None:
    recipe = Recipe(fresh=1.0)
    snapshot = filled(tmp_path, recipe, dict.fromkeys(range(1, 31), 2))
    seen = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu")).label_digests
    del seen[17]
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"), seen)
    assert {draw.example.entry.picture_id for draw in pictures.sample(30)} == {17}


def test_val_pictures_are_scored_and_never_drawn(tmp_path: Path) -> None:
    recipe = Recipe()
    snapshot = filled(tmp_path, recipe, {1: 2, 2: 7})
    snapshot.put(3, "3", "val", np.zeros((48, 64, 3), np.uint8), np.full((48, 64), 9, np.uint8))
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"))
    assert {draw.example.entry.picture_id for draw in pictures.sample(50)} == {1, 2}
    assert [[e.entry.picture_id for e in examples] for examples in pictures.evaluation_batches("val")] == [
        [3]
    ]
    snapshot.remove(3)
    assert pictures.refresh().val
    assert list(pictures.evaluation_batches("val")) == []


def test_picture_and_label_go_through_the_same_change(tmp_path: Path) -> None:
    """The picture is dark exactly where the label says 2: whatever zoom, turn and mirror do, it stays so."""
    recipe = Recipe(colour=0.0, zoom=(0.5, 2.0), turn=20.0)
    snapshot = TrainingSnapshot.create(tmp_path, SPEC, recipe)
    label = np.full((48, 64), 9, np.uint8)
    label[10:40, 5:30] = 2
    picture = np.where(label == 2, 0, 255).astype(np.uint8)
    for number, cut in enumerate((slice(None), slice(0, 32))):  # two shapes in one batch
        snapshot.put(number, "a", "train", np.repeat(picture[cut, :, None], 3, 2), label[cut])
    pictures = TrainingSet(snapshot, SPEC, recipe, torch.device("cpu"))
    batch, targets, _ = make_batch(pictures.sample(32), (64, 64), recipe, torch.Generator().manual_seed(1))
    assert batch.shape == (32, 3, 64, 64)
    assert targets.dtype == torch.int64
    dark, labelled = batch[:, 0] < 0, targets != IGNORE_INDEX
    wrong = ((targets == 0) != dark)[labelled].float().mean()
    assert wrong < 0.05  # only along the edges, where the picture is blended and the label is not
    assert 0.3 < labelled.float().mean() < 1
    assert set(targets.unique().tolist()) == {0, 2, IGNORE_INDEX}
