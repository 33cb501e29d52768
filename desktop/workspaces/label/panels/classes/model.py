"""What the rows of the classes panel show: the list of classes with two more rows, and the numbers of each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, Qt, Signal

from core.labels.class_list import UNLABELLED, VOID, ClassList, LabelClass
from desktop.actions.catalog import shortcut_text

Index = QModelIndex


@dataclass(slots=True)
class ClassNumbers:
    scores: dict[int, float] = field(default_factory=dict)
    shares: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClassFlags:
    """Values of classes that are not shown, and of those that no tool may paint over."""

    hidden: frozenset[int] = frozenset()
    locked: frozenset[int] = frozenset()


class ClassListModel(QAbstractListModel):
    """The classes in list order, then unlabelled and void. Renaming only asks: the owner answers with set_classes."""

    rename_requested = Signal(int, str)

    def __init__(self) -> None:
        super().__init__()
        self.classes = ClassList()
        self.numbers = ClassNumbers()
        self.class_flags = ClassFlags()
        self.shows_patterns = False

    def rowCount(self, parent: Any = Index()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() or not len(self.classes) else len(self.classes) + 2

    def value_at(self, row: int) -> int:
        beyond = row - len(self.classes)
        return self.classes.classes[row].value if beyond < 0 else (UNLABELLED, VOID)[beyond]

    def class_at(self, row: int) -> LabelClass | None:
        return self.classes.classes[row] if row < len(self.classes) else None

    def row_of(self, value: int) -> int | None:
        beyond = {UNLABELLED: len(self.classes), VOID: len(self.classes) + 1}
        if value in beyond:
            return beyond[value]
        return next((i for i, c in enumerate(self.classes) if c.value == value), None)

    def shortcut_of(self, row: int) -> str:
        """The key that chooses the class where it is a short one, else its place in the list."""
        beyond = row - len(self.classes)
        if beyond >= 0:
            return shortcut_text(("class_0", "class_void")[beyond])[:2]
        keys = shortcut_text(f"class_{row + 1}") if row < 9 else ""
        return keys if 0 < len(keys) <= 2 else str(row + 1)

    def flags_of(self, value: int) -> tuple[bool, bool]:
        """Whether a class is hidden, and whether it is locked."""
        return value in self.class_flags.hidden, value in self.class_flags.locked

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        value = self.value_at(index.row())
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self.classes.name_of(value)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return self._tooltip(value)
        return None

    def _tooltip(self, value: int) -> str:
        if value == UNLABELLED:
            return "Nobody has said yet what these pixels are. Never trained on."
        if value == VOID:
            return "Pixels to be ignored: never trained on, never counted."
        name = self.classes.name_of(value)
        share, score = self.numbers.shares.get(value), self.numbers.scores.get(value)
        parts = [f"{name}, pixel value {value}"]
        parts.append("no pixel labelled yet" if not share else f"{share * 100:.1f} % of the labelled pixels")
        if score is not None and not math.isnan(score):
            parts.append(f"IoU {score:.2f}: how well the predicted area covers the true one")
        if value in self.class_flags.hidden:
            parts.append("hidden: neither label nor prediction is shown")
        if value in self.class_flags.locked:
            parts.append("locked: no tool paints over it")
        return "\n".join(parts)

    def setData(self, index: Any, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802
        found = self.class_at(index.row())
        name = " ".join(str(value).split())
        if role != Qt.ItemDataRole.EditRole or found is None or not name or name == found.name:
            return False
        self.rename_requested.emit(found.value, name)
        return True

    def flags(self, index: Any) -> Qt.ItemFlag:
        plain = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled  # rows are dropped between others, not on them
        of_class = Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsDragEnabled
        return plain | of_class if self.class_at(index.row()) else plain

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: N802
        return Qt.DropAction.MoveAction

    def set_classes(self, classes: ClassList) -> None:
        self.beginResetModel()
        self.classes = classes
        self.endResetModel()

    def notify_changed(self) -> None:
        if self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))
