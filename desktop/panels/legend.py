"""Which colour means which class, beside a chart."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.labels.classes import LabelClass
from desktop.theme import GRID, Theme

LINE = 20
GAP = 2 * GRID


class Legend(QWidget):
    """The bold curve first, then chips with names; wraps into as many lines as it needs."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._classes: tuple[LabelClass, ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def set_classes(self, classes: Sequence[LabelClass]) -> None:
        self._classes = tuple(classes)
        self.setAccessibleName("Curves: mIoU, " + ", ".join(c.name for c in classes))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(300, self.heightForWidth(max(300, self.width())))

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        places = self._places(width)
        return round(places[-1][1]) + LINE if places else LINE

    def _places(self, width: int) -> list[tuple[float, float, str, QColor | None]]:
        """x, y, words and colour (None: the bold curve) of each entry."""
        metrics = self.fontMetrics()
        entries: list[tuple[str, QColor | None]] = [("mIoU", None)]
        entries += [(c.name, QColor(*c.colour)) for c in self._classes]
        x, y = 0.0, 0.0
        places = []
        for whole, colour in entries:
            name = metrics.elidedText(whole, Qt.TextElideMode.ElideRight, 160)
            length = 20 + metrics.horizontalAdvance(name)
            if x and x + length > width:
                x, y = 0.0, y + LINE
            places.append((x, y, name, colour))
            x += length + GAP
        return places

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for x, y, name, colour in self._places(self.width()):
            if colour is None:
                painter.setPen(QPen(self._theme.colour("text"), 2.5))
                painter.drawLine(
                    QRectF(x, y + LINE / 2, 14, 0).topLeft(), QRectF(x + 14, y + LINE / 2, 0, 0).topLeft()
                )
            else:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(colour)
                painter.drawRoundedRect(QRectF(x, y + 4, 12, 12), 3, 3)
            painter.setPen(self._theme.colour("muted"))
            painter.drawText(QRectF(x + 20, y, 200, LINE), Qt.AlignmentFlag.AlignVCenter, name)
        painter.end()
