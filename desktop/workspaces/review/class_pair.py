"""A class of a label and the class predicted in its place: how the lists of the label check paint them."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from core.labels.class_list import ClassList, Colour
from desktop.theme.theme import GRID
from desktop.widgets.table import colour_chip_icon

ROW_HEIGHT = 44
_CHIP = 14
_GREY: Colour = (128, 128, 128)


@dataclass(frozen=True, slots=True)
class ClassPairText:
    """label, prediction: colour and name of the two classes; text: the second line."""

    label: tuple[Colour, str]
    prediction: tuple[Colour, str]
    text: str


def colour_and_name(classes: ClassList, value: int) -> tuple[Colour, str]:
    """Of a class value; grey and the number for a class that is gone."""
    known = classes.by_value(value)
    return (known.colour, known.name) if known else (_GREY, str(value))


def paint_class_pair(
    painter: QPainter, place: QRectF, pair: ClassPairText, text: QColor, muted: QColor
) -> None:
    """Both classes with an arrow between them, and the second line below."""
    metrics, height = painter.fontMetrics(), painter.fontMetrics().height()
    left, top, room = place.left() + 10, place.top() + 5, place.width() - 20
    half = int((room - 2 * 22 - 3 * GRID) // 2)
    for at, (colour, name) in enumerate((pair.label, pair.prediction)):
        if at:
            painter.setPen(muted)
            painter.drawText(QRectF(left, top, 3 * GRID, height), Qt.AlignmentFlag.AlignHCenter, "→")
            left += 3 * GRID
        chip = colour_chip_icon(colour).pixmap(_CHIP, _CHIP)
        painter.drawPixmap(int(left), int(top + (height - _CHIP) // 2), chip)
        painter.setPen(text)
        short = metrics.elidedText(name, Qt.TextElideMode.ElideRight, half)
        painter.drawText(QRectF(left + 20, top, half, height), 0, short)
        left += 20 + min(half, metrics.horizontalAdvance(short)) + 2
    painter.setPen(muted)
    below = QRectF(place.left() + 30, top + 1 + height, place.width() - 34, height)
    painter.drawText(
        below, 0, metrics.elidedText(pair.text, Qt.TextElideMode.ElideMiddle, int(below.width()))
    )
