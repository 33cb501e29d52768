"""The page of the Data workspace."""

from __future__ import annotations

import pytest

from core.labels.class_list import ClassList
from desktop.theme.theme import Theme
from desktop.workspaces.data.page import ClassCount, DataPage
from tests.desktop.conftest import show_widget

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")

CLASSES = ClassList().with_class("road").with_class("tree")


def test_counts_and_class_table(qtbot, theme: Theme) -> None:
    page = DataPage(theme)
    show_widget(qtbot, page, 1000, 700)
    assert page.empty_text.isVisible()
    page.set_counts({"pictures": 12345, "done": 7})
    assert page._counts["pictures"].text() == "12,345"
    assert page._counts["val"].text() == "0"
    page.set_classes(CLASSES, [ClassCount(1, 3000, 4)])
    cells = [[page.classes.item(y, x).text() for x in (0, 3, 2, 4)] for y in range(2)]
    assert cells == [["road", "3,000", "100.0 %", "4"], ["tree", "0", "–", "0"]]
    for button, signal in ((page.export, page.export_requested), (page.import_masks, page.import_requested)):
        with qtbot.waitSignal(signal):
            button.click()
