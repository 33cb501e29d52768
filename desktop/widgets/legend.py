"""The legend of a chart: the look and name of each curve; a click hides or shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from core.labels.class_list import Colour
from desktop.theme.class_patterns import draw_chip_pattern
from desktop.theme.theme import GRID, Theme
from desktop.widgets.input.key_claim import claim_keys
from desktop.widgets.plain_text import plain_tooltip

LINE_HEIGHT = 20
ENTRY_GAP = 2 * GRID
SAMPLE_WIDTH = 14
"""Of the line or chip before a name; the name begins 6 further."""
MAX_NAME_WIDTH = 160
_KEYS = (
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Space, Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One curve, or several of one kind. colour: the name of a theme token, or RGB; chip: a square, else a line of
    this width, 0 for none, and these dashes; pattern: number of the class in its list; hint: for its tooltip"""

    key: object
    title: str
    colour: str | Colour
    chip: bool = False
    width: float = 2.0
    dashes: tuple[float, ...] = ()
    pattern: int | None = None
    shown: bool = True
    hint: str = ""


class CurveLegend(QWidget):
    """Wraps into as many lines as needed. `toggled` carries the key of an entry that was clicked, or chosen with the
    arrow keys and the space bar."""

    toggled = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._entries: tuple[LegendEntry, ...] = ()
        self._current = 0
        self._patterned = False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    @property
    def entries(self) -> tuple[LegendEntry, ...]:
        return self._entries

    def set_entries(self, entries: Sequence[LegendEntry]) -> None:
        if tuple(entries) == self._entries:
            return
        self._entries = tuple(entries)
        self._current = min(self._current, max(0, len(entries) - 1))
        shown = ", ".join(entry.title for entry in entries if entry.shown)
        self.setAccessibleName(f"Curves: {shown}")
        self._describe_current()
        self._fit()
        self.update()

    def set_patterns(self, shown: bool) -> None:
        """Whether the chips show patterns besides colours."""
        self._patterned = shown
        self.update()

    def height_for(self, width: int) -> int:
        """The height of all lines in a width, in pixels."""
        places = self.places(width)
        return round(places[-1][0].bottom()) if places else LINE_HEIGHT

    def resizeEvent(self, _event: QResizeEvent) -> None:  # noqa: N802
        self._fit()

    def _fit(self) -> None:
        """A fixed height: layouts inside each other do not pass on heights that depend on a width."""
        self.setFixedHeight(self.height_for(self.width()))

    def places(self, width: int) -> list[tuple[QRectF, str]]:
        """Where each entry is, and its name as it is shown."""
        metrics = self.fontMetrics()
        x, y, places = 0.0, 0.0, []
        for entry in self._entries:
            name = metrics.elidedText(entry.title, Qt.TextElideMode.ElideRight, MAX_NAME_WIDTH)
            length = SAMPLE_WIDTH + 6 + metrics.horizontalAdvance(name)
            if x and x + length > width:
                x, y = 0.0, y + LINE_HEIGHT
            places.append((QRectF(x, y, length, LINE_HEIGHT), name))
            x += length + ENTRY_GAP
        return places

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        self.paint_entries(painter, self.width(), only_shown=False)
        if self.hasFocus() and self._entries:
            painter.setPen(QPen(self._theme.colour("focus"), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self.places(self.width())[self._current][0].adjusted(-3, 1, 3, -1), 3, 3)
        painter.end()

    def paint_entries(self, painter: QPainter, width: int, *, only_shown: bool) -> None:
        """Also for files, in which hidden curves have no entry."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for entry, (box, name) in zip(self._entries, self.places(width), strict=True):
            if only_shown and not entry.shown:
                continue
            colour = (
                self._theme.colour(entry.colour) if isinstance(entry.colour, str) else QColor(*entry.colour)
            )
            painter.setOpacity(1.0 if entry.shown else 0.35)
            if entry.chip:
                chip = QRectF(box.left(), box.top() + 4, 12, 12)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colour)
                painter.drawRoundedRect(chip, 3, 3)
                if self._patterned and entry.pattern is not None:
                    draw_chip_pattern(painter, chip, 3, colour, entry.pattern)
            elif entry.width:
                pen = QPen(colour, entry.width)
                pen.setCapStyle(Qt.PenCapStyle.FlatCap)
                if entry.dashes:
                    pen.setDashPattern(list(entry.dashes))
                painter.setPen(pen)
                middle = box.center().y()
                painter.drawLine(QPointF(box.left(), middle), QPointF(box.left() + SAMPLE_WIDTH, middle))
            painter.setPen(self._theme.colour("muted"))
            text = box.adjusted(SAMPLE_WIDTH + 6, 0, 2, 0)
            painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, name)
            if not entry.shown:
                middle = text.center().y()
                painter.drawLine(QPointF(text.left(), middle), QPointF(text.right() - 2, middle))
        painter.setOpacity(1.0)

    def _entry_at(self, place: QPointF) -> int | None:
        for number, (box, _name) in enumerate(self.places(self.width())):
            if box.adjusted(-ENTRY_GAP / 2, 0, ENTRY_GAP / 2, 0).contains(place):
                return number
        return None

    def _describe_current(self) -> None:
        entry = self._entries[self._current] if self._entries else None
        state = "" if entry is None else f"{entry.title}, {'shown' if entry.shown else 'hidden'}"
        self.setAccessibleDescription(state)

    # Events

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        at = self._entry_at(event.position())
        if at is not None and event.button() == Qt.MouseButton.LeftButton:
            self._current = at
            self.toggled.emit(self._entries[at].key)

    def event(self, event: QEvent) -> bool:
        if claim_keys(event, _KEYS):
            return True
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            at = self._entry_at(QPointF(event.pos()))
            if at is not None:
                entry = self._entries[at]
                hint = entry.hint or f"{entry.title}. Click to {'hide' if entry.shown else 'show'} it."
                QToolTip.showText(event.globalPos(), plain_tooltip(hint), self)
                return True
            QToolTip.hideText()
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() not in _KEYS or not self._entries:
            super().keyPressEvent(event)
            return
        key, last = event.key(), len(self._entries) - 1
        if key == Qt.Key.Key_Left:
            self._current = max(0, self._current - 1)
        elif key == Qt.Key.Key_Right:
            self._current = min(last, self._current + 1)
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._current = 0 if key == Qt.Key.Key_Home else last
        else:
            self.toggled.emit(self._entries[self._current].key)
        self._describe_current()
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusInEvent(event)
        self.update()
