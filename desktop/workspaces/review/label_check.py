"""Panel of the label check: pairs of classes that confident predictions confuse with the label, most pixels first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from core.labels.class_list import Colour
from desktop.theme.theme import GRID
from desktop.widgets.controls import MARGIN, button, column, row, scroll_area, set_background, text_label
from desktop.widgets.table import colour_chip_icon

INTRODUCTION = (
    "Finds likely label errors: pixels that the network confidently predicts as another class than the label."
)
ROW_HEIGHT = 44


@dataclass(frozen=True, slots=True)
class ConfusionRow:
    """A label class and the class predicted instead. `key`: their values; `text`: how many pixels and pictures."""

    key: tuple[int, int]
    label: tuple[Colour, str]
    prediction: tuple[Colour, str]
    text: str


class ConfusionButton(QPushButton):
    """Both classes with an arrow between them, and below how many pixels and pictures."""

    def __init__(self, line: ConfusionRow) -> None:
        super().__init__()
        self.row = line
        self.setProperty("role", "row")
        self.setFixedHeight(ROW_HEIGHT)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(f"{line.label[1]} predicted as {line.prediction[1]}, {line.text}")
        self.setToolTip(
            f"Labelled {line.label[1]}, confidently predicted as {line.prediction[1]}. Show these pictures."
        )

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(200, ROW_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        painter = QPainter(self)
        metrics, height = painter.fontMetrics(), painter.fontMetrics().height()
        left, room = 10.0, self.width() - 20
        half = (room - 2 * 22 - 3 * GRID) // 2
        for at, (colour, name) in enumerate((self.row.label, self.row.prediction)):
            if at:
                painter.setPen(self.palette().placeholderText().color())
                painter.drawText(QRectF(left, 5, 3 * GRID, height), Qt.AlignmentFlag.AlignHCenter, "→")
                left += 3 * GRID
            painter.drawPixmap(int(left), 5 + (height - 14) // 2, colour_chip_icon(colour).pixmap(14, 14))
            painter.setPen(self.palette().buttonText().color())
            short = metrics.elidedText(name, Qt.TextElideMode.ElideRight, half)
            painter.drawText(QRectF(left + 20, 5, half, height), 0, short)
            left += 20 + min(half, metrics.horizontalAdvance(short)) + 2
        painter.setPen(self.palette().placeholderText().color())
        painter.drawText(QRectF(30, 6 + height, room - 20, height), 0, self.row.text)
        painter.end()


class LabelCheckPanel(QWidget):
    """Shows what its setters are given. `confusion_requested` carries the key of a row, None for all pictures."""

    check_requested = Signal()
    cancel_requested = Signal()
    confusion_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_background(self, "panel")
        self.check = button("Check labels")
        self.check.clicked.connect(self._check_or_cancel)
        self.summary = text_label(INTRODUCTION, "muted", wrap=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Labels checked")
        self.buttons: list[ConfusionButton] = []
        self.show_all = button("Show all pictures again", "quiet")
        self.show_all.clicked.connect(lambda: self.confusion_requested.emit(None))
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        inner = QWidget()
        set_background(inner, "panel")
        inner.setLayout(column(self._list, row(self.show_all, None), None, spacing=GRID))
        area = scroll_area(inner)
        whole = column(
            row(text_label("Label check", "heading"), None),
            self.summary,
            row(self.check, None),
            self.bar,
            area,
            margins=(MARGIN, MARGIN, GRID, GRID),
        )
        whole.setStretch(4, 1)
        self.setLayout(whole)
        self.clear()

    def clear(self) -> None:
        """Show that nothing has been checked yet."""
        self.set_running(None)
        self.set_rows((), INTRODUCTION)

    def set_running(self, done: tuple[int, int] | None) -> None:
        """How many of how many labels are checked; None: no check is under way."""
        self._running = done is not None
        self.check.setText("Cancel" if self._running else "Check labels")
        self.bar.setVisible(self._running)
        if done is not None:
            self.bar.setRange(0, max(1, done[1]))
            self.bar.setValue(done[0])

    def set_rows(self, rows: Sequence[ConfusionRow], text: str) -> None:
        """Show what was found, below one sentence."""
        self.summary.setText(text)
        for old in self.buttons:
            self._list.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.buttons = [ConfusionButton(each) for each in rows]
        for made in self.buttons:
            made.clicked.connect(lambda _on=False, key=made.row.key: self.confusion_requested.emit(key))
            self._list.addWidget(made)
        self.show_all.setVisible(bool(rows))

    def _check_or_cancel(self) -> None:
        (self.cancel_requested if self._running else self.check_requested).emit()
