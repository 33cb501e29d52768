"""View adjustments in a real window: only the view changes, and they are stored with the project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from core.images.adjustments import Adjustments
from core.images.image_reader import read_picture
from desktop.workspaces.label.panels.adjustments_panel import AdjustmentsPanel
from tests.desktop.conftest import GuiDriver


def seen(gui: GuiDriver) -> NDArray[np.uint8]:
    """The left part of the canvas, which the panel does not cover."""
    image = gui.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[100:-100, 300:900].copy()


def sheet_of(gui: GuiDriver) -> AdjustmentsPanel:
    gui.key(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    sheet = gui.window.image_adjustments.panel
    gui.wait_until(sheet.isVisible, "the sheet")
    return sheet


def test_sliders_change_the_view_and_nothing_else(gui: GuiDriver, tmp_path: Path) -> None:
    path = tmp_path / "pictures" / "p0.png"
    before, stored, file = seen(gui), read_picture(path), path.read_bytes()
    sheet = sheet_of(gui)
    sheet.sliders["brightness"].setValue(30)
    gui.wait(50)
    assert seen(gui).mean() > before.mean() + 20
    gui.key(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert not sheet.isVisible()
    assert gui.window.status_bar.adjusted.isVisible()  # whoever has put the sheet away must not wonder
    assert np.array_equal(read_picture(path), stored)
    assert path.read_bytes() == file
    assert not gui.labelled_pixels
    sheet.sliders["brightness"].setValue(0)
    assert not gui.window.status_bar.adjusted.isVisible()
    gui.wait(50)
    np.testing.assert_array_equal(seen(gui), before)


def test_a_double_click_resets_a_slider_and_reset_all_of_them(gui: GuiDriver) -> None:
    sheet = sheet_of(gui)
    slider = sheet.sliders["contrast"]
    slider.setValue(60)
    assert gui.window.image_adjustments.adjustments.contrast == 0.6
    middle = slider.rect().center()
    QTest.mouseDClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(middle.x() + 4, middle.y()))
    assert gui.window.image_adjustments.adjustments.is_identity
    sheet.sliders["gamma"].setValue(50)
    sheet.channels.setCurrentIndex(1)
    assert gui.window.image_adjustments.adjustments.channels == "red"
    gui.click(sheet.reset_button)
    assert gui.window.image_adjustments.adjustments.is_identity
    assert sheet.sliders["gamma"].value() == 0
    assert not sheet.reset_button.isEnabled()


def test_black_stays_below_white_and_stretch_uses_the_histogram(gui: GuiDriver) -> None:
    sheet = sheet_of(gui)
    sheet.sliders["high"].setValue(40)
    sheet.sliders["low"].setValue(70)
    tone = gui.window.image_adjustments.adjustments
    assert tone.low < tone.high
    gui.click(sheet.reset_button)
    before = seen(gui)
    gui.click(sheet.stretch_button)
    assert gui.window.image_adjustments.adjustments != Adjustments()
    assert np.ptp(seen(gui)) >= np.ptp(before)


def test_a_click_on_the_panel_paints_nothing(gui: GuiDriver) -> None:
    sheet = sheet_of(gui)
    QTest.mouseClick(sheet, Qt.MouseButton.LeftButton, pos=QPoint(6, sheet.height() - 6))
    gui.wait(50)
    assert gui.labelled_pixels == 0
    gui.key(Qt.Key.Key_Escape, on=sheet.sliders["low"])
    assert not sheet.isVisible()


def test_adjustments_are_stored_with_the_project(gui: GuiDriver, tmp_path: Path) -> None:
    gui.window.image_adjustments.set_adjustments(Adjustments(gamma=1.5, channels="green"))
    gui.window.close_project()
    assert gui.window.image_adjustments.adjustments.is_identity
    gui.window.open_project(tmp_path / "pictures")
    gui.wait_until(
        lambda: gui.window.image_adjustments.adjustments == Adjustments(gamma=1.5, channels="green"),
        "the tone",
    )
