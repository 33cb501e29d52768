"""Numbers and plurals in sentences."""

from __future__ import annotations

from core.base.text import clock_text, count_of, count_text, duration_text


def test_count_of_agrees_in_number() -> None:
    assert count_of(0, "picture") == "0 pictures"
    assert count_of(1, "picture") == "1 picture"
    assert count_of(1204, "picture") == "1,204 pictures"
    assert count_of(2, "class", "classes") == "2 classes"


def test_counts_are_short_and_rounded_into_the_next_unit() -> None:
    shown = {
        0: "0", 950: "950", 999: "999", 999.6: "1 k", 1000: "1 k", 12_345: "12.3 k", 999_499: "999 k",
        999_600: "1 M", 3_450_000: "3.45 M", 999_600_000: "1 G", 25e9: "25 G", 4e12: "4000 G", -1500: "-1.5 k",
        0.25: "0.25",
    }  # fmt: skip
    assert {number: count_text(number) for number in shown} == shown
    assert [count_text(n, 2) for n in (956, 12_345, 123_456, 999_499)] == ["956", "12 k", "120 k", "1 M"]
    assert count_text(12_345, 5) == "12.345 k"


def test_durations_have_two_units_and_no_sixty_of_one() -> None:
    shown = {
        -1: "0 s", 0: "0 s", 0.4: "0 s", 57.3829: "57 s", 59.6: "1 min", 60: "1 min", 725: "12 min 5 s",
        3599: "59 min 59 s", 3599.6: "1 h", 7199.5: "2 h", 12_000: "3 h 20 min", 100_000: "27 h 47 min",
    }  # fmt: skip
    assert {seconds: duration_text(seconds) for seconds in shown} == shown


def test_a_clock_shows_seconds() -> None:
    assert [clock_text(s) for s in (-1, 40, 59.6, 125, 3720)] == ["0:00", "0:40", "1:00", "2:05", "1:02:00"]
