"""Fits the head of a hypercolumn network to sampled pixels while the encoder stays as it is: seconds, not minutes.

The features of each labelled picture are computed once, a balanced sample of pixels is drawn from each class, and a
perceptron with one hidden layer is fitted to them. It becomes part of the network as 1x1 convolutions, one per level
(hypercolumns: Hariharan and others 2015, arXiv 1411.5752), and training goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.network_builder import encoder_of
from core.models.networks.hypercolumn import HypercolumnNet, pooled_levels
from core.training.data.feature_cache import FeatureCache
from core.training.data.training_set import LabelledExample, TrainingSet
from core.training.eager_optimizers import eager
from core.training.head.pixel_sample import PixelSample, StageCallback, loss_weights, sample_pixels

MAX_PICTURES = 400
"""Pictures that are sampled from, evenly spread over all; each takes about 0.05 s on two cores."""
BATCH = 512
MIN_STEPS = 400
EPOCHS = 6
LEARNING_RATE, WEIGHT_DECAY, DROPOUT = 2e-3, 1e-2, 0.2


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
    encoder = encoder_of(model)
    try:
        sample = sample_pixels(
            model,
            lambda batch, example: _levels_of(encoder, batch, example, cache),
            pictures,
            pictures.training_examples(MAX_PICTURES),
            min(pictures.train_count, MAX_PICTURES),
            correction_weight,
            seed,
            should_abort,
            on_stage,
        )
    finally:
        if cache:
            cache.prune()
    if sample is None:
        return False
    on_stage("Fitting the head", 0, 0)
    weights = loss_weights(sample, pictures, class_weights)
    # Of a single pixel the usual deviation, with n - 1, is not a number.
    mean, std = sample.features.mean(0), sample.features.std(0, correction=0) + 1e-3
    with torch.inference_mode():
        sample.features.sub_(mean).div_(std)  # in place, because they take hundreds of megabytes
    standardised = PixelSample(sample.features, sample.rows, weights)
    network = _fit(standardised, model.head.out_channels, seed, should_abort)
    if network is None:
        return False
    _fold(model, network, mean, std)
    return True


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


def _fit(
    sample: PixelSample, classes: int, seed: int, should_abort: Callable[[], bool]
) -> nn.Sequential | None:
    """A perceptron with one hidden layer fitted by AdamW with a falling rate; None when aborted."""
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
