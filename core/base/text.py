"""Numbers and plurals in sentences for people."""

from __future__ import annotations


def count_of(count: int, noun: str, plural: str = "") -> str:
    """`count` with its noun: "1 picture", "1,204 pictures"; `plural` where it is not the noun with an s."""
    return f"1 {noun}" if count == 1 else f"{count:,} {plural or noun + 's'}"
