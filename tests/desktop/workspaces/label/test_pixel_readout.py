"""The readout in the status bar: it follows the pointer over the active picture."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")


def test_the_pixel_under_a_resting_pointer_is_that_of_the_picture_on_screen(gui: GuiDriver) -> None:
    gui.dab(0.5)
    QTest.mouseMove(gui.canvas, gui.position_of(0.5, 0.5))
    gui.wait_until(lambda: "grass (1, painted)" in gui.window.status_bar.pixel.text(), "who said so", 10)
    gui.key(Qt.Key.Key_D)
    gui.wait_until(lambda: gui.labelling.picture.id == 2, "the next picture", 10)
    assert gui.window.status_bar.pixel.text().endswith("unlabelled (0)")
    gui.key(Qt.Key.Key_A)
    gui.wait_until(
        lambda: "grass (1, painted)" in gui.window.status_bar.pixel.text(), "the first one again", 10
    )


def test_the_readout_of_a_moving_pointer_is_throttled(gui: GuiDriver) -> None:
    pixel, reading = gui.window.status_bar.pixel, gui.labelling._pixel_readout._update_timer
    gui.wait_until(lambda: not reading.isActive(), "nothing to be read", 5)
    reading.setInterval(60_000)
    QTest.mouseMove(gui.canvas, gui.position_of(0.3, 0.5))
    first = pixel.text()
    for step in range(1, 9):
        QTest.mouseMove(gui.canvas, gui.position_of(0.3 + 0.05 * step, 0.5))
        assert pixel.text() == first
    reading.start(0)
    at = gui.canvas.cursor_point
    assert at is not None
    gui.wait_until(lambda: pixel.text().startswith(f"x {int(at.x)}  y {int(at.y)}"), "where it stopped", 5)
    assert pixel.text() != first
