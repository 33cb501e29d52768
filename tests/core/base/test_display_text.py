"""What others wrote is stored without control characters, and quoted short and printable."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.base.display_text import QUOTED_LETTERS, clean_name, printable, quoted

anything = st.text(st.characters(exclude_categories=[]), max_size=200)


@given(anything)
def test_clean_names_can_be_stored_and_stay_as_they_are(name: str) -> None:
    cleaned = clean_name(name)
    cleaned.encode("utf-8")
    assert clean_name(cleaned) == cleaned == cleaned.strip()


@given(anything)
def test_printed_text_has_no_control_characters(text: str) -> None:
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in printable(text))
    assert len(quoted(text)) <= QUOTED_LETTERS + 2


def test_letters_of_the_world_stay() -> None:
    for name in ("Straße", "नदी", "道路", "می‌خواهم", "👩‍🌾"):
        assert clean_name(name) == name and printable(name) == name
    assert printable("\x1b[31m\x00\n") == "\\x1b[31m\\x00\\n"
    assert quoted("x" * 1_000_000) == f"“{'x' * 79}…”"
