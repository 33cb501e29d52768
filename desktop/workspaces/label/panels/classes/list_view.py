"""The list of the classes panel: choose, rename, recolour, drag, and the menu of each class."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QCursor, QDropEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QColorDialog, QListView, QWidget

from core.labels.class_list import ClassList, LabelClass
from desktop.theme.theme import Theme
from desktop.workspaces.label.panels.classes.menu import ClassMenu
from desktop.workspaces.label.panels.classes.model import ClassModel, Shields
from desktop.workspaces.label.panels.classes.row_delegate import ROW_HEIGHT, ClassDelegate, RowPlaces


class ClassRows(QListView):
    """Keyboard: up and down choose, F2 renames, the menu key opens the menu. Mouse: a click chooses, on the colour
    recolours, on the eye hides (with Alt all others), on the lock locks, on the dots or with the right button opens
    the menu, twice renames; a drag puts in another order.
    """

    class_chosen = Signal(int)
    class_asked = Signal(str, int)
    """Action id and class value: something of the menu of a class."""
    merge_asked = Signal(int, int)
    order_asked = Signal(list)
    """All class values in the order wanted."""
    class_renamed = Signal(int, str)
    class_recoloured = Signal(int, object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._quiet = False
        self._on_sign = False
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

    def set_patterns(self, shown: bool) -> None:
        """Whether the swatches have marks besides their colours."""
        self.classes_model.patterned = shown
        self.viewport().update()

    def set_scores(self, scores: dict[int, float]) -> None:
        if scores != self.classes_model.numbers.scores:
            self.classes_model.numbers.scores = dict(scores)
            self.classes_model.touch()

    def set_shares(self, shares: dict[int, float]) -> None:
        if shares != self.classes_model.numbers.shares:
            self.classes_model.numbers.shares = dict(shares)
            self.classes_model.touch()

    def set_shields(self, shields: Shields) -> None:
        """Which classes are hidden and locked."""
        self.classes_model.shields = shields
        self.classes_model.touch()

    def _current_changed(self, index: QModelIndex, _before: QModelIndex) -> None:
        if not self._quiet and index.isValid():
            self.class_chosen.emit(self.classes_model.value_at(index.row()))

    def rename(self, value: int) -> None:
        """Open the field over the name of a class."""
        found = self.classes_model.row_of(value)
        if found is not None:
            self.scrollTo(self.classes_model.index(found))
            self.edit(self.classes_model.index(found))

    def _class_at(self, position: QPoint, part: str) -> LabelClass | None:
        """The class whose part ("chip", "eye", "lock", "more") is there."""
        index = self.indexAt(position)
        if not index.isValid():
            return None
        places = RowPlaces.within(self.visualRect(index), self.scroll_bar_width())
        spare = {"chip": (-4, -4, 4, 4), "more": (0, -4, 4, 4)}.get(part, (0, -4, 0, 4))
        room = getattr(places, part).adjusted(*spare)
        return self.classes_model.class_at(index.row()) if room.contains(position) else None

    def _press_sign(self, event: QMouseEvent) -> bool:
        """A press on the eye or the lock of a class, which does not choose the class."""
        if event.button() != Qt.MouseButton.LeftButton:
            return False
        at = event.position().toPoint()
        alone = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        for part, key in (("eye", "solo_class" if alone else "hide_class"), ("lock", "lock_class")):
            found = self._class_at(at, part)
            if found is not None:
                self.class_asked.emit(key, found.value)
                return True
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._on_sign = self._press_sign(event)
        if self._on_sign:
            return
        super().mousePressEvent(event)
        at = event.position().toPoint()
        if event.button() == Qt.MouseButton.LeftButton and self._class_at(at, "more"):
            self.setState(QAbstractItemView.State.NoState)  # a press on the dots begins no drag
            self.show_menu(self.indexAt(at))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._on_sign:
            self._on_sign = False
            return
        left = event.button() == Qt.MouseButton.LeftButton
        found = self._class_at(event.position().toPoint(), "chip") if left else None
        super().mouseReleaseEvent(event)
        if found is not None:
            self.ask_colour(found.value)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._on_sign = self._press_sign(event)
        at = event.position().toPoint()
        if not self._on_sign and self._class_at(at, "chip") is None and self._class_at(at, "more") is None:
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
        values = list(self.classes_model.classes.values)
        moved = self.active()
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
        self.order_asked.emit(values)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        self.show_menu(self.indexAt(event.pos()) if by_mouse else self.currentIndex(), by_mouse=by_mouse)

    def show_menu(self, index: QModelIndex, *, by_mouse: bool = False) -> None:
        """Open the menu of a class; unlabelled and void have none."""
        found = self.classes_model.class_at(index.row()) if index.isValid() else None
        if found is None:
            return
        shields = self.classes_model.shields_of(found.value)
        menu = ClassMenu(found, self.classes_model.classes, self, shields)
        menu.asked.connect(self.class_asked)
        menu.merge_asked.connect(self.merge_asked)
        places = RowPlaces.within(self.visualRect(index), self.scroll_bar_width())
        below = self.viewport().mapToGlobal(places.more.bottomLeft() + QPoint(0, 2))
        menu.popup(QCursor.pos() if by_mouse else below)

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
