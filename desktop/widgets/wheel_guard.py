"""Keeps the mouse wheel from changing combo boxes, spin boxes and sliders that do not have the keyboard focus."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QScrollBar, QWidget


class WheelGuard(QObject):
    """Ignores the wheel over a widget without the focus, so that the page behind it scrolls. GUI thread."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()  # Qt then sends it to the parent
            return True
        return False


def guard_wheel(widget: QWidget) -> None:
    """Let the wheel change this widget only while it has the focus, which the wheel does not give to it."""
    if widget.focusPolicy() == Qt.FocusPolicy.WheelFocus:
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(WheelGuard(widget))


def guard_wheel_inside(parent: QWidget) -> None:
    """The same for every input of a dialog that Qt has made, such as that of colours."""
    for widget in parent.findChildren(QWidget):
        is_input = isinstance(widget, QComboBox | QAbstractSpinBox | QAbstractSlider)
        if is_input and not isinstance(widget, QScrollBar):
            guard_wheel(widget)
