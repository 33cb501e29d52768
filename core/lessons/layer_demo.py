"""Runs one layer operation on a patch of a picture, and explains how each output value is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from core.lessons import operations as do
from core.lessons.formulas import (
    activation_formula,
    pooling_formula,
    products_formula,
    size_formula,
    transposed_formula,
)
from core.lessons.kernels import BLUR, Kernel
from core.lessons.operations import Matrix

OPERATIONS = (
    (
        "convolution",
        "Convolution",
        "A kernel slides over the picture; at each position its products are summed.",
    ),
    (
        "flipped",
        "Correlation and convolution",
        "Mathematical convolution rotates the kernel by 180° first; networks do not.",
    ),
    ("max", "Max pooling", "Keeps the maximum of each square: a smaller output that keeps strong responses."),
    ("mean", "Average pooling", "Keeps the mean of each square: a smaller, smoother output."),
    (
        "transposed",
        "Transposed convolution",
        "Each pixel adds a scaled kernel to a larger output (upsampling).",
    ),
    (
        "dilated",
        "Dilated convolution",
        "A kernel with gaps (atrous): a larger receptive field with the same nine weights.",
    ),
    ("relu", "ReLU", "Sets everything below zero to zero."),
    ("sigmoid", "Sigmoid", "Maps every number to a value between 0 and 1."),
    ("softmax", "Softmax", "Turns each row into probabilities: a row is a pixel, a column a class."),
)
"""Key, title and a one-line description."""
KERNEL_OPERATIONS = frozenset(("convolution", "flipped", "transposed", "dilated"))
SCORE_OPERATIONS = frozenset(("relu", "sigmoid", "softmax"))
"""Operations on scores around zero, as a layer outputs them, instead of brightness."""
TRANSPOSED_STRIDE = 2


@dataclass(frozen=True, slots=True)
class DemoSetup:
    """The parameters of a demo. stride: 1 or 2; same_padding: pad with zeros, so that the size stays the same at
    stride 1;
    pool_size: side of the pooling window; rate: dilation; patch_side: side of the input in pixels."""

    operation: str = "convolution"
    kernel: Kernel = BLUR
    stride: int = 1
    same_padding: bool = True
    pool_size: int = 2
    rate: int = 2
    patch_side: int = 8


@dataclass(frozen=True, slots=True)
class InputTerm:
    """An input cell (x, y) that contributes to an output cell, and its weight."""

    x: int
    y: int
    weight: float


@dataclass(frozen=True, slots=True)
class DemoOutput:
    """One output. values: (h, w) float64; low, high: the values shown as black and white; kernel: as it was applied.

    input_terms, formula: the input cells of an output cell (x, y), and its computation as a formula.
    """

    title: str
    values: Matrix
    low: float
    high: float
    input_terms: Callable[[int, int], tuple[InputTerm, ...]]
    formula: Callable[[int, int], str]
    kernel: Matrix | None = None


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Input and outputs of a demo. source: (side, side) float64; size_formula: how the output size is computed;
    problem: a sentence that says why there is no output, else empty."""

    source: Matrix
    low: float
    high: float
    size_formula: str
    outputs: tuple[DemoOutput, ...] = field(default=())
    problem: str = ""


def run_demo(setup: DemoSetup, patch: Matrix) -> DemoResult:
    """Run the operation of `setup` on a square patch of brightness, (side, side) float64, 0..255."""
    if setup.operation in SCORE_OPERATIONS:
        return _activation(setup.operation, np.round((patch - 128) / 64, 1))
    if setup.operation in ("max", "mean"):
        return _pooling(setup, patch)
    if setup.operation == "transposed":
        return _transposed(setup, patch)
    return _convolution(setup, patch)


