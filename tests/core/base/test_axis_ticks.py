"""Ticks of a logarithmic axis: round numbers, as many as there is room for."""

from __future__ import annotations

import math

import pytest

from core.base.axis_ticks import log_ticks


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.2, 3, ["0.2", "0.5", "1", "2"]),
        (0.01, 5, ["0.01", "0.03", "0.1", "0.3", "1", "3"]),
        (1e-6, 10, ["1e-06", "0.0001", "0.01", "1"]),
        (0.5104, 0.5128, ["0.5105", "0.511", "0.5115", "0.512", "0.5125"]),
    ],
)
def test_ticks_are_round_numbers_that_fit(low: float, high: float, labels: list[str]) -> None:
    found = log_ticks(math.log10(low), math.log10(high), 200)
    assert [text for _, text in found] == labels
    for at, text in found:
        assert 10**at == pytest.approx(float(text))
        assert math.log10(low) <= at <= math.log10(high)


def test_there_is_room_for_every_digit_on_a_long_axis() -> None:
    found = log_ticks(0, 1, 1000)
    assert [text for _, text in found] == [str(number) for number in range(1, 11)]
