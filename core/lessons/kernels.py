"""Kernels that have a name, three by three, with numbers that people can multiply in their heads."""

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
"""Key, title and numbers. The edges are those of Sobel and Feldman (1968): bright where it grows brighter to the right,
or downwards. Spread is what bilinear enlarging to double the size does."""


def name_of(kernel: Kernel) -> str:
    """The key of a kernel, or OWN for nine numbers without a name."""
    return next((key for key, _title, numbers in KERNELS if numbers == kernel), CUSTOM)
