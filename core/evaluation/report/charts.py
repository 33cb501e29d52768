"""Charts as inline SVG. Colours of axes and text are those of the page, which has a light and a dark set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from core.base.axis_ticks import Ticks, score_ticks, value_ticks
from core.base.number_text import percent_text
from core.evaluation.evaluation import CalibrationBin
from core.labels.class_list import Colour

WIDTH, HEIGHT = 640, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 10, 26
_MAX_POINTS = 600
"""More points of a curve than this cannot be told apart at this width."""
LINE_COLOURS: tuple[Colour, ...] = (
    (79, 84, 201),
    (214, 108, 20),
    (20, 132, 90),
    (190, 50, 90),
    (90, 110, 130),
    (140, 90, 30),
)
"""Of runs, in their order; told apart on light and on dark grounds."""


@dataclass(frozen=True, slots=True)
class ChartCurve:
    """points: (x, y); colour: None for that of the text, so that it stands out."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: Colour | None = None
    width: float = 1.5


def line_chart(
    title: str,
    curves: Sequence[ChartCurve],
    x_ticks: Callable[[float, float, float], Ticks],
    *,
    is_score: bool = False,
) -> Markup:
    """Curves over one axis, empty without any point. is_score: y from 0 to 1. The first curve is behind the others."""
    shown = [curve for curve in curves if curve.points]
    if not shown:
        return Markup()
    xs = [x for curve in shown for x, _ in curve.points]
    low, high = min(0.0, *xs), max(xs) if max(xs) > min(0.0, *xs) else min(0.0, *xs) + 1
    top = 1.0 if is_score else max(y for curve in shown for _, y in curve.points) * 1.04 or 1.0
    width, height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return _LEFT + (x - low) / (high - low) * width, _TOP + (1 - y / top) * height

    parts = []
    for value, text in score_ticks(coarse=False) if is_score else value_ticks(0, top, height):
        _, y = place(low, value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>')
    for value, text in x_ticks(low, high, width):
        x, _ = place(value, 0)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(text)}</text>')
    for curve in shown:
        colour = "currentColor" if curve.colour is None else _css(curve.colour)
        places = [place(x, y) for x, y in _thinned(curve.points)]
        if len(places) == 1:
            x, y = places[0]
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
        else:
            line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            parts.append(
                f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="{curve.width}" '
                f'stroke-linejoin="round"><title>{escape(curve.name)}</title></polyline>'
            )
    return _svg(title, WIDTH, HEIGHT, parts)


def heat_map(title: str, names: Sequence[str], matrix: NDArray[np.int64]) -> Markup:
    """The share of each true class (row) that is predicted as each class (column), written where there is room."""
    count, columns = matrix.shape
    side = max(8, min(44, 720 // max(1, columns)))
    margin = 8 + max((7 * min(len(name), 18) for name in names), default=0)
    totals = np.maximum(matrix.sum(1, keepdims=True), 1)
    shares = matrix / totals
    parts = []
    for row in range(count):
        for column in range(columns):
            share = float(shares[row, column])
            if not matrix[row, column]:
                continue
            x, y = margin + column * side, margin + row * side
            kind = "right" if row == column else "wrong"
            label = f"{names[row]} predicted as {names[column] if column < count else 'a deleted class'}"
            parts.append(
                f'<rect class="{kind}" x="{x}" y="{y}" width="{side - 1}" height="{side - 1}" '
                f'fill-opacity="{max(0.04, share):.3f}"><title>{escape(label)}: {escape(percent_text(share, 1))}, '
                f"{int(matrix[row, column]):,} pixels</title></rect>"
            )
            if side >= 28 and share >= 0.005:
                ink = ' class="on-dark"' if share > 0.55 else ""
                parts.append(
                    f'<text{ink} x="{x + side / 2:.1f}" y="{y + side / 2 + 4:.1f}" text-anchor="middle">'
                    f"{100 * share:.0f}</text>"
                )
    if side >= 12:
        for number, name in enumerate(names):
            at, short = margin + number * side + side / 2, escape(_short(name))
            parts.append(f'<text x="{margin - 6}" y="{at + 4:.1f}" text-anchor="end">{short}</text>')
            parts.append(f'<text transform="translate({at + 4:.1f} {margin - 6}) rotate(-90)">{short}</text>')
    return _svg(title, margin + columns * side + 4, margin + count * side + 4, parts)


def calibration_chart(title: str, bins: Sequence[CalibrationBin]) -> Markup:
    """Accuracy over confidence; on the diagonal the network is as sure as it is right."""
    side, left, bottom = 220, 40, 30
    parts = [f'<line class="grid" x1="{left}" y1="{side + 8}" x2="{left + side}" y2="8"/>']
    for value, text in score_ticks(coarse=True):
        y = 8 + (1 - value) * side
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
        parts.append(
            f'<text x="{left + value * side:.1f}" y="{side + bottom - 6}" text-anchor="middle">{text}</text>'
        )
    most = max((each.pixels for each in bins), default=1)
    for each in bins:
        x, y = left + each.confidence * side, 8 + (1 - each.accuracy) * side
        radius = 3 + 7 * (each.pixels / most) ** 0.5
        parts.append(
            f'<circle class="right" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"><title>confidence '
            f"{each.confidence:.2f}: right in {escape(percent_text(each.accuracy))} of {each.pixels:,} "
            "pixels</title></circle>"
        )
    return _svg(title, left + side + 12, side + bottom, parts)


def _svg(title: str, width: float, height: float, parts: Sequence[str]) -> Markup:
    return Markup(
        f'<svg role="img" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>{"".join(parts)}</svg>'
    )


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    step = -(-len(points) // _MAX_POINTS)
    return [*points[:-1:step], points[-1]]


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:17]}…"


def _css(colour: Colour) -> str:
    return f"rgb({colour[0]} {colour[1]} {colour[2]})"
