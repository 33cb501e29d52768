"""Names and messages in places where Qt would take them for markup or for the letter of a shortcut."""

from __future__ import annotations

import html


def plain_tooltip(text: str) -> str:
    """A tooltip that shows the text as it is, with its line breaks."""
    if "<" not in text and "&" not in text:
        return text
    return f'<p style="white-space: pre-wrap">{html.escape(text)}</p>'


def menu_text(name: str) -> str:
    """The text of an action or button that shows the name as it is: a single & would underline the letter after it."""
    return name.replace("&", "&&")
