"""The sheet over the canvas that offers a shape which was left unfinished."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolButton, QWidget

from core.tools.shape_draft import ShapeDraft
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import button, column, icon_button, row, text_label
from desktop.widgets.sheet import Sheet

CHOICES = {"keep": "Keep them with the picture", "fill": "Fill them", "discard": "Discard them"}
"""What happens to shapes that are left unfinished, by the value of the setting."""
_MAX_WIDTH = 44 * GRID
_CORNER = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop


class DraftOffer(Sheet):
    """In an upper corner of the canvas. GUI thread. `choice_made` carries a key of `CHOICES`."""

    continue_requested = Signal()
    fill_requested = Signal()
    discard_requested = Signal()
    choice_made = Signal(str)

    def __init__(self, theme: Theme, canvas: QWidget) -> None:
        super().__init__(canvas, "Unfinished shape", _MAX_WIDTH, _CORNER)
        self.text = text_label("", wrap=True)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.continue_button = button("Continue", "primary")
        self.fill_button = button("Fill")
        self.discard_button = button("Discard", "quiet")
        for each, signal in (
            (self.continue_button, self.continue_requested),
            (self.fill_button, self.fill_requested),
            (self.discard_button, self.discard_requested),
        ):
            each.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            each.clicked.connect(signal)
        self.menu_button = self._menu_button(theme)
        buttons = row(self.continue_button, self.fill_button, self.discard_button, None, self.menu_button)
        self.set_content(column(self.text, buttons, margins=(2 * GRID, GRID + 4, GRID, GRID + 4)))

    def show_draft(self, draft: ShapeDraft | None, others: int = 0, choice: str = "keep") -> None:
        """Offer this draft, and say how many there are besides; None hides the sheet."""
        if draft is None:
            self.hide()
            return
        more = "" if not others else f", and {others} more"
        points = "1 point" if draft.point_count == 1 else f"{draft.point_count:,} points"
        self.text.setText(f"Unfinished {draft.title} ({points}, {draft.class_name}){more}.")
        for action in self.choices.actions():
            action.setChecked(action.data() == choice)
        self.appear()

    def _menu_button(self, theme: Theme) -> QToolButton:
        made = icon_button("more", "What happens to shapes that are left unfinished", theme, 16)
        menu = QMenu(made)
        menu.addSection("Shapes left unfinished")
        self.choices = QActionGroup(menu)
        for key, title in CHOICES.items():
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setData(key)
            self.choices.addAction(action)
        self.choices.triggered.connect(lambda action: self.choice_made.emit(action.data()))
        made.setMenu(menu)
        made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        made.setProperty("role", "quiet")
        return made
