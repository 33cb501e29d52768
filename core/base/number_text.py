"""Numbers that people type."""

from __future__ import annotations


def parse_decimal(text: str) -> float:
    """The number that a person has typed: point and comma both begin the decimals, whatever the system's locale.

    Raises ValueError, also for two of them: numbers are not grouped by thousands.
    """
    return float(text.strip().replace(",", "."))
