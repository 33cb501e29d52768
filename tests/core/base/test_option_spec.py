"""Options: parsing, formatting, limits, and the class of the error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import TrainingError, UserError
from core.base.option_spec import OptionSpec

SIZE = OptionSpec("size", "Size", "A size.", int, 3, minimum=1, maximum=9, unit=" px")
RATE = OptionSpec("rate", "Rate", "A rate.", float, None, minimum=0, none_word="auto", error=TrainingError)
COLOUR = OptionSpec(
    "colour", "Colour", "A colour.", str, "red", choices=("red", "blue"), choice_titles=("R", "B")
)


@given(st.integers(1, 9))
def test_format_and_parse_are_inverse(value: int) -> None:
    assert SIZE.parse(SIZE.format(value)) == value
    assert SIZE.allows(value)


@given(st.floats(0, 1e6))
def test_parsed_floats_are_equal_up_to_the_formatted_digits(value: float) -> None:
    assert RATE.parse(RATE.format(value)) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("value", [0, 10, 2.5, True, "3", None, float("nan")])
def test_values_that_are_not_allowed(value: object) -> None:
    assert not SIZE.allows(value)
    with pytest.raises(UserError, match=r"^Size cannot be “.*”; it takes a whole number from 1 to 9\.$"):
        SIZE.validate(value)


def test_an_option_raises_its_own_class_of_error() -> None:
    assert RATE.parse("AUTO") is None
    with pytest.raises(TrainingError, match="it takes a number from 0, or auto"):
        RATE.parse("much")


def test_choices_have_titles() -> None:
    assert COLOUR.titled_choices == (("red", "R"), ("blue", "B"))
    assert COLOUR.range_text == "red, or blue"
    assert not COLOUR.allows("green")


@pytest.mark.parametrize(("text", "value"), [("0.25", 0.25), ("0,25", 0.25), (" 1,5 ", 1.5), ("1e-4", 1e-4)])
def test_decimals_begin_with_a_point_or_a_comma(text: str, value: float) -> None:
    assert RATE.parse(text) == value


@pytest.mark.parametrize("text", ["0.75-1.6", "0,75-1,6", "0.75,1.6", "0.75, 1.6", "0,75 - 1.6"])
def test_two_numbers_are_separated_by_a_hyphen_or_a_comma(text: str) -> None:
    scale = OptionSpec("scale", "Scale", "A range.", tuple, (1.0, 1.0), minimum=0)
    assert scale.parse(text) == (0.75, 1.6)


@pytest.mark.parametrize("text", ["1,2,3", "1.2.3", "1.234,5"])
def test_two_decimal_signs_are_no_number(text: str) -> None:
    with pytest.raises(TrainingError):
        RATE.parse(text)
