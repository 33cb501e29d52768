"""The exported form of a network: picture in, mask of class values out, all scaling inside.

`core.models.inference` scales with OpenCV. Here matrices do the same, because they can be exported in any form (ONNX,
torch.export) for pictures of any size: area averaging and bilinear scaling are one matrix for the rows and one for the
columns.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.models.input_tensors import normalise
from core.models.spec import ModelSpec, round_up_to_stride, scaled_size


class ExportModule(nn.Module):
    """uint8 (H, W, channels) RGB -> uint8 (H, W) class values; H and W as they come.

    The picture is scaled to fit into an input of fixed size and the logits are scaled back. For pictures with the shape
    of the input this equals `core.models.inference`; others get a wider margin than there, which moves a few pixels
    along edges.

    canvas: (width, height) of the network's input, multiples of 32, from `export_input_size`
    """

    def __init__(self, model: nn.Module, spec: ModelSpec, canvas: tuple[int, int]) -> None:
        super().__init__()
        self.model = model
        self.size, self.shape = spec.size, spec.shape
        self.statistics = spec.pixel_statistics
        self.canvas = canvas
        self.register_buffer("values", torch.tensor(spec.class_values, dtype=torch.uint8))

    def forward(self, picture: Tensor) -> Tensor:
        width, height = self.canvas
        columns_in, rows_in = _length(picture, 1), _length(picture, 0)
        if self.shape is not None:
            columns, rows = (torch.full_like(columns_in, side) for side in self.shape)
        else:
            scale = torch.minimum(
                torch.minimum(width / columns_in, height / rows_in),
                self.size / torch.maximum(columns_in, rows_in),
            )
            columns = torch.clamp(torch.round(columns_in * scale), 1, width)
            rows = torch.clamp(torch.round(rows_in * scale), 1, height)
        across, down = (
            _downscale_matrix(picture, 1, columns, width),
            _downscale_matrix(picture, 0, rows, height),
        )
        # (C, H, W): row matrix on the left, column matrix on the right; rounded like the pixels of a file.
        small = torch.floor(down @ picture.permute(2, 0, 1).float() @ across.T + 0.5)
        inside = (torch.arange(height) < rows).unsqueeze(1) & (torch.arange(width) < columns)
        logits = self.model(normalise(small.unsqueeze(0), self.statistics) * inside)[0]
        upscaled = (
            _upscale_matrix(picture, 0, rows, height) @ logits @ _upscale_matrix(picture, 1, columns, width).T
        )
        return self.values[upscaled.argmax(0)]  # type: ignore[index]


def export_input_size(spec: ModelSpec, width: int, height: int) -> tuple[int, int]:
    """(width, height) of the network's input for pictures of this shape, as in our own inference."""
    small = scaled_size(width, height, spec.chosen_size)
    return round_up_to_stride(small[0]), round_up_to_stride(small[1])


def _length(picture: Tensor, dimension: int) -> Tensor:
    """() float32: length of the picture along a dimension, as a tensor that stays dynamic in an export."""
    return _positions(picture, dimension)[-1] + 1


def _positions(picture: Tensor, dimension: int) -> Tensor:
    return torch.arange(picture.shape[dimension], dtype=torch.float32, device=picture.device)


def _downscale_matrix(picture: Tensor, dimension: int, target: Tensor, length: int) -> Tensor:
    """(length, L) weights that scale the L pixels of a side to the first `target` positions of the input; others are 0.

    Downscaling averages the covered area (OpenCV's INTER_AREA), upscaling interpolates between the two nearest pixels
    (INTER_LINEAR).
    """
    pixels = _positions(picture, dimension)
    step = (pixels[-1] + 1) / target
    positions = torch.arange(length, dtype=torch.float32, device=picture.device).unsqueeze(1)
    area = (
        torch.minimum((positions + 1) * step, pixels + 1) - torch.maximum(positions * step, pixels)
    ).clamp(min=0) / step
    at = torch.clamp((positions + 0.5) * step - 0.5, min=0.0)
    near = (1 - (torch.minimum(at, pixels[-1]) - pixels).abs()).clamp(min=0)
    return torch.where(step > 1, area, near) * (positions < target)


def _upscale_matrix(picture: Tensor, dimension: int, source: Tensor, length: int) -> Tensor:
    """(L, length) bilinear weights from the first `source` positions of the input to the L pixels of a side."""
    pixels = _positions(picture, dimension).unsqueeze(1)
    positions = torch.arange(length, dtype=torch.float32, device=picture.device)
    at = (pixels + 0.5) * (source / (pixels[-1] + 1)) - 0.5
    at = torch.minimum(at.clamp(min=0), source - 1)
    return (1 - (at - positions).abs()).clamp(min=0)
