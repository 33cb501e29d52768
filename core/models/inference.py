"""Inference: the mask of a picture and its confidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.base.errors import ModelError
from core.images.image_reader import MAX_PIXELS, needs_tiled_reading, read_model_input
from core.images.picture_scale import scale_picture
from core.images.tiff_regions import read_downscaled
from core.labels.prediction import PredictedMask
from core.models.checkpoint import LoadedModel
from core.models.input_tensors import channels_first
from core.models.spec import scaled_size
from core.models.tiled_inference import MIN_TILE, max_pixels_at_once, tiled_logits

BAND_BYTES = 64 << 20
"""Logits of a large picture are upsampled in bands of rows of about this size."""
MAX_MASK_PIXELS = 1_000_000_000
"""Pixels of a prediction, which takes two bytes of memory for each."""
TTA_VIEWS = {
    "none": ((1.0, False),),
    "flip": ((1.0, False), (1.0, True)),
    "scales": ((0.75, False), (1.0, False), (1.25, False)),
    "all": tuple((scale, mirrored) for scale in (0.75, 1.0, 1.25) for mirrored in (False, True)),
}
"""Test-time augmentation: (scale, mirrored left-right) of each view."""


def predict_file(loaded: LoadedModel, path: Path, run_id: int = 0, tta: str = "none") -> PredictedMask:
    """Predict a picture file; of a TIFF too large to be read whole a reduced copy is used.

    Raises ImageError when it cannot be read, ModelError as `predict`.
    """
    channels = loaded.spec.channels
    if not needs_tiled_reading(path, MAX_PIXELS):
        return predict(loaded, read_model_input(path, channels), run_id, tta)
    if channels != 3:
        raise ModelError(f"“{path}” is too large for a network with {channels} channels; cut it into pieces.")
    reduced, size = read_downscaled(path, loaded.spec.size)
    if size[0] * size[1] > MAX_MASK_PIXELS:
        raise ModelError(
            f"“{path}” has more than {MAX_MASK_PIXELS // 10**6:,} million pixels, too many to be predicted. "
            "Cut it into pieces."
        )
    return predict(loaded, reduced, run_id, tta, size)


def predict(
    loaded: LoadedModel,
    picture: NDArray[np.uint8],
    run_id: int = 0,
    tta: str = "none",
    full_size: tuple[int, int] | None = None,
) -> PredictedMask:
    """Predict every pixel of a picture (H, W, C) uint8, C as in the spec.

    The picture is scaled to the spec's size, in tiles where that needs too much memory, and the
    logits are scaled back. With `tta`, a key of TTA_VIEWS, the probabilities of several views are averaged.
    full_size: (width, height) of the picture when `picture` is a reduced copy of it
    Values are class values of the spec; confidence is the probability of that class, 255 = 1. Raises ModelError when
    the picture does not have the network's number of channels.
    """
    spec = loaded.spec
    if picture.ndim != 3 or picture.shape[2] != spec.channels or 0 in picture.shape:
        raise ModelError(f"The network was trained on pictures with {spec.channels} colour channels.")
    if tta not in TTA_VIEWS:
        raise ModelError(f"The test-time augmentation “{tta}” is not known; choose {', '.join(TTA_VIEWS)}.")
    size = full_size or (picture.shape[1], picture.shape[0])
    device = next(loaded.model.parameters()).device
    max_pixels = max_pixels_at_once(device)
    while True:
        try:
            values, confidence = _predict_mask(loaded, picture, size, tta, device, max_pixels)
            return PredictedMask(values, confidence, run_id)
        except torch.OutOfMemoryError:
            if max_pixels <= MIN_TILE**2:
                raise
        # Outside the handler: until it ends, the exception keeps all tensors alive.
        max_pixels //= 4
        torch.cuda.empty_cache()


@torch.inference_mode()
def _predict_mask(
    loaded: LoadedModel,
    picture: NDArray[np.uint8],
    size: tuple[int, int],
    tta: str,
    device: torch.device,
    max_pixels: int,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    width, height = size
    table = torch.tensor(loaded.spec.class_values, dtype=torch.uint8, device=device)
    values = np.empty((height, width), np.uint8)
    confidence = np.empty((height, width), np.uint8)
    views = [
        _view_logits(loaded, picture, size, scale, flip, device, max_pixels) for scale, flip in TTA_VIEWS[tta]
    ]
    # All views have the same bands, so they are computed side by side and none is in memory as a whole.
    for bands in zip(*views, strict=True):
        rows = bands[0][0]
        if len(views) == 1:
            highest, row = bands[0][1].max(0)
            # The top probability of a softmax, without dividing every class: 1 / sum(exp(logit - highest)).
            probability = 1.0 / bands[0][1].sub_(highest).exp_().sum(0)
        else:
            mean = torch.zeros_like(bands[0][1])
            for _, band in bands:
                mean.add_(band.softmax(0), alpha=1 / len(views))
            probability, row = mean.max(0)
        values[rows] = table[row].cpu().numpy()
        confidence[rows] = (probability * 255).round_().clamp_(0, 255).to(torch.uint8).cpu().numpy()
    return values, confidence


def _view_logits(
    loaded: LoadedModel,
    picture: NDArray[np.uint8],
    size: tuple[int, int],
    scale: float,
    mirrored: bool,
    device: torch.device,
    max_pixels: int,
) -> Iterator[tuple[slice, Tensor]]:
    """Logits of one view of the picture, upsampled to its full size, in bands."""
    width, height = size
    small = scaled_size(width, height, loaded.spec.chosen_size, scale)
    pixels = scale_picture(picture, *small)
    view = channels_first(np.ascontiguousarray(pixels[:, ::-1] if mirrored else pixels))
    strips = tiled_logits(loaded.model, view, device, max_pixels, loaded.spec.pixel_statistics)
    for rows, band in upscaled_bands(strips, len(loaded.spec.class_values), small[1], height, width):
        yield rows, band.flip(2) if mirrored else band


def upscaled_bands(
    strips: Iterator[Tensor], classes: int, small_height: int, height: int, width: int
) -> Iterator[tuple[slice, Tensor]]:
    """Logits in strips (C, rows, w), together small_height rows, bilinearly upsampled to (C, height, width).

    Yields bands: (slice of rows, (C, rows, width)). The bands depend only on the last three numbers and on C. Same
    result as F.interpolate(align_corners=False), in bounded memory.
    """
    rows_at_once = max(1, BAND_BYTES // (4 * classes * width))
    strip, first = next(strips), 0  # strips not yet used up, and their first row
    for start in range(0, height, rows_at_once):
        stop = min(height, start + rows_at_once)
        places = (torch.arange(start, stop, device=strip.device) + 0.5) * (small_height / height) - 0.5
        places = places.clamp_(0, small_height - 1)
        upper = places.floor().long()
        lower = (upper + 1).clamp_(max=small_height - 1)
        while first + strip.shape[1] <= int(lower[-1]):
            gone = min(int(upper[0]) - first, strip.shape[1])
            strip, first = torch.cat([strip[:, gone:], next(strips)], 1), first + gone
        share = (places - upper).view(1, -1, 1)
        band = torch.lerp(strip[:, upper - first], strip[:, lower - first], share)
        if strip.shape[2] != width:
            size = (stop - start, width)
            band = F.interpolate(band.unsqueeze(0), size=size, mode="bilinear", align_corners=False)[0]
        yield slice(start, stop), band
