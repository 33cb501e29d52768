"""Walking through uncertain regions in the real window: with the keyboard alone, with the mouse alone, and undone."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.base.geometry import Box
from core.labels.prediction import PredictedMask
from core.labels.uncertain_regions import UncertainRegion
from desktop.tour.window_driver import CTRL, LEFT_BUTTON, SHIFT
from desktop.workspaces.label.prediction_controller import NO_PREDICTION
from desktop.workspaces.label.walk import region_focus
from desktop.workspaces.label.walk.walk_bar import WalkBar
from desktop.workspaces.label.walk.walk_controller import WalkController
from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")

LARGE, MIDDLE, SMALL = Box(4, 4, 34, 34), Box(60, 10, 80, 30), Box(60, 44, 72, 56)
"""Unsure places of the prediction, in a picture of 96 x 64 pixels."""
TAB, ENTER, ESC = Qt.Key.Key_Tab, Qt.Key.Key_Return, Qt.Key.Key_Escape


def prediction(*sure: Box, right: int = 2) -> PredictedMask:
    """Class 1 at the left, 2 at the right, unsure in three places, except those in `sure`."""
    values = np.ones((64, 96), np.uint8)
    values[:, 48:] = right
    confidence = np.full(values.shape, 240, np.uint8)
    for box, level in ((LARGE, 150), (MIDDLE, 128), (SMALL, 100)):
        if box not in sure:
            confidence[box.slices] = level
    return PredictedMask(values, confidence)


def predict(gui: GuiDriver, shown: PredictedMask | None = None) -> None:
    picture_id = gui.labelling.picture.id
    assert picture_id is not None
    gui.labelling._pictures._prediction_loaded(picture_id, shown or prediction())


def walk(gui: GuiDriver) -> WalkController:
    return gui.labelling._walk


def bar(gui: GuiDriver) -> WalkBar:
    return gui.page.walk_bar


def region(gui: GuiDriver) -> UncertainRegion:
    found = walk(gui).region
    assert found is not None
    return found


def wait_for(gui: GuiDriver, box: Box, title: str) -> None:
    """Until this region is shown, with this title."""
    gui.wait_until(lambda: walk(gui).region is not None and region(gui).box == box, f"{title}", 10)
    gui.wait_until(lambda: bar(gui).title.text() == title, f"{title}, not {bar(gui).title.text()}", 10)
    assert bar(gui).isVisible()
    outlined = gui.canvas._overlays._region
    assert outlined is not None and outlined.box == box


def start(gui: GuiDriver) -> None:
    predict(gui)
    gui.canvas.setFocus()
    gui.key(TAB)
    wait_for(gui, LARGE, "Region 1 of 3: grass, 59 % sure")


def classes_of(gui: GuiDriver, box: Box) -> set[int]:
    return {int(value) for value in np.unique(gui.label_values[box.slices])}


def test_all_regions_with_the_keyboard_alone(gui: GuiDriver) -> None:
    start(gui)
    gui.key(ENTER)
    wait_for(gui, MIDDLE, "Region 2 of 3: roof, 50 % sure")
    gui.key(TAB)
    wait_for(gui, SMALL, "Region 3 of 3: roof, 39 % sure")
    gui.key(Qt.Key.Key_Backtab, SHIFT)
    wait_for(gui, MIDDLE, "Region 2 of 3: roof, 50 % sure")
    gui.key(Qt.Key.Key_1)
    wait_for(gui, SMALL, "Region 3 of 3: roof, 39 % sure")
    gui.wait_until_saved(2)
    assert [classes_of(gui, box) for box in (LARGE, MIDDLE, SMALL)] == [{1}, {1}, {0}]
    picture_id, size = gui.labelling.picture.id or 0, (96, 64)
    origins = [
        gui.session.editing.origin_at(picture_id, box.x0 + 5, box.y0 + 5, size).result(10)
        for box in (LARGE, MIDDLE)
    ]
    assert origins[0].startswith("accepted") and origins[1] == "painted"
    assert "Correct region, grass" in gui.page.option_bar.undo.toolTip()
    # Undo takes the verdicts back one by one, and each time their region is shown.
    gui.key(Qt.Key.Key_Z, CTRL)
    wait_for(gui, MIDDLE, "Region 2 of 3: roof, 50 % sure")
    gui.key(Qt.Key.Key_Z, CTRL)
    wait_for(gui, LARGE, "Region 1 of 3: grass, 59 % sure")
    assert gui.labelled_pixels == 0
    for _ in range(3):
        gui.key(ENTER)
    gui.wait_until(lambda: bar(gui).title.text() == "All regions have a verdict", "the end", 10)
    gui.key(Qt.Key.Key_S, Qt.KeyboardModifier.AltModifier)
    gui.wait_until(lambda: np.array_equal(gui.label_values, prediction().values), "the rest", 10)
    assert gui.said.endswith("of the picture: what is at least 80 % sure.")
    gui.wait_until_saved(6)
    gui.key(ESC)
    assert not bar(gui).isVisible() and gui.canvas._overlays._region is None
    gui.key(Qt.Key.Key_1)
    assert gui.labelling._classes.active_class == 1, "a digit chooses a class again"


def test_all_regions_with_the_mouse_alone(gui: GuiDriver) -> None:
    predict(gui)
    gui.click(gui.page.option_bar.walk)
    wait_for(gui, LARGE, "Region 1 of 3: grass, 59 % sure")
    gui.click(bar(gui).right_button)
    wait_for(gui, MIDDLE, "Region 2 of 3: roof, 50 % sure")
    gui.click(bar(gui).skip_button)
    wait_for(gui, SMALL, "Region 3 of 3: roof, 39 % sure")
    gui.click(bar(gui).back_button)
    wait_for(gui, MIDDLE, "Region 2 of 3: roof, 50 % sure")
    menu = bar(gui).menu
    assert [action.text() for action in menu.actions() if action.text()] == ["grass", "roof", "Void"]
    menu.popup(bar(gui).class_button.mapToGlobal(bar(gui).class_button.rect().bottomLeft()))
    QTest.mouseClick(menu, LEFT_BUTTON, pos=menu.actionGeometry(menu.actions()[0]).center())
    wait_for(gui, SMALL, "Region 3 of 3: roof, 39 % sure")
    gui.click(bar(gui).surer_button)
    gui.wait_until_saved(3)
    assert [classes_of(gui, box) for box in (LARGE, MIDDLE, SMALL)] == [{1}, {1}, {0}]
    assert np.count_nonzero(gui.label_values == 0) == SMALL.area
    gui.click(gui.page.option_bar.undo)
    gui.wait_until(lambda: gui.labelled_pixels == LARGE.area + MIDDLE.area, "one step back", 10)
    gui.click(bar(gui).close_button)
    assert not bar(gui).isVisible()


def test_the_slider_says_what_it_takes_and_moves_the_limit(gui: GuiDriver) -> None:
    start(gui)
    sure = 1 - (LARGE.area + MIDDLE.area + SMALL.area) / (96 * 64)
    gui.wait_until(lambda: bar(gui).limit.text().endswith("picture"), "the share", 10)
    assert bar(gui).limit.text() == f"At least 80 % sure: {100 * sure:.0f} % of the picture"
    bar(gui).slider.setValue(55)
    assert (
        bar(gui).limit.text()
        == f"At least 55 % sure: {100 * (sure + LARGE.area / 6144):.0f} % of the picture"
    )
    gui.wait(300)
    assert bar(gui).title.text() == "Region 1 of 3: grass, 59 % sure", "what is looked at stays"
    gui.click(bar(gui).surer_button)
    gui.wait_until_saved(1)
    assert classes_of(gui, LARGE) == {1} and classes_of(gui, MIDDLE) == {0}
    wait_for(gui, MIDDLE, "Region 1 of 2: roof, 50 % sure")
    gui.wait_until(
        lambda: gui.session.fact("sure_percent").result(10) == "55", "the limit kept with the project", 10
    )
    bar(gui).slider.setValue(80)


def test_another_prediction_keeps_what_is_looked_at(gui: GuiDriver) -> None:
    start(gui)
    gui.key(TAB)
    wait_for(gui, MIDDLE, "Region 2 of 3: roof, 50 % sure")
    predict(gui, prediction(LARGE, MIDDLE))
    wait_for(gui, MIDDLE, "Region 1 of 2: roof, 94 % sure")
    predict(gui, prediction(LARGE, right=1))
    wait_for(gui, MIDDLE, "Region 1 of 2: grass, 50 % sure")
    gui.key(ENTER)
    gui.wait_until_saved(1)
    assert classes_of(gui, MIDDLE) == {1}
    # A stroke over the region is an answer too.
    wait_for(gui, SMALL, "Region 2 of 2: grass, 39 % sure")
    gui.canvas.tools.options.brush_radius = 12
    QTest.mouseClick(gui.canvas, LEFT_BUTTON, pos=gui.position_of(66 / 96, 50 / 64))
    gui.wait_until(lambda: bar(gui).title.text() == "All regions have a verdict", "nothing left", 10)


def test_other_pictures_and_shapes_under_way_keep_their_keys(gui: GuiDriver) -> None:
    start(gui)
    gui.key(Qt.Key.Key_P)
    for x, y in ((0.5, 0.3), (0.6, 0.3), (0.6, 0.5)):
        QTest.mouseClick(gui.canvas, LEFT_BUTTON, pos=gui.position_of(x, y))
    gui.key(Qt.Key.Key_2)
    gui.key(ENTER)
    gui.wait_until_saved(1)
    assert gui.label_values[20, 54] == 2 and classes_of(gui, LARGE) == {0}
    gui.key(Qt.Key.Key_B)
    assert bar(gui).isVisible()
    gui.labelling.show_picture(gui.session.pictures.at(1).id)
    gui.wait_until(lambda: not bar(gui).isVisible(), "the end with another picture", 10)
    assert not gui.window.actions_by_id["region_right"].isEnabled()


def test_tab_leaves_a_canvas_without_prediction_and_ctrl_tab_always(gui: GuiDriver) -> None:
    gui.canvas.setFocus()
    gui.key(TAB)
    assert not gui.canvas.hasFocus() and walk(gui).region is None
    gui.window.actions_by_id["next_region"].trigger()
    assert gui.said == NO_PREDICTION
    start(gui)
    gui.key(TAB, CTRL)
    focused = QApplication.focusWidget()
    assert focused is not None and bar(gui).isAncestorOf(focused), "the buttons of the walk come next"
    QTest.keyClick(focused, ESC)
    assert gui.canvas.hasFocus() and bar(gui).isVisible()
    gui.key(ESC)
    assert not bar(gui).isVisible()


def test_the_limit_is_moved_by_keys_and_stored_once(gui: GuiDriver) -> None:
    start(gui)
    stored: list[str] = []
    store = gui.session.set_fact
    gui.session.set_fact = lambda name, value: (stored.append(value), store(name, value))[1]  # type: ignore[method-assign]
    alt = Qt.KeyboardModifier.AltModifier
    for _ in range(3):
        gui.key(Qt.Key.Key_PageDown, alt)
    gui.key(Qt.Key.Key_PageUp, alt)
    assert gui.said == "What is less than 70 % sure is asked about."
    assert bar(gui).slider.value() == 70 and bar(gui).limit.text().startswith("At least 70 % sure")
    gui.wait_until(lambda: stored == ["70"], "the fact", 5)
    bar(gui).slider.setValue(99)
    gui.key(Qt.Key.Key_PageUp, alt)
    assert bar(gui).slider.value() == 99
    folder = gui.session.folder
    gui.window.close_project()
    assert stored == ["70", "99"]
    gui.window.open_project(folder)
    gui.wait_until(lambda: bar(gui).limit.text() == "At least 99 % sure", "what was stored", 20)
    gui.wait_until(gui.has_picture, "a picture", 20)


def test_strokes_are_confined_only_where_that_is_quick(
    gui: GuiDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(gui)
    assert bar(gui).only_here.isEnabled()
    gui.key(ESC)
    monkeypatch.setattr(region_focus, "MAX_PIXELS", 96 * 64 - 1)
    gui.key(TAB)
    wait_for(gui, LARGE, "Region 1 of 3: grass, 59 % sure")
    assert not bar(gui).only_here.isEnabled() and "up to 4 megapixels" in bar(gui).only_here.toolTip()


def test_the_view_moves_only_to_what_cannot_be_seen(gui: GuiDriver) -> None:
    canvas = gui.canvas
    canvas.fit()
    start(gui)
    assert canvas.is_fitted, "all regions are visible"
    canvas.show_box(Box(0, 0, 12, 12))
    before = canvas.scale
    gui.key(TAB)
    wait_for(gui, MIDDLE, "Region 2 of 3: roof, 50 % sure")
    seen = canvas.viewport.visible_part()
    assert MIDDLE.intersection(seen) == MIDDLE and canvas.scale <= before
    there = seen
    gui.key(TAB)
    wait_for(gui, SMALL, "Region 3 of 3: roof, 39 % sure")
    assert SMALL.intersection(canvas.viewport.visible_part()) == SMALL
    assert canvas.viewport.visible_part() != there or SMALL.intersection(there) == SMALL
    canvas.zoom_by(1e-6)
    scale = canvas.scale
    gui.key(Qt.Key.Key_Backtab, SHIFT)
    wait_for(gui, MIDDLE, "Region 2 of 3: roof, 50 % sure")
    assert canvas.scale > scale, "a region that is tiny on the screen is zoomed in on"
    canvas.fit()
