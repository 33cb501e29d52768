"""Losses against their formulas, class weights and pixel weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from core.training.data.training_set import IGNORE_INDEX
from core.training.losses import class_weights, segmentation_loss
from core.training.recipe import LOSSES


def test_losses_agree_with_their_formulas() -> None:
    torch.manual_seed(0)
    logits, targets, ones = torch.randn(2, 3, 8, 8), torch.randint(0, 3, (2, 8, 8)), torch.ones(3)
    targets[0, 0] = IGNORE_INDEX
    counted = targets != IGNORE_INDEX
    truth = nn.functional.one_hot(targets.clamp(max=2), 3).permute(0, 3, 1, 2) * counted.unsqueeze(1)
    soft = logits.softmax(1) * counted.unsqueeze(1)
    hit, claimed, true = ((part).sum((0, 2, 3)) for part in (soft * truth, soft, truth))
    jaccard = 1 - ((hit + 0.5) / (claimed + true - hit + 0.5)).mean()
    torch.testing.assert_close(segmentation_loss(logits, targets, "jaccard", ones), jaccard)
    tversky = 1 - ((hit + 0.5) / (hit + 0.3 * (claimed - hit) + 0.7 * (true - hit) + 0.5)).mean()
    torch.testing.assert_close(segmentation_loss(logits, targets, "tversky", ones), tversky)
    each = nn.functional.cross_entropy(logits, targets, ignore_index=IGNORE_INDEX, reduction="none")[counted]
    focal = ((1 - torch.exp(-each)) ** 2 * each).mean()
    torch.testing.assert_close(segmentation_loss(logits, targets, "focal", ones), focal)
    both = segmentation_loss(logits, targets, "0.5*focal+2*jaccard", ones)
    torch.testing.assert_close(both, 0.5 * focal + 2 * jaccard)


def test_lovasz_is_one_minus_the_iou_of_certain_logits() -> None:
    """For probabilities of 0 and 1 the Lovász extension is the set function itself."""
    targets = torch.zeros(1, 4, 4, dtype=torch.int64)
    targets[0, 2:] = 1
    targets[0, 0, 0] = IGNORE_INDEX
    said = torch.zeros(1, 4, 4, dtype=torch.int64)
    said[0, 3:] = 1
    logits = 100.0 * nn.functional.one_hot(said, 2).permute(0, 3, 1, 2)
    expected = 1 - (7 / 11 + 4 / 8) / 2
    assert segmentation_loss(logits, targets, "lovasz", torch.ones(2)).item() == pytest.approx(
        expected, abs=1e-4
    )


@pytest.mark.parametrize("kind", ["ce", "focal", "dice", "jaccard", "tversky"])
def test_corrected_pixels_count_more(kind: str) -> None:
    """A pixel of weight 2 counts as two pixels would."""
    torch.manual_seed(0)
    logits, targets = torch.randn(1, 2, 1, 4), torch.randint(0, 2, (1, 1, 4))
    emphasis = torch.tensor([[[1.0, 2.0, 1.0, 1.0]]])
    twice = [0, 1, 1, 2, 3]
    weights = torch.tensor([1.0, 3.0])
    torch.testing.assert_close(
        segmentation_loss(logits, targets, kind, weights, emphasis),
        segmentation_loss(logits[..., twice], targets[..., twice], kind, weights),
    )


def test_effective_numbers_lie_between_none_and_inverse() -> None:
    pixels = np.array([90_000, 9_000, 1_000])
    weights = {kind: class_weights(pixels, kind) for kind in ("none", "sqrt", "inverse", "effective")}
    assert (weights["none"] == 1).all()
    ratio = {kind: float(w[2] / w[0]) for kind, w in weights.items()}
    assert 1 < ratio["sqrt"] < ratio["inverse"]
    assert 1 < ratio["effective"] < ratio["inverse"]


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
def test_loss_without_labels_is_zero_with_a_gradient(kind: str) -> None:
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
def test_rare_classes_have_larger_weights(kind: str) -> None:
    weights = class_weights(np.array([900, 100, 0]), kind)
    assert weights[1] > weights[0]
    assert weights[2] == 1
    assert (weights[:2] * [0.9, 0.1]).sum() == pytest.approx(1)
    assert (class_weights(np.array([900, 100, 0]), "none") == 1).all()
