"""One row of the classes panel: where its parts are, and how they are painted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QCursor, QPainter, QPen
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from core.labels.class_list import VOID
from desktop.canvas.rendering.class_patterns import draw_chip_pattern
from desktop.theme.icons import icon_pixmap
from desktop.theme.theme import GRID, Theme
from desktop.workspaces.label.panels.classes.model import ClassListModel, ClassNumbers

if TYPE_CHECKING:
    from desktop.workspaces.label.panels.classes.list_view import ClassListView

ROW_HEIGHT = 32
SWATCH = 16
MENU_BUTTON = 24
"""The button that opens the menu of a class: it stands at the end of the name while the row is hovered or chosen."""
ICON_WIDTH = 20
"""The eye and the lock, left of the dots: there while the row is hovered, or while they say something."""
SHARE_WIDTH = 48
SCORE_WIDTH = 48
ROW_MARGIN = 2 * GRID


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Where the parts of one row are; the painter, the editor and the mouse agree through this."""

    key: QRect
    swatch: QRect
    name: QRect
    eye: QRect
    lock: QRect
    menu_button: QRect
    share: QRect
    score: QRect

    @staticmethod
    def in_rect(rect: QRect, scroll_bar: int = 0) -> RowLayout:
        """`scroll_bar`: the width it takes away at the right; the columns stay below their titles."""
        left, right = rect.left() + ROW_MARGIN, rect.right() + 1 - ROW_MARGIN + scroll_bar
        top, height = rect.top(), rect.height()
        chip = QRect(left + 24, top + (height - SWATCH) // 2, SWATCH, SWATCH)
        score = QRect(right - SCORE_WIDTH, top, SCORE_WIDTH, height)
        share = QRect(score.left() - SHARE_WIDTH, top, SHARE_WIDTH, height)
        name_left = chip.right() + 1 + GRID
        name = QRect(name_left, top, share.left() - name_left, height)
        more = QRect(share.left() - MENU_BUTTON, top + (height - MENU_BUTTON) // 2, MENU_BUTTON, MENU_BUTTON)
        lock = QRect(more.left() - ICON_WIDTH, top + (height - MENU_BUTTON) // 2, ICON_WIDTH, MENU_BUTTON)
        eye = lock.translated(-ICON_WIDTH, 0)
        return RowLayout(QRect(left, top, 20, height), chip, name, eye, lock, more, share, score)


class ClassRowDelegate(QStyledItemDelegate):
    """Paints a row and opens the editor over the name."""

    def __init__(self, theme: Theme, view: ClassListView) -> None:
        super().__init__(view)
        self._theme = theme
        self._view = view

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Any) -> QSize:  # noqa: N802
        return QSize(200, ROW_HEIGHT)

    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, _index: Any) -> QWidget:  # noqa: N802
        editor = QLineEdit(parent)
        editor.setMaxLength(80)
        editor.setAccessibleName("Name of the class")
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, _index: Any) -> None:  # noqa: N802
        bar = self._view.scroll_bar_width()
        left = RowLayout.in_rect(option.rect, bar).name.left() - GRID
        right = option.rect.right() + 1 - max(0, GRID - bar)
        editor.setGeometry(left, option.rect.top(), right - left, option.rect.height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        model: ClassListModel = index.model()
        places = RowLayout.in_rect(option.rect, self._view.scroll_bar_width())
        colour = self._theme.colour
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = option.rect.adjusted(GRID, 1, -max(0, GRID - self._view.scroll_bar_width()), -1)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("accent_soft" if chosen else "hover"))
            painter.drawRoundedRect(ground, 6, 6)
        if focused and chosen:
            painter.setPen(QPen(colour("focus"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(ground.adjusted(1, 1, -1, -1), 5, 5)
        value = model.value_at(index.row())
        painter.setFont(self._theme.font)
        middle = Qt.AlignmentFlag.AlignVCenter
        reachable = index.row() < 9 or 10 <= index.row() < 19 or model.class_at(index.row()) is None
        painter.setPen(colour("muted" if reachable else "disabled"))
        painter.drawText(places.key, middle | Qt.AlignmentFlag.AlignLeft, model.shortcut_of(index.row()))
        self._paint_swatch(painter, places.swatch, value, model)
        painter.setFont(self._theme.strong_font() if chosen else self._theme.font)
        room = places.name if model.class_at(index.row()) else places.name.united(places.score)
        if model.class_at(index.row()):
            hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
            room.setRight(self._paint_icons(painter, places, model.flags_of(value), chosen, hovered))
        shown = model.class_at(index.row()) and value not in model.class_flags.hidden
        painter.setPen(colour("text" if shown else "muted"))
        name = painter.fontMetrics().elidedText(
            index.data(), Qt.TextElideMode.ElideRight, room.width() - GRID
        )
        painter.drawText(room, middle | Qt.AlignmentFlag.AlignLeft, name)
        painter.setFont(self._theme.font)
        if model.class_at(index.row()):
            self._paint_numbers(painter, places, value, model.numbers)
        painter.restore()

    def _paint_icons(
        self, painter: QPainter, places: RowLayout, shields: tuple[bool, bool], chosen: bool, hovered: bool
    ) -> int:
        """Eye, lock and dots, as far as they are to be seen. Returns where the room for the name ends."""
        hidden, locked = shields
        end = places.name.right()
        if chosen or hovered:
            self._paint_icon(painter, places.menu_button, "more")
            end = places.menu_button.left() + GRID
        if locked or hovered:
            self._paint_icon(painter, places.lock, "lock" if locked else "unlock", quiet=not locked)
            end = places.lock.left() + GRID // 2
        if hidden or hovered:
            self._paint_icon(painter, places.eye, "eye-off" if hidden else "eye", quiet=not hidden)
            end = places.eye.left() + GRID // 2
        return end

    def _paint_icon(self, painter: QPainter, place: QRect, icon: str, quiet: bool = False) -> None:
        under_pointer = place.contains(self._view.viewport().mapFromGlobal(QCursor.pos()))
        if under_pointer:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("pressed"))
            painter.drawRoundedRect(place, 6, 6)
        shade = self._theme.colour("text" if under_pointer else "disabled" if quiet else "icon")
        ratio = painter.device().devicePixelRatioF()
        corner = place.center() - QPoint(7, 7)
        painter.drawPixmap(corner, icon_pixmap(icon, shade, 16, ratio))

    def _paint_swatch(self, painter: QPainter, chip: QRect, value: int, model: ClassListModel) -> None:
        found = model.classes.by_value(value)
        painter.setPen(QPen(self._theme.colour("text", 0.18), 1))
        if found:
            painter.setBrush(QColor(*found.colour))
        elif value == VOID:
            painter.setBrush(QBrush(self._theme.colour("muted"), Qt.BrushStyle.BDiagPattern))
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.colour("muted"), 1, Qt.PenStyle.DotLine))
        painter.drawRoundedRect(chip.adjusted(0, 0, -1, -1), 4, 4)
        place = model.row_of(value)
        if found and model.shows_patterns and place is not None:
            draw_chip_pattern(painter, QRectF(chip), 4, QColor(*found.colour), place)

    def _paint_numbers(self, painter: QPainter, places: RowLayout, value: int, numbers: ClassNumbers) -> None:
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.setPen(self._theme.colour("muted"))
        painter.drawText(places.share, right, share_text(numbers.shares.get(value, 0.0)))
        score = numbers.scores.get(value)
        if score is None or math.isnan(score):
            painter.setPen(self._theme.colour("disabled"))
            painter.drawText(places.score, right, "–")
            return
        painter.setPen(self._theme.colour("text"))
        painter.drawText(places.score, right, f"{score:.2f}")
        bar = QRect(places.score.right() - 31, places.score.bottom() - 5, 32, 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("pressed"))
        painter.drawRoundedRect(bar, 1.5, 1.5)
        found = self._view.class_model.classes.by_value(value)
        painter.setBrush(QColor(*found.colour))
        painter.drawRoundedRect(QRect(bar.left(), bar.top(), max(3, round(bar.width() * score)), 3), 1.5, 1.5)


def share_text(share: float) -> str:
    """A share for a narrow column: whole per cent, and honest about very little."""
    if share <= 0:
        return "–"
    return "<1 %" if share < 0.01 else f"{share * 100:.0f} %"
