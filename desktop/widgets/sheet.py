"""A card that lies over another widget, such as the canvas."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtWidgets import QBoxLayout, QFrame, QStyle, QWidget

GAP = 12
"""Pixels between a sheet and the edge of what it lies over."""


class Sheet(QFrame):
    """As high as its content needs and at most `width` pixels wide, hidden until `appear`. GUI thread.

    alignment: where in `below`, its parent, it stays when that changes its size; name: for screen readers
    """

    def __init__(self, below: QWidget, name: str, width: int, alignment: Qt.AlignmentFlag) -> None:
        super().__init__(below)
        self._below, self._width, self._alignment = below, width, alignment
        self._content: QBoxLayout | None = None
        self.setProperty("role", "sheet")
        # What lies below must not get the mouse events of the sheet.
        self.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setAccessibleName(name)
        below.installEventFilter(self)
        self.hide()

    def set_content(self, content: QBoxLayout) -> None:
        """Once."""
        self._content = content
        self.setLayout(content)

    def set_alignment(self, alignment: Qt.AlignmentFlag) -> None:
        """Move it to another place of what lies below."""
        self._alignment = alignment
        self._place()

    def appear(self) -> None:
        """Show it, as large as its content is now."""
        self.show()
        self._place()  # the font of the style is known now
        self.raise_()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        if self._content is None:
            return
        room = self._below.rect().adjusted(GAP, GAP, -GAP, -GAP)
        width = max(self.minimumSizeHint().width(), min(self._width, room.width()))
        size = QSize(width, self._content.totalHeightForWidth(width))
        place = QStyle.alignedRect(Qt.LayoutDirection.LeftToRight, self._alignment, size, room)
        place.moveTop(max(GAP, place.top()))  # the end is cut off where it is too high
        self.setGeometry(place)
