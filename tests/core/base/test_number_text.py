"""Numbers that people type and read."""

import pytest

from core.base.number_text import parse_decimal, percent_text


@pytest.mark.parametrize("text", ["0.5", "0,5", " .5 "])
def test_point_and_comma_begin_the_decimals(text: str) -> None:
    assert parse_decimal(text) == 0.5


@pytest.mark.parametrize("text", ["1,000.5", "", "half"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        parse_decimal(text)


def test_small_shares_are_not_rounded_to_zero() -> None:
    assert [percent_text(share) for share in (0, 0.004, 0.03, 0.114, 1)] == [
        "0 %",
        "<1 %",
        "3 %",
        "11 %",
        "100 %",
    ]
    assert [percent_text(share, 1) for share in (0, 0.0004, 0.114)] == ["0.0 %", "<0.1 %", "11.4 %"]
