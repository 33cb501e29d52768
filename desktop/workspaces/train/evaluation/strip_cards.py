"""Pictures as cards of input, label, prediction and difference, which open in the Label workspace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from desktop.image_conversion import to_qimage
from desktop.theme.theme import GRID, Theme
from desktop.widgets.controls import column, text_label

_CAPTION = 3 * GRID
_SHAPE = 0.2
"""Height of a strip that is not there yet, as share of its width."""


class StripCard(QAbstractButton):
    """A strip below its caption, as wide as there is room."""

    def __init__(self, theme: Theme, number: int, caption: str) -> None:
        super().__init__()
        self._theme = theme
        self.number = number
        self._strip = QPixmap()
        self.setText(caption)
        self.setAccessibleName(caption)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def set_strip(self, strip: NDArray[np.uint8]) -> None:
        """(h, w, 3) uint8 RGB."""
        self._strip = QPixmap.fromImage(to_qimage(strip))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(50 * GRID, self.heightForWidth(50 * GRID))

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        return _CAPTION + round(self._picture_size(width).height())

    def _picture_size(self, width: int) -> QSize:
        """Not larger than the strip is: that would show less, not more."""
        if self._strip.isNull():
            return QSize(width, round(width * _SHAPE))
        shown = min(width, self._strip.width())
        return QSize(shown, round(shown * self._strip.height() / self._strip.width()))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        metrics = painter.fontMetrics()
        caption = metrics.elidedText(self.text(), Qt.TextElideMode.ElideMiddle, self.width())
        painter.setPen(
            self._theme.colour("accent_text" if self.underMouse() and self.isEnabled() else "text")
        )
        painter.drawText(QRectF(0, 0, self.width(), _CAPTION), Qt.AlignmentFlag.AlignVCenter, caption)
        size = self._picture_size(self.width())
        place = QRectF(0, _CAPTION, size.width(), size.height())
        if self._strip.isNull():
            painter.fillRect(place, self._theme.colour("button"))
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(place, self._strip, QRectF(self._strip.rect()))
        if self.hasFocus():
            painter.setPen(QPen(self._theme.colour("focus"), 2))
            painter.drawRect(place.adjusted(1, 1, -1, -1))
        painter.end()


class StripCards(QWidget):
    """`opened` carries the number of a picture that was clicked."""

    opened = Signal(int)

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__()
        self._theme = theme
        self.cards: dict[int, StripCard] = {}
        self._rows = column(text_label(title, "heading"), spacing=2 * GRID)
        self._rows.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.setLayout(self._rows)

    def set_pictures(self, pictures: Sequence[tuple[int, str]], *, can_open: bool) -> None:
        """pictures: (number, caption); their strips follow with `set_strip`."""
        for card in self.cards.values():
            self._rows.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = {}
        for number, caption in pictures:
            card = self.cards[number] = StripCard(self._theme, number, caption)
            card.setEnabled(can_open)
            if can_open:
                card.setCursor(Qt.CursorShape.PointingHandCursor)
                card.setToolTip("Open in the Label workspace")
            card.clicked.connect(lambda _=False, number=number: self.opened.emit(number))
            self._rows.addWidget(card)

    def set_strip(self, number: int, strip: NDArray[np.uint8]) -> None:
        """(h, w, 3) uint8 RGB; ignored for a picture that is not listed any more."""
        if number in self.cards:
            self.cards[number].set_strip(strip)
