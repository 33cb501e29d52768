"""One picture in, its mask and how certain the network is out."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.errors import ModelError
from core.labels.prediction import PredictedMask
from core.models.checkpoint import Loaded
from core.models.pixels import channels_first, filled_up, normalised
from core.models.spec import work_size

BAND_BYTES = 64 << 20
"""Logits of a large picture are enlarged in bands of rows of about this size."""


@torch.inference_mode()
def predict(loaded: Loaded, picture: NDArray[np.uint8], run_id: int = 0) -> PredictedMask:
    """Predict every pixel of a picture (H, W, C) uint8, C as the spec says.

    The network sees the picture with its long side scaled to the spec's size; its logits are enlarged to the
    picture again. Values are the spec's class values; confidence is the probability of that class, 255 = certain.
    Raises ModelError when the picture does not have the colours the network was made for.
    """
    spec = loaded.spec
    if picture.ndim != 3 or picture.shape[2] != spec.channels or 0 in picture.shape:
        raise ModelError(f"The network was trained on pictures with {spec.channels} colour channels.")
    height, width = picture.shape[:2]
    small = work_size(width, height, spec.size)
    shrinks = small[0] < width
    pixels = cv2.resize(picture, small, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    device = next(loaded.model.parameters()).device
    batch = normalised(channels_first(np.ascontiguousarray(pixels)).unsqueeze(0).to(device))
    batch = filled_up(batch).contiguous(memory_format=torch.channels_last)
    logits = loaded.model(batch)[0, :, : small[1], : small[0]].float().contiguous()
    table = torch.tensor(spec.class_values, dtype=torch.uint8, device=device)
    values = np.empty((height, width), np.uint8)
    confidence = np.empty((height, width), np.uint8)
    for rows, band in enlarged_bands(logits, height, width):
        highest, row = band.max(0)
        # The top probability of a softmax, without dividing every class: 1 / sum(exp(logit - highest)).
        certain = 1.0 / band.sub_(highest).exp_().sum(0)
        values[rows] = table[row].cpu().numpy()
        confidence[rows] = (certain * 255).round_().to(torch.uint8).cpu().numpy()
    return PredictedMask(values, confidence, run_id)


def enlarged_bands(logits: Tensor, height: int, width: int) -> Iterator[tuple[slice, Tensor]]:
    """Logits (C, h, w) bilinearly enlarged to (C, height, width), in bands: (rows, (C, rows, width)).

    The same numbers as F.interpolate(align_corners=False) gives at once, in bounded memory.
    """
    classes, small_height, small_width = logits.shape
    rows_at_once = max(1, BAND_BYTES // (4 * classes * width))
    for start in range(0, height, rows_at_once):
        stop = min(height, start + rows_at_once)
        places = (torch.arange(start, stop, device=logits.device) + 0.5) * (small_height / height) - 0.5
        places = places.clamp_(0, small_height - 1)
        upper = places.floor().long()
        lower = (upper + 1).clamp_(max=small_height - 1)
        share = (places - upper).view(1, -1, 1)
        band = torch.lerp(logits[:, upper], logits[:, lower], share)
        if small_width != width:
            size = (stop - start, width)
            band = F.interpolate(band.unsqueeze(0), size=size, mode="bilinear", align_corners=False)[0]
        yield slice(start, stop), band
