"""Predicts a picture from its own strokes and from those on other pictures, without a training round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from core.base.allocator import keep_freed_memory, release_freed_memory
from core.base.errors import ImageError
from core.base.geometry import Box
from core.images.image_reader import read_raster
from core.labels.prediction import PredictedMask
from core.live.labelled_pixels import MAX_PICTURE_PIXELS, NO_PIXELS, LabelledPixels
from core.live.linear_head import (
    GAIN_FROM_OTHERS,
    LOW_LEVEL_GAIN,
    QUICK_STEPS,
    STEPS,
    FitInterruptedError,
    LinearHead,
    PixelRows,
    fit_linear_head,
    render_prediction,
)
from core.live.live_messages import PART_SUFFIX
from core.live.network_prior import CELLS_WEIGHT, NetworkPrior
from core.live.picture_features import FeatureMemory, PictureFeatures, compute_features
from core.live.reservoir import Reservoir
from core.models.input_tensors import Statistics
from core.models.networks.efficientnet_lite import EfficientNetLite
from core.models.networks.packaged_weights import load_packaged_weights
from core.models.spec import DEFAULT_ENCODER, STRIDE, ModelSpec

CONFIDENT = 0.8
"""Probability from which predicted pixels of the picture join a second fit."""
CONFIDENT_PIXELS, CONFIDENT_WEIGHT, CONFIDENT_STEPS = 2000, 0.3, 10
QUICK_PIXELS = 2_000_000
"""A quick answer is no finer than this. The probabilities have 0.2 megapixels, a screen two: at 12 megapixels the rest
would be three quarters of the time."""
RESERVOIR_WEIGHT = 1.0
"""Weight of all pixels of other pictures together, as a share of those of the picture itself."""


class LivePredictor:
    """Owned by one thread. Pictures with other channels have features of their own, which teach each other nothing."""

    def __init__(self, memory: FeatureMemory | None = None) -> None:
        keep_freed_memory()
        self._encoders: dict[int, tuple[nn.Module, Statistics]] = {}
        self._memory = memory or FeatureMemory()
        self._shown: tuple[PictureFeatures, PictureFeatures] | None = (
            None  # of the picture predicted last, and widened
        )
        self._fitted: tuple[int, LinearHead] | None = None
        self.reservoir = Reservoir()
        self.head: tuple[int, LinearHead] | None = None
        """Picture id and head of the newest prediction."""
        self.size = (0, 0)
        """(width, height) of its picture."""
        self.network: tuple[int, NetworkPrior] | None = None
        """Picture id, and what the trained network says of it; the head corrects that once there are strokes."""

    def features(self, picture_id: int, path: Path) -> PictureFeatures:
        """Of a picture file, from memory where it has not changed. Raises ImageError, also for more than
        MAX_PICTURE_PIXELS, and ModelError when the package with the weights is missing.
        """
        key = (picture_id, path, _age(path))
        found = self._memory.get(key)
        if found is None:
            picture = _read(path)
            encoder, statistics = self._encoder(picture.shape[2])
            found = compute_features(encoder, picture, statistics)
            release_freed_memory()  # what the encoder needed is five times what an answer needs
            self._memory.put(key, found)
        return found

    def known_features(self, picture_id: int, path: Path) -> PictureFeatures | None:
        """Those in memory, unless the file has changed since."""
        return self._memory.get((picture_id, path, _age(path)))

    def _encoder(self, channels: int) -> tuple[nn.Module, Statistics]:
        if channels not in self._encoders:
            encoder = EfficientNetLite(DEFAULT_ENCODER, channels)
            load_packaged_weights(encoder, DEFAULT_ENCODER, channels)
            spec = ModelSpec("hypercolumn", DEFAULT_ENCODER, "imagenet", STRIDE, (1,), channels)
            ready = encoder.to(memory_format=torch.channels_last).eval()
            self._encoders[channels] = (ready, spec.pixel_statistics)
        return self._encoders[channels]

    def predict(
        self,
        picture_id: int,
        path: Path,
        pixels: LabelledPixels,
        should_abort: Callable[[], bool] = lambda: False,
        *,
        quick: bool = False,
    ) -> PredictedMask | None:
        """The whole picture; None while fewer than two classes are labelled here and on other pictures. With `network`
        set, from that and the labelled pixels of this picture alone: it has learnt the others.

        pixels: labelled ones of this picture, which teach more than those of others. quick: a first answer in a quarter
        of the time, two points of mIoU worse, at most QUICK_PIXELS fine. Raises ImageError, also when the label has
        another size than the picture, and FitInterruptedError when `should_abort` says yes.
        """
        features = self._widened(self._fitting_features(picture_id, path, pixels))
        prior = self._prior_of(picture_id, pixels)
        classes: tuple[int, ...] | None = None
        if prior is not None:
            classes = tuple(sorted({*prior.classes, *pixels.classes}))
            rows: PixelRows | None = _rows_with_prior(features, pixels, prior, classes)
        else:
            rows = self._rows(picture_id, features, pixels)
        if rows is None or len(np.unique(rows.values) if classes is None else classes) < 2:
            return None
        if should_abort():
            raise FitInterruptedError
        steps = QUICK_STEPS if quick else STEPS
        head = fit_linear_head(rows, self._previous_head(picture_id), should_abort, steps, classes)
        if len(pixels.values):
            self._fitted = picture_id, head
        probabilities = head.probabilities(features, prior)
        confident = None if quick else _confident_rows(head, features, probabilities, prior)
        if confident is not None:
            scale = CONFIDENT_WEIGHT * float(rows.weights.sum()) / len(confident.values)
            more = replace(confident, weights=confident.weights * scale)
            joined = PixelRows.joined([rows, more])
            head = fit_linear_head(joined, head, should_abort, CONFIDENT_STEPS, classes)
            probabilities = head.probabilities(features, prior)
        self.head, self.size = (picture_id, head), features.size
        width, height = features.size
        share = min(1.0, (QUICK_PIXELS / (width * height)) ** 0.5) if quick else 1.0
        size = max(1, round(width * share)), max(1, round(height * share))
        return render_prediction(head.classes, probabilities, size, Box(0, 0, *size))

    def learn(self, picture_id: int, path: Path, pixels: LabelledPixels) -> None:
        """Keep labelled pixels of a picture for the predictions of others; without any it is forgotten, and also when
        it cannot be read. Raises ImageError."""
        self.reservoir.drop(picture_id)
        if len(pixels.values):
            self.reservoir.put(picture_id, self._fitting_features(picture_id, path, pixels), pixels)

    def predict_points(
        self,
        picture_id: int,
        path: Path,
        points: NDArray[np.uint32],
        should_abort: Callable[[], bool] = lambda: False,
    ) -> NDArray[np.uint8]:
        """(n,) class values at pixels (n, 2), from other pictures alone; none where they show only one class.

        Raises as `predict` does.
        """
        shown, size = self.head, self.size
        mask = self.predict(picture_id, path, NO_PIXELS, should_abort)
        self.head, self.size = shown, size
        return mask.values[points[:, 1], points[:, 0]] if mask else np.empty(0, np.uint8)

    def _prior_of(self, picture_id: int, pixels: LabelledPixels) -> NetworkPrior | None:
        if self.network is None or self.network[0] != picture_id or not len(pixels.values):
            return None
        return self.network[1]

    def _fitting_features(self, picture_id: int, path: Path, pixels: LabelledPixels) -> PictureFeatures:
        features = self.features(picture_id, path)
        if pixels.size not in (None, features.size):
            raise ImageError(f"{path.name} has another size than its label. Scale the label or set it aside.")
        return features

    def _widened(self, features: PictureFeatures) -> PictureFeatures:
        if self._shown is None or self._shown[0] is not features:
            self._shown = None  # freed before the new ones take its place
            self._shown = features, features.widened()
        return self._shown[1]

    def _previous_head(self, picture_id: int) -> LinearHead | None:
        return self._fitted[1] if self._fitted is not None and self._fitted[0] == picture_id else None

    def _rows(self, picture_id: int, features: PictureFeatures, pixels: LabelledPixels) -> PixelRows | None:
        parts = []
        if len(pixels.values):
            ones = torch.ones(len(pixels.values))
            parts.append(PixelRows(features.at(pixels.points), pixels.values, ones, features.low_channels))
        others = self.reservoir.rows(features.channels, picture_id)
        if others is not None:
            share = RESERVOIR_WEIGHT * (len(pixels.values) or 1) / len(others.values)
            weights = others.weights * share
            gain = LOW_LEVEL_GAIN if parts else GAIN_FROM_OTHERS
            low = features.low_channels
            parts.append(PixelRows(others.features, others.values, weights, low, gain=gain))
        return PixelRows.joined(parts) if parts else None


def _rows_with_prior(
    features: PictureFeatures, pixels: LabelledPixels, prior: NetworkPrior, classes: Sequence[int]
) -> PixelRows:
    """Labelled pixels, and places of which the network says what they are."""
    points, values, sure = prior.sample(features.size)
    places = np.concatenate([pixels.points.astype(np.int64), points])
    weights = CELLS_WEIGHT * len(pixels.values) * sure / max(float(sure.sum()), 1e-6)
    known = np.isin(values, np.array(classes, np.uint8))
    values = np.where(known, values, classes[0]).astype(np.uint8)
    return PixelRows(
        features.at(places),
        np.concatenate([pixels.values, values]),
        torch.from_numpy(np.concatenate([np.ones(len(pixels.values)), weights * known]).astype(np.float32)),
        features.low_channels,
        prior.at(places, features.size, classes),
    )


def _confident_rows(
    head: LinearHead,
    features: PictureFeatures,
    probabilities: NDArray[np.float32],
    prior: NetworkPrior | None,
) -> PixelRows | None:
    """Pixels of the picture of whose class the head is sure: they show what the rest of it looks like."""
    best = probabilities.max(0)
    places = np.flatnonzero(best > CONFIDENT)
    if not len(places):
        return None
    rng = np.random.default_rng(0)
    chosen = rng.choice(places, min(CONFIDENT_PIXELS, len(places)), replace=False)
    height, width = best.shape
    y, x = np.divmod(chosen, width)
    points = np.stack([(x + 0.5) * features.size[0] / width, (y + 0.5) * features.size[1] / height], 1)
    points = points.astype(np.int64)
    classes = np.array(head.classes, np.uint8)[probabilities.argmax(0).ravel()[chosen]]
    said = prior.at(points, features.size, head.classes) if prior is not None else None
    return PixelRows(features.at(points), classes, torch.ones(len(chosen)), features.low_channels, said)


def _read(path: Path) -> NDArray[np.uint8]:
    """(H, W, C) uint8 of a picture file, or of a file of a part. Raises ImageError."""
    if path.suffix != PART_SUFFIX:
        return read_raster(path, max_pixels=MAX_PICTURE_PIXELS).to_model_input()
    try:
        part = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ImageError("The visible part could not be read; move it to try again.") from error
    if part.dtype != np.uint8 or part.ndim != 3:
        raise ImageError("The visible part has an unexpected form; move it to try again.")
    return np.asarray(part, np.uint8)


def _age(path: Path) -> tuple[int, int]:
    """Changes when the file does; zeros while it cannot be read, which reading it reports."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size
