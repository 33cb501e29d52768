"""Copying the label of the previous picture, editing outlines and picking classes by shortcut in a real window."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.desktop.conftest import GuiDriver

CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


def test_the_label_of_the_previous_picture_is_copied_and_can_be_undone(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_P, CTRL)
    gui.wait_until(lambda: "before this one" in gui.said, "the reason")
    gui.dab(0.3, 0.7)
    first = gui.label_values.copy()
    gui.key(Qt.Key.Key_D)
    gui.wait_until(lambda: gui.record.name == "p1.png" and gui.labelled_pixels == 0, "the next picture")
    gui.key(Qt.Key.Key_2)
    gui.dab(0.3)
    mine = gui.label_values.copy()
    before = gui.labelling.edit_queue.stored_count
    gui.key(Qt.Key.Key_P, CTRL)
    gui.wait_until_saved(before + 1)
    np.testing.assert_array_equal(gui.label_values, np.where(mine == 0, first, mine))
    assert gui.said.startswith("Copied ") and gui.said.endswith(" from p0.png.")
    assert "Copy labels from p0.png" in gui.page.option_bar.undo.text()
    gui.key(Qt.Key.Key_P, CTRL)
    gui.wait_until(lambda: "Nothing to copy" in gui.said, "the reason")
    gui.key(Qt.Key.Key_P, CTRL | SHIFT)
    gui.wait_until_saved(before + 2)
    np.testing.assert_array_equal(gui.label_values, np.where(first == 0, mine, first))
    for _ in range(2):
        gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: np.array_equal(gui.label_values, mine), "undo")


def test_an_outline_is_edited_by_shortcut_with_its_class(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_2)
    gui.dab(0.5)
    gui.key(Qt.Key.Key_1)
    before = gui.label_values.copy()
    QTest.mouseMove(gui.canvas, gui.position_of(0.5, 0.5))
    gui.key(Qt.Key.Key_P, SHIFT)
    gui.wait_until(lambda: gui.said.startswith("Drag corners"), "the outline")
    assert gui.canvas.is_busy and gui.page.option_bar.tool_name.text() == "Polygon"
    QTest.mouseMove(gui.canvas, gui.position_of(0.95, 0.5))
    for place in ((0.9, 0.3), (0.95, 0.7), (0.8, 0.6)):
        QTest.mouseClick(gui.canvas, Qt.MouseButton.LeftButton, pos=gui.position_of(*place))
    gui.key(Qt.Key.Key_Return)
    gui.wait_until_saved(2)
    added = gui.label_values != before
    assert added.any() and (gui.label_values[added] == 2).all()
    assert "Edit outline, roof" in gui.page.option_bar.undo.text()


def test_alt_click_with_the_brush_picks_the_class(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_2)
    gui.dab(0.5)
    gui.key(Qt.Key.Key_1)
    QTest.mouseMove(gui.canvas, gui.position_of(0.5, 0.5))
    QTest.mouseClick(gui.canvas, Qt.MouseButton.LeftButton, ALT, gui.position_of(0.5, 0.5))
    gui.dab(0.1)
    assert (gui.label_values[gui.label_values != 0] == 2).all()
