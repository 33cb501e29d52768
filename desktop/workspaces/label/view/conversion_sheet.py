"""The sheet over the canvas that shows how far the conversion of a huge picture is."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QProgressBar, QSizePolicy, QWidget

from desktop.theme.theme import GRID
from desktop.widgets.controls import button, column, row, text_label
from desktop.widgets.sheet import Sheet

_WIDTH = 56 * GRID
_STEPS = 1000


class ConversionSheet(Sheet):
    """In the middle of the canvas. GUI thread."""

    cancel_requested = Signal()
    start_requested = Signal()

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas, "Conversion of a large picture", _WIDTH, Qt.AlignmentFlag.AlignCenter)
        self.title = text_label("", "heading", wrap=True)
        self.text = text_label("", "muted", wrap=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, _STEPS)
        self.bar.setAccessibleName("Progress")
        self.cancel_button, self.start_button = button("Cancel"), button("Convert", "primary")
        for label in (self.title, self.text):
            label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        for each, signal in (
            (self.cancel_button, self.cancel_requested),
            (self.start_button, self.start_requested),
        ):
            each.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            each.clicked.connect(signal)
        buttons = row(self.bar, self.cancel_button, self.start_button)
        buttons.setStretch(0, 1)
        buttons.setAlignment(self.start_button, Qt.AlignmentFlag.AlignRight)
        self.set_content(column(self.title, self.text, buttons, margins=(2 * GRID,) * 4))

    def show_progress(self, name: str, share: float) -> None:
        """How much (0..1) of the conversion of a picture is done."""
        self._show(
            f"Preparing {name}",
            "It is too large to be decoded whole, so it is converted into tiles once. Go on with other pictures "
            "meanwhile.",
            is_running=True,
        )
        self.bar.setValue(round(share * _STEPS))

    def show_cancelled(self, name: str) -> None:
        """Offer to begin again."""
        self._show(
            f"{name} is not prepared",
            "It is too large to be decoded as a whole; convert it into tiles to show it.",
            is_running=False,
        )

    def _show(self, title: str, text: str, *, is_running: bool) -> None:
        if self.isVisible() and self.title.text() == title:
            return
        self.title.setText(title)
        self.text.setText(text)
        self.bar.setVisible(is_running)
        self.cancel_button.setVisible(is_running)
        self.start_button.setVisible(not is_running)
        self.appear()
