"""A row of a form: a title of fixed width and its fields."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.widgets.controls import row, text_label

TITLE_WIDTH = 112
"""Width of the titles, in pixels."""


def form_row(title: str, *fields: QWidget | None) -> QHBoxLayout:
    """None takes the remaining width; without it the first field does."""
    label = text_label(title, "muted")
    label.setFixedWidth(TITLE_WIDTH)
    layout = row(label, *fields)
    if None not in fields:
        layout.setStretch(1, 1)
    return layout
