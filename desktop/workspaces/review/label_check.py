"""Panel of the label check: pairs of classes that confident predictions confuse with the label, most pixels first, and
suspected components, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import MARGIN, button, column, row, scroll_area, set_background, text_label
from desktop.widgets.plain_text import plain_tooltip
from desktop.workspaces.review.class_pair import ROW_HEIGHT, ClassPairText, paint_class_pair
from desktop.workspaces.review.suspect_list import SuspectList

INTRODUCTION = (
    "Finds likely label errors: pixels that the network confidently predicts as another class than the label."
)
MAX_PAIRS_IN_SIGHT = 4


@dataclass(frozen=True, slots=True)
class ConfusionRow:
    """A label class and the class predicted instead. `key`: their values; `pair`: how many pixels and pictures."""

    key: tuple[int, int]
    pair: ClassPairText


class ConfusionButton(QPushButton):
    """Both classes with an arrow between them, and below how many pixels and pictures."""

    def __init__(self, line: ConfusionRow) -> None:
        super().__init__()
        self.row, pair = line, line.pair
        self.setProperty("role", "row")
        self.setFixedHeight(ROW_HEIGHT)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(f"{pair.label[1]} predicted as {pair.prediction[1]}, {pair.text}")
        self.setToolTip(
            plain_tooltip(
                f"Labelled {pair.label[1]}, confidently predicted as {pair.prediction[1]}. Show these alone."
            )
        )

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(200, ROW_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        painter = QPainter(self)
        palette = self.palette()
        colours = palette.buttonText().color(), palette.placeholderText().color()
        paint_class_pair(painter, QRectF(self.rect()), self.row.pair, *colours)
        painter.end()


class LabelCheckPanel(QWidget):
    """Shows what its setters are given. `confusion_requested` carries the key of a row, None for all pictures."""

    check_requested = Signal()
    cancel_requested = Signal()
    confusion_requested = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_background(self, "panel")
        self.check = button("Check labels")
        self.check.clicked.connect(self._check_or_cancel)
        self.summary = text_label(INTRODUCTION, "muted", wrap=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Labels checked")
        self.buttons: list[ConfusionButton] = []
        self.show_all = button("Show all", "quiet")
        self.show_all.clicked.connect(lambda: self.confusion_requested.emit(None))
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self._inner = QWidget()
        set_background(self._inner, "panel")
        self._inner.setLayout(column(self._list, None, spacing=0))
        self._pairs = scroll_area(self._inner)
        self.suspects_title = text_label("", "heading")
        self.suspects = SuspectList(theme)
        whole = column(
            row(text_label("Label check", "heading"), None),
            self.summary,
            row(self.check, None),
            self.bar,
            self._pairs,
            row(self.suspects_title, None, self.show_all),
            self.suspects,
            None,
            margins=(MARGIN, MARGIN, GRID, GRID),
        )
        whole.setStretch(6, 1000)
        self.setLayout(whole)
        self.clear()

    def clear(self) -> None:
        """Show that nothing has been checked yet."""
        self.set_running(None)
        self.set_rows((), INTRODUCTION)
        self.set_suspects_title("")

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
        self._inner.setMinimumHeight(len(rows) * ROW_HEIGHT)  # the style sheet lets buttons shrink
        self._pairs.setVisible(bool(rows))
        self._pairs.setFixedHeight(min(len(rows), MAX_PAIRS_IN_SIGHT) * ROW_HEIGHT + GRID)

    def set_suspects_title(self, text: str, *, is_filtered: bool = False) -> None:
        """The line above the list of suspects; empty: there is no list. is_filtered: only one pair of classes is
        listed."""
        self.suspects_title.setText(text)
        self.suspects_title.setVisible(bool(text))
        self.suspects.setVisible(bool(text))
        self.show_all.setVisible(is_filtered)

    def _check_or_cancel(self) -> None:
        (self.cancel_requested if self._running else self.check_requested).emit()
