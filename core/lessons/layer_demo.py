"""The bench: one operation of a network on one patch, and how each number of the result came about."""

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
        "A kernel slides over the picture; at each place its products are summed.",
    ),
    (
        "flipped",
        "Correlation and convolution",
        "Mathematics turns the kernel before it slides; networks do not.",
    ),
    ("max", "Max pooling", "Keeps the largest of each square: the picture shrinks, what stands out stays."),
    ("mean", "Average pooling", "Keeps the mean of each square: the picture shrinks and grows softer."),
    ("transposed", "Transposed convolution", "Each pixel lays down a whole kernel: the picture grows."),
    (
        "dilated",
        "Dilated convolution",
        "A kernel with holes sees farther with the same nine numbers (atrous).",
    ),
    ("relu", "ReLU", "Sets everything below zero to zero."),
    ("sigmoid", "Sigmoid", "Squeezes every number into one from 0 to 1."),
    ("softmax", "Softmax", "Makes shares of each row: each row is a pixel, each column a class."),
)
"""Key, title, and one line about it."""
KERNEL_OPERATIONS = frozenset(("convolution", "flipped", "transposed", "dilated"))
SCORE_OPERATIONS = frozenset(("relu", "sigmoid", "softmax"))
"""Operations that want numbers around zero, as they come out of a layer, in place of brightness."""
TRANSPOSED_STRIDE = 2


@dataclass(frozen=True, slots=True)
class DemoSetup:
    """All that can be chosen. stride: 1 or 2; same: zeros around the picture, so that its size stays (at stride 1);
    window: side of a pool; rate: of a dilated convolution; side: of the patch."""

    operation: str = "convolution"
    kernel: Kernel = BLUR
    stride: int = 1
    same_padding: bool = True
    pool_size: int = 2
    rate: int = 2
    patch_side: int = 8


@dataclass(frozen=True, slots=True)
class InputTerm:
    """A cell of the input, (x, y), that took part in a cell of the output, and what it was multiplied by."""

    x: int
    y: int
    weight: float


