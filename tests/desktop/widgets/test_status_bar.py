"""The status bar."""

from __future__ import annotations

import pytest

from desktop.theme.theme import Theme
from desktop.widgets.status_bar import StatusBar

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


def test_status_bar_shows_pixel_zoom_and_training(qtbot, theme: Theme) -> None:
    line = StatusBar(theme)
    qtbot.addWidget(line)
    line.set_pixel(812, 344, "road", "painted", "fence", 0.54, (3, 7))
    assert line.pixel.text() == "x 812  y 344  ·  road (3, painted)  ·  predicted fence (7) 54 %"
    line.set_pixel(0, 0, "unlabelled")
    assert line.pixel.text() == "x 0  y 0  ·  unlabelled"
    line.set_pixel()
    assert line.pixel.text() == ""
    line.set_zoom(1)
    assert line.zoom.text() == "100 %  ·  100 px = 100 picture px"
    line.set_zoom(0.0345)
    assert line.zoom.text() == "3.5 %  ·  100 px = 2899 picture px"
    line.set_zoom(16)
    assert line.zoom.text() == "1600 %  ·  100 px = 6.2 picture px"
    assert "100 pixels of the screen show 6.2 pixels" in line.zoom.toolTip()
    line.set_training("cuda:0", 7, 412.4, 40)
    assert line.training.text() == "cuda:0  ·  run 7  ·  412 pictures/s  ·  0:40 left"
    line.set_training()
    assert line.training.text() == ""
