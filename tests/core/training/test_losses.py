"""Losses against their formulas, and what a pixel of a class or of a correction counts in them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from core.training.data.dataset import IGNORE_INDEX
from core.training.losses import class_weights, segmentation_loss


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


def test_lovasz_is_one_minus_the_iou_of_a_certain_answer() -> None:
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
def test_what_was_corrected_counts_more(kind: str) -> None:
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
