"""Layer operations of a network on one channel, in plain numpy, close to their definitions.

Arrays are (h, w) float64. `stride` is the step of the kernel, `pad` the number of rows of zeros around the array,
`rate`
the dilation: the distance between the cells of the kernel, more than 1 with gaps (“atrous”). What networks call
convolution is cross-correlation; mathematical convolution rotates the kernel by 180° first. See Dumoulin and Visin,
A guide to convolution arithmetic, 2016, arXiv 1603.07285.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def kernel_span(kernel: int, rate: int = 1) -> int:
    """Side of a dilated kernel in cells, gaps included."""
    return rate * (kernel - 1) + 1


def output_side(side: int, kernel: int, stride: int = 1, pad: int = 0, rate: int = 1) -> int:
    """Side of the output in cells; 0 where the kernel does not fit."""
    return max(0, (side + 2 * pad - kernel_span(kernel, rate)) // stride + 1)


def transposed_side(side: int, kernel: int, stride: int, pad: int = 0) -> int:
    """Side of the output of a transposed convolution in cells; 0 where cropping the padding leaves nothing."""
    return max(0, (side - 1) * stride - 2 * pad + kernel)


def sliding_windows(
    x: Matrix, kernel: int, stride: int = 1, pad: int = 0, rate: int = 1
) -> NDArray[np.float64]:
    """(oh, ow, kernel, kernel): the cells under the kernel at each position; empty where it does not fit."""
    padded = np.pad(x, pad)
    span = kernel_span(kernel, rate)
    if min(padded.shape) < span:
        return np.empty((0, 0, kernel, kernel))
    return sliding_window_view(padded, (span, span))[::stride, ::stride, ::rate, ::rate]


def correlate(x: Matrix, kernel: Matrix, stride: int = 1, pad: int = 0, rate: int = 1) -> Matrix:
    """Cross-correlation: the sum of products with the kernel at each position; the “convolution” of networks."""
    under = sliding_windows(x, len(kernel), stride, pad, rate)
    return np.asarray(np.einsum("yxab,ab->yx", under, kernel))


def convolve(x: Matrix, kernel: Matrix, stride: int = 1, pad: int = 0, rate: int = 1) -> Matrix:
    """Mathematical convolution: cross-correlation with the kernel rotated by 180°."""
    return correlate(x, rotate_kernel(kernel), stride, pad, rate)


def rotate_kernel(kernel: Matrix) -> Matrix:
    """The kernel rotated by 180°."""
    return kernel[::-1, ::-1].copy()


def pool_max(x: Matrix, side: int) -> Matrix:
    """The maximum of each square of `side` cells; incomplete squares at the edges are left out."""
    return np.asarray(sliding_windows(x, side, side).max((2, 3)))


def pool_mean(x: Matrix, side: int) -> Matrix:
    """The mean of each square of `side` cells; incomplete squares at the edges are left out."""
    return np.asarray(sliding_windows(x, side, side).mean((2, 3)))


def transposed_convolution(x: Matrix, kernel: Matrix, stride: int, pad: int = 0) -> Matrix:
    """Each cell adds the kernel times its value to the output, `stride` cells apart; overlaps are summed.

    `pad` rows and columns are then cut off at every side.
    """
    height, width = ((n - 1) * stride + len(kernel) for n in x.shape)
    laid = np.zeros((height, width))
    for (a, b), weight in np.ndenumerate(kernel):  # one kernel cell at a time, for all of x at once
        laid[a : height - len(kernel) + a + 1 : stride, b : width - len(kernel) + b + 1 : stride] += (
            weight * x
        )
    return laid[pad : height - pad, pad : width - pad]


def relu(x: Matrix) -> Matrix:
    """max(0, x)."""
    return np.maximum(x, 0.0)


def sigmoid(x: Matrix) -> Matrix:
    """1 / (1 + e^-x), between 0 and 1, written so that it does not overflow."""
    return np.exp(-np.logaddexp(0.0, -x))


def softmax(x: Matrix) -> Matrix:
    """Each row as probabilities that sum to 1."""
    exponentials = np.exp(x - x.max(1, keepdims=True))  # the maximum is subtracted so that nothing overflows
    return np.asarray(exponentials / exponentials.sum(1, keepdims=True))
