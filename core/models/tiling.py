"""A network run over a picture in tiles that overlap, so that a large picture needs no more memory than a tile."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (the customary name)

from core.models.input_tensors import normalise
from core.models.spec import STRIDE, round_up_to_stride

OVERLAP = 256
"""Pixels that two tiles share. The outermost quarter on either side is not believed at all, because a network guesses
what lies beyond the edge of a tile; between them the one fades into the other."""
MIN_TILE = 2 * OVERLAP
MAX_CPU_PIXELS = 2048 * 2048
"""Pixels that a processor looks at at once. Two gigabytes for a large network of the library."""
BYTES_PER_PIXEL = 1200
"""What a pixel costs on a graphics card while a large network of the library looks at it, measured generously."""


def max_pixels_at_once(device: torch.device) -> int:
    """How many pixels a network may be shown at once on a device."""
    if device.type != "cuda":
        return MAX_CPU_PIXELS
    free, _ = torch.cuda.mem_get_info(device)
    return max(MIN_TILE**2, free // 2 // BYTES_PER_PIXEL)


def tiled_logits(
    model: nn.Module, picture: Tensor, device: torch.device, max_pixels: int
) -> Iterator[Tensor]:
    """Logits of a picture from top to bottom: pieces float32 (C, rows, W) on `device`, one below the other.

    picture: uint8 (channels, H, W), anywhere. At once where it has at most `fits` pixels, otherwise in tiles;
    never more than a row of tiles is held. Tiles begin at multiples of 32, where a network that halves its picture
    sees the same squares as in the whole.
    """
    height, width = picture.shape[1:]
    if round_up_to_stride(height) * round_up_to_stride(width) <= max_pixels:
        yield _answer(model, picture, device, (round_up_to_stride(height), round_up_to_stride(width)))[
            :, :height, :width
        ]
        return
    tall, wide = _tile_size(round_up_to_stride(height), round_up_to_stride(width), max_pixels)
    tops, lefts = _starts(round_up_to_stride(height), tall), _starts(round_up_to_stride(width), wide)
    total: Tensor | None = None
    weight = torch.zeros(0)
    for number, top in enumerate(tops):
        vertical = _fading(tall, number > 0, number < len(tops) - 1, device)
        for place, left in enumerate(lefts):
            piece = picture[:, top : top + tall, left : left + wide]
            answer = _answer(model, piece, device, (tall, wide))
            if total is None:
                total = answer.new_zeros(len(answer), tall, round_up_to_stride(width))
                weight = answer.new_zeros(tall, round_up_to_stride(width))
            faith = vertical[:, None] * _fading(wide, place > 0, place < len(lefts) - 1, device)
            total[:, :, left : left + wide].addcmul_(answer, faith)
            weight[:, left : left + wide].add_(faith)
        assert total is not None
        end = tops[number + 1] if number + 1 < len(tops) else height
        done = end - top
        yield (total[:, :done] / weight[:done])[:, : min(done, height - top), :width]
        if number + 1 < len(tops):
            # What the next row of tiles shares with this one moves up.
            shared = tall - done
            total[:, :shared] = total[:, done:].clone()
            weight[:shared] = weight[done:].clone()
            total[:, shared:] = 0
            weight[shared:] = 0


def _answer(model: nn.Module, piece: Tensor, device: torch.device, size: tuple[int, int]) -> Tensor:
    """float32 (C, *size): what the network says about a piece, filled up with the mean colour at right and bottom."""
    batch = normalise(piece.unsqueeze(0).to(device))
    fill = (0, size[1] - piece.shape[2], 0, size[0] - piece.shape[1])
    batch = F.pad(batch, fill).contiguous(memory_format=torch.channels_last)
    answer: Tensor = model(batch)[0].float().contiguous()
    return answer


def _tile_size(height: int, width: int, fits: int) -> tuple[int, int]:
    """(tall, wide) of a tile, multiples of 32: square, or longer where the picture is narrow."""
    side = max(MIN_TILE, int(fits**0.5))
    tall = min(height, side)
    wide = min(width, max(side, fits // tall))
    tall = min(height, max(side, fits // wide))
    return tall // STRIDE * STRIDE, wide // STRIDE * STRIDE


def _starts(length: int, tile: int) -> list[int]:
    """Where tiles begin, multiples of 32, evenly spread: neighbours share at least `OVERLAP`."""
    if length <= tile:
        return [0]
    count = -(-(length - OVERLAP) // (tile - OVERLAP))
    room = length - tile
    return [room * number // (count - 1) // STRIDE * STRIDE for number in range(count)]


def _fading(length: int, before: bool, after: bool, device: torch.device) -> Tensor:
    """(length,) how far a tile is believed along one side: up from 0 and down to 0 where it has a neighbour."""
    place = torch.arange(length, device=device) + 0.5
    margin, fade = OVERLAP / 4, OVERLAP / 2
    rise = ((place - margin) / fade).clamp(0, 1) if before else torch.ones(length, device=device)
    fall = ((length - margin - place) / fade).clamp(0, 1) if after else torch.ones(length, device=device)
    return rise * fall
