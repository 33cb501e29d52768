"""Text that others wrote, made safe to store and to show: without control characters, and short where it is quoted."""

from __future__ import annotations

import unicodedata

QUOTED_LETTERS = 80
"""A quotation of what a stranger wrote is cut here."""
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that make the text after them read backwards. Others of their category (Cf) join letters and emoji."""


def clean_name(name: str) -> str:
    """A name as it is stored: without control characters, direction marks and half characters (lone surrogates), and
    with single spaces. Empty when nothing is left."""
    return " ".join(
        "".join(" " if c.isspace() else c for c in name if not _is_hidden(c) or c.isspace()).split()
    )


def printable(text: str) -> str:
    """Text for a terminal, where control characters could move the cursor or change colours: shown as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(c if not _is_hidden(c) else c.encode("unicode_escape").decode("ascii") for c in text)


def quoted(text: str) -> str:
    """Text in quotation marks within a sentence, printable and cut at QUOTED_LETTERS."""
    shown = printable(text[: QUOTED_LETTERS + 1])
    return f"“{shown if len(shown) <= QUOTED_LETTERS else shown[: QUOTED_LETTERS - 1] + '…'}”"


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs") or character in _DIRECTIONS
