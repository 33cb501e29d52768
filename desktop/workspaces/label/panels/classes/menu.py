"""The context menu of a class: its operations, with their shortcuts."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from core.labels.class_list import ClassList, LabelClass
from desktop.actions.catalog import action_spec, shortcut_text
from desktop.widgets.plain_text import menu_text
from desktop.widgets.table import colour_chip_icon

VIEWING = ("hide_class", "solo_class")
"""What a project that is open read-only allows."""


class ClassMenu(QMenu):
    """`action_requested` carries action id and class value; `merge_requested` the values of source and target."""

    action_requested = Signal(str, int)
    merge_requested = Signal(int, int)

    def __init__(
        self,
        label_class: LabelClass,
        classes: ClassList,
        parent: QWidget | None = None,
        flags: tuple[bool, bool] = (False, False),
        *,
        is_read_only: bool = False,
    ) -> None:
        """flags: whether the class is hidden, and whether it is locked."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setToolTipsVisible(True)
        self._value = label_class.value
        row = classes.values.index(label_class.value)
        self._add("rename_class", "Rename")
        self._add("recolour_class")
        self.addSeparator()
        hidden, locked = flags
        self._add("hide_class", "Show" if hidden else "Hide")
        self._add("solo_class", "Show only this").setEnabled(len(classes) > 1)
        self._add("lock_class", "Unlock" if locked else "Lock")
        self.addSeparator()
        self._add("class_up", "Move up").setEnabled(row > 0)
        self._add("class_down", "Move down").setEnabled(row < len(classes) - 1)
        self.addSeparator()
        self.merge_menu = self.addMenu("Merge into")
        for target in classes:
            if target.value != label_class.value:
                icon = colour_chip_icon(target.colour)
                action = self.merge_menu.addAction(icon, menu_text(target.name))
                action.triggered.connect(
                    lambda _on=False, value=target.value: self.merge_requested.emit(self._value, value)
                )
        self.merge_menu.setEnabled(len(classes) > 1)
        self._add("change_class_value")
        self._add("split_class")
        self.addSeparator()
        self._add("delete_class", "Delete…")
        for action in self.actions() if is_read_only else ():
            if action.objectName() not in VIEWING:
                action.setEnabled(False)

    def _add(self, key: str, title: str = "") -> QAction:
        shortcut, spec = shortcut_text(key), action_spec(key)
        action = self.addAction((title or spec.title) + (f"\t{shortcut}" if shortcut else ""))
        action.setObjectName(key)
        action.setToolTip(spec.help)
        action.triggered.connect(lambda _on=False: self.action_requested.emit(key, self._value))
        return action
