"""The divider of a comparison: a line across the canvas with one side on its left and another on its right."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent, QPen, QShortcut
from PySide6.QtWidgets import QWidget

from desktop.canvas.layered_image_widget import LayeredImageWidget
from desktop.canvas.rendering.compare_styles import Comparison
from desktop.widgets.input.key_claim import claim_keys

_HALF_WIDTH = 11
"""Half the width of the draggable strip in widget pixels; the line alone would be hard to hit."""
_KNOB = 9.0
_STEP = 0.02
"""How far an arrow key moves the line, as a share of the width."""


class Swipe(QWidget):
    """A strip above the canvas that can be dragged, or moved with the arrow keys. GUI thread.

    `close_requested` is emitted on Esc; the owner answers with set_active(False).
    """

    close_requested = Signal()
    moved = Signal(int)
    """The line is at this widget pixel of the canvas now."""

    def __init__(self, canvas: LayeredImageWidget) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._active = False
        self._sides = Comparison()
        self._position = 0.5
        self._drag_offset = 0.0
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName("Divider of the comparison")
        self.setAccessibleDescription("Left and right move it, Esc ends the comparison.")
        self.hide()
        # A tool with a shape under way claims Esc before it becomes a shortcut.
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), canvas, self.close_requested.emit)
        self._escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._escape.setEnabled(False)
        canvas.content_changed.connect(self._update_geometry)
        canvas.installEventFilter(self)

    @property
    def position(self) -> float:
        """Position of the line as a share 0..1 of the canvas's width."""
        return self._position

    def set_active(self, active: bool) -> None:
        if active and not self._active:
            self._position = 0.5
        self._active = active
        self._escape.setEnabled(active)
        self._apply()
        self._update_geometry()

    def set_sides(self, sides: Comparison) -> None:
        """What is shown left and right; the line stays where it is."""
        self._sides = sides
        if self._active:
            self._apply()

    # Qt

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Resize:
            self._update_geometry()
        return False

    def event(self, event: QEvent) -> bool:
        return claim_keys(event, (Qt.Key.Key_Left, Qt.Key.Key_Right)) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        step = {Qt.Key.Key_Left: -_STEP, Qt.Key.Key_Right: _STEP}.get(Qt.Key(event.key()))
        if step is None:
            event.ignore()
        else:
            self._move_to(self._position + step)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag_offset = event.position().x() - _HALF_WIDTH
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.buttons() & Qt.MouseButton.LeftButton:
            across = self.mapToParent(event.position()).x() - self._drag_offset
            self._move_to(across / max(1, self._canvas.width()))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        middle, height = float(_HALF_WIDTH), float(self.height())
        painter.fillRect(QRectF(middle - 1.5, 0, 3, height), QColor(0, 0, 0, 130))
        painter.fillRect(QRectF(middle - 0.5, 0, 1, height), QColor(255, 255, 255, 240))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        centre = QPointF(middle, height / 2)
        focused = self.hasFocus()
        ring = self.palette().color(self.palette().ColorRole.Accent) if focused else QColor(0, 0, 0, 150)
        painter.setPen(QPen(ring, 2 if focused else 1))
        painter.setBrush(QColor(255, 255, 255, 245))
        painter.drawEllipse(centre, _KNOB, _KNOB)
        painter.setPen(QPen(QColor(40, 40, 40), 1.5, c=Qt.PenCapStyle.RoundCap))
        for side in (-1, 1):
            tip = centre + QPointF(5.5 * side, 0)
            painter.drawPolyline([tip + QPointF(-2.5 * side, -3), tip, tip + QPointF(-2.5 * side, 3)])
        painter.end()

    # Steps of the above

    def _move_to(self, position: float) -> None:
        self._position = min(1.0, max(0.0, position))
        self._apply()
        self._update_geometry()

    def _apply(self) -> None:
        self._canvas.set_comparison(replace(self._sides, divider=self._position) if self._active else None)

    def _update_geometry(self) -> None:
        self.setVisible(self._active and self._canvas.has_picture)
        across = round(self._position * self._canvas.width())
        self.setGeometry(across - _HALF_WIDTH, 0, 2 * _HALF_WIDTH, self._canvas.height())
        if self._active:
            self.moved.emit(across)
