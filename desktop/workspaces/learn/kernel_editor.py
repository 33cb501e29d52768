"""Editor of a 3 × 3 kernel."""

from __future__ import annotations

import contextlib

from PySide6.QtCore import QRegularExpression, Qt, Signal
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from core.base.number_text import parse_decimal
from core.lessons.formulas import MINUS, format_number
from core.lessons.kernels import Kernel

WIDTH = 56
NUMBER = QRegularExpression(r"-?\d{0,2}([.,]\d{0,2})?")
"""From -99.99 to 99.99, with a point or a comma in every locale."""


class KernelEditor(QWidget):
    """`edited` carries the kernel, a tuple of three rows, when the user has changed a number."""

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
            field.setToolTip("Weight of the pixel at this position.")
            field.setValidator(QRegularExpressionValidator(NUMBER, field))
            field.textEdited.connect(self._on_edited)
            grid.addWidget(field, at // 3, at % 3)
            self.fields.append(field)
        self.setFixedSize(self.sizeHint())

    def set_kernel(self, kernel: Kernel) -> None:
        numbers = [each for line in kernel for each in line]
        for field, each in zip(self.fields, numbers, strict=True):
            if _value(field.text()) != each:  # keeps the text while it is being typed
                field.setText(format_number(each).replace(MINUS, "-"))

    def _on_edited(self) -> None:
        """Ignores incomplete input, such as a lone minus."""
        with contextlib.suppress(TypeError):
            a, b, c, d, e, f, g, h, i = (_value(field.text()) + 0 for field in self.fields)  # type: ignore[operator]
            self.edited.emit(((a, b, c), (d, e, f), (g, h, i)))


def _value(text: str) -> float | None:
    try:
        return parse_decimal(text)
    except ValueError:
        return None
