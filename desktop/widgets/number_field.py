"""Spin boxes: whole numbers, and decimal numbers for which point and comma mean the same."""

from __future__ import annotations

import re

from PySide6.QtGui import QFocusEvent, QMouseEvent, QValidator, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QLineEdit, QSpinBox

from core.base.number_text import parse_decimal
from desktop.theme.theme import GRID
from desktop.widgets.input.wheel_guard import may_turn, note_aim, refuse_focus_of_wheel

_UNFINISHED = re.compile(r"[-+]?\d*[.,]?\d*")


def spin_box(low: int, high: int, name: str, suffix: str = "", *, tracks_typing: bool = False) -> QSpinBox:
    """A field for a whole number; `name` is its accessible name.

    A typed number is reported when Enter or leaving the field completes it; with `tracks_typing` at every digit.
    """
    box = WholeSpinBox()
    box.setRange(low, high)
    box.setSuffix(suffix)
    box.setAccessibleName(name)
    box.setKeyboardTracking(tracks_typing)
    _prepare(box)
    return box


def decimal_box(low: float, high: float, name: str, suffix: str = "", decimals: int = 1) -> QDoubleSpinBox:
    """The same for a decimal number."""
    box = DecimalSpinBox()
    box.setKeyboardTracking(False)
    box.setDecimals(decimals)
    box.setRange(low, high)
    box.setSuffix(suffix)
    box.setAccessibleName(name)
    _prepare(box)
    return box


class WholeSpinBox(QSpinBox):
    """The wheel changes it only where it got the focus."""

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusInEvent(event)
        note_aim(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        super().mousePressEvent(event)
        note_aim(self)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        if may_turn(self, event):
            super().wheelEvent(event)


class DecimalSpinBox(QDoubleSpinBox):
    """Shows numbers as the system writes them, and reads them with a point or a comma.

    Qt reads the locale's decimal sign only: on a German system it takes 0.5 for 5, as the point groups thousands.
    """

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusInEvent(event)
        note_aim(self)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        super().mousePressEvent(event)
        note_aim(self)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        if may_turn(self, event):
            super().wheelEvent(event)

    def valueFromText(self, text: str) -> float:  # noqa: N802
        try:
            return round(parse_decimal(self._number(text)), self.decimals())  # what is shown counts
        except ValueError:
            return self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        number = self._number(text)
        if not _UNFINISHED.fullmatch(number):
            return QValidator.State.Invalid, text, position
        try:
            value = parse_decimal(number)
        except ValueError:  # nothing but a sign so far
            return QValidator.State.Intermediate, text, position
        inside = self.minimum() <= value <= self.maximum()
        state = QValidator.State.Acceptable if inside else QValidator.State.Intermediate
        return state, text, position

    def fixup(self, text: str) -> str:
        """Qt's own removes what it takes for a sign that groups thousands."""
        return text

    def _number(self, text: str) -> str:
        return text.removeprefix(self.prefix()).removesuffix(self.suffix()).strip().replace("−", "-")


class _Line(QLineEdit):
    """The text of a spin box: a click on it aims at the box, which does not see the click."""

    def __init__(self, box: QAbstractSpinBox) -> None:
        super().__init__(box)
        self._box = box

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        super().mousePressEvent(event)
        note_aim(self._box)


def _prepare(box: QAbstractSpinBox) -> None:
    """Indent the number like the text of other fields, which a stylesheet cannot do."""
    line = _Line(box)
    line.setTextMargins(GRID, 0, 0, 0)
    box.setLineEdit(line)
    refuse_focus_of_wheel(box)
