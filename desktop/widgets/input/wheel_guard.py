"""Keeps the mouse wheel from changing combo boxes, spin boxes and sliders that the person did not aim at."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QScrollBar, QWidget

_PLACE = "placeOfFocus"


def may_turn(widget: QWidget, event: QWheelEvent) -> bool:
    """Whether the wheel may change this widget now. If not, the event is left to the page behind it, which scrolls.

    It may where the widget has the focus and is still where it got it: the page that carries a field of the focus past
    the pointer goes on scrolling. A closed combo box never follows the wheel; its list does while it is open.

    Every input of the window asks this in its `wheelEvent`: an event filter would see all other events too, and half
    of the time of a change of theme would be spent in it.
    """
    is_aimed_at = widget.hasFocus() and widget.property(_PLACE) == _place_of(widget)
    if not is_aimed_at or isinstance(widget, QComboBox):
        event.ignore()
        return False
    return True


def note_aim(widget: QWidget) -> None:
    """The widget gets the focus, or is pressed: remember where it is."""
    widget.setProperty(_PLACE, _place_of(widget))


def refuse_focus_of_wheel(widget: QWidget) -> None:
    """By default Qt gives an input the focus when the wheel turns over it."""
    if widget.focusPolicy() == Qt.FocusPolicy.WheelFocus:
        widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


class WheelGuard(QObject):
    """The same as an event filter, for the inputs of Qt's own dialogs. GUI thread."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if not isinstance(watched, QWidget):
            return False
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.MouseButtonPress):
            note_aim(watched)
        return isinstance(event, QWheelEvent) and not may_turn(watched, event)


def guard_wheel_inside(dialog: QWidget) -> None:
    """Guard every input of a dialog that Qt has made, such as that of colours."""
    guard = WheelGuard(dialog)
    for widget in dialog.findChildren(QWidget):
        is_input = isinstance(widget, QComboBox | QAbstractSpinBox | QAbstractSlider)
        if is_input and not isinstance(widget, QScrollBar):
            refuse_focus_of_wheel(widget)
            widget.installEventFilter(guard)


def _place_of(widget: QWidget) -> QPoint:
    return widget.mapTo(widget.window(), QPoint())
