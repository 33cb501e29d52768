"""Labels of the picture before and outlines opened again, by keys in the real window."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.desktop.conftest import Desk

CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


def test_the_label_of_the_picture_before_is_copied_and_can_be_undone(desk: Desk) -> None:
    desk.key(Qt.Key.Key_P, CTRL)
    desk.until(lambda: "before this one" in desk.said, "the reason")
    desk.dab(0.3, 0.7)
    first = desk.values.copy()
    desk.key(Qt.Key.Key_D)
    desk.until(lambda: desk.record.name == "p1.png" and desk.painted == 0, "the next picture")
    desk.key(Qt.Key.Key_2)
    desk.dab(0.3)
    mine = desk.values.copy()
    before = desk.labelling.saving.strokes
    desk.key(Qt.Key.Key_P, CTRL)
    desk.until_saved(before + 1)
    np.testing.assert_array_equal(desk.values, np.where(mine == 0, first, mine))
    assert desk.said.startswith("Copied ") and desk.said.endswith(" from p0.png.")
    assert "Copy labels from p0.png" in desk.page.options.undo.text()
    desk.key(Qt.Key.Key_P, CTRL)
    desk.until(lambda: "Nothing to copy" in desk.said, "the reason")
    desk.key(Qt.Key.Key_P, CTRL | SHIFT)
    desk.until_saved(before + 2)
    np.testing.assert_array_equal(desk.values, np.where(first == 0, mine, first))
    for _ in range(2):
        desk.key(Qt.Key.Key_Z, CTRL)
    desk.until(lambda: np.array_equal(desk.values, mine), "undo")


def test_an_outline_is_opened_by_key_and_takes_its_class_along(desk: Desk) -> None:
    desk.key(Qt.Key.Key_2)
    desk.dab(0.5)
    desk.key(Qt.Key.Key_1)
    before = desk.values.copy()
    QTest.mouseMove(desk.canvas, desk.at(0.5, 0.5))
    desk.key(Qt.Key.Key_P, SHIFT)
    desk.until(lambda: desk.said.startswith("Drag corners"), "the outline")
    assert desk.canvas.is_busy and desk.page.options.tool.text() == "Polygon"
    QTest.mouseMove(desk.canvas, desk.at(0.95, 0.5))
    for place in ((0.9, 0.3), (0.95, 0.7), (0.8, 0.6)):
        QTest.mouseClick(desk.canvas, Qt.MouseButton.LeftButton, pos=desk.at(*place))
    desk.key(Qt.Key.Key_Return)
    desk.until_saved(2)
    added = desk.values != before
    assert added.any() and (desk.values[added] == 2).all()
    assert "Edit outline, roof" in desk.page.options.undo.text()


def test_alt_click_with_the_brush_takes_the_class_under_it(desk: Desk) -> None:
    desk.key(Qt.Key.Key_2)
    desk.dab(0.5)
    desk.key(Qt.Key.Key_1)
    QTest.mouseMove(desk.canvas, desk.at(0.5, 0.5))
    QTest.mouseClick(desk.canvas, Qt.MouseButton.LeftButton, ALT, desk.at(0.5, 0.5))
    desk.dab(0.1)
    assert (desk.values[desk.values != 0] == 2).all()
