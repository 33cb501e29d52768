"""Model of the class list: the classes, then unlabelled and void; with scores, shares, and what is hidden or locked."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, Qt, Signal

from core.base.number_text import percent_text
from core.labels.class_list import UNLABELLED, VOID, ClassList, LabelClass
from desktop.actions.catalog import shortcut_text
from desktop.widgets.plain_text import plain_tooltip


@dataclass(slots=True)
class ClassNumbers:
    """By class value: `scores` are IoU (0..1), `shares` of the labelled pixels (0..1)."""

    scores: dict[int, float] = field(default_factory=dict)
    shares: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClassFlags:
    """Values of the classes that are not shown, and of those that no tool may paint over."""

    hidden: frozenset[int] = frozenset()
    locked: frozenset[int] = frozenset()


class ClassListModel(QAbstractListModel):
    """Renaming is only requested; `set_classes` is called with the new name when it is accepted."""

    rename_requested = Signal(int, str)

    def __init__(self) -> None:
        super().__init__()
        self.classes = ClassList()
        self.numbers = ClassNumbers()
        self.class_flags = ClassFlags()
        self.shows_patterns = False
        self._positions: tuple[int, ...] = ()
        """Position in the class list of each row, without the two rows at the end."""
        self._first: frozenset[int] = frozenset()

    def rowCount(self, parent: Any = QModelIndex()) -> int:  # noqa: N802, B008
        return 0 if parent.isValid() or not len(self.classes) else len(self.classes) + 2

    def value_at(self, row: int) -> int:
        extra = row - len(self.classes)
        return self.classes.classes[self._positions[row]].value if extra < 0 else (UNLABELLED, VOID)[extra]

    def class_at(self, row: int) -> LabelClass | None:
        return self.classes.classes[self._positions[row]] if row < len(self.classes) else None

    def position_at(self, row: int) -> int:
        """The position in the class list, from 0, of the class in a row."""
        return self._positions[row] if row < len(self.classes) else row

    def position_of(self, value: int) -> int | None:
        extra = {UNLABELLED: len(self.classes), VOID: len(self.classes) + 1}
        if value in extra:
            return extra[value]
        return next((i for i, c in enumerate(self.classes) if c.value == value), None)

    def row_of(self, value: int) -> int | None:
        position = self.position_of(value)
        if position is None or position >= len(self.classes):
            return position
        return self._positions.index(position)

    @property
    def first_count(self) -> int:
        """Rows at the top that `set_first` has moved there; 0 where the list has its own order."""
        return sum(c.value in self._first for c in self.classes)

    def set_first(self, values: frozenset[int]) -> None:
        """List the classes with these values first, each group in the order of the class list."""
        if values != self._first:
            self._first = values
            self.set_classes(self.classes)

    def shortcut_of(self, row: int) -> str:
        """The shortcut of the class when it is short enough to show, else its position in the list."""
        extra = row - len(self.classes)
        if extra >= 0:
            return shortcut_text(("class_0", "class_void")[extra])[:2]
        number = self.position_at(row) + 1
        shortcut = shortcut_text(f"class_{number}") if number < 10 else ""
        return shortcut if 0 < len(shortcut) <= 2 else str(number)

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
            text = self._tooltip(value)
            return plain_tooltip(text) if role == Qt.ItemDataRole.ToolTipRole else text
        return None

    def _tooltip(self, value: int) -> str:
        if value == UNLABELLED:
            return "Pixels without a label yet. Never trained on."
        if value == VOID:
            return "Ignored by training and scores."
        name = self.classes.name_of(value)
        share, score = self.numbers.shares.get(value), self.numbers.scores.get(value)
        parts = [f"{name}, pixel value {value}"]
        parts.append(
            "no pixel labelled yet" if not share else f"{percent_text(share, 1)} of the labelled pixels"
        )
        if score is not None and not math.isnan(score):
            parts.append(
                f"IoU {score:.2f} (intersection over union): how well the predicted area covers the labelled one"
            )
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
        common = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled  # rows are dropped between others, not on them
        of_class = Qt.ItemFlag.ItemIsEditable
        if not self.first_count:  # rows in another order have no place to be dragged to
            of_class |= Qt.ItemFlag.ItemIsDragEnabled
        return common | of_class if self.class_at(index.row()) else common

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: N802
        return Qt.DropAction.MoveAction

    def set_classes(self, classes: ClassList) -> None:
        self.beginResetModel()
        self.classes = classes
        values = [c.value for c in classes]
        self._positions = tuple(sorted(range(len(values)), key=lambda n: values[n] not in self._first))
        self.endResetModel()

    def notify_changed(self) -> None:
        if self.rowCount():
            self.dataChanged.emit(self.index(0), self.index(self.rowCount() - 1))
