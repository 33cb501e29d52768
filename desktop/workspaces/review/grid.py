"""A grid of pictures with masks, with multiple selection; only visible cells are painted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QHelpEvent,
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
from PySide6.QtWidgets import QAbstractScrollArea, QToolTip, QWidget

from desktop.actions.key_positions import latin_key
from desktop.picture_list import NoPictures, PictureSource
from desktop.theme.theme import GRID, Theme
from desktop.widgets.input.key_claim import claim_keys, claim_letters
from desktop.widgets.input.type_ahead import TypeAhead, is_letter
from desktop.widgets.input.wheel_notches import WheelNotches
from desktop.widgets.picture_status import PictureRow, paint_status, picture_summary
from desktop.widgets.plain_text import plain_tooltip
from desktop.workspaces.review.card_cache import CardCache
from desktop.workspaces.review.selection import PictureSelection

GAP = 2 * GRID
CAPTION_HEIGHT = 5 * GRID
KEYS = frozenset(
    (
        Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown,
        Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape,
    )
)  # fmt: skip


class Caption(Protocol):
    """Makes the second line below a picture from its record."""

    def __call__(self, record: PictureRow) -> str: ...


class ReviewGrid(QAbstractScrollArea):
    """`picture_opened` carries a picture id; `cards_missing`: a visible card may be missing or stale."""

    picture_opened = Signal(int)
    selection_changed = Signal()
    cards_missing = Signal()
    resize_requested = Signal(int)
    """Carries steps: 1 larger, -1 smaller."""

    def __init__(self, theme: Theme, caption: Caption, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._caption = theme, caption
        self._source: PictureSource = NoPictures()
        self.selection = PictureSelection()
        self._cards = CardCache()
        self._type_ahead = TypeAhead()
        self._notches = WheelNotches()
        self._side = 200
        self._names: Mapping[int, str] = {}
        self.empty_text = ""
        self.setFrameShape(QAbstractScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Pictures to review")
        self.viewport().setAutoFillBackground(False)
        theme.changed.connect(self.viewport().update)

    # Content

    def set_source(self, source: PictureSource) -> None:
        """Show other pictures, none of them selected."""
        self._source = source
        self.selection.clear()
        self.verticalScrollBar().setValue(0)
        self.refresh()
        self.selection_changed.emit()

    def set_names(self, names: Mapping[int, str]) -> None:
        """What to call pictures whose file name is not enough, by id."""
        if names != self._names:
            self._names = names
            self.viewport().update()

    def name_at(self, row: int) -> str:
        record = self._source.record(row)
        return self._names.get(record.id, record.name)

    def refresh(self) -> None:
        """Read the source again: rows may have been added, removed or changed."""
        self._update_scroll_range()
        if self.selection.retain(self._is_listed):
            self.selection_changed.emit()
        self.viewport().update()
        self.cards_missing.emit()

    def set_card_width(self, side: int) -> None:
        """Width of a card in pixels; the first visible row stays visible."""
        first = self._row_of_line(self.verticalScrollBar().value())
        self._side = side
        self._update_scroll_range()
        self._scroll_to(first)
        self.viewport().update()
        self.cards_missing.emit()

    def set_card(self, picture_id: int, card: QPixmap | None) -> None:
        """The card of a picture; None: it cannot be shown."""
        self._cards.put(picture_id, card)
        row = self._source.row_of(picture_id)
        if row is not None:
            self.viewport().update(self.rect_of(row))

    def invalidate(self, picture_ids: Iterable[int] | None = None) -> None:
        """Mark these cards (None: all) as stale; they stay until new ones are set."""
        self._cards.invalidate(picture_ids)
        self.cards_missing.emit()

    def clear_cards(self) -> None:
        """Forget all cards, for another project."""
        self._cards = CardCache()
        self.viewport().update()

    def next_missing(self) -> int | None:
        """Id of the first visible picture whose card is missing or stale."""
        for row in self.visible_rows():
            picture_id = self._source.record(row).id
            if self._cards.is_missing(picture_id):
                return picture_id
        return None

    @property
    def current(self) -> int | None:
        """Id of the picture that the arrow keys move from."""
        return self.selection.current

    def select_all(self) -> None:
        self.selection.select_all(self.picture_id_at(row) for row in range(self._source.count()))
        self._on_selection_changed()

    def clear_selection(self) -> None:
        self.selection.clear()
        self._on_selection_changed()

    # Geometry

    @property
    def card_size(self) -> QSize:
        """Size of the picture in a cell, in pixels."""
        return QSize(self._side, round(self._side * 0.7))

    @property
    def columns(self) -> int:
        return max(1, (self.viewport().width() - GAP) // (self._side + GAP))

    @property
    def _row_height(self) -> int:
        return self.card_size.height() + CAPTION_HEIGHT + GAP

    def _update_scroll_range(self) -> None:
        lines = -(-self._source.count() // self.columns)
        bar, view = self.verticalScrollBar(), self.viewport().height()
        bar.setPageStep(view)
        bar.setSingleStep(self._row_height // 3)
        bar.setRange(0, max(0, lines * self._row_height + GAP - view))

    def rect_of(self, row: int) -> QRect:
        """Cell of a row of the source, in viewport pixels."""
        line, column = divmod(row, self.columns)
        left = GAP + column * (self._side + GAP)
        top = GAP + line * self._row_height - self.verticalScrollBar().value()
        return QRect(left, top, self._side, self.card_size.height() + CAPTION_HEIGHT)

    def _row_of_line(self, y: int) -> int:
        return max(0, (y - GAP) // self._row_height) * self.columns

    def visible_rows(self) -> range:
        top = self.verticalScrollBar().value()
        first = self._row_of_line(top)
        last = self._row_of_line(top + self.viewport().height()) + self.columns
        return range(first, min(self._source.count(), last))

    def _row_at(self, place: QPointF) -> int | None:
        for row in self.visible_rows():
            if self.rect_of(row).contains(place.toPoint()):
                return row
        return None

    def picture_id_at(self, row: int) -> int:
        """The id of the picture in a row of the source."""
        return self._source.record(row).id

    def _is_listed(self, picture_id: int) -> bool:
        return self._source.row_of(picture_id) is not None

    def _scroll_to(self, row: int) -> None:
        """Scroll no further than needed to make a row of the source visible."""
        bar, top = self.verticalScrollBar(), GAP + row // self.columns * self._row_height
        if top - GAP < bar.value():
            bar.setValue(top - GAP)
        elif top + self._row_height > bar.value() + self.viewport().height():
            bar.setValue(top + self._row_height - self.viewport().height())

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setFont(self._theme.font)
        if not self._source.count():
            painter.setPen(self._theme.colour("muted"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.viewport().rect().adjusted(GAP, 0, -GAP, 0), flags, self.empty_text)
        for row in self.visible_rows():
            rect = self.rect_of(row)
            if rect.adjusted(-GRID, -GRID, GRID, GRID).intersects(event.rect()):
                self._paint_cell(painter, rect, self._source.record(row))
        painter.end()

    def _paint_cell(self, painter: QPainter, rect: QRect, record: PictureRow) -> None:
        frame = QRectF(QPointF(rect.topLeft()), self.card_size)
        if record.id in self.selection:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("accent_soft"))
            painter.drawRoundedRect(QRectF(rect).adjusted(-6, -6, 6, 2), 8, 8)
        shape = QPainterPath()
        shape.addRoundedRect(frame, 4, 4)
        painter.fillPath(shape, self._theme.colour("pressed"))
        card = self._cards.get(record.id)
        if card is not None:
            size = QSize(card.size()).scaled(self.card_size, Qt.AspectRatioMode.KeepAspectRatio)
            place = QRectF(0, 0, size.width(), size.height())
            place.moveCenter(frame.center())
            painter.setOpacity(0.4 if record.status == "skipped" else 1.0)
            painter.setClipPath(shape)
            painter.drawPixmap(place, card, QRectF(card.rect()))
            painter.setClipping(False)
            painter.setOpacity(1.0)
        elif self._cards.is_failed(record.id):
            painter.setPen(self._theme.colour("muted"))
            painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, "Cannot be shown")
        paint_status(painter, self._theme, QPointF(frame.right() - 11, frame.top() + 12), record)
        if record.id == self.current and self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.colour("focus"), 2))
            painter.drawRoundedRect(frame.adjusted(-2, -2, 2, 2), 5, 5)
        self._paint_caption(
            painter, QRectF(frame.left(), frame.bottom() + 3, frame.width(), CAPTION_HEIGHT), record
        )

    def _paint_caption(self, painter: QPainter, place: QRectF, record: PictureRow) -> None:
        elide, height = painter.fontMetrics().elidedText, painter.fontMetrics().height()
        width = round(place.width())
        painter.setPen(self._theme.colour("text"))
        name = QRectF(place.left(), place.top(), place.width(), height)
        shown = self._names.get(record.id, record.name)
        painter.drawText(name, 0, elide(shown, Qt.TextElideMode.ElideMiddle, width))
        painter.setPen(self._theme.colour("muted"))
        text = elide(self._caption(record), Qt.TextElideMode.ElideRight, width)
        painter.drawText(name.translated(0, height), 0, text)

    # Mouse and keyboard

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        self._update_scroll_range()
        super().resizeEvent(event)
        self.cards_missing.emit()

    def scrollContentsBy(self, _dx: int, _dy: int) -> None:  # noqa: N802
        self.viewport().update()
        self.cards_missing.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            steps = self._notches.add(event)
            if steps:
                self.resize_requested.emit((steps > 0) - (steps < 0))
            event.accept()
        else:
            super().wheelEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        row = self._row_at(event.position())
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if row is None:
            self.clear_selection()
            return
        self._select(row, event.modifiers())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        row = self._row_at(event.position())
        if row is not None:
            self.picture_opened.emit(self.picture_id_at(row))

    def event(self, event: QEvent) -> bool:
        """While the grid has the focus, keys that are shortcuts of the window belong to it: letters look for a
        picture."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and latin_key(event) == Qt.Key.Key_A
            and event.modifiers() == Qt.KeyboardModifier.ControlModifier
        ):
            event.accept()
            return True
        return claim_keys(event, KEYS, with_shift=True) or claim_letters(event) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        count, key = self._source.count(), event.key()
        row = self._source.row_of(self.current) if self.current is not None else None
        page = self.columns * max(1, self.viewport().height() // self._row_height)
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -self.columns,
            Qt.Key.Key_Down: self.columns,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_Home: -count,
            Qt.Key.Key_End: count,
        }
        if key in steps and count:
            target = 0 if row is None else row + steps[Qt.Key(key)]
            if row is None or 0 <= target < count or abs(steps[Qt.Key(key)]) > self.columns:
                self._select(
                    min(max(target, 0), count - 1), event.modifiers() & ~Qt.KeyboardModifier.ControlModifier
                )
        elif key == Qt.Key.Key_Space and row is not None:
            self._select(row, Qt.KeyboardModifier.ControlModifier)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row is not None:
            self.picture_opened.emit(self.picture_id_at(row))
        elif latin_key(event) == Qt.Key.Key_A and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.select_all()
        elif key == Qt.Key.Key_Escape:
            self.clear_selection()
        elif is_letter(event) and count:
            found = self._type_ahead.find(
                event.text(), count, lambda each: self._source.record(each).name, row or 0
            )
            if found is not None:
                self._select(found, Qt.KeyboardModifier.NoModifier)
        else:
            super().keyPressEvent(event)

    def _select(self, row: int, modifiers: Qt.KeyboardModifier) -> None:
        """Select a row: alone, with Shift the range from the anchor, with Ctrl toggled."""
        picture_id = self.picture_id_at(row)
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            anchor = self._source.row_of(self.selection.anchor) if self.selection.anchor is not None else None
            first, last = sorted((row if anchor is None else anchor, row))
            self.selection.extend_to(picture_id, (self.picture_id_at(n) for n in range(first, last + 1)))
        elif modifiers & Qt.KeyboardModifier.ControlModifier:
            self.selection.toggle(picture_id)
        else:
            self.selection.select_only(picture_id)
        self._scroll_to(row)
        self.setAccessibleDescription(self.name_at(row))
        self._on_selection_changed()

    def _on_selection_changed(self) -> None:
        self.viewport().update()
        self.selection_changed.emit()

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = self._row_at(QPointF(event.pos()))
            if row is None:
                QToolTip.hideText()
            else:
                record = self._source.record(row)
                summary = picture_summary(record).replace(record.name, self.name_at(row), 1)
                text = f"{summary}\nDouble-click to open it in the Label workspace."
                QToolTip.showText(event.globalPos(), plain_tooltip(text), self.viewport())
            return True
        return super().viewportEvent(event)
