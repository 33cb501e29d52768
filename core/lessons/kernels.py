"""Named 3 x 3 kernels, with weights that are easy to multiply by hand."""

from __future__ import annotations

Kernel = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]

BLUR: Kernel = ((0.1, 0.1, 0.1), (0.1, 0.2, 0.1), (0.1, 0.1, 0.1))
SHARPEN: Kernel = ((0, -1, 0), (-1, 5, -1), (0, -1, 0))
EDGES_ACROSS: Kernel = ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))
EDGES_DOWN: Kernel = ((-1, -2, -1), (0, 0, 0), (1, 2, 1))
SPREAD: Kernel = ((0.25, 0.5, 0.25), (0.5, 1, 0.5), (0.25, 0.5, 0.25))

CUSTOM = "own"
KERNELS: tuple[tuple[str, str, Kernel], ...] = (
    ("blur", "Blur", BLUR),
    ("sharpen", "Sharpen", SHARPEN),
    ("across", "Edges left–right", EDGES_ACROSS),
    ("down", "Edges up–down", EDGES_DOWN),
    ("spread", "Spread", SPREAD),
)
"""Key, title and weights. The edge kernels are those of Sobel and Feldman (1968), positive where brightness increases
to the right or downwards. “Spread” is bilinear upsampling by a factor of 2."""


def name_of(kernel: Kernel) -> str:
    """The key of a kernel, or CUSTOM for one that is not in KERNELS."""
    return next((key for key, _title, numbers in KERNELS if numbers == kernel), CUSTOM)
