"""The sheet over the canvas that offers places like the one that was just corrected."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton, QSizePolicy, QToolButton, QWidget

from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, column, icon_button, row, text_label
from desktop.widgets.sheet import Sheet

_MAX_WIDTH = 48 * GRID
_CORNER = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
_ACTIONS = ("previous_similar", "next_similar", "leave_out_similar", "accept_similar", "dismiss_similar")


class SimilarPlacesSheet(Sheet):
    """In a lower corner of the canvas, hidden while there is nothing to offer. GUI thread. Its buttons trigger
    the actions of the same names."""

    def __init__(self, actions: Mapping[str, QAction], theme: Theme, canvas: QWidget) -> None:
        super().__init__(canvas, "Places like the one corrected", _MAX_WIDTH, _CORNER)
        self._actions = {key: actions[key] for key in _ACTIONS}
        self.title = text_label("", "heading")
        self.help = text_label("", "muted", wrap=True)
        self.help.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.position = text_label("", "muted")
        self.close_button = icon_button("close", "Dismiss", theme, 16)
        self.previous_button = icon_button("chevron-left", "Previous place", theme, 16)
        self.next_button = icon_button("chevron-right", "Next place", theme, 16)
        self.leave_out_button = button("Leave out", "quiet")
        self.accept_button = button("Accept", "primary")
        for made, key in (
            (self.close_button, "dismiss_similar"),
            (self.previous_button, "previous_similar"),
            (self.next_button, "next_similar"),
            (self.leave_out_button, "leave_out_similar"),
            (self.accept_button, "accept_similar"),
        ):
            self._connect_button(made, key)
        walk = row(self.previous_button, self.next_button, self.position, spacing=GRID // 2)
        self.set_content(
            column(
                row(self.title, None, self.close_button),
                self.help,
                row(walk, None, self.leave_out_button, self.accept_button),
                spacing=GRID // 2,
                margins=(2 * GRID, GRID, GRID, GRID + 4),
            )
        )
        self.show_places(0)

    def show_places(
        self, count: int, text: str = "", position: str = "", *, is_searching: bool = False
    ) -> None:
        """Offer so many places; none hides the sheet. text: what they are; position: which one is shown now"""
        has_one = bool(position)
        for key, action in self._actions.items():
            action.setEnabled(count > 0 and (has_one or key != "leave_out_similar"))
        if not count:
            self.hide()
            return
        noun = "place" if count == 1 else "places"
        self.title.setText(f"{count:,} more {noun} like this{'…' if is_searching else ''}")
        self.help.setText(text)
        self.position.setText(position)
        self.leave_out_button.setVisible(has_one)
        self.accept_button.setText("Accept" if count == 1 else f"Accept all {count:,}")
        self.appear()

    def _connect_button(self, made: QPushButton | QToolButton, key: str) -> None:
        action = self._actions[key]
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        made.setToolTip(action.toolTip())
        made.clicked.connect(action.trigger)
