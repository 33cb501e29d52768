"""The class list: selection, renaming, recolouring, drag and drop, and the menu of each class."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QCursor, QDropEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QColorDialog, QListView, QWidget

from core.labels.class_list import ClassList, LabelClass
from desktop.theme.theme import Theme
from desktop.widgets.input.key_claim import claim_letters
from desktop.widgets.input.wheel_guard import guard_wheel_inside
from desktop.workspaces.label.panels.classes.menu import ClassMenu
from desktop.workspaces.label.panels.classes.model import ClassFlags, ClassListModel
from desktop.workspaces.label.panels.classes.row_delegate import (
    ROW_HEIGHT,
    ClassRowDelegate,
    RowLayout,
    scroll_bar_width,
)

_HIT_MARGINS = {
    "swatch": (-4, -4, 4, 4),
    "eye": (0, -4, 0, 4),
    "lock": (0, -4, 0, 4),
    "menu_button": (0, -4, 4, 4),
}
"""Part of a row that can be clicked -> how far it reaches beyond its rectangle: left, top, right, bottom."""


class ClassListView(QListView):
    """Shows the classes that `set_classes` is given; every change is only requested by a signal.

    Keyboard: up and down select, letters go to the class of that name, F2 renames, the menu key opens the menu. Mouse:
    a click selects, a click on the swatch recolours, on the eye hides (with Alt: hides all others), on the lock locks,
    on the dots or with the right button opens the menu; a double click renames; a drag reorders.
    """

    class_chosen = Signal(int)
    action_requested = Signal(str, int)
    """Action id and class value."""
    merge_requested = Signal(int, int)
    """Values of the class to merge and of the class that it becomes."""
    order_requested = Signal(list)
    """All class values in the new order."""
    class_renamed = Signal(int, str)
    class_recoloured = Signal(int, object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._is_updating = False
        self._icon_pressed = False
        self._filter = ""
        self._is_read_only = False
        self.class_model = ClassListModel()
        self.class_model.setParent(self)
        self.class_model.rename_requested.connect(self.class_renamed)
        self.setModel(self.class_model)
        self.setItemDelegate(ClassRowDelegate(theme, self))
        self.setUniformItemSizes(True)
        self.setFocusPolicy(
            Qt.FocusPolicy.TabFocus
        )  # a click chooses a class; the keys stay with the picture
        self.setMouseTracking(True)
        self.setAccessibleName("Classes")
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.set_read_only(False)
        self.setAcceptDrops(True)
        self.setDropIndicatorShown(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.selectionModel().currentChanged.connect(self._current_changed)
        theme.changed.connect(self.viewport().update)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(280, ROW_HEIGHT * 12)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(200, ROW_HEIGHT * 3)

    def set_read_only(self, is_read_only: bool) -> None:
        """Whether classes can be chosen and hidden alone, and not be changed."""
        self._is_read_only = is_read_only
        trigger = QAbstractItemView.EditTrigger
        editing = trigger.DoubleClicked | trigger.EditKeyPressed
        self.setEditTriggers(trigger.NoEditTriggers if is_read_only else editing)
        self.setDragEnabled(not is_read_only)

    def set_classes(self, classes: ClassList) -> None:
        """Show another list. The selected value stays selected when it is still there."""
        selected = self.active_value()
        self._is_updating = True
        self.class_model.set_classes(classes)
        self._is_updating = False
        self.set_filter(self._filter)
        if selected is not None:
            self.set_active(selected)

    def set_first(self, values: frozenset[int]) -> None:
        """List these classes first; none: the order of the class list."""
        selected = self.active_value()
        self._is_updating = True
        self.class_model.set_first(values)
        self._is_updating = False
        self.set_filter(self._filter)
        if selected is not None:
            self.set_active(selected)

    def active_value(self) -> int | None:
        index = self.currentIndex()
        return self.class_model.value_at(index.row()) if index.isValid() else None

    def set_active(self, value: int) -> None:
        """Select a class without emitting `class_chosen`."""
        row = self.class_model.row_of(value)
        if row is None or not self.class_model.rowCount():
            return
        self._is_updating = True
        self.setCurrentIndex(self.class_model.index(row))
        self._is_updating = False

    def set_patterns(self, shown: bool) -> None:
        """Whether the swatches show the pattern of their class."""
        self.class_model.shows_patterns = shown
        self.viewport().update()

    def set_scores(self, scores: dict[int, float]) -> None:
        if scores != self.class_model.numbers.scores:
            self.class_model.numbers.scores = dict(scores)
            self.class_model.notify_changed()

    def set_shares(self, shares: dict[int, float]) -> None:
        if shares != self.class_model.numbers.shares:
            self.class_model.numbers.shares = dict(shares)
            self.class_model.notify_changed()

    def set_flags(self, flags: ClassFlags) -> None:
        """Which classes are hidden and locked."""
        self.class_model.class_flags = flags
        self.class_model.notify_changed()

    def _current_changed(self, index: QModelIndex, _before: QModelIndex) -> None:
        if not self._is_updating and index.isValid():
            self.class_chosen.emit(self.class_model.value_at(index.row()))

    def set_filter(self, text: str) -> None:
        """Show only the classes whose name contains a text; blank shows all."""
        word = text.strip().casefold()
        for row in range(self.class_model.rowCount()):
            name = self.class_model.classes.name_of(self.class_model.value_at(row))
            self.setRowHidden(row, word not in name.casefold())
        self._filter = text

    def event(self, event: QEvent) -> bool:
        """While the list has the focus, letters look for a class and are no shortcuts."""
        return claim_letters(event) or super().event(event)

    def edit_name(self, value: int) -> None:
        """Open the editor over the name of a class."""
        row = self.class_model.row_of(value)
        if row is not None:
            self.scrollTo(self.class_model.index(row))
            self.edit(self.class_model.index(row))

    def _class_at(self, position: QPoint, part: str) -> LabelClass | None:
        """The class that has this part (a field of RowLayout) at a position of the viewport."""
        index = self.indexAt(position)
        if not index.isValid():
            return None
        layout = RowLayout.in_rect(self.visualRect(index), scroll_bar_width(self))
        rect: QRect = getattr(layout, part).adjusted(*_HIT_MARGINS[part])
        return self.class_model.class_at(index.row()) if rect.contains(position) else None

    def _press_icon(self, event: QMouseEvent) -> bool:
        """Handle a press on the eye or the lock, which does not select the class."""
        if event.button() != Qt.MouseButton.LeftButton:
            return False
        at = event.position().toPoint()
        only_this = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        for part, key in (("eye", "solo_class" if only_this else "hide_class"), ("lock", "lock_class")):
            found = self._class_at(at, part)
            if found is not None:
                self.action_requested.emit(key, found.value)
                return True
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._icon_pressed = self._press_icon(event)
        if self._icon_pressed:
            return
        super().mousePressEvent(event)
        at = event.position().toPoint()
        if event.button() == Qt.MouseButton.LeftButton and self._class_at(at, "menu_button"):
            self.setState(QAbstractItemView.State.NoState)  # a press on the menu button starts no drag
            self.show_menu(self.indexAt(at))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._icon_pressed:
            self._icon_pressed = False
            return
        is_left = event.button() == Qt.MouseButton.LeftButton
        found = self._class_at(event.position().toPoint(), "swatch") if is_left else None
        super().mouseReleaseEvent(event)
        if found is not None:
            self.open_colour_dialog(found.value)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._icon_pressed = self._press_icon(event)
        at = event.position().toPoint()
        on_button = any(self._class_at(at, part) for part in ("swatch", "menu_button"))
        if not self._icon_pressed and not on_button:
            super().mouseDoubleClickEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            at = event.position().toPoint()
            on_button = any(self._class_at(at, part) for part in _HIT_MARGINS)
            self.viewport().setCursor(
                Qt.CursorShape.PointingHandCursor if on_button else Qt.CursorShape.ArrowCursor
            )
            self.viewport().update(self.visualRect(self.indexAt(at)))
        return super().viewportEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Request the new order; the rows move when `set_classes` is called with it."""
        values = list(self.class_model.classes.values)
        moved = self.active_value()
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        self.stopAutoScroll()
        self.setState(QAbstractItemView.State.NoState)
        self.viewport().update()
        if event.source() is not self or moved not in values:
            return
        index = self.indexAt(event.position().toPoint())
        new_row = len(values)
        if index.isValid():
            below = event.position().y() > self.visualRect(index).center().y()
            new_row = min(len(values), index.row() + below)
        old_row = values.index(moved)
        values.insert(new_row - (new_row > old_row), values.pop(old_row))
        self.order_requested.emit(values)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        self.show_menu(self.indexAt(event.pos()) if by_mouse else self.currentIndex(), by_mouse=by_mouse)

    def show_menu(self, index: QModelIndex, *, by_mouse: bool = False) -> None:
        """Open the menu of a class; unlabelled and void have none."""
        found = self.class_model.class_at(index.row()) if index.isValid() else None
        if found is None:
            return
        flags = self.class_model.flags_of(found.value)
        menu = ClassMenu(found, self.class_model.classes, self, flags, is_read_only=self._is_read_only)
        menu.action_requested.connect(self.action_requested)
        menu.merge_requested.connect(self.merge_requested)
        layout = RowLayout.in_rect(self.visualRect(index), scroll_bar_width(self))
        below = self.viewport().mapToGlobal(layout.menu_button.bottomLeft() + QPoint(0, 2))
        menu.popup(QCursor.pos() if by_mouse else below)

    def open_colour_dialog(self, value: int) -> None:
        """Open the colour dialog without blocking the window."""
        found = self.class_model.classes.by_value(value)
        if found is None or self._is_read_only:
            return
        dialog = QColorDialog(QColor(*found.colour), self)
        dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(f"Colour of “{found.name}”")
        guard_wheel_inside(dialog)
        dialog.colorSelected.connect(
            lambda colour: self.class_recoloured.emit(value, (colour.red(), colour.green(), colour.blue()))
        )
        dialog.open()
