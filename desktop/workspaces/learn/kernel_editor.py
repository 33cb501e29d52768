"""Nine numbers in a square, each of which can be written over."""

from __future__ import annotations

import contextlib

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtGui import QDoubleValidator
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from core.lessons.formulas import MINUS, format_number
from core.lessons.kernels import Kernel

WIDTH = 56
LIMIT = 99.0


class KernelEditor(QWidget):
    """`edited` carries the kernel as it is now, whenever a person has written a number."""

    edited = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[QLineEdit] = []
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for at in range(9):
            field = QLineEdit()
            field.setFixedWidth(WIDTH)
            field.setAlignment(Qt.AlignmentFlag.AlignCenter)
            field.setAccessibleName(f"Kernel, row {at // 3 + 1}, column {at % 3 + 1}")
            field.setToolTip("A number of the kernel, by which the pixel that lies under it is multiplied.")
            rule = QDoubleValidator(-LIMIT, LIMIT, 2, field)
            rule.setNotation(QDoubleValidator.Notation.StandardNotation)
            rule.setLocale(QLocale.c())  # a point in every country, as the numbers beside it have
            field.setValidator(rule)
            field.textEdited.connect(self._on_edited)
            grid.addWidget(field, at // 3, at % 3)
            self.fields.append(field)
        self.setFixedSize(self.sizeHint())

    def set_kernel(self, kernel: Kernel) -> None:
        numbers = [each for line in kernel for each in line]
        for field, each in zip(self.fields, numbers, strict=True):
            if _value(field.text()) != each:  # what is being written stays as it is written
                field.setText(format_number(each).replace(MINUS, "-"))

    def _on_edited(self) -> None:
        """A number that is only begun, such as a lone minus, changes nothing yet."""
        with contextlib.suppress(TypeError):
            a, b, c, d, e, f, g, h, i = (_value(field.text()) + 0 for field in self.fields)  # type: ignore[operator]
            self.edited.emit(((a, b, c), (d, e, f), (g, h, i)))


def _value(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
