"""The row of thumbnails in the filmstrip. Only visible ones are painted, so 100,000 pictures cost as much as ten."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QSizePolicy, QToolTip, QWidget

from desktop.picture_list import NoPictures, PictureSource
from desktop.theme.theme import GRID, Theme
from desktop.widgets.input.key_claim import claim_letters
from desktop.widgets.input.type_ahead import TypeAhead, is_letter
from desktop.widgets.picture_status import (
    PictureRow,
    error_tooltip,
    paint_error,
    paint_status,
    picture_summary,
)
from desktop.widgets.plain_text import plain_tooltip

THUMBNAIL_SIZE = QSize(104, 72)
COLUMN_WIDTH = THUMBNAIL_SIZE.width() + GRID
CACHE_SIZE = 600
"""Thumbnails in memory: 600 are about 18 MB."""


class ThumbnailStrip(QAbstractScrollArea):
    """Not a QListView, which asks the model for every row in each layout."""

    picture_chosen = Signal(int)
    thumbnail_requested = Signal(int)
    menu_requested = Signal(int, QPoint)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._source: PictureSource = NoPictures()
        self._current: int | None = None
        self._hovered: int | None = None
        self._images: OrderedDict[int, QPixmap] = OrderedDict()
        self._scaled: dict[int, QPixmap] = {}  # as painted: cropped, scaled, with round corners
        self._requested: set[int] = set()
        self._errors: dict[int, str] = {}  # picture id -> why it cannot be shown
        self._type_ahead = TypeAhead()
        self.empty_text = "No pictures yet."
        self.note_of: Callable[[int], str] = lambda _picture_id: ""
        """What the tooltip of a picture says besides."""
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName("Pictures")
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.horizontalScrollBar().setSingleStep(COLUMN_WIDTH // 2)
        self.setFixedHeight(self.sizeHint().height())
        theme.changed.connect(self.viewport().update)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(600, THUMBNAIL_SIZE.height() + GRID + self.horizontalScrollBar().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(2 * COLUMN_WIDTH, self.sizeHint().height())

    def set_source(self, source: PictureSource) -> None:
        self._source = source
        self._update_scroll_range()
        self.show_current()

    def refresh(self) -> None:
        """Rows of the source were added, removed or changed."""
        self._update_scroll_range()
        self.viewport().update()

    def set_current(self, picture_id: int | None) -> None:
        if picture_id != self._current:
            before, self._current = self._current, picture_id
            self._update(before)
            self.show_current()

    def show_current(self) -> None:
        """Scroll as little as possible until the current picture and a neighbour are visible."""
        row = self._source.row_of(self._current) if self._current is not None else None
        if row is not None:
            self._describe_current(self._source.record(row))
            bar, left = self.horizontalScrollBar(), GRID + row * COLUMN_WIDTH
            lead = COLUMN_WIDTH if self.viewport().width() > 4 * COLUMN_WIDTH else 0
            if left - lead < bar.value():
                bar.setValue(left - lead - GRID)
            elif left + COLUMN_WIDTH + lead > bar.value() + self.viewport().width():
                bar.setValue(left + COLUMN_WIDTH + lead - self.viewport().width())
        self._update(self._current)

    def set_thumbnail(self, picture_id: int, image: QImage) -> None:
        self._requested.discard(picture_id)
        self._errors.pop(picture_id, None)
        self._images[picture_id] = QPixmap.fromImage(image)
        self._scaled.pop(picture_id, None)
        while len(self._images) > CACHE_SIZE:
            oldest, _ = self._images.popitem(last=False)
            self._scaled.pop(oldest, None)
        self._update(picture_id)

    def set_error(self, picture_id: int, message: str) -> None:
        """There is no thumbnail: show a warning sign, with the message as its tooltip."""
        self._errors[picture_id] = message
        self._update(picture_id)
        row = self._source.row_of(picture_id)
        if picture_id == self._current and row is not None:
            self._describe_current(self._source.record(row))

    def forget_thumbnails(self, picture_ids: Iterable[int]) -> None:
        """The files of these pictures have other content: request the thumbnails again once they are visible."""
        for picture_id in picture_ids:
            for known in (self._images, self._scaled, self._errors):
                known.pop(picture_id, None)
            self._requested.discard(picture_id)
            self._update(picture_id)

    def clear_thumbnails(self) -> None:
        """Drop all thumbnails; another project is shown."""
        self._images.clear()
        self._scaled.clear()
        self._errors.clear()
        self._requested.clear()
        self.viewport().update()

    def _describe_current(self, record: PictureRow) -> None:
        """Give screen readers the name of the current picture, and its error."""
        self.setAccessibleDescription(". ".join(filter(None, (record.name, self._errors.get(record.id)))))

    def _update(self, picture_id: int | None) -> None:
        """Repaint only the thumbnail of this picture."""
        row = self._source.row_of(picture_id) if picture_id is not None else None
        if row is not None:
            self.viewport().update(self._rect_of(row).adjusted(-GRID, -GRID, GRID, GRID))

    # Geometry ------------------------------------------------------------------------------------

    def _update_scroll_range(self) -> None:
        width = self._source.count() * COLUMN_WIDTH + GRID
        bar = self.horizontalScrollBar()
        bar.setPageStep(self.viewport().width())
        bar.setRange(0, max(0, width - self.viewport().width()))

    def _rect_of(self, row: int) -> QRect:
        left = GRID + row * COLUMN_WIDTH - self.horizontalScrollBar().value()
        return QRect(left, GRID // 2, THUMBNAIL_SIZE.width(), THUMBNAIL_SIZE.height())

    def _row_at(self, x: float) -> int | None:
        row, within = divmod(int(x) + self.horizontalScrollBar().value() - GRID, COLUMN_WIDTH)
        return row if 0 <= row < self._source.count() and within < THUMBNAIL_SIZE.width() else None

    def visible_rows(self) -> range:
        first = max(0, (self.horizontalScrollBar().value() - GRID) // COLUMN_WIDTH)
        last = (self.horizontalScrollBar().value() + self.viewport().width() - GRID) // COLUMN_WIDTH
        return range(first, min(self._source.count(), last + 1))

    # Painting ------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(self._theme.font)
        if not self._source.count():
            painter.setPen(self._theme.colour("muted"))
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, self.empty_text)
        for row in self.visible_rows():
            rect = self._rect_of(row)
            if rect.adjusted(-GRID, -GRID, GRID, GRID).intersects(event.rect()):
                self._paint_picture(painter, rect, row)
        painter.end()

    def _paint_picture(self, painter: QPainter, rect: QRect, row: int) -> None:
        record = self._source.record(row)
        image = self._images.get(record.id)
        if image is None or record.status == "skipped":  # a skipped one is painted half transparent over it
            shape = QPainterPath()
            shape.addRoundedRect(QRectF(rect), 4, 4)
            painter.fillPath(shape, self._theme.colour("pressed"))
        if image is None:
            if record.id not in self._requested:
                self._requested.add(record.id)
                self.thumbnail_requested.emit(record.id)
            elif record.id in self._errors:
                paint_error(painter, self._theme, rect, self.devicePixelRatioF())
        else:
            self._images.move_to_end(record.id)
            painter.setOpacity(0.4 if record.status == "skipped" else 1.0)
            painter.drawPixmap(rect.topLeft(), self._scaled_thumbnail(record.id, image, rect.size()))
            painter.setOpacity(1.0)
        if row == self._hovered:
            self._paint_name(painter, rect, record.name)
        paint_status(painter, self._theme, QPointF(rect.right() - 11, rect.top() + 12), record)
        if record.id == self._current:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.colour("focus"), 2.5))
            painter.drawRoundedRect(QRectF(rect).adjusted(-2.25, -2.25, 2.25, 2.25), 6, 6)

    def _scaled_thumbnail(self, picture_id: int, image: QPixmap, size: QSize) -> QPixmap:
        """Cached: scaling and cropping on each paint would be the slowest part of showing another picture."""
        ratio = self.devicePixelRatioF()
        card = self._scaled.get(picture_id)
        if card is None or card.devicePixelRatio() != ratio:
            card = QPixmap(size * ratio)
            card.setDevicePixelRatio(ratio)
            card.fill(Qt.GlobalColor.transparent)
            painter = QPainter(card)
            painter.setRenderHints(
                QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
            )
            shape = QPainterPath()
            shape.addRoundedRect(QRectF(0, 0, size.width(), size.height()), 4, 4)
            painter.setClipPath(shape)
            painter.drawPixmap(QRectF(0, 0, size.width(), size.height()), image, _centre_crop(image, size))
            painter.end()
            self._scaled[picture_id] = card
        return card

    def _paint_name(self, painter: QPainter, rect: QRect, name: str) -> None:
        line = QRect(rect.left(), rect.bottom() - 19, rect.width(), 20)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(line), 4, 4)
        painter.fillPath(shape, QColor(0, 0, 0, 170))
        painter.setPen(QColor(255, 255, 255))
        short = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, line.width() - 12)
        painter.drawText(line.adjusted(6, 0, -6, 0), Qt.AlignmentFlag.AlignVCenter, short)

    # Input ---------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        self._update_scroll_range()
        super().resizeEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        turn = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta()
        distance = turn.x() if abs(turn.x()) > abs(turn.y()) else turn.y()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - distance)
        event.accept()

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:  # noqa: N802
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        row = self._row_at(event.position().x())
        if event.button() == Qt.MouseButton.LeftButton and row is not None:
            self.picture_chosen.emit(self._source.record(row).id)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        """The menu of the picture under the pointer; that of the current one for the menu key."""
        row = self._row_at(event.pos().x())
        if event.reason() != QContextMenuEvent.Reason.Mouse and self._current is not None:
            row = self._source.row_of(self._current)
        if row is not None:
            position = event.globalPos()
            if event.reason() != QContextMenuEvent.Reason.Mouse:
                position = self.viewport().mapToGlobal(self._rect_of(row).center())
            self.menu_requested.emit(self._source.record(row).id, position)
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._hover(self._row_at(event.position().x()))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        self._hover(None)
        super().leaveEvent(event)

    def _hover(self, row: int | None) -> None:
        if row != self._hovered:
            self._hovered = row
            self.viewport().update()

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = self._row_at(event.pos().x())
            if row is None:
                QToolTip.hideText()
            else:
                record = self._source.record(row)
                error = self._errors.get(record.id)
                summary = "\n".join(filter(None, (picture_summary(record), self.note_of(record.id))))
                text = error_tooltip(record, error) if error else plain_tooltip(summary)
                QToolTip.showText(event.globalPos(), text, self.viewport())
            return True
        return super().viewportEvent(event)

    def event(self, event: QEvent) -> bool:
        """While the strip has the focus, letters look for a picture and are no shortcuts."""
        return claim_letters(event) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Home and End, left and right where the window has no shortcut for them, and letters of a name."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        row = self._source.row_of(self._current) if self._current is not None else None
        target: int | None = None
        if event.key() in steps and row is not None:
            target = row + steps[Qt.Key(event.key())]
        elif is_letter(event):
            count, name_of = self._source.count(), lambda each: self._source.record(each).name
            target = self._type_ahead.find(event.text(), count, name_of, row or 0)
        elif event.key() == Qt.Key.Key_Home:
            target = 0
        elif event.key() == Qt.Key.Key_End:
            target = self._source.count() - 1
        if target is None or not 0 <= target < self._source.count():
            super().keyPressEvent(event)
            return
        self.picture_chosen.emit(self._source.record(target).id)


def _centre_crop(image: QPixmap, size: QSize) -> QRectF:
    """The largest centred part of an image with the aspect ratio of `size`."""
    width, height = image.width(), image.height()
    scale = min(width / size.width(), height / size.height())
    part_width, part_height = size.width() * scale, size.height() * scale
    return QRectF((width - part_width) / 2, (height - part_height) / 2, part_width, part_height)
