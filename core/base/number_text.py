"""Numbers that people type and read."""

from __future__ import annotations


def parse_decimal(text: str) -> float:
    """The number that a person has typed: point and comma both begin the decimals, whatever the system's locale.

    Raises ValueError, also for two of them: numbers are not grouped by thousands.
    """
    return float(text.strip().replace(",", "."))


def percent_text(share: float, decimals: int = 0) -> str:
    """A share (0..1) for people: "12 %"; "<1 %" where rounding would hide that it is more than nothing."""
    least = 10.0**-decimals
    return f"<{least:g} %" if 0 < 100 * share < least else f"{100 * share:.{decimals}f} %"
