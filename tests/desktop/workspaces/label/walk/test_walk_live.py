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


def start(live: GuiDriver) -> None:
    """Teach two classes, and begin to walk."""
    live.canvas.tools.options.brush_radius = 5
    for value, x in ((1, 10), (2, 182)):
        paint(live, value, x, 60)
    wait_for_answer(live)
    live.page.walk_bar.slider.setValue(95)
    live.key(Qt.Key.Key_Tab)
    live.wait_until(live.page.walk_bar.isVisible, "the walk", TIMEOUT)


def paint(gui: GuiDriver, value: int, x: int, y: int) -> None:
    """A dab of a class around an image pixel, until it is stored."""
    gui.labelling.choose_class(value)
    before = gui.labelling.edit_queue.stored_count
    QTest.mouseClick(gui.canvas, Qt.MouseButton.LeftButton, pos=gui.position_of(x / SIZE[0], y / SIZE[1]))
    gui.wait_until_saved(before + 1)


def test_strokes_change_only_the_region_if_that_is_wanted(live: GuiDriver) -> None:
    start(live)
    bar, walk, picture = live.page.walk_bar, live.labelling._walk, live.labelling.picture
    live.click(bar.only_here)
    assert bar.only_here.isChecked()
    region, before = walk.region, picture.prediction
    assert region is not None and before is not None
    inside = np.zeros(before.values.shape, bool)
    inside[region.box.slices] = region.pixels_in(region.box)
    outside = ~inside
    paint(live, 3, *region.anchor)
    wait_for_answer(live)
    answer = live.labelling._live._answer
    assert answer is not None and answer.mask is not None
    assert (answer.mask.values != before.values)[outside].any(), "the stroke teaches about other places too"
    shown = picture.prediction
    assert shown is not None and np.array_equal(shown.values[outside], before.values[outside])
    assert np.array_equal(shown.values[inside], answer.mask.values[inside])
    live.key(Qt.Key.Key_Escape)
    assert picture.prediction is not None
    assert np.array_equal(picture.prediction.values, answer.mask.values), "all of it is shown again"
    bar.only_here.setChecked(False)
    bar.slider.setValue(80)


def test_verdicts_teach_the_prediction_until_nothing_is_unsure(live: GuiDriver) -> None:
    start(live)
    bar, walk, truth = live.page.walk_bar, live.labelling._walk, spotted_truth()
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
