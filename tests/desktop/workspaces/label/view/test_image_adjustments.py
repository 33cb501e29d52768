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
from tests.desktop.conftest import Desk


def seen(desk: Desk) -> NDArray[np.uint8]:
    """The left part of the canvas, which the panel does not cover."""
    image = desk.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[100:-100, 300:900].copy()


def sheet_of(desk: Desk) -> AdjustmentsPanel:
    desk.key(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    sheet = desk.window.image_adjustments.panel
    desk.wait_until(sheet.isVisible, "the sheet")
    return sheet


def test_sliders_change_the_view_and_nothing_else(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "pictures" / "p0.png"
    before, stored, file = seen(desk), read_picture(path), path.read_bytes()
    sheet = sheet_of(desk)
    sheet.sliders["brightness"].setValue(30)
    desk.wait(50)
    assert seen(desk).mean() > before.mean() + 20
    desk.key(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert not sheet.isVisible()
    assert desk.window.status_bar.adjusted.isVisible()  # whoever has put the sheet away must not wonder
    assert np.array_equal(read_picture(path), stored)
    assert path.read_bytes() == file
    assert not desk.labelled_pixels
    sheet.sliders["brightness"].setValue(0)
    assert not desk.window.status_bar.adjusted.isVisible()
    desk.wait(50)
    np.testing.assert_array_equal(seen(desk), before)


def test_a_double_click_resets_a_slider_and_reset_all_of_them(desk: Desk) -> None:
    sheet = sheet_of(desk)
    slider = sheet.sliders["contrast"]
    slider.setValue(60)
    assert desk.window.image_adjustments.adjustments.contrast == 0.6
    middle = slider.rect().center()
    QTest.mouseDClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(middle.x() + 4, middle.y()))
    assert desk.window.image_adjustments.adjustments.is_identity
    sheet.sliders["gamma"].setValue(50)
    sheet.channels.setCurrentIndex(1)
    assert desk.window.image_adjustments.adjustments.channels == "red"
    desk.click(sheet.reset_button)
    assert desk.window.image_adjustments.adjustments.is_identity
    assert sheet.sliders["gamma"].value() == 0
    assert not sheet.reset_button.isEnabled()


def test_black_stays_below_white_and_stretch_uses_the_histogram(desk: Desk) -> None:
    sheet = sheet_of(desk)
    sheet.sliders["high"].setValue(40)
    sheet.sliders["low"].setValue(70)
    tone = desk.window.image_adjustments.adjustments
    assert tone.low < tone.high
    desk.click(sheet.reset_button)
    before = seen(desk)
    desk.click(sheet.stretch_button)
    assert desk.window.image_adjustments.adjustments != Adjustments()
    assert np.ptp(seen(desk)) >= np.ptp(before)


def test_a_click_on_the_panel_paints_nothing(desk: Desk) -> None:
    sheet = sheet_of(desk)
    QTest.mouseClick(sheet, Qt.MouseButton.LeftButton, pos=QPoint(6, sheet.height() - 6))
    desk.wait(50)
    assert desk.labelled_pixels == 0
    desk.key(Qt.Key.Key_Escape, on=sheet.sliders["low"])
    assert not sheet.isVisible()


def test_adjustments_are_stored_with_the_project(desk: Desk, tmp_path: Path) -> None:
    desk.window.image_adjustments.set_adjustments(Adjustments(gamma=1.5, channels="green"))
    desk.window.close_project()
    assert desk.window.image_adjustments.adjustments.is_identity
    desk.window.open_project(tmp_path / "pictures")
    desk.wait_until(
        lambda: desk.window.image_adjustments.adjustments == Adjustments(gamma=1.5, channels="green"),
        "the tone",
    )