def _convolution(setup: DemoSetup, patch: Matrix) -> DemoResult:
    """A convolution, plain, dilated or rotated."""
    kernel = np.array(setup.kernel, np.float64)
    rate = setup.rate if setup.operation == "dilated" else 1
    span = do.kernel_span(3, rate)
    pad = span // 2 if setup.same_padding else 0
    formula = size_formula(len(patch), span, setup.stride, pad)
    if do.output_side(len(patch), 3, setup.stride, pad, rate) == 0:
        problem = (
            f"The kernel spans {span} pixels and does not fit into {len(patch)}. "
            "Turn on padding or choose a larger patch."
        )
        return DemoResult(patch, 0, 255, formula, problem=problem)

    def output(title: str, kernel_used: Matrix) -> DemoOutput:
        values = do.correlate(patch, kernel_used, setup.stride, pad, rate)

        def input_terms(x: int, y: int) -> tuple[InputTerm, ...]:
            return tuple(
                InputTerm(
                    x * setup.stride + b * rate - pad,
                    y * setup.stride + a * rate - pad,
                    float(kernel_used[a, b]),
                )
                for a in range(3)
                for b in range(3)
            )

        return _kernel_output(title, patch, values, kernel_used, input_terms)

    outputs: tuple[DemoOutput, ...] = (output("Output", kernel),)
    if setup.operation == "flipped":
        outputs = output("Correlation", kernel), output("Convolution", do.rotate_kernel(kernel))
    return DemoResult(patch, 0, 255, formula, outputs)


def _transposed(setup: DemoSetup, patch: Matrix) -> DemoResult:
    kernel = np.array(setup.kernel, np.float64)
    pad = 1 if setup.same_padding else 0
    values = do.transposed_convolution(patch, kernel, TRANSPOSED_STRIDE, pad)

    def input_terms(x: int, y: int) -> tuple[InputTerm, ...]:
        """The input cells whose scaled kernel covers this output cell."""
        found = []
        for a in range(3):
            for b in range(3):
                row, above = divmod(y + pad - a, TRANSPOSED_STRIDE)
                column, left = divmod(x + pad - b, TRANSPOSED_STRIDE)
                if above == left == 0 and 0 <= row < len(patch) and 0 <= column < len(patch):
                    found.append(InputTerm(column, row, float(kernel[a, b])))
        return tuple(found)

    formula = transposed_formula(len(patch), 3, TRANSPOSED_STRIDE, pad)
    return DemoResult(patch, 0, 255, formula, (_kernel_output("Output", patch, values, kernel, input_terms),))


def _pooling(setup: DemoSetup, patch: Matrix) -> DemoResult:
    side, largest = setup.pool_size, setup.operation == "max"
    values = do.pool_max(patch, side) if largest else do.pool_mean(patch, side)

    def input_terms(x: int, y: int) -> tuple[InputTerm, ...]:
        return tuple(InputTerm(x * side + b, y * side + a, 1.0) for a in range(side) for b in range(side))

    def formula_of(x: int, y: int) -> str:
        return pooling_formula([patch[r.y, r.x] for r in input_terms(x, y)], values[y, x], largest=largest)

    formula = size_formula(len(patch), side, side, 0)
    return DemoResult(
        patch, 0, 255, formula, (DemoOutput("Output", values, 0, 255, input_terms, formula_of),)
    )


def _activation(operation: str, scores: Matrix) -> DemoResult:
    values = {"relu": do.relu, "sigmoid": do.sigmoid, "softmax": do.softmax}[operation](scores)
    whole_row = operation == "softmax"

    def input_terms(x: int, y: int) -> tuple[InputTerm, ...]:
        return tuple(InputTerm(b, y, 1.0) for b in (range(scores.shape[1]) if whole_row else (x,)))

    def formula_of(x: int, y: int) -> str:
        return activation_formula(operation, scores[y], x, values[y, x])

    formula = f"The size stays: {len(scores)}"
    low, high = (-2.0, 2.0) if operation == "relu" else (0.0, 1.0)
    return DemoResult(
        scores, -2, 2, formula, (DemoOutput("Output", values, low, high, input_terms, formula_of),)
    )


def _kernel_output(
    title: str,
    patch: Matrix,
    values: Matrix,
    kernel_used: Matrix,
    input_terms: Callable[[int, int], tuple[InputTerm, ...]],
) -> DemoOutput:
    """The output of a kernel, with its formula: a sum of products in which padded cells are zero."""

    def formula_of(x: int, y: int) -> str:
        inside = [
            (r.weight, patch[r.y, r.x] if 0 <= r.x < len(patch) and 0 <= r.y < len(patch) else 0.0)
            for r in input_terms(x, y)
        ]
        return products_formula(inside, float(values[y, x]))

    return DemoOutput(title, values, *_display_range(values), input_terms, formula_of, kernel_used)


def _display_range(values: Matrix) -> tuple[float, float]:
    """The values to show as black and white: 0 and 255 for brightness; symmetric around zero for signed values."""
    if values.min() < 0:
        most = float(np.abs(values).max())
        return -most, most
    return 0.0, max(255.0, float(values.max()))
