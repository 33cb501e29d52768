"""Sorts the rows of a table by the heading that is clicked."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QTableWidget

Row = TypeVar("Row")


class HeadingSort(QObject):
    """A second click on a heading turns the order round. `changed`: the rows are to be shown in another order;
    `chosen`, after it: a person chose this column, and whether the order is descending."""

    changed = Signal()
    chosen = Signal(int, bool)

    def __init__(self, table: QTableWidget, begin_descending: Collection[int]) -> None:
        """begin_descending: columns that begin with their highest value. Nothing is sorted before `set_order`."""
        super().__init__(table)
        self._header, self._begin_descending = table.horizontalHeader(), frozenset(begin_descending)
        self._column, self._descending = -1, False
        self._header.setSectionsClickable(True)
        self._header.sectionClicked.connect(self.choose)

    def choose(self, column: int) -> None:
        """What a click on a heading does."""
        descending = not self._descending if column == self._column else column in self._begin_descending
        self.set_order(column, descending=descending)
        self.chosen.emit(column, descending)

    def set_order(self, column: int, *, descending: bool) -> None:
        self._column, self._descending = column, descending
        order = Qt.SortOrder.DescendingOrder if descending else Qt.SortOrder.AscendingOrder
        self._header.setSortIndicatorShown(True)  # it takes room in every heading
        self._header.setSortIndicator(column, order)
        self.changed.emit()

    def sort(self, rows: Iterable[Row], key: Callable[[Row, int], float | str | None]) -> list[Row]:
        """key: what a row is sorted by in a column; None and nan, for unknown, come last."""
        if self._column < 0:
            return list(rows)
        keyed = [(key(row, self._column), row) for row in rows]
        known = [pair for pair in keyed if not _is_unknown(pair[0])]
        known.sort(key=lambda pair: pair[0], reverse=self._descending)  # type: ignore[arg-type, return-value]
        return [row for _, row in known] + [row for value, row in keyed if _is_unknown(value)]


def _is_unknown(value: float | str | None) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
