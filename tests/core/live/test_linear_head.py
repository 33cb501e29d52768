"""The linear head: what it is fitted to, its gradient, interruption, and the prediction inside a box."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from core.base.geometry import Box
from core.live.linear_head import (
    L2,
    FitInterruptedError,
    LinearHead,
    PixelRows,
    fit_linear_head,
    render_prediction,
)


def rows_of_three_classes(seed: int = 0) -> PixelRows:
    """Three clouds of points in five dimensions; class values 3, 7 and 9."""
    rng = np.random.default_rng(seed)
    values = rng.choice(np.array([3, 7, 9], np.uint8), 300)
    centres = {3: 0.0, 7: 2.0, 9: -2.0}
    features = np.stack([rng.normal(centres[int(value)], 1, 5) for value in values]).astype(np.float32)
    return PixelRows(torch.from_numpy(features), values, torch.from_numpy(rng.random(300).astype(np.float32)))


def loss_of(head: LinearHead, rows: PixelRows) -> torch.Tensor:
    """The objective, written with torch's own functions; weights are penalised at standardised features."""
    std = rows.features.std(0, correction=0) + 1e-3
    targets = torch.from_numpy(np.searchsorted(head.classes, rows.values))
    losses = torch.nn.functional.cross_entropy(
        rows.features @ head.weight + head.bias, targets, reduction="none"
    )
    weights = rows.weights / rows.weights.sum()
    return (losses * weights).sum() + L2 / 2 * (head.weight * std[:, None]).square().sum()


def test_the_fit_is_a_minimum_of_the_objective() -> None:
    rows = rows_of_three_classes()
    head = fit_linear_head(rows, steps=100)
    assert head.classes == (3, 7, 9)
    weight, bias = head.weight.clone().requires_grad_(), head.bias.clone().requires_grad_()
    loss_of(LinearHead(head.classes, weight, bias), rows).backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    assert bias.grad is not None
    assert weight.grad.abs().max() < 1e-3
    assert bias.grad.abs().max() < 1e-3


def test_a_head_to_start_from_saves_steps() -> None:
    rows = rows_of_three_classes()
    before = fit_linear_head(rows, steps=100)
    cold, warm = fit_linear_head(rows, steps=1), fit_linear_head(rows, before, steps=1)
    assert float(loss_of(warm, rows)) < float(loss_of(cold, rows))


def test_a_newer_stroke_interrupts_the_fit() -> None:
    asked = iter([False, False, True])
    with pytest.raises(FitInterruptedError):
        fit_linear_head(rows_of_three_classes(), should_abort=lambda: next(asked))


def test_a_box_of_the_prediction_is_the_same_as_that_part_of_the_whole() -> None:
    planes = np.random.default_rng(0).dirichlet(np.ones(3), (12, 16)).transpose(2, 0, 1).astype(np.float32)
    whole = render_prediction((1, 2, 5), planes, (80, 60), Box(0, 0, 80, 60))
    box = Box(13, 7, 50, 41)
    part = render_prediction((1, 2, 5), planes, (80, 60), box)
    np.testing.assert_array_equal(part.values, whole.values[box.slices])
    np.testing.assert_array_equal(part.confidence, whole.confidence[box.slices])
    assert set(np.unique(whole.values)) <= {1, 2, 5}


def test_at_the_size_of_the_planes_nothing_is_scaled() -> None:
    planes = np.random.default_rng(1).dirichlet(np.ones(2), (9, 7)).transpose(2, 0, 1).astype(np.float32)
    mask = render_prediction((4, 8), planes, (7, 9), Box(0, 0, 7, 9))
    np.testing.assert_array_equal(mask.values, np.where(planes[1] > planes[0], 8, 4))


def test_the_gain_says_how_much_low_level_features_count() -> None:
    rows = rows_of_three_classes()
    twice = torch.cat([rows.features[:, :1], rows.features[:, :1]], 1)
    heads = [
        fit_linear_head(PixelRows.joined([PixelRows(twice, rows.values, rows.weights, 1, gain=gain)]))
        for gain in (2.0, 4.0)
    ]
    shares = [float(head.weight[0].norm() / head.weight[1].norm()) for head in heads]
    assert 1 < shares[0] < shares[1]


def test_a_fit_does_not_import_the_compiler_of_torch() -> None:
    """It takes 150 MB and 1.5 seconds, before the first answer of the process."""
    script = (
        "import sys, numpy as np, torch; from core.live.linear_head import PixelRows, fit_linear_head; "
        "fit_linear_head(PixelRows(torch.eye(2), np.array([1, 2], np.uint8), torch.ones(2)), steps=2); "
        "print('torch._dynamo' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
