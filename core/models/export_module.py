"""A trained network as others use it: a picture in, a mask of class values out, everything between inside.

`core.models.inference` scales a picture with OpenCV. Here the same is done with matrices, because those leave torch in
any form (ONNX, torch.export) for pictures of any size, and because area averaging and bilinear scaling are nothing
but a matrix for the rows and one for the columns.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.models.input_tensors import normalise
from core.models.spec import ModelSpec, round_up_to_stride, work_size


class ExportModule(nn.Module):
    """uint8 (H, W, channels) RGB -> uint8 (H, W) class values; H and W as they come.

    The picture is scaled to fit into a canvas of fixed size, the network sees that, and its answer is scaled back.
    For pictures of the canvas's shape this is what `core.models.inference` does; for others the canvas has a wider
    margin than there, which moves a few pixels along edges.

    canvas: (width, height) of the network's input, multiples of 32, as `canvas_for` gives it.
    """

    def __init__(self, model: nn.Module, spec: ModelSpec, canvas: tuple[int, int]) -> None:
        super().__init__()
        self.model = model
        self.size = spec.size
        self.canvas = canvas
        self.register_buffer("values", torch.tensor(spec.class_values, dtype=torch.uint8))

    def forward(self, picture: Tensor) -> Tensor:
        width, height = self.canvas
        columns_in, rows_in = _length(picture, 1), _length(picture, 0)
        scale = torch.minimum(
            torch.minimum(width / columns_in, height / rows_in),
            self.size / torch.maximum(columns_in, rows_in),
        )
        columns = torch.clamp(torch.round(columns_in * scale), 1, width)
        rows = torch.clamp(torch.round(rows_in * scale), 1, height)
        across, down = _shrinking(picture, 1, columns, width), _shrinking(picture, 0, rows, height)
        # (C, H, W): rows from the left, columns from the right; rounded as a picture file would be.
        small = torch.floor(down @ picture.permute(2, 0, 1).float() @ across.T + 0.5)
        inside = (torch.arange(height) < rows).unsqueeze(1) & (torch.arange(width) < columns)
        logits = self.model(normalise(small.unsqueeze(0)) * inside)[0]
        enlarged = _enlarging(picture, 0, rows, height) @ logits @ _enlarging(picture, 1, columns, width).T
        return self.values[enlarged.argmax(0)]  # type: ignore[index]


def export_input_size(spec: ModelSpec, width: int, height: int) -> tuple[int, int]:
    """(width, height) of what the network sees of pictures of this shape, as when we predict ourselves."""
    small = work_size(width, height, spec.size)
    return round_up_to_stride(small[0]), round_up_to_stride(small[1])


def _length(picture: Tensor, dimension: int) -> Tensor:
    """() float: how long the picture is there, as a number that stays open when the network is exported."""
    return _places(picture, dimension)[-1] + 1


def _places(picture: Tensor, dimension: int) -> Tensor:
    return torch.arange(picture.shape[dimension], dtype=torch.float32, device=picture.device)


def _shrinking(picture: Tensor, dimension: int, wanted: Tensor, room: int) -> Tensor:
    """(room, L) weights from the L pixels of a side to its first `wanted` places on the canvas; others get zero.

    Fewer places than pixels: each is the mean of the area it covers (OpenCV's INTER_AREA); more: between the two
    nearest pixels (INTER_LINEAR).
    """
    pixels = _places(picture, dimension)
    step = (pixels[-1] + 1) / wanted
    places = torch.arange(room, dtype=torch.float32, device=picture.device).unsqueeze(1)
    area = (torch.minimum((places + 1) * step, pixels + 1) - torch.maximum(places * step, pixels)).clamp(
        min=0
    ) / step
    at = torch.clamp((places + 0.5) * step - 0.5, min=0.0)
    near = (1 - (torch.minimum(at, pixels[-1]) - pixels).abs()).clamp(min=0)
    return torch.where(step > 1, area, near) * (places < wanted)


def _enlarging(picture: Tensor, dimension: int, given: Tensor, room: int) -> Tensor:
    """(L, room) bilinear weights from the first `given` places of the canvas to the L pixels of a side."""
    pixels = _places(picture, dimension).unsqueeze(1)
    places = torch.arange(room, dtype=torch.float32, device=picture.device)
    at = (pixels + 0.5) * (given / (pixels[-1] + 1)) - 0.5
    at = torch.minimum(at.clamp(min=0), given - 1)
    return (1 - (at - places).abs()).clamp(min=0)
