"""The rows of the classes panel: a list view whose delegate paints key, colour, name, share and IoU."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QContextMenuEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QLineEdit,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from core.labels.classes import VOID, ClassList, LabelClass
from desktop.panels.class_model import ClassModel, Numbers
from desktop.theme import GRID, Theme

ROW_HEIGHT = 32
CHIP = 16
SHARE_WIDTH = 48
SCORE_WIDTH = 48
EDGE = 2 * GRID


@dataclass(frozen=True, slots=True)
class RowPlaces:
    """Where the parts of one row are; the painter, the editor and the mouse agree through this."""

    key: QRect
    chip: QRect
    name: QRect
    share: QRect
    score: QRect

    @staticmethod
    def within(rect: QRect, scroll_bar: int = 0) -> RowPlaces:
        """`scroll_bar`: the width it takes away at the right; the columns stay below their titles."""
        left, right = rect.left() + EDGE, rect.right() + 1 - EDGE + scroll_bar
        top, height = rect.top(), rect.height()
        chip = QRect(left + 24, top + (height - CHIP) // 2, CHIP, CHIP)
        score = QRect(right - SCORE_WIDTH, top, SCORE_WIDTH, height)
        share = QRect(score.left() - SHARE_WIDTH, top, SHARE_WIDTH, height)
        name_left = chip.right() + 1 + GRID
        name = QRect(name_left, top, share.left() - name_left, height)
        return RowPlaces(QRect(left, top, 20, height), chip, name, share, score)


class ClassDelegate(QStyledItemDelegate):
    """Paints a row and opens the editor over the name."""

    def __init__(self, theme: Theme, view: ClassRows) -> None:
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
        left = RowPlaces.within(option.rect, bar).name.left() - GRID
        right = option.rect.right() + 1 - max(0, GRID - bar)
        editor.setGeometry(left, option.rect.top(), right - left, option.rect.height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Any) -> None:
        model: ClassModel = index.model()
        places = RowPlaces.within(option.rect, self._view.scroll_bar_width())
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
        painter.drawText(places.key, middle | Qt.AlignmentFlag.AlignLeft, model.key_of(index.row()))
        self._paint_chip(painter, places.chip, value, model)
        painter.setFont(self._theme.strong_font() if chosen else self._theme.font)
        painter.setPen(colour("text" if model.class_at(index.row()) else "muted"))
        room = places.name if model.class_at(index.row()) else places.name.united(places.score)
        name = painter.fontMetrics().elidedText(
            index.data(), Qt.TextElideMode.ElideRight, room.width() - GRID
        )
        painter.drawText(room, middle | Qt.AlignmentFlag.AlignLeft, name)
        painter.setFont(self._theme.font)
        if model.class_at(index.row()):
            self._paint_numbers(painter, places, value, model.numbers)
        painter.restore()

    def _paint_chip(self, painter: QPainter, chip: QRect, value: int, model: ClassModel) -> None:
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

    def _paint_numbers(self, painter: QPainter, places: RowPlaces, value: int, numbers: Numbers) -> None:
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
        found = self._view.classes_model.classes.by_value(value)
        painter.setBrush(QColor(*found.colour))
        painter.drawRoundedRect(QRect(bar.left(), bar.top(), max(3, round(bar.width() * score)), 3), 1.5, 1.5)


def share_text(share: float) -> str:
    """A share for a narrow column: whole per cent, and honest about very little."""
    if share <= 0:
        return "–"
    return "<1 %" if share < 0.01 else f"{share * 100:.0f} %"


class ClassRows(QListView):
    """Keyboard: up and down choose, F2 renames. Mouse: a click chooses, on the colour recolours, twice renames."""

    class_chosen = Signal(int)
    class_renamed = Signal(int, str)
    class_recoloured = Signal(int, object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._quiet = False
        self.classes_model = ClassModel()
        self.classes_model.setParent(self)
        self.classes_model.rename_asked.connect(self.class_renamed)
        self.setModel(self.classes_model)
        self.setItemDelegate(ClassDelegate(theme, self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setAccessibleName("Classes")
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.selectionModel().currentChanged.connect(self._current_changed)
        theme.changed.connect(self.viewport().update)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(280, ROW_HEIGHT * 12)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(200, ROW_HEIGHT * 4)

    def scroll_bar_width(self) -> int:
        return self.width() - self.viewport().width()

    def set_classes(self, classes: ClassList) -> None:
        """Show another list; the chosen value stays chosen when it is still there."""
        chosen = self.active()
        self._quiet = True
        self.classes_model.show(classes)
        self._quiet = False
        if chosen is not None:
            self.set_active(chosen)

    def active(self) -> int | None:
        index = self.currentIndex()
        return self.classes_model.value_at(index.row()) if index.isValid() else None

    def set_active(self, value: int) -> None:
        found = self.classes_model.row_of(value)
        if found is None or not self.classes_model.rowCount():
            return
        self._quiet = True
        self.setCurrentIndex(self.classes_model.index(found))
        self._quiet = False

    def set_scores(self, scores: dict[int, float]) -> None:
        self.classes_model.numbers.scores = dict(scores)
        self.classes_model.touch()

    def set_shares(self, shares: dict[int, float]) -> None:
        self.classes_model.numbers.shares = dict(shares)
        self.classes_model.touch()

    def _current_changed(self, index: QModelIndex, _before: QModelIndex) -> None:
        if not self._quiet and index.isValid():
            self.class_chosen.emit(self.classes_model.value_at(index.row()))

    def _chip_at(self, event: QMouseEvent) -> LabelClass | None:
        index = self.indexAt(event.position().toPoint())
        if not index.isValid():
            return None
        chip = RowPlaces.within(self.visualRect(index), self.scroll_bar_width()).chip.adjusted(-4, -4, 4, 4)
        return self.classes_model.class_at(index.row()) if chip.contains(event.position().toPoint()) else None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        found = self._chip_at(event) if event.button() == Qt.MouseButton.LeftButton else None
        super().mouseReleaseEvent(event)
        if found is not None:
            self.ask_colour(found.value)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._chip_at(event) is None:
            super().mouseDoubleClickEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            on_chip = self._chip_at(event) is not None
            self.viewport().setCursor(
                Qt.CursorShape.PointingHandCursor if on_chip else Qt.CursorShape.ArrowCursor
            )
        return super().viewportEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        index = (
            self.indexAt(event.pos())
            if event.reason() == QContextMenuEvent.Reason.Mouse
            else self.currentIndex()
        )
        found = self.classes_model.class_at(index.row()) if index.isValid() else None
        if found is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Rename").triggered.connect(lambda: self.edit(index))
        menu.addAction("Change colour…").triggered.connect(lambda: self.ask_colour(found.value))
        menu.popup(event.globalPos())

    def ask_colour(self, value: int) -> None:
        """Open the colour dialog, which does not block the window."""
        found = self.classes_model.classes.by_value(value)
        if found is None:
            return
        dialog = QColorDialog(QColor(*found.colour), self)
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(f"Colour of “{found.name}”")
        dialog.colorSelected.connect(
            lambda colour: self.class_recoloured.emit(value, (colour.red(), colour.green(), colour.blue()))
        )
        dialog.open()
