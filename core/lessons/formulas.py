"""Formats numbers and computations as formulas."""

from __future__ import annotations

import math
from collections.abc import Sequence

MINUS = "−"


def format_number(value: float) -> str:
    """At most two decimals, without trailing zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text.replace("-", MINUS)


def size_formula(side: int, span: int, stride: int, pad: int) -> str:
    """The side of the output: “(8 + 2·1 − 3) / 1 + 1 = 8”; with ⌊ ⌋ where the division is rounded down."""
    over = side + 2 * pad - span
    top = f"({side} + 2·{pad} − {span}) / {stride}"
    if over % stride:
        top = f"⌊{top}⌋"
    return f"{top} + 1 = {max(0, over // stride + 1)}"


def transposed_formula(side: int, kernel: int, stride: int, pad: int) -> str:
    """The same for a transposed convolution: “(4 − 1)·2 − 2·0 + 3 = 9”."""
    return f"({side} − 1)·{stride} − 2·{pad} + {kernel} = {(side - 1) * stride - 2 * pad + kernel}"


def products_formula(pairs: Sequence[tuple[float, float]], total: float) -> str:
    """The sum of (weight, value) products; terms with weight 0 are left out."""
    counted = [(weight, value) for weight, value in pairs if weight]
    text = ""
    for at, (weight, value) in enumerate(counted):
        sign = "" if at == 0 else f" {MINUS if weight < 0 else '+'} "
        text += f"{sign}{format_number(abs(weight) if at else weight)}·{format_number(value)}"
    return f"{text or '0'} = {format_number(total)}"


def pooling_formula(values: Sequence[float], result: float, *, largest: bool) -> str:
    """The maximum or the mean of some numbers."""
    if largest:
        return f"max({', '.join(map(format_number, values))}) = {format_number(result)}"
    return f"({' + '.join(map(format_number, values))}) / {len(values)} = {format_number(result)}"


def activation_formula(operation: str, row: Sequence[float], x: int, result: float) -> str:
    """An activation function of the number at index `x` of a row."""
    here = format_number(row[x])
    if operation == "relu":
        return f"max(0, {here}) = {format_number(result)}"
    if operation == "sigmoid":
        return f"1 / (1 + e^{format_number(-row[x])}) = {format_number(result)}"
    total = sum(math.exp(each) for each in row)
    terms = (
        " + ".join(f"e^{format_number(each)}" for each in row) if len(row) <= 8 else f"{format_number(total)}"
    )
    return f"e^{here} / ({terms}) = {format_number(result)}"
