"""The arithmetic of a network's layers on one channel: plain numpy, written to be read beside its definition.

An array is (h, w) float64. A kernel slides over it; `stride` is how far it moves each time, `pad` how many rows of
zeros stand around the array, `rate` how far apart the kernel's cells lie (1: side by side; more: “atrous”, with holes).
What networks call convolution is correlation: the kernel is laid down as it is. The convolution of mathematics turns
it by half a turn first. See Dumoulin and Visin, A guide to convolution arithmetic, 2016, arXiv 1603.07285.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def kernel_span(kernel: int, rate: int = 1) -> int:
    """Cells from one end of a kernel to the other, holes included."""
    return rate * (kernel - 1) + 1


def output_side(side: int, kernel: int, stride: int = 1, pad: int = 0, rate: int = 1) -> int:
    """Cells along one side of what comes out; 0 where the kernel does not fit."""
    return max(0, (side + 2 * pad - kernel_span(kernel, rate)) // stride + 1)


def transposed_side(side: int, kernel: int, stride: int, pad: int = 0) -> int:
    """Cells along one side of what a transposed convolution makes; 0 where padding takes everything away."""
    return max(0, (side - 1) * stride - 2 * pad + kernel)


def sliding_windows(
    x: Matrix, kernel: int, stride: int = 1, pad: int = 0, rate: int = 1
) -> NDArray[np.float64]:
    """(oh, ow, kernel, kernel): what lies under the kernel at each of its places. Empty where it does not fit."""
    padded = np.pad(x, pad)
    span = kernel_span(kernel, rate)
    if min(padded.shape) < span:
        return np.empty((0, 0, kernel, kernel))
    return sliding_window_view(padded, (span, span))[::stride, ::stride, ::rate, ::rate]


def correlate(x: Matrix, kernel: Matrix, stride: int = 1, pad: int = 0, rate: int = 1) -> Matrix:
    """At each place the sum of products with the kernel as it is: the “convolution” of a network."""
    under = sliding_windows(x, len(kernel), stride, pad, rate)
    return np.asarray(np.einsum("yxab,ab->yx", under, kernel))


def convolve(x: Matrix, kernel: Matrix, stride: int = 1, pad: int = 0, rate: int = 1) -> Matrix:
    """The same with the kernel turned by half a turn: the convolution of mathematics."""
    return correlate(x, rotate_kernel(kernel), stride, pad, rate)


def rotate_kernel(kernel: Matrix) -> Matrix:
    """Upside down and left to right."""
    return kernel[::-1, ::-1].copy()


def pool_max(x: Matrix, side: int) -> Matrix:
    """The largest of each square of `side` cells; cells that fill no whole square are left out."""
    return np.asarray(sliding_windows(x, side, side).max((2, 3)))


def pool_mean(x: Matrix, side: int) -> Matrix:
    """The mean of each square of `side` cells; cells that fill no whole square are left out."""
    return np.asarray(sliding_windows(x, side, side).mean((2, 3)))


def transposed_convolution(x: Matrix, kernel: Matrix, stride: int, pad: int = 0) -> Matrix:
    """Each cell lays down the whole kernel times its value, `stride` cells from the one before; sums where they meet.

    `pad` rows and columns are then cut off at every side.
    """
    height, width = ((n - 1) * stride + len(kernel) for n in x.shape)
    laid = np.zeros((height, width))
    for (a, b), weight in np.ndenumerate(kernel):  # each cell of the kernel is laid down for all of x at once
        laid[a : height - len(kernel) + a + 1 : stride, b : width - len(kernel) + b + 1 : stride] += (
            weight * x
        )
    return laid[pad : height - pad, pad : width - pad]


def relu(x: Matrix) -> Matrix:
    """Below zero nothing, above zero the value itself."""
    return np.maximum(x, 0.0)


def sigmoid(x: Matrix) -> Matrix:
    """Any number to one between 0 and 1; 0 becomes a half."""
    return np.exp(-np.logaddexp(0.0, -x))


def softmax(x: Matrix) -> Matrix:
    """Each row to shares that are positive and sum to 1; the largest number gets the largest share."""
    raised = np.exp(x - x.max(1, keepdims=True))  # the same shares, and no number that is too large
    return np.asarray(raised / raised.sum(1, keepdims=True))
