"""Ticks of chart axes at round numbers, with their labels."""

from __future__ import annotations

import math

from core.base.text import count_text

Ticks = list[tuple[float, str]]
"""Value and label, ascending."""

# Distances in seconds: up to minutes, hours and a day.
_TIME_DISTANCES = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 36000, 86400)


def _duration_label(seconds: float, spacing: float) -> str:
    """A training time on an axis: 0, 40 s, 12 min, 3 h; 2:20, 5:30 h or 5:30:10 where ticks are close. `spacing`: their
    distance in seconds."""
    if seconds == 0:
        return "0"
    whole = round(seconds)
    if spacing % 60 and whole >= 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
    if spacing % 60 and whole >= 120:
        return f"{whole // 60}:{whole % 60:02}"
    if spacing % 3600 and whole >= 4 * 3600:
        return f"{whole // 3600}:{whole // 60 % 60:02} h"
    if spacing < 60 and seconds < 120:
        return f"{seconds:g} s"
    if spacing < 3600 and seconds < 4 * 3600:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:.3g} h"


def _count_label(number: float, spacing: float) -> str:
    """As `count_text`, with as many digits as tell ticks at a distance of `spacing` apart."""
    digits = math.floor(math.log10(abs(number))) - math.floor(math.log10(spacing)) + 1 if number else 0
    return count_text(number, max(3, digits))


def even_ticks(low: float, high: float, spacing: float) -> list[float]:
    """All multiples of `spacing` from `low` to `high`."""
    first = -(-low // spacing)
    count = int((high - first * spacing) / spacing + 1e-9) + 1
    return [(first + step) * spacing for step in range(max(0, count))]


def time_ticks(low: float, high: float, size: float) -> Ticks:
    """Seconds of training, written as s, min, h. size: length of the axis in pixels."""
    most = max(2, int(size / 72))
    spacing = next((span for span in _TIME_DISTANCES if (high - low) / span <= most), _TIME_DISTANCES[-1])
    return [(at, _duration_label(at, spacing)) for at in even_ticks(max(0.0, low), high, spacing)]


def count_ticks(low: float, high: float, size: float) -> Ticks:
    """Whole numbers with a unit prefix, at multiples of 1, 2 or 5 times a power of ten."""
    return _prefixed_ticks(low, high, max(1.0, _round_spacing(low, high, size / 72)))


def number_ticks(low: float, high: float, size: float) -> Ticks:
    """As `count_ticks`, with fractions."""
    return _prefixed_ticks(low, high, _round_spacing(low, high, size / 72))


def value_ticks(low: float, high: float, size: float) -> Ticks:
    """As `count_ticks`, with fractions, for an upright axis."""
    return _prefixed_ticks(low, high, _round_spacing(low, high, size / 32))


def power_ticks(low: float, high: float, size: float) -> Ticks:
    """A logarithmic axis for small numbers, such as learning rates, with a tick at each power of ten."""
    return [
        (at, f"1e{at:.0f}") for at in even_ticks(low, high, max(1.0, math.ceil((high - low) * 56 / size)))
    ]


def log_ticks(low: float, high: float, size: float) -> Ticks:
    """A logarithmic upright axis, `low` and `high` log10 of values: at powers of ten, and between them where there is
    room; at even distances where no round number is in the span."""
    most = max(2, int(size / 32))
    powers = range(math.floor(low), math.ceil(high) + 1)
    for digits in ((1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 5), (1, 3), (1,)):
        found = [math.log10(digit) + power for power in powers for digit in digits]
        found = [at for at in found if low <= at <= high]
        if len(found) <= most or digits == (1,):
            break
    if len(found) < 2:
        return [(math.log10(at), text) for at, text in value_ticks(10**low, 10**high, size) if at > 0]
    return [(at, f"{10**at:.4g}") for at in found[:: -(-len(found) // most)]]


def score_ticks(*, coarse: bool) -> Ticks:
    """Scores from 0 to 1 at fifths; `coarse`: at halves."""
    return [(at, f"{at:.1f}") for at in even_ticks(0, 1, 0.5 if coarse else 0.2)]


def _round_spacing(low: float, high: float, most: float) -> float:
    """The smallest 1, 2 or 5 times a power of ten with at most about `most` ticks."""
    rough = max(high - low, 1e-9) / max(2, int(most))
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.999)


def _prefixed_ticks(low: float, high: float, spacing: float) -> Ticks:
    return [(at, _count_label(at, spacing)) for at in even_ticks(max(0.0, low), high, spacing)]
