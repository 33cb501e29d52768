"""Tables are sorted by the heading that is clicked."""

from __future__ import annotations

from math import nan

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from desktop.widgets.table import DataTable, HeadingSort
from tests.desktop.conftest import show_widget

ROWS = [("b", 2.0), ("a", nan), ("c", 1.0), ("d", None)]


@pytest.fixture
def table(qtbot) -> DataTable:
    made = DataTable(("Name", "Score"), (1,), "Names")
    show_widget(qtbot, made, 400, 300)
    return made


def click(table: DataTable, column: int) -> None:
    header = table.horizontalHeader()
    x = header.sectionViewportPosition(column) + header.sectionSize(column) // 2
    QTest.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(x, header.height() // 2))


def names(order: HeadingSort) -> str:
    return "".join(name for name, _ in order.sort(ROWS, lambda row, column: row[column]))


def test_a_click_sorts_and_a_second_one_turns_round(table: DataTable) -> None:
    order = HeadingSort(table, begin_descending=(1,))
    seen: list[tuple[str, bool]] = []
    order.chosen.connect(lambda column, descending: seen.append((names(order), descending)))
    assert names(order) == "bacd", "as given"
    for column in (0, 0, 1, 1):
        click(table, column)
    assert seen == [("abcd", False), ("dcba", True), ("bcad", True), ("cbad", False)], "unknown ones last"
    assert table.horizontalHeader().sortIndicatorSection() == 1


def test_an_order_that_is_set_is_no_choice_of_a_person(table: DataTable, qtbot) -> None:
    order = HeadingSort(table, begin_descending=())
    with qtbot.waitSignal(order.changed), qtbot.assertNotEmitted(order.chosen):
        order.set_order(0, descending=True)
    assert names(order) == "dcba"
