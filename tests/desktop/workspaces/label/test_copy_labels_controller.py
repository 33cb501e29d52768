"""Copying the label of the previous picture, editing outlines and picking classes by shortcut in a real window."""

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


def test_the_label_of_the_previous_picture_is_copied_and_can_be_undone(desk: Desk) -> None:
    desk.key(Qt.Key.Key_P, CTRL)
    desk.wait_until(lambda: "before this one" in desk.said, "the reason")
    desk.dab(0.3, 0.7)
    first = desk.label_values.copy()
    desk.key(Qt.Key.Key_D)
    desk.wait_until(lambda: desk.record.name == "p1.png" and desk.labelled_pixels == 0, "the next picture")
    desk.key(Qt.Key.Key_2)
    desk.dab(0.3)
    mine = desk.label_values.copy()
    before = desk.labelling.edit_queue.stored_count
    desk.key(Qt.Key.Key_P, CTRL)
    desk.wait_until_saved(before + 1)
    np.testing.assert_array_equal(desk.label_values, np.where(mine == 0, first, mine))
    assert desk.said.startswith("Copied ") and desk.said.endswith(" from p0.png.")
    assert "Copy labels from p0.png" in desk.page.option_bar.undo.text()
    desk.key(Qt.Key.Key_P, CTRL)
    desk.wait_until(lambda: "Nothing to copy" in desk.said, "the reason")
    desk.key(Qt.Key.Key_P, CTRL | SHIFT)
    desk.wait_until_saved(before + 2)
    np.testing.assert_array_equal(desk.label_values, np.where(first == 0, mine, first))
    for _ in range(2):
        desk.key(Qt.Key.Key_Z, CTRL)
    desk.wait_until(lambda: np.array_equal(desk.label_values, mine), "undo")


def test_an_outline_is_edited_by_shortcut_with_its_class(desk: Desk) -> None:
    desk.key(Qt.Key.Key_2)
    desk.dab(0.5)
    desk.key(Qt.Key.Key_1)
    before = desk.label_values.copy()
    QTest.mouseMove(desk.canvas, desk.position_of(0.5, 0.5))
    desk.key(Qt.Key.Key_P, SHIFT)
    desk.wait_until(lambda: desk.said.startswith("Drag corners"), "the outline")
    assert desk.canvas.is_busy and desk.page.option_bar.tool_name.text() == "Polygon"
    QTest.mouseMove(desk.canvas, desk.position_of(0.95, 0.5))
    for place in ((0.9, 0.3), (0.95, 0.7), (0.8, 0.6)):
        QTest.mouseClick(desk.canvas, Qt.MouseButton.LeftButton, pos=desk.position_of(*place))
    desk.key(Qt.Key.Key_Return)
    desk.wait_until_saved(2)
    added = desk.label_values != before
    assert added.any() and (desk.label_values[added] == 2).all()
    assert "Edit outline, roof" in desk.page.option_bar.undo.text()


def test_alt_click_with_the_brush_picks_the_class(desk: Desk) -> None:
    desk.key(Qt.Key.Key_2)
    desk.dab(0.5)
    desk.key(Qt.Key.Key_1)
    QTest.mouseMove(desk.canvas, desk.position_of(0.5, 0.5))
    QTest.mouseClick(desk.canvas, Qt.MouseButton.LeftButton, ALT, desk.position_of(0.5, 0.5))
    desk.dab(0.1)
    assert (desk.label_values[desk.label_values != 0] == 2).all()
