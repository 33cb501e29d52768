"""A list of classes to choose those with a curve, for projects with too many to show all."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QWidget

from core.labels.class_list import ClassList
from desktop.theme.theme import GRID
from desktop.widgets.controls import button, column, row, text_label
from desktop.widgets.table import colour_chip_icon


class ClassChooser(QDialog):
    """`chosen` carries the values of the checked classes after each change; None: chosen by their score again."""

    chosen = Signal(object)

    def __init__(self, classes: ClassList, shown: Collection[int], automatic: str, parent: QWidget) -> None:
        """automatic: what the choice by score is called"""
        super().__init__(parent)
        self.setWindowTitle("Curves of classes")
        self.setModal(False)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a class")
        self.search.setAccessibleName("Find a class")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.list = QListWidget()
        self.list.setAccessibleName("Classes with a curve")
        for each in classes:
            item = QListWidgetItem(colour_chip_icon(each.colour), each.name, self.list)
            item.setData(Qt.ItemDataRole.UserRole, each.value)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if each.value in shown else Qt.CheckState.Unchecked)
        self.list.itemChanged.connect(lambda _item: self._announce())
        self.everything, self.nothing = button("All"), button("None")
        self.by_score, close = button(automatic), button("Close", "primary")
        self.everything.clicked.connect(lambda: self._check_all(Qt.CheckState.Checked))
        self.nothing.clicked.connect(lambda: self._check_all(Qt.CheckState.Unchecked))
        self.by_score.clicked.connect(self._leave_to_score)
        close.clicked.connect(self.accept)
        for each_button in (self.everything, self.nothing, self.by_score):
            each_button.setAutoDefault(False)
        self.setLayout(
            column(
                text_label("Only checked classes have a curve.", "muted"),
                self.search,
                self.list,
                row(self.everything, self.nothing, self.by_score, None, close),
                margins=(2 * GRID,) * 4,
            )
        )
        self.resize(420, 480)

    def checked(self) -> tuple[int, ...]:
        items = (self.list.item(at) for at in range(self.list.count()))
        return tuple(
            item.data(Qt.ItemDataRole.UserRole)
            for item in items
            if item.checkState() == Qt.CheckState.Checked
        )

    def _leave_to_score(self) -> None:
        self.chosen.emit(None)
        self.accept()

    def _announce(self) -> None:
        self.chosen.emit(self.checked())

    def _check_all(self, state: Qt.CheckState) -> None:
        """All that the search leaves."""
        self.list.blockSignals(True)
        for at in range(self.list.count()):
            if not self.list.item(at).isHidden():
                self.list.item(at).setCheckState(state)
        self.list.blockSignals(False)
        self._announce()

    def _filter(self, text: str) -> None:
        for at in range(self.list.count()):
            item = self.list.item(at)
            item.setHidden(text.casefold() not in item.text().casefold())