@dataclass(frozen=True, slots=True)
class DemoOutput:
    """One result. values: (h, w); low, high: what is shown black and white; kernel: as it was laid down, if any.

    reads, spell: what a cell (x, y) came from, and the sum in words and numbers.
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
    """What lies on the bench. source: (side, side); formula: how the size comes out; problem: why there is no
    output, as a sentence."""

    source: Matrix
    low: float
    high: float
    size_formula: str
    outputs: tuple[DemoOutput, ...] = field(default=())
    problem: str = ""


def run_demo(setup: DemoSetup, patch: Matrix) -> DemoResult:
    """Do the operation of `setup` on a square patch of brightness, (side, side), 0..255."""
    if setup.operation in SCORE_OPERATIONS:
        return _activation(setup.operation, np.round((patch - 128) / 64, 1))
    if setup.operation in ("max", "mean"):
        return _pooling(setup, patch)
    if setup.operation == "transposed":
        return _transposed(setup, patch)
    return _convolution(setup, patch)


def _convolution(setup: DemoSetup, patch: Matrix) -> DemoResult:
    """A convolution of any kind."""
    kernel = np.array(setup.kernel, np.float64)
    rate = setup.rate if setup.operation == "dilated" else 1
    span = do.kernel_span(3, rate)
    pad = span // 2 if setup.same_padding else 0
    formula = size_formula(len(patch), span, setup.stride, pad)
    if do.output_side(len(patch), 3, setup.stride, pad, rate) == 0:
        problem = (
            f"The kernel reaches over {span} pixels and does not fit into {len(patch)}. "
            "Choose padding or a larger patch."
        )
        return DemoResult(patch, 0, 255, formula, problem=problem)

    def output(title: str, laid: Matrix) -> DemoOutput:
        values = do.correlate(patch, laid, setup.stride, pad, rate)

        def reads(x: int, y: int) -> tuple[InputTerm, ...]:
            return tuple(
                InputTerm(
                    x * setup.stride + b * rate - pad, y * setup.stride + a * rate - pad, float(laid[a, b])
                )
                for a in range(3)
                for b in range(3)
            )

        return _kernel_output(title, patch, values, laid, reads)

    outputs: tuple[DemoOutput, ...] = (output("Output", kernel),)
    if setup.operation == "flipped":
        outputs = output("Correlation", kernel), output("Convolution", do.rotate_kernel(kernel))
    return DemoResult(patch, 0, 255, formula, outputs)


def _transposed(setup: DemoSetup, patch: Matrix) -> DemoResult:
    kernel = np.array(setup.kernel, np.float64)
    pad = 1 if setup.same_padding else 0
    values = do.transposed_convolution(patch, kernel, TRANSPOSED_STRIDE, pad)

    def reads(x: int, y: int) -> tuple[InputTerm, ...]:
        """Every input cell whose kernel covers this one."""
        found = []
        for a in range(3):
            for b in range(3):
                row, above = divmod(y + pad - a, TRANSPOSED_STRIDE)
                column, left = divmod(x + pad - b, TRANSPOSED_STRIDE)
                if above == left == 0 and 0 <= row < len(patch) and 0 <= column < len(patch):
                    found.append(InputTerm(column, row, float(kernel[a, b])))
        return tuple(found)

    formula = transposed_formula(len(patch), 3, TRANSPOSED_STRIDE, pad)
    return DemoResult(patch, 0, 255, formula, (_kernel_output("Output", patch, values, kernel, reads),))


def _pooling(setup: DemoSetup, patch: Matrix) -> DemoResult:
    side, largest = setup.pool_size, setup.operation == "max"
    values = do.pool_max(patch, side) if largest else do.pool_mean(patch, side)

    def reads(x: int, y: int) -> tuple[InputTerm, ...]:
        return tuple(InputTerm(x * side + b, y * side + a, 1.0) for a in range(side) for b in range(side))

    def spell(x: int, y: int) -> str:
        return pooling_formula([patch[r.y, r.x] for r in reads(x, y)], values[y, x], largest=largest)

    formula = size_formula(len(patch), side, side, 0)
    return DemoResult(patch, 0, 255, formula, (DemoOutput("Output", values, 0, 255, reads, spell),))


def _activation(operation: str, scores: Matrix) -> DemoResult:
    values = {"relu": do.relu, "sigmoid": do.sigmoid, "softmax": do.softmax}[operation](scores)
    whole_row = operation == "softmax"

    def reads(x: int, y: int) -> tuple[InputTerm, ...]:
        return tuple(InputTerm(b, y, 1.0) for b in (range(scores.shape[1]) if whole_row else (x,)))

    def spell(x: int, y: int) -> str:
        return activation_formula(operation, scores[y], x, values[y, x])

    formula = f"The size stays: {len(scores)}"
    low, high = (-2.0, 2.0) if operation == "relu" else (0.0, 1.0)
    return DemoResult(scores, -2, 2, formula, (DemoOutput("Output", values, low, high, reads, spell),))


def _kernel_output(
    title: str,
    patch: Matrix,
    values: Matrix,
    laid: Matrix,
    reads: Callable[[int, int], tuple[InputTerm, ...]],
) -> DemoOutput:
    """The output of a kernel: a sum of products, in which zeros of the padding and of the kernel count nothing."""

    def spell(x: int, y: int) -> str:
        inside = [
            (r.weight, patch[r.y, r.x] if 0 <= r.x < len(patch) and 0 <= r.y < len(patch) else 0.0)
            for r in reads(x, y)
        ]
        return products_formula(inside, float(values[y, x]))

    return DemoOutput(title, values, *_display_range(values), reads, spell, laid)


def _display_range(values: Matrix) -> tuple[float, float]:
    """What to show black and white: brightness as brightness; with numbers below zero, zero is the grey between."""
    if values.min() < 0:
        most = float(np.abs(values).max())
        return -most, most
    return 0.0, max(255.0, float(values.max()))
