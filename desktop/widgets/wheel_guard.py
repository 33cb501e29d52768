"""Keeps the mouse wheel from changing combo boxes, spin boxes and sliders that do not have the keyboard focus."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QScrollBar, QWidget


def may_turn(widget: QWidget, event: QWheelEvent) -> bool:
    """Whether the wheel may change this widget now. If not, the event is left to the page behind it, which scrolls.

    Every input of the window asks this in its `wheelEvent`: an event filter would see all other events too, and half
    of the time of a change of theme would be spent in it.
    """
    if not widget.hasFocus():
        event.ignore()
    return widget.hasFocus()


def refuse_focus_of_wheel(widget: QWidget) -> None:
    """By default Qt gives an input the focus when the wheel turns over it."""
    if widget.focusPolicy() == Qt.FocusPolicy.WheelFocus:
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


class WheelGuard(QObject):
    """The same as an event filter, for the inputs of Qt's own dialogs. GUI thread."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        is_wheel = isinstance(event, QWheelEvent) and isinstance(watched, QWidget)
        return is_wheel and not may_turn(watched, event)  # type: ignore[arg-type]


def guard_wheel_inside(dialog: QWidget) -> None:
    """Guard every input of a dialog that Qt has made, such as that of colours."""
    guard = WheelGuard(dialog)
    for widget in dialog.findChildren(QWidget):
        is_input = isinstance(widget, QComboBox | QAbstractSpinBox | QAbstractSlider)
        if is_input and not isinstance(widget, QScrollBar):
            refuse_focus_of_wheel(widget)
            widget.installEventFilter(guard)
