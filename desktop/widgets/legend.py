"""The legend of a chart: colour and name of each class."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.labels.class_list import LabelClass
from desktop.theme.class_patterns import draw_chip_pattern
from desktop.theme.theme import GRID, Theme

LINE_HEIGHT = 20
ENTRY_GAP = 2 * GRID


class CurveLegend(QWidget):
    """The bold mIoU curve first, then a chip and name per class; wraps into as many lines as needed."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._classes: tuple[LabelClass, ...] = ()
        self._order: tuple[int, ...] = ()
        self._patterned = False
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def set_classes(self, classes: Sequence[LabelClass], order: Sequence[int] = ()) -> None:
        """`order`: all class values as listed, which decides on their patterns."""
        self._classes, self._order = tuple(classes), tuple(order)
        self.setAccessibleName(f"Curves: {', '.join(['mIoU', *(c.name for c in classes)])}")
        self.updateGeometry()
        self.update()

    def set_patterns(self, shown: bool) -> None:
        """Whether the chips show patterns besides colours."""
        self._patterned = shown
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(300, self.heightForWidth(max(300, self.width())))

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        places = self._entries(width)
        return round(places[-1][1]) + LINE_HEIGHT if places else LINE_HEIGHT

    def _entries(self, width: int) -> list[tuple[float, float, str, LabelClass | None]]:
        """x, y, text and class (None: the mIoU curve) of each entry."""
        metrics = self.fontMetrics()
        entries: list[tuple[str, LabelClass | None]] = [("mIoU", None)]
        entries += [(c.name, c) for c in self._classes]
        x, y = 0.0, 0.0
        places = []
        for whole, of_class in entries:
            name = metrics.elidedText(whole, Qt.TextElideMode.ElideRight, 160)
            length = 20 + metrics.horizontalAdvance(name)
            if x and x + length > width:
                x, y = 0.0, y + LINE_HEIGHT
            places.append((x, y, name, of_class))
            x += length + ENTRY_GAP
        return places

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for x, y, name, of_class in self._entries(self.width()):
            if of_class is None:
                painter.setPen(QPen(self._theme.colour("text"), 2.5))
                painter.drawLine(
                    QRectF(x, y + LINE_HEIGHT / 2, 14, 0).topLeft(),
                    QRectF(x + 14, y + LINE_HEIGHT / 2, 0, 0).topLeft(),
                )
            else:
                painter.setPen(Qt.PenStyle.NoPen)
                colour, chip = QColor(*of_class.colour), QRectF(x, y + 4, 12, 12)
                painter.setBrush(colour)
                painter.drawRoundedRect(chip, 3, 3)
                if self._patterned and of_class.value in self._order:
                    draw_chip_pattern(painter, chip, 3, colour, self._order.index(of_class.value))
            painter.setPen(self._theme.colour("muted"))
            painter.drawText(QRectF(x + 20, y, 200, LINE_HEIGHT), Qt.AlignmentFlag.AlignVCenter, name)
        painter.end()
