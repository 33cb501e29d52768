"""A line across the canvas to compare by: one side at its left, another at its right."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent, QPen, QShortcut
from PySide6.QtWidgets import QWidget

from desktop.canvas.layered_image_widget import Surface
from desktop.canvas.rendering.compare_styles import Comparison

_REACH = 11
"""Half the width of the strip that takes the mouse, in widget pixels; a line alone would be hard to hit."""
_KNOB = 9.0
_STEP = 0.02
"""How far an arrow key moves the line, as a share of the width."""


class Swipe(QWidget):
    """The divider, as a strip above the canvas that can be dragged. GUI thread.

    `ended` is emitted when Esc asks for its end; the owner answers with set_on(False).
    """

    ended = Signal()
    moved = Signal(int)
    """The line stands at this widget pixel of the canvas now."""

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._on = False
        self._sides = Comparison()
        self._share = 0.5
        self._grip = 0.0
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName("Divider of the comparison")
        self.setAccessibleDescription("Left and right move it, Esc ends the comparison.")
        self.hide()
        # A tool that has something under way takes Esc before it becomes a shortcut.
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), canvas, self.ended.emit)
        self._escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._escape.setEnabled(False)
        canvas.content_changed.connect(self._follow)
        canvas.installEventFilter(self)

    @property
    def share(self) -> float:
        """Where the line is, as a share of the canvas's width."""
        return self._share

    def set_on(self, on: bool) -> None:
        if on and not self._on:
            self._share = 0.5
        self._on = on
        self._escape.setEnabled(on)
        self._compare()
        self._follow()

    def set_sides(self, sides: Comparison) -> None:
        """What is seen left and right; the place of the line stays."""
        self._sides = sides
        if self._on:
            self._compare()

    # Qt

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Resize:
            self._follow()
        return False

    def event(self, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right)
            and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        step = {Qt.Key.Key_Left: -_STEP, Qt.Key.Key_Right: _STEP}.get(Qt.Key(event.key()))
        if step is None:
            event.ignore()
        else:
            self._move_to(self._share + step)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.button() == Qt.MouseButton.LeftButton:
            self._grip = event.position().x() - _REACH
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if event.buttons() & Qt.MouseButton.LeftButton:
            across = self.mapToParent(event.position()).x() - self._grip
            self._move_to(across / max(1, self._canvas.width()))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        middle, height = float(_REACH), float(self.height())
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

    def _move_to(self, share: float) -> None:
        self._share = min(1.0, max(0.0, share))
        self._compare()
        self._follow()

    def _compare(self) -> None:
        self._canvas.compare(replace(self._sides, share=self._share) if self._on else None)

    def _follow(self) -> None:
        self.setVisible(self._on and self._canvas.has_picture)
        across = round(self._share * self._canvas.width())
        self.setGeometry(across - _REACH, 0, 2 * _REACH, self._canvas.height())
        if self._on:
            self.moved.emit(across)
