"""Diagram of a network: a row of boxes, lower for smaller feature maps, with skip connections at equal size."""

from __future__ import annotations

import itertools
import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from core.models.summary_types import DECODER, ENCODER, NetworkStage
from desktop.theme.theme import GRID, Theme

BOX_HEIGHT = 3 * GRID
LEVEL_HEIGHT = 4 * GRID
"""Widget pixels from one level to the next."""
AXIS_WIDTH = 5 * GRID
"""Room for the sizes at the left, in widget pixels."""
MAX_BOX_WIDTH = 7 * GRID


class NetworkDiagram(QWidget):
    """A click selects a stage; `stage_selected` carries its index."""

    stage_selected = Signal(int)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._stages: tuple[NetworkStage, ...] = ()
        self._side = 0
        self.current = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(34 * GRID)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName("Diagram of the network; the table has the same as text")
        theme.changed.connect(self.update)

    def set_stages(self, stages: tuple[NetworkStage, ...], side: int) -> None:
        """Draw the stages whose size is known for a square input of `side` pixels."""
        self._stages, self._side = stages, side
        self.updateGeometry()
        self.update()

    def set_current(self, place: int) -> None:
        self.current = place
        self.update()

    def rect_of(self, place: int) -> QRectF:
        """Box of a stage in widget pixels; empty when it is not drawn."""
        drawn = self._drawn_stages()
        if place not in drawn:
            return QRectF()
        wide = (self.width() - AXIS_WIDTH) / len(drawn)
        left = AXIS_WIDTH + drawn.index(place) * wide
        box = min(wide - 6, MAX_BOX_WIDTH)
        return QRectF(left + (wide - box) / 2, 4 + self._level(place) * LEVEL_HEIGHT, box, BOX_HEIGHT)

    # Qt

    def sizeHint(self) -> QSize:  # noqa: N802
        deepest = max((self._level(at) for at in self._drawn_stages()), default=0)
        return QSize(50 * GRID, round(deepest * LEVEL_HEIGHT) + BOX_HEIGHT + GRID)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        for at in self._drawn_stages():
            if self.rect_of(at).contains(event.position()):
                self.stage_selected.emit(at)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._draw_axis(painter)
        self._draw_connections(painter)
        for at in self._drawn_stages():
            box, current = self.rect_of(at), at == self.current
            painter.setPen(QPen(self._theme.colour("focus" if current else "edge"), 2 if current else 1))
            painter.setBrush(self._theme.colour("accent_soft" if current else "button"))
            painter.drawRoundedRect(box, 4, 4)
            text = f"{self._stages[at].channels}"
            if painter.fontMetrics().horizontalAdvance(text) <= box.width() - 4:
                painter.setPen(self._theme.colour("text"))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()

    def _draw_axis(self, painter: QPainter) -> None:
        """Each size once, at the left."""
        painter.setPen(self._theme.colour("muted"))
        for size, level in {self._size(at): self._level(at) for at in self._drawn_stages()}.items():
            where = QRectF(0, 4 + level * LEVEL_HEIGHT, AXIS_WIDTH - GRID, BOX_HEIGHT)
            painter.drawText(where, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, f"{size}")

    def _draw_connections(self, painter: QPainter) -> None:
        """Lines from each stage to the next, dashed ones for skip connections."""
        drawn = self._drawn_stages()
        painter.setPen(QPen(self._theme.colour("muted"), 1.5))
        for one, other in itertools.pairwise(drawn):
            painter.drawLine(self._edge(one, right=True), self._edge(other, right=False))
        painter.setPen(QPen(self._theme.colour("muted"), 1, Qt.PenStyle.DashLine))
        downs = {self._size(at): at for at in drawn if self._stages[at].kind == ENCODER}
        deepest = min(downs, default=0)
        for at in drawn:
            size = self._size(at)
            if self._stages[at].kind == DECODER and size in downs and size != deepest:
                painter.drawLine(self._edge(downs[size], right=True), self._edge(at, right=False))

    def _edge(self, place: int, *, right: bool) -> QPointF:
        box = self.rect_of(place)
        return QPointF(box.right() if right else box.left(), box.center().y())

    def _drawn_stages(self) -> list[int]:
        return [at for at, stage in enumerate(self._stages) if self._side in stage.sizes]

    def _size(self, place: int) -> int:
        return self._stages[place].sizes[self._side][0]

    def _level(self, place: int) -> float:
        """How often the size was halved, from the largest drawn stage."""
        largest = max(self._size(at) for at in self._drawn_stages())
        return math.log2(largest / self._size(place))
