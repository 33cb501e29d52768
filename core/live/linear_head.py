"""A linear classifier on the features of pixels, fitted by L-BFGS, and its prediction of a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.base.geometry import Box
from core.labels.prediction import PredictedMask
from core.live.guided_filter import GuidedFilter
from core.live.network_prior import NetworkPrior
from core.live.picture_features import PictureFeatures

L2 = 0.1
"""Weight of the squared weights; a tenth of it is a point worse from one stroke a region (docs/experiments.md)."""
STEPS, QUICK_STEPS = 30, 12
"""Of L-BFGS; the few are enough for a first answer, from the head of the stroke before."""
LOW_LEVEL_GAIN = 4.0
"""Factor of standardised low-level features, whose weights are then penalised less: many more features say what a pixel
is part of than what it looks like. Three to twelve points on pets, aerial pictures and tissue (docs/experiments.md)."""
GAIN_FROM_OTHERS = 2.0
"""The same for a picture without strokes: what its colours mean is learnt from other pictures, in other light."""
MIN_STD = 1e-3


class _LBFGS(torch.optim.LBFGS):
    """Without the decorator of `torch.optim` that imports the compiler of torch: 150 MB, and 1.5 s of the first fit."""

    add_param_group = getattr(
        torch.optim.Optimizer.add_param_group, "__wrapped__", torch.optim.Optimizer.add_param_group
    )


class FitInterruptedError(Exception):
    """A newer stroke made the answer worthless before it was there."""


@dataclass(frozen=True, slots=True)
class PixelRows:
    """Rows to fit to.

    features: (n, f) float32, the first `low` of them low-level, with this `gain`
    values: (n,) uint8 class values; weights: (n,) float32
    prior: (n, classes) float32 log-probabilities that the head corrects, a column for each of all classes; None: none
    """

    features: Tensor
    values: NDArray[np.uint8]
    weights: Tensor
    low: int = 0
    prior: Tensor | None = None
    gain: float = LOW_LEVEL_GAIN

    @staticmethod
    def joined(parts: Sequence[PixelRows]) -> PixelRows:
        return PixelRows(
            torch.cat([part.features for part in parts]),
            np.concatenate([part.values for part in parts]),
            torch.cat([part.weights for part in parts]),
            parts[0].low,
            None if parts[0].prior is None else torch.cat([p.prior for p in parts if p.prior is not None]),
            parts[0].gain,
        )


@dataclass(frozen=True, slots=True)
class LinearHead:
    """classes: class values, one for each column; weight: (f, classes); bias: (classes,)

    has_prior: whether it corrects the log-probabilities of a network, and says nothing without them
    """

    classes: tuple[int, ...]
    weight: Tensor
    bias: Tensor
    has_prior: bool = False

    @torch.no_grad()
    def probabilities(
        self, features: PictureFeatures, prior: NetworkPrior | None = None
    ) -> NDArray[np.float32]:
        """(classes, h, w) at the resolution of the finest level, smoothed along the edges of the picture.

        prior: the network's prediction of this picture, for a head that corrects one
        """
        parts = torch.split(self.weight, [level.shape[0] for level in features.levels])
        total: Tensor | None = None
        # From coarse to fine: what is added before upsampling is upsampled once.
        for level, weight in reversed(list(zip(features.levels, parts, strict=True))):
            logits = F.conv2d(level[None].float(), weight.T[:, :, None, None])
            if total is not None:
                if total.shape[2:] != logits.shape[2:]:
                    total = F.interpolate(total, size=logits.shape[2:], mode="bilinear", align_corners=False)
                logits = logits + total
            total = logits
        assert total is not None
        logits = total[0] + self.bias[:, None, None]
        if self.has_prior and prior is not None:
            logits = logits + prior.planes(self.classes, (logits.shape[1], logits.shape[2]))
        probabilities: NDArray[np.float32] = torch.softmax(logits, 0).numpy()
        guided = GuidedFilter(_brightness(features.levels[0]))
        return np.stack([guided(plane) for plane in probabilities])


@torch.no_grad()
def fit_linear_head(
    rows: PixelRows,
    start: LinearHead | None = None,
    should_abort: Callable[[], bool] = lambda: False,
    steps: int = STEPS,
    classes: Sequence[int] | None = None,
) -> LinearHead:
    """A head for the classes in `rows`, two at least, by regularised cross-entropy.

    classes: class values, ascending, of the columns of a prior. With one, all weights and the bias are drawn to zero,
    so that the head says what the network says where nothing else was painted.
    start: a head fitted to nearly the same rows, from which fewer steps are needed. Raises FitInterruptedError when
    `should_abort`, which is asked at every step, says yes.
    """
    known = np.unique(rows.values) if classes is None else np.array(classes, np.uint8)
    targets = np.searchsorted(known, rows.values)
    classes = tuple(int(value) for value in known)
    rows_of, columns = torch.from_numpy(targets), len(classes)
    mean, std = rows.features.mean(0), rows.features.std(0, correction=0) + MIN_STD
    std[: rows.low] /= rows.gain
    standardised = (rows.features - mean) / std
    shares = rows.weights / rows.weights.sum()
    weight = torch.zeros(standardised.shape[1], columns)
    bias = torch.zeros(columns)
    if start is not None and start.classes == classes and start.weight.shape == weight.shape:
        weight, bias = start.weight * std[:, None], start.bias + mean @ start.weight
    # The gradient is written out: torch's own takes three times as long for so few columns.
    weight.grad, bias.grad = torch.empty_like(weight), torch.empty_like(bias)
    optimizer = _LBFGS([weight, bias], max_iter=steps, history_size=10, line_search_fn="strong_wolfe")
    transposed = standardised.T.contiguous()
    numbers = torch.arange(len(rows_of))

    def closure() -> Tensor:
        if should_abort():
            raise FitInterruptedError
        logits = torch.addmm(bias, standardised, weight)
        if rows.prior is not None:
            logits += rows.prior
        logs = torch.log_softmax(logits, 1)
        loss = -(logs[numbers, rows_of] * shares).sum() + L2 / 2 * weight.square().sum()
        residual = logs.exp_()
        residual[numbers, rows_of] -= 1
        residual *= shares[:, None]
        torch.addmm(weight, transposed, residual, beta=L2, out=weight.grad)
        torch.sum(residual, 0, out=bias.grad)
        if rows.prior is not None:
            loss += L2 / 2 * bias.square().sum()
            bias.grad += L2 * bias  # type: ignore[operator]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    folded = weight / std[:, None]
    return LinearHead(classes, folded, bias - mean @ folded, rows.prior is not None)


def render_prediction(
    classes: Sequence[int], probabilities: NDArray[np.float32], size: tuple[int, int], box: Box
) -> PredictedMask:
    """The prediction inside a box of a picture of `size` (width, height), scaled up class by class."""
    height, width = probabilities.shape[1:]
    step_x, step_y = width / size[0], height / size[1]
    # Centres of pixels on centres of pixels; see cv2.resize, which has no box.
    matrix = np.array(
        [
            [step_x, 0, (box.x0 + 0.5) * step_x - 0.5],
            [0, step_y, (box.y0 + 0.5) * step_y - 0.5],
        ]
    )
    shape = (box.height, box.width)
    best, values = np.full(shape, -1.0, np.float32), np.zeros(shape, np.uint8)
    for value, plane in zip(classes, probabilities, strict=True):
        scaled = cv2.warpAffine(
            plane, matrix, (box.width, box.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        values[scaled > best] = value
        np.maximum(best, scaled, out=best)
    return PredictedMask(values, (np.clip(best, 0, 1) * 255).astype(np.uint8))


def _brightness(picture: Tensor) -> NDArray[np.float32]:
    """(h, w) in 0..1 of the normalised picture (C, h, w)."""
    plane = picture.float().mean(0)
    low, high = plane.min(), plane.max()
    scaled: NDArray[np.float32] = ((plane - low) / (high - low + 1e-6)).numpy()
    return scaled
