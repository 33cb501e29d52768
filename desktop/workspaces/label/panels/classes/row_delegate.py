"""Delegate of the class list: the layout of a row, how it is painted, and the editor over the name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QCursor, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLineEdit,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from core.base.number_text import percent_text
from core.labels.class_list import VOID
from desktop.theme.class_patterns import draw_chip_pattern
from desktop.theme.icons import icon_pixmap
from desktop.theme.theme import GRID, Theme
from desktop.workspaces.label.panels.classes.model import ClassListModel

ROW_HEIGHT = 32
SWATCH = 16
MENU_BUTTON = 24
"""Width of the button that opens the menu of a class; shown at the end of the name of a hovered or selected row."""
ICON_WIDTH = 20
"""Width of the eye and the lock, left of the menu button; shown in a hovered row and when they are on."""
KEY_WIDTH = 20
"""Of the key or number of a class; a wider number begins further left, up to the margin."""
SHARE_WIDTH = 48
SCORE_WIDTH = 48
ROW_MARGIN = 2 * GRID


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Rectangles of the parts of one row, shared by painting, editor and mouse handling."""

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
        """`scroll_bar`: its width, which is added so that the columns stay below their titles."""
        left, right = rect.left() + ROW_MARGIN, rect.right() + 1 - ROW_MARGIN + scroll_bar
        top, height = rect.top(), rect.height()
        swatch = QRect(left + 24, top + (height - SWATCH) // 2, SWATCH, SWATCH)
        score = QRect(right - SCORE_WIDTH, top, SCORE_WIDTH, height)
        share = QRect(score.left() - SHARE_WIDTH, top, SHARE_WIDTH, height)
        name_left = swatch.right() + 1 + GRID
        name = QRect(name_left, top, share.left() - name_left, height)
        menu = QRect(share.left() - MENU_BUTTON, top + (height - MENU_BUTTON) // 2, MENU_BUTTON, MENU_BUTTON)
        lock = QRect(menu.left() - ICON_WIDTH, top + (height - MENU_BUTTON) // 2, ICON_WIDTH, MENU_BUTTON)
        eye = lock.translated(-ICON_WIDTH, 0)
        return RowLayout(QRect(left, top, KEY_WIDTH, height), swatch, name, eye, lock, menu, share, score)


class ClassRowDelegate(QStyledItemDelegate):
    """Paints rows of a ClassListModel and opens the editor over the name."""

    def __init__(self, theme: Theme, view: QAbstractItemView) -> None:
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
        bar = scroll_bar_width(self._view)
        left = RowLayout.in_rect(option.rect, bar).name.left() - GRID
        right = option.rect.right() + 1 - max(0, GRID - bar)
        editor.setGeometry(left, option.rect.top(), right - left, option.rect.height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        model: ClassListModel = index.model()
        bar = scroll_bar_width(self._view)
        layout = RowLayout.in_rect(option.rect, bar)
        colour = self._theme.colour
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        is_focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
        is_hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        value, label_class = model.value_at(index.row()), model.class_at(index.row())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        background = option.rect.adjusted(GRID, 1, -max(0, GRID - bar), -1)
        if is_selected or is_hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour("accent_soft" if is_selected else "hover"))
            painter.drawRoundedRect(background, 6, 6)
        if index.row() and index.row() == model.first_count:
            line = option.rect.adjusted(ROW_MARGIN, 0, bar - ROW_MARGIN, 1 - option.rect.height())
            painter.fillRect(line, colour("line"))  # below the classes in this picture
        if is_focused and is_selected:
            painter.setPen(QPen(colour("focus"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(background.adjusted(1, 1, -1, -1), 5, 5)
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        position = model.position_at(index.row())
        has_shortcut = position < 9 or 10 <= position < 19 or label_class is None
        painter.setFont(self._theme.font)
        painter.setPen(colour("muted" if has_shortcut else "disabled"))
        painter.drawText(_key_rect(painter, layout, key := model.shortcut_of(index.row())), left, key)
        self._paint_swatch(painter, layout.swatch, value, model)
        painter.setFont(self._theme.strong_font() if is_selected else self._theme.font)
        name_rect = layout.name if label_class else layout.name.united(layout.score)
        if label_class:
            flags = model.flags_of(value)
            name_rect.setRight(self._paint_icons(painter, layout, flags, is_selected, is_hovered))
        is_shown = label_class and value not in model.class_flags.hidden
        painter.setPen(colour("text" if is_shown else "muted"))
        width = name_rect.width() - GRID
        name = painter.fontMetrics().elidedText(index.data(), Qt.TextElideMode.ElideRight, width)
        painter.drawText(name_rect, left, name)
        painter.setFont(self._theme.font)
        if label_class:
            self._paint_numbers(painter, layout, value, model)
        painter.restore()

    def _paint_icons(
        self,
        painter: QPainter,
        layout: RowLayout,
        flags: tuple[bool, bool],
        is_selected: bool,
        is_hovered: bool,
    ) -> int:
        """Paint eye, lock and menu button where they are shown. Returns the right end of what is left for the name."""
        hidden, locked = flags
        end = layout.name.right()
        if is_selected or is_hovered:
            self._paint_icon(painter, layout.menu_button, "more")
            end = layout.menu_button.left() + GRID
        if locked or is_hovered:
            self._paint_icon(painter, layout.lock, "lock" if locked else "unlock", quiet=not locked)
            end = layout.lock.left() + GRID // 2
        if hidden or is_hovered:
            self._paint_icon(painter, layout.eye, "eye-off" if hidden else "eye", quiet=not hidden)
            end = layout.eye.left() + GRID // 2
        return end

    def _paint_icon(self, painter: QPainter, rect: QRect, icon: str, quiet: bool = False) -> None:
        under_pointer = rect.contains(self._view.viewport().mapFromGlobal(QCursor.pos()))
        if under_pointer:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("pressed"))
            painter.drawRoundedRect(rect, 6, 6)
        shade = self._theme.colour("text" if under_pointer else "disabled" if quiet else "icon")
        ratio = painter.device().devicePixelRatioF()
        corner = rect.center() - QPoint(7, 7)
        painter.drawPixmap(corner, icon_pixmap(icon, shade, 16, ratio))

    def _paint_swatch(self, painter: QPainter, rect: QRect, value: int, model: ClassListModel) -> None:
        found = model.classes.by_value(value)
        painter.setPen(QPen(self._theme.colour("text", 0.18), 1))
        if found:
            painter.setBrush(QColor(*found.colour))
        elif value == VOID:
            painter.setBrush(QBrush(self._theme.colour("muted"), Qt.BrushStyle.BDiagPattern))
        else:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.colour("muted"), 1, Qt.PenStyle.DotLine))
        painter.drawRoundedRect(rect.adjusted(0, 0, -1, -1), 4, 4)
        position = model.position_of(value)
        if found and model.shows_patterns and position is not None:
            draw_chip_pattern(painter, QRectF(rect), 4, QColor(*found.colour), position)

    def _paint_numbers(self, painter: QPainter, layout: RowLayout, value: int, model: ClassListModel) -> None:
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.setPen(self._theme.colour("muted"))
        painter.drawText(layout.share, right, share_text(model.numbers.shares.get(value, 0.0)))
        score = model.numbers.scores.get(value)
        if score is None or math.isnan(score):
            painter.setPen(self._theme.colour("disabled"))
            painter.drawText(layout.score, right, "–")
            return
        painter.setPen(self._theme.colour("text"))
        painter.drawText(layout.score, right, f"{score:.2f}")
        bar = QRect(layout.score.right() - 31, layout.score.bottom() - 5, 32, 3)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("pressed"))
        painter.drawRoundedRect(bar, 1.5, 1.5)
        label_class = model.classes.by_value(value)
        assert label_class is not None
        painter.setBrush(QColor(*label_class.colour))
        painter.drawRoundedRect(QRect(bar.left(), bar.top(), max(3, round(bar.width() * score)), 3), 1.5, 1.5)


def _key_rect(painter: QPainter, layout: RowLayout, key: str) -> QRect:
    """Where the key or number of a row is written: numbers over 99 are wider than their column."""
    return layout.key.adjusted(min(0, KEY_WIDTH - painter.fontMetrics().horizontalAdvance(key)), 0, 0, 0)


def scroll_bar_width(view: QAbstractItemView) -> int:
    """Width of the vertical scroll bar of a view; 0 while it is hidden."""
    return view.width() - view.viewport().width()


def share_text(share: float) -> str:
    """A share (0..1) for a narrow column: "–", "<1 %", "12 %"."""
    return percent_text(share) if share > 0 else "–"
