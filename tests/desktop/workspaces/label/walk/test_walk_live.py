"""The walk while each verdict brings a new live prediction, in the real window with the real process behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.main_window import MainWindow
from tests.desktop.conftest import GuiDriver
from tests.spotted_pictures import SIZE, spotted_project, spotted_truth

pytestmark = pytest.mark.qt_log_ignore("does not support")

TIMEOUT = 60


@pytest.fixture
def live(one_window: tuple[MainWindow, list[BaseException]], tmp_path: Path) -> Iterator[GuiDriver]:
    window, mistakes = one_window
    spotted_project(tmp_path / "pictures", 1).close()
    made = GuiDriver(window)
    window.open_project(tmp_path / "pictures")
    made.wait_until(made.has_picture, "a picture", 20)
    switch = window.actions_by_id["live_prediction"]
    switch.setChecked(True)
    yield made
    switch.setChecked(False)
    window.close_project()
    window.show_message("")
    assert mistakes == []


def wait_for_answer(gui: GuiDriver) -> None:
    """To the newest request."""

    def is_there() -> bool:
        answer = gui.labelling._live._answer
        return answer is not None and gui.session.live.is_newest(answer) and answer.mask is not None

    gui.wait_until(is_there, "an answer", TIMEOUT)


def test_verdicts_teach_the_prediction_until_nothing_is_unsure(live: GuiDriver) -> None:
    live.canvas.tools.options.brush_radius = 5
    for value, x in ((1, 10), (2, 182)):
        live.key(Qt.Key(Qt.Key.Key_0 + value))
        QTest.mouseClick(
            live.canvas, Qt.MouseButton.LeftButton, pos=live.position_of(x / SIZE[0], 60 / SIZE[1])
        )
    live.wait_until_saved(2)
    wait_for_answer(live)
    bar, walk, truth = live.page.walk_bar, live.labelling._walk, spotted_truth()
    bar.slider.setValue(95)
    live.key(Qt.Key.Key_Tab)
    live.wait_until(bar.isVisible, "the walk", TIMEOUT)
    verdicts = 0
    while (region := walk.region) is not None and verdicts < 60:
        labelled = live.labelled_pixels
        x, y = region.anchor
        right = int(np.bincount(truth[region.box.slices][region.pixels_in(region.box)]).argmax())
        assert live.label_values[y, x] == 0
        live.key(Qt.Key.Key_Return if right == region.value else Qt.Key(Qt.Key.Key_0 + right))
        verdicts += 1
        assert live.label_values[y, x] == right, "the verdict is about the region that was shown"
        assert live.labelled_pixels > labelled
        wait_for_answer(live)
        live.wait_until(lambda: walk._searching is None or walk._searching.done(), "the search", TIMEOUT)
        live.wait(150)
    assert verdicts > 0 and walk.region is None
    assert bar.title.text() in ("All regions have a verdict", "No uncertain region is left")
    live.wait_until_saved(2 + verdicts)
    bar.slider.setValue(80)
