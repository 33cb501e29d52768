"""Numbers and plurals in sentences."""

from __future__ import annotations

from core.base.text import count_of


def test_count_of_agrees_in_number() -> None:
    assert count_of(0, "picture") == "0 pictures"
    assert count_of(1, "picture") == "1 picture"
    assert count_of(1204, "picture") == "1,204 pictures"
    assert count_of(2, "class", "classes") == "2 classes"
