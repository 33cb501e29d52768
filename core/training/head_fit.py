"""Fits the head of a hypercolumn network to sampled pixels while the encoder stays as it is: seconds, not minutes.

The features of each labelled picture are computed once, a balanced sample of pixels is drawn from each class, and a
perceptron with one hidden layer is fitted to them. It becomes part of the network as 1x1 convolutions, one per level
(hypercolumns: Hariharan and others 2015, arXiv 1411.5752), and training goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.input_tensors import normalise, pad_to_stride
from core.models.network_builder import encoder_of
from core.models.networks.hypercolumn import HypercolumnNet, pooled_levels
from core.training.data.feature_cache import FeatureCache
from core.training.data.training_set import IGNORE_INDEX, LabelledExample, TrainingSet
from core.training.eager_optimizers import eager

MAX_PICTURES = 400
"""Pictures that are sampled from, evenly spread over all; each takes about 0.05 s on two cores."""
MAX_ROWS = 150_000
MIN_PIXELS, MAX_PIXELS = 40, 200
"""Pixels drawn from each class of a picture: as many as MAX_ROWS allows, between these."""
MOST_ROWS = 2 * MAX_ROWS
"""Where MIN_PIXELS asks for more, with many classes in many pictures, fewer are drawn: a row takes 2 kB of memory."""
BATCH = 512
MIN_STEPS = 400
EPOCHS = 6
LEARNING_RATE, WEIGHT_DECAY, DROPOUT = 2e-3, 1e-2, 0.2
StageCallback = Callable[[str, int, int], None]
"""Called with what is being done, and how much of how much: both 0 where that is not counted."""


@dataclass(frozen=True, slots=True)
class PixelSample:
    """Sampled pixels.

    features: (n, f) float32, all levels side by side; rows: (n,) int64 class indices
    weights: (n,) float32, in the loss
    """

    features: Tensor
    rows: Tensor
    weights: Tensor


def fit_head(
    model: HypercolumnNet,
    pictures: TrainingSet,
    class_weights: Tensor,
    correction_weight: float,
    seed: int,
    should_abort: Callable[[], bool],
    cache: FeatureCache | None = None,
    on_stage: StageCallback = lambda *_: None,
) -> bool:
    """Fit hidden layer and head of `model` to the labels of `pictures`; its encoder and decoder stay as they are.

    class_weights: (classes,) float32, of pixels as they are in the pictures; that the classes are drawn evenly is
    balanced out. correction_weight: of pixels where a prediction was corrected. cache: of the encoder's features

    False when `should_abort`, which is asked between two pictures and now and then while fitting, said yes, and when no
    picture could be read: the model is then unchanged. The model may be in any mode.
    """
    sample = sample_pixels(model, pictures, correction_weight, seed, should_abort, cache, on_stage)
    if sample is None:
        return False
    on_stage("Fitting the head", 0, 0)
    shares = torch.from_numpy(pictures.class_pixel_counts()).to(sample.rows.device) * class_weights
    drawn = torch.bincount(sample.rows, minlength=len(class_weights)).clamp_min(1)
    weights = sample.weights * (shares / drawn)[sample.rows]
    # Of a single pixel the usual deviation, with n - 1, is not a number.
    mean, std = sample.features.mean(0), sample.features.std(0, correction=0) + 1e-3
    with torch.inference_mode():
        sample.features.sub_(mean).div_(std)  # in place, because they take hundreds of megabytes
    standardised = PixelSample(sample.features, sample.rows, weights / weights.mean())
    network = _fit(standardised, model.head.out_channels, seed, should_abort)
    if network is None:
        return False
    _fold(model, network, mean, std)
    return True


@torch.inference_mode()
def sample_pixels(
    model: HypercolumnNet,
    pictures: TrainingSet,
    correction_weight: float,
    seed: int,
    should_abort: Callable[[], bool],
    cache: FeatureCache | None = None,
    on_stage: StageCallback = lambda *_: None,
) -> PixelSample | None:
    """Features and classes of pixels, balanced over the classes of each picture.

    None when `should_abort` said yes, and when all pictures were removed or replaced since the last refresh.
    """
    rng = np.random.default_rng(seed)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    features: list[Tensor] = []
    rows: list[NDArray[np.int64]] = []
    weights: list[NDArray[np.float32]] = []
    try:
        count = min(pictures.train_count, MAX_PICTURES)
        per_class = pixels_per_class(count, model.head.out_channels)
        for number, example in enumerate(pictures.training_examples(MAX_PICTURES)):
            if should_abort():
                return None
            on_stage("Computing features", number, count)
            places, classes = draw_pixels(example.target_array, per_class, rng, MOST_ROWS // max(1, count))
            batch = pad_to_stride(normalise(example.picture.unsqueeze(0), pictures.statistics))
            levels = _levels_of(encoder_of(model), batch, example, cache)
            features.append(_features_at(levels, places, (batch.shape[3], batch.shape[2])))
            rows.append(classes)
            weights.append(_weights_at(example, places, correction_weight))
    finally:
        for module, mode in modes:
            module.training = mode
        if cache:
            cache.prune()
    if not features:
        return None
    device = features[0].device
    return PixelSample(
        torch.cat(features),
        torch.from_numpy(np.concatenate(rows)).to(device),
        torch.from_numpy(np.concatenate(weights)).to(device),
    )


def pixels_per_class(pictures: int, classes: int) -> int:
    """Pixels to draw from each class of a picture."""
    return int(np.clip(MAX_ROWS // max(1, pictures * classes), MIN_PIXELS, MAX_PIXELS))


def draw_pixels(
    target: NDArray[np.uint8], per_class: int, rng: np.random.Generator, most: int = MOST_ROWS
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """At most `per_class` pixels of each class of a target (h, w): centres (n, 2) as x, y, and class indices (n,).

    most: pixels of all classes together, but one of each at least
    """
    places, rows = [], []
    present = np.unique(target[target != IGNORE_INDEX])
    per_class = min(per_class, max(1, most // max(1, len(present))))
    for row in present:
        inside = np.flatnonzero(target == row)
        chosen = rng.choice(inside, min(per_class, len(inside)), replace=False)
        y, x = np.divmod(chosen, target.shape[1])
        places.append(np.stack([x + 0.5, y + 0.5], 1).astype(np.float32))
        rows.append(np.full(len(chosen), row, np.int64))
    return np.concatenate(places), np.concatenate(rows)


def _features_at(levels: Sequence[Tensor], places: NDArray[np.float32], size: tuple[int, int]) -> Tensor:
    """(n, f) float32 features of all levels at pixel positions (n, 2), bilinearly interpolated.

    size: (width, height) in pixels of what the levels cover
    """
    grid = torch.from_numpy(places) / torch.tensor(size, dtype=torch.float32) * 2 - 1
    sampled = [
        F.grid_sample(level.float(), grid.to(level.device).view(1, 1, -1, 2), align_corners=False)[0, :, 0].T
        for level in levels
        if level.shape[1]
    ]
    return torch.cat(sampled, 1)


def _levels_of(
    encoder: nn.Module, batch: Tensor, example: LabelledExample, cache: FeatureCache | None
) -> list[Tensor]:
    """All levels of a normalised picture (1, C, H, W), those finer than 1/4 averaged down to it."""
    pixels = example.picture.permute(1, 2, 0).cpu().numpy()
    stored = cache.read(pixels) if cache else None
    if stored is not None:
        return [F.avg_pool2d(batch, 4), *(torch.from_numpy(level)[None].to(batch.device) for level in stored)]
    picture, *features = pooled_levels(encoder(batch.contiguous(memory_format=torch.channels_last)))
    if not cache:
        return [picture, *features]
    halves = [
        level.half() for level in features
    ]  # as the next training reads them, so that both get the same head
    cache.write(pixels, [level[0].cpu().numpy() for level in halves])
    return [picture, *halves]


def _weights_at(
    example: LabelledExample, places: NDArray[np.float32], correction_weight: float
) -> NDArray[np.float32]:
    weights = np.ones(len(places), np.float32)
    if example.corrected is not None:
        x, y = places.T.astype(int)
        weights[example.corrected.cpu().numpy()[y, x] > 0] = correction_weight
    return weights


def _fit(
    sample: PixelSample, classes: int, seed: int, should_abort: Callable[[], bool]
) -> nn.Sequential | None:
    """A perceptron (f -> HIDDEN -> classes) fitted by AdamW with a falling rate; None when aborted."""
    features, rows = sample.features, sample.rows
    # The same seed must give the same head, and the random numbers of the training must stay the same.
    devices = [features.device] if features.is_cuda else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Linear(features.shape[1], HypercolumnNet.hidden_channels),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(HypercolumnNet.hidden_channels, classes),
        ).to(features.device)
        optimizer = eager(torch.optim.AdamW)(
            network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True
        )
        steps = max(MIN_STEPS, EPOCHS * -(-len(rows) // BATCH))
        for step, chosen in zip(range(steps), _batches(len(rows), features.device), strict=False):
            if step % 20 == 0 and should_abort():
                return None
            optimizer.param_groups[0]["lr"] = LEARNING_RATE * max(0.02, 1 - step / steps)
            optimizer.zero_grad()
            losses = F.cross_entropy(network(features[chosen]), rows[chosen], reduction="none")
            loss = (losses * sample.weights[chosen]).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return network


def _batches(count: int, device: torch.device) -> Iterator[Tensor]:
    """Indices of batches, for ever; each passes over all rows in a new random order."""
    while True:
        yield from torch.split(torch.randperm(count).to(device), BATCH)


@torch.no_grad()
def _fold(model: HypercolumnNet, network: nn.Sequential, mean: Tensor, std: Tensor) -> None:
    """Put the perceptron, and the standardisation of its input, into the convolutions of the network."""
    first, last = network[0], network[3]
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    weight = first.weight / std
    start = 0
    for convolution in model.level_convolutions():
        stop = start + convolution.in_channels
        convolution.weight.copy_(weight[:, start:stop, None, None])
        if convolution.bias is not None:
            convolution.bias.copy_(first.bias - weight @ mean)
        start = stop
    model.head.weight.copy_(last.weight[:, :, None, None])
    assert model.head.bias is not None
    model.head.bias.copy_(last.bias)
