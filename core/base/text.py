"""Numbers, durations and plurals for people."""

from __future__ import annotations


def count_of(count: int, noun: str, plural: str = "") -> str:
    """`count` with its noun: "1 picture", "1,204 pictures"; `plural` where it is not the noun with an s."""
    return f"1 {noun}" if count == 1 else f"{count:,} {plural or noun + 's'}"


def count_text(number: float, digits: int = 3) -> str:
    """A large number in short: 950, 12.3 k, 3.5 M, 2 G; `digits`: how many it keeps."""
    rounded = float(f"{number:.{digits}g}")
    if abs(rounded) < 1000:
        return f"{number:.{max(3, digits)}g}"
    size, sign = next(
        ((size, sign) for size, sign in ((1e3, "k"), (1e6, "M")) if abs(rounded) < size * 1000), (1e9, "G")
    )
    return f"{rounded / size:.{max(4, digits)}g} {sign}"


def duration_text(seconds: float) -> str:
    """In the two largest units, as far as they are not zero: 40 s, 12 min 5 s, 3 h 20 min, 2 h."""
    whole = max(0, round(seconds))
    if whole >= 3600:
        whole = round(whole / 60) * 60
    parts = (whole // 3600, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def clock_text(seconds: float) -> str:
    """A time that runs, as on a clock: 0:40, 12:05, 1:02:00."""
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
