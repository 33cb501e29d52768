"""The menu of one class: everything that can be done with it, with the keys that do the same."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from core.labels.class_list import ClassList, LabelClass
from desktop.actions.catalog import action_spec, shortcut_text
from desktop.widgets.table import colour_chip_icon


class ClassMenu(QMenu):
    """`asked` carries the id of an action and the value of the class; `merge_asked` the class and its heir."""

    action_requested = Signal(str, int)
    merge_requested = Signal(int, int)

    def __init__(
        self,
        label_class: LabelClass,
        classes: ClassList,
        parent: QWidget | None = None,
        flags: tuple[bool, bool] = (False, False),
    ) -> None:
        """shields: whether the class is hidden, and whether it is locked."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setToolTipsVisible(True)
        self._value = label_class.value
        place = classes.values.index(label_class.value)
        self._add("rename_class", "Rename")
        self._add("recolour_class")
        self.addSeparator()
        hidden, locked = flags
        self._add("hide_class", "Show" if hidden else "Hide")
        self._add("solo_class", "Show only this").setEnabled(len(classes) > 1)
        self._add("lock_class", "Unlock" if locked else "Lock")
        self.addSeparator()
        self._add("class_up", "Move up").setEnabled(place > 0)
        self._add("class_down", "Move down").setEnabled(place < len(classes) - 1)
        self.addSeparator()
        self.merge_menu = self.addMenu("Merge into")
        for heir in classes:
            if heir.value != label_class.value:
                action = self.merge_menu.addAction(
                    colour_chip_icon(heir.colour), heir.name.replace("&", "&&")
                )
                action.triggered.connect(
                    lambda _on=False, value=heir.value: self.merge_requested.emit(self._value, value)
                )
        self.merge_menu.setEnabled(len(classes) > 1)
        self._add("change_class_value")
        self._add("split_class")
        self.addSeparator()
        self._add("delete_class", "Delete…")

    def _add(self, key: str, title: str = "") -> QAction:
        keys = shortcut_text(key)
        made = self.addAction((title or action_spec(key).title) + (f"\t{keys}" if keys else ""))
        made.setObjectName(key)
        made.setToolTip(action_spec(key).help)
        made.triggered.connect(lambda _on=False: self.action_requested.emit(key, self._value))
        return made
