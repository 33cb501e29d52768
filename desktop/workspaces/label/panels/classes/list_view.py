"""The list of the classes panel: choose, rename, recolour, drag, and the menu of each class."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QCursor, QDropEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QColorDialog, QListView, QWidget

from core.labels.class_list import ClassList, LabelClass
from desktop.theme.theme import Theme
from desktop.workspaces.label.panels.classes.menu import ClassMenu
from desktop.workspaces.label.panels.classes.model import ClassFlags, ClassListModel
from desktop.workspaces.label.panels.classes.row_delegate import ROW_HEIGHT, ClassRowDelegate, RowLayout


class ClassListView(QListView):
    """Keyboard: up and down choose, F2 renames, the menu key opens the menu. Mouse: a click chooses, on the colour
    recolours, on the eye hides (with Alt all others), on the lock locks, on the dots or with the right button opens
    the menu, twice renames; a drag puts in another order.
    """

    class_chosen = Signal(int)
    action_requested = Signal(str, int)
    """Action id and class value: something of the menu of a class."""
    merge_requested = Signal(int, int)
    order_requested = Signal(list)
    """All class values in the order wanted."""
    class_renamed = Signal(int, str)
    class_recoloured = Signal(int, object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._is_updating = False
        self._icon_pressed = False
        self.class_model = ClassListModel()
        self.class_model.setParent(self)
        self.class_model.rename_requested.connect(self.class_renamed)
        self.setModel(self.class_model)
        self.setItemDelegate(ClassRowDelegate(theme, self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setAccessibleName("Classes")
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setDragEnabled(True)
        self.setAcceptDrops(True)
        self.setDropIndicatorShown(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.selectionModel().currentChanged.connect(self._current_changed)
        theme.changed.connect(self.viewport().update)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(280, ROW_HEIGHT * 12)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(200, ROW_HEIGHT * 3)

    def scroll_bar_width(self) -> int:
        return self.width() - self.viewport().width()

    def set_classes(self, classes: ClassList) -> None:
        """Show another list; the chosen value stays chosen when it is still there."""
        chosen = self.active_value()
        self._is_updating = True
        self.class_model.set_classes(classes)
        self._is_updating = False
        if chosen is not None:
            self.set_active(chosen)

    def active_value(self) -> int | None:
        index = self.currentIndex()
        return self.class_model.value_at(index.row()) if index.isValid() else None

    def set_active(self, value: int) -> None:
        found = self.class_model.row_of(value)
        if found is None or not self.class_model.rowCount():
            return
        self._is_updating = True
        self.setCurrentIndex(self.class_model.index(found))
        self._is_updating = False

    def set_patterns(self, shown: bool) -> None:
        """Whether the swatches have marks besides their colours."""
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

    def set_flags(self, shields: ClassFlags) -> None:
        """Which classes are hidden and locked."""
        self.class_model.class_flags = shields
        self.class_model.notify_changed()

    def _current_changed(self, index: QModelIndex, _before: QModelIndex) -> None:
        if not self._is_updating and index.isValid():
            self.class_chosen.emit(self.class_model.value_at(index.row()))

    def edit_name(self, value: int) -> None:
        """Open the field over the name of a class."""
        found = self.class_model.row_of(value)
        if found is not None:
            self.scrollTo(self.class_model.index(found))
            self.edit(self.class_model.index(found))

    def _class_at(self, position: QPoint, part: str) -> LabelClass | None:
        """The class whose part ("chip", "eye", "lock", "more") is there."""
        index = self.indexAt(position)
        if not index.isValid():
            return None
        places = RowLayout.in_rect(self.visualRect(index), self.scroll_bar_width())
        spare = {"chip": (-4, -4, 4, 4), "more": (0, -4, 4, 4)}.get(part, (0, -4, 0, 4))
        room = getattr(places, part).adjusted(*spare)
        return self.class_model.class_at(index.row()) if room.contains(position) else None

    def _press_icon(self, event: QMouseEvent) -> bool:
        """A press on the eye or the lock of a class, which does not choose the class."""
        if event.button() != Qt.MouseButton.LeftButton:
            return False
        at = event.position().toPoint()
        alone = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        for part, key in (("eye", "solo_class" if alone else "hide_class"), ("lock", "lock_class")):
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
        if event.button() == Qt.MouseButton.LeftButton and self._class_at(at, "more"):
            self.setState(QAbstractItemView.State.NoState)  # a press on the dots begins no drag
            self.show_menu(self.indexAt(at))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._icon_pressed:
            self._icon_pressed = False
            return
        left = event.button() == Qt.MouseButton.LeftButton
        found = self._class_at(event.position().toPoint(), "chip") if left else None
        super().mouseReleaseEvent(event)
        if found is not None:
            self.open_colour_dialog(found.value)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._icon_pressed = self._press_icon(event)
        at = event.position().toPoint()
        if (
            not self._icon_pressed
            and self._class_at(at, "chip") is None
            and self._class_at(at, "more") is None
        ):
            super().mouseDoubleClickEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            at = event.position().toPoint()
            points = any(self._class_at(at, part) for part in ("chip", "eye", "lock", "more"))
            self.viewport().setCursor(
                Qt.CursorShape.PointingHandCursor if points else Qt.CursorShape.ArrowCursor
            )
            self.viewport().update(self.visualRect(self.indexAt(at)))
        return super().viewportEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """A class was dragged: only ask for the new order; the owner answers with set_classes."""
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
        place = len(values)
        if index.isValid():
            below = event.position().y() > self.visualRect(index).center().y()
            place = min(len(values), index.row() + below)
        was = values.index(moved)
        values.insert(place - (place > was), values.pop(was))
        self.order_requested.emit(values)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        self.show_menu(self.indexAt(event.pos()) if by_mouse else self.currentIndex(), by_mouse=by_mouse)

    def show_menu(self, index: QModelIndex, *, by_mouse: bool = False) -> None:
        """Open the menu of a class; unlabelled and void have none."""
        found = self.class_model.class_at(index.row()) if index.isValid() else None
        if found is None:
            return
        shields = self.class_model.flags_of(found.value)
        menu = ClassMenu(found, self.class_model.classes, self, shields)
        menu.action_requested.connect(self.action_requested)
        menu.merge_requested.connect(self.merge_requested)
        places = RowLayout.in_rect(self.visualRect(index), self.scroll_bar_width())
        below = self.viewport().mapToGlobal(places.menu_button.bottomLeft() + QPoint(0, 2))
        menu.popup(QCursor.pos() if by_mouse else below)

    def open_colour_dialog(self, value: int) -> None:
        """Open the colour dialog, which does not block the window."""
        found = self.class_model.classes.by_value(value)
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
