"""The status of a picture in lists: a mark on its thumbnail, a sign for an unreadable file, and the tooltip."""

from __future__ import annotations

from html import escape
from typing import Protocol

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from core.base.number_text import percent_text
from desktop.theme.icons import icon_pixmap
from desktop.theme.theme import Theme

_WARNING_SIZE = 20
"""Logical pixels of the sign for a picture that cannot be read."""


class PictureRow(Protocol):
    """What lists show of a picture; statuses as in the project file."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...  # new, in progress, done, to review, skipped
    @property
    def labelled_share(self) -> float: ...  # 0..1 of its pixels
    @property
    def uncertainty(self) -> float | None: ...  # 0..1, None without a prediction


def paint_status(painter: QPainter, theme: Theme, middle: QPointF, record: PictureRow) -> None:
    """The status as a mark that differs in shape, not only in colour: ring, pie, check, flag, bar."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(20, 20, 22, 190))
    painter.drawEllipse(middle, 8, 8)
    white = QColor(255, 255, 255)
    if record.status == "done":
        painter.setBrush(theme.colour("accent"))
        painter.drawEllipse(middle, 8, 8)
        painter.drawPixmap(QPointF(middle.x() - 6, middle.y() - 6), icon_pixmap("check", white, 12, 2))
    elif record.status == "to review":
        painter.drawPixmap(QPointF(middle.x() - 6, middle.y() - 6), icon_pixmap("flag", white, 12, 2))
    elif record.status == "skipped":
        painter.drawPixmap(QPointF(middle.x() - 6, middle.y() - 6), icon_pixmap("minus", white, 12, 2))
    elif record.labelled_share > 0:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(white, 1.5))
        painter.drawEllipse(middle, 4, 4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(white)
        painter.drawPie(
            QRectF(middle.x() - 4, middle.y() - 4, 8, 8), 90 * 16, -round(5760 * record.labelled_share)
        )
    else:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(
            QPen(white, 1.5, Qt.PenStyle.DotLine if record.uncertainty is None else Qt.PenStyle.SolidLine)
        )
        painter.drawEllipse(middle, 4, 4)


def paint_error(painter: QPainter, theme: Theme, rect: QRect, ratio: float) -> None:
    """A warning sign in place of the thumbnail of a picture that cannot be read."""
    sign = icon_pixmap("warning", theme.colour("warning"), _WARNING_SIZE, ratio)
    painter.drawPixmap(rect.center() - QPoint(_WARNING_SIZE // 2, _WARNING_SIZE // 2), sign)


def picture_summary(record: PictureRow) -> str:
    """Name, status and numbers of a picture, one line each."""
    words = {
        "new": "Not started",
        "in progress": "In progress",
        "done": "Done",
        "to review": "To review",
        "skipped": "Skipped",
    }
    lines = [record.name, words.get(record.status, record.status)]
    lines.append(
        f"{percent_text(record.labelled_share)} of the pixels labelled"
        if record.labelled_share
        else "No pixel labelled"
    )
    if record.uncertainty is not None:
        lines.append(f"Uncertainty of the model {record.uncertainty:.2f}")
    return "\n".join(lines)


def error_tooltip(record: PictureRow, error: str) -> str:
    """The same as rich text, which tooltips wrap, with the reason why the picture cannot be read."""
    return f"<p>{escape(picture_summary(record)).replace(chr(10), '<br>')}</p><p>{escape(error)}</p>"
