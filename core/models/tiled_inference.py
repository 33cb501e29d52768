"""Inference in overlapping tiles, so that a large picture needs no more memory than a tile."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.input_tensors import Statistics, normalise
from core.models.spec import STRIDE, round_up_to_stride

OVERLAP = 256
"""Pixels that two tiles share. The outermost quarter on either side is not used, because a network guesses what lies
beyond the edge of a tile; between them the tiles are blended linearly."""
MIN_TILE = 2 * OVERLAP
MAX_CPU_PIXELS = 2048 * 2048
"""Pixels of one input on a processor: two gigabytes with a large network."""
BYTES_PER_PIXEL = 1200
"""Memory on a graphics card for each pixel of the input, measured with a large network, with a margin."""


def max_pixels_at_once(device: torch.device) -> int:
    """Pixels of the largest input that fits into the memory of a device."""
    if device.type != "cuda":
        return MAX_CPU_PIXELS
    free, _ = torch.cuda.mem_get_info(device)
    return max(MIN_TILE**2, free // 2 // BYTES_PER_PIXEL)


def tiled_logits(
    model: nn.Module, picture: Tensor, device: torch.device, max_pixels: int, statistics: Statistics
) -> Iterator[Tensor]:
    """Logits of a picture from top to bottom: pieces float32 (C, rows, W) on `device`, one below the other.

    picture: uint8 (channels, H, W), on any device; statistics: by which it is normalised. In one piece where it has at
    most `max_pixels` pixels, otherwise in tiles, of which one row is in memory. Tiles start at multiples of 32, so that
    the strides of the network fall on the same pixels as in the whole picture.
    """
    height, width = picture.shape[1:]
    if round_up_to_stride(height) * round_up_to_stride(width) <= max_pixels:
        size = round_up_to_stride(height), round_up_to_stride(width)
        yield _forward(model, picture, device, size, statistics)[:, :height, :width]
        return
    tile_height, tile_width = _tile_size(round_up_to_stride(height), round_up_to_stride(width), max_pixels)
    tops, lefts = (
        _tile_starts(round_up_to_stride(height), tile_height),
        _tile_starts(round_up_to_stride(width), tile_width),
    )
    total: Tensor | None = None
    weight_sum = torch.zeros(0)
    for number, top in enumerate(tops):
        vertical = _blend_weights(tile_height, number > 0, number < len(tops) - 1, device)
        for position, left in enumerate(lefts):
            piece = picture[:, top : top + tile_height, left : left + tile_width]
            logits = _forward(model, piece, device, (tile_height, tile_width), statistics)
            if total is None:
                total = logits.new_zeros(len(logits), tile_height, round_up_to_stride(width))
                weight_sum = logits.new_zeros(tile_height, round_up_to_stride(width))
            weights = vertical[:, None] * _blend_weights(
                tile_width, position > 0, position < len(lefts) - 1, device
            )
            total[:, :, left : left + tile_width].addcmul_(logits, weights)
            weight_sum[:, left : left + tile_width].add_(weights)
        assert total is not None
        end = tops[number + 1] if number + 1 < len(tops) else height
        done = end - top
        yield (total[:, :done] / weight_sum[:done])[:, : min(done, height - top), :width]
        if number + 1 < len(tops):
            # The overlap with the next row of tiles moves to the top.
            shared = tile_height - done
            total[:, :shared] = total[:, done:].clone()
            weight_sum[:shared] = weight_sum[done:].clone()
            total[:, shared:] = 0
            weight_sum[shared:] = 0


def _forward(
    model: nn.Module, piece: Tensor, device: torch.device, size: tuple[int, int], statistics: Statistics
) -> Tensor:
    """Logits float32 (C, *size) of a piece, padded with the mean colour at right and bottom."""
    batch = normalise(piece.unsqueeze(0).to(device), statistics)
    fill = (0, size[1] - piece.shape[2], 0, size[0] - piece.shape[1])
    batch = F.pad(batch, fill).contiguous(memory_format=torch.channels_last)
    logits: Tensor = model(batch)[0].float().contiguous()
    return logits


def _tile_size(height: int, width: int, max_pixels: int) -> tuple[int, int]:
    """(height, width) of a tile, multiples of 32: square, or longer where the picture is narrow."""
    side = max(MIN_TILE, int(max_pixels**0.5))
    tile_height = min(height, side)
    tile_width = min(width, max(side, max_pixels // tile_height))
    tile_height = min(height, max(side, max_pixels // tile_width))
    return tile_height // STRIDE * STRIDE, tile_width // STRIDE * STRIDE


def _tile_starts(length: int, tile: int) -> list[int]:
    """Start positions of tiles, multiples of 32, evenly spread: neighbours share at least `OVERLAP`."""
    if length <= tile:
        return [0]
    count = -(-(length - OVERLAP) // (tile - OVERLAP))
    rest = length - tile
    return [rest * number // (count - 1) // STRIDE * STRIDE for number in range(count)]


def _blend_weights(length: int, before: bool, after: bool, device: torch.device) -> Tensor:
    """(length,) blending weights along one side of a tile: rising from 0 and falling to 0 where it has a neighbour."""
    position = torch.arange(length, device=device) + 0.5
    margin, fade = OVERLAP / 4, OVERLAP / 2
    rise = ((position - margin) / fade).clamp(0, 1) if before else torch.ones(length, device=device)
    fall = ((length - margin - position) / fade).clamp(0, 1) if after else torch.ones(length, device=device)
    return rise * fall
