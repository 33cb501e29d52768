"""The status bar: the pixel under the cursor, zoom, messages and training; and the indicator for saved edits."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from core.base.number_text import percent_text
from core.base.text import clock_text
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import ElidedLabel, icon_button, row, set_background, set_role, text_label
from desktop.widgets.message_log import MessageLog, MessagePopup
from desktop.widgets.plain_text import plain_tooltip

HEIGHT = 28
MIN_WIDTH_FOR_BOTH = 150 * GRID
MAX_REASON_WIDTH = 40 * GRID
"""Logical pixels to which a long reason is elided; the tooltip has all of it."""


class StatusBar(QWidget):
    """Left the pixel under the cursor or a message, in the middle the zoom, right the training."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        set_background(self, "bar")
        self.setFixedHeight(max(HEIGHT, theme.text_size * 2))
        self.pixel = ElidedLabel("", "muted")
        self.log = MessageLog()
        self.log_button = icon_button("messages", "Past messages", theme, 16)
        self.log_button.clicked.connect(self.show_log)
        self.message = ElidedLabel("")
        self.message.hide()
        self.zoom = text_label("", "muted")
        self.adjusted = text_label("View adjusted")
        self.adjusted.setToolTip(
            "Brightness, contrast or channels of the picture are changed, only to look at it."
        )
        self.adjusted.hide()
        self.training = ElidedLabel("", "muted")
        self.training.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line = row(
            self.log_button,
            self.pixel,
            self.message,
            self.zoom,
            self.adjusted,
            self.training,
            spacing=2 * GRID,
            margins=(GRID // 2, 0, 2 * GRID, 0),
        )
        for place in (1, 2, 5):
            line.setStretch(place, 1)
        self.setLayout(line)

    def show_message(self, text: str) -> None:
        """Show a message, in place of the pixel where there is no room for both; an empty text removes it."""
        if text:
            self.log.add(text)
        self.message.setText(text)
        self.message.setToolTip(plain_tooltip(text))
        self.message.setVisible(bool(text))
        self._share_space()

    def show_log(self) -> None:
        """Open the list of past messages."""
        MessagePopup(self.log, self).open_above(self)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._share_space()

    def _share_space(self) -> None:
        self.pixel.setVisible(not self.message.text() or self.width() >= MIN_WIDTH_FOR_BOTH)

    def set_picture_visible(self, *, visible: bool) -> None:
        """Whether a picture is visible; without one the zoom is hidden."""
        self.zoom.setVisible(visible)

    def set_pixel(
        self,
        x: int | None = None,
        y: int | None = None,
        label: str = "",
        origin: str = "",
        predicted: str = "",
        confidence: float | None = None,
        values: tuple[int | None, int | None] = (None, None),
        source: str = "",
    ) -> None:
        """The pixel under the cursor; without arguments: none. confidence: 0..1; values: class values of label and
        prediction; source: who predicts."""
        if x is None or y is None:
            self.pixel.setText("")
            return
        parts = [f"x {x}  y {y}"]
        if label:
            parts.append(_label_text(label, values[0], origin))
        if predicted:
            parts.append(_prediction_text(predicted, values[1], confidence, source))
        self.pixel.setText("  ·  ".join(parts))

    def set_zoom(self, scale: float | None) -> None:
        """Device pixels per image pixel; None: there is no picture."""
        if scale is None:
            self.zoom.setText("")
            self.zoom.setToolTip("")
            return
        percent = scale * 100
        zoom = f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %"
        across = 100 / scale
        length = f"{across:.0f}" if across >= 10 else f"{across:.1f}"
        self.zoom.setText(f"{zoom}  ·  100 px = {length} picture px")
        self.zoom.setToolTip(f"100 pixels of the screen show {length} pixels of the picture.")

    def set_training(
        self,
        device: str = "",
        run: int | None = None,
        pictures_per_second: float | None = None,
        seconds_left: float | None = None,
        phase: str = "",
    ) -> None:
        """The training under way; without arguments: none."""
        parts = [device] if device else []
        if run is not None:
            parts.append(f"run {run}")
        if phase:
            parts.append(phase)
        if pictures_per_second:
            parts.append(f"{pictures_per_second:.{0 if pictures_per_second >= 10 else 1}f} pictures/s")
        if seconds_left is not None:
            parts.append(f"{clock_text(seconds_left)} left")
        self.training.setText("  ·  ".join(parts))


def _label_text(name: str, value: int | None, origin: str) -> str:
    if value is not None and origin:
        return f"{name} ({value}, {origin})"
    if value is not None:
        return f"{name} ({value})"
    return f"{name} ({origin})" if origin else name


def _prediction_text(name: str, value: int | None, confidence: float | None, source: str = "") -> str:
    """confidence: 0..1"""
    parts = [f"predicted {name}"]
    if value is not None:
        parts.append(f"({value})")
    if confidence is not None:
        parts.append(percent_text(confidence))
    if source:
        parts.append(f"({source})")
    return " ".join(parts)


class SaveIndicator(QWidget):
    """A dot and a text: whether all edits are stored, or why not."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.dot = text_label("●", "good")
        self.text = text_label("", "muted")
        self.setLayout(row(self.dot, self.text, spacing=6))
        self.set_state("saved")

    def set_state(self, state: str, reason: str = "") -> None:
        """`state`: saved, saving, or failed with a reason. Raises KeyError for any other."""
        failed = f"Not saved: {reason}" if reason else "Not saved"
        whole = {"saved": "Saved", "saving": "Saving…", "failed": failed}[state]
        set_role(self.dot, {"saved": "good", "saving": "muted", "failed": "warning"}[state])
        set_role(self.text, "warning" if state == "failed" else "muted")
        self.text.setText(self.fontMetrics().elidedText(whole, Qt.TextElideMode.ElideRight, MAX_REASON_WIDTH))
        self.setToolTip(whole if state == "failed" else "Every change is saved as you make it.")
