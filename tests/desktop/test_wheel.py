"""The mouse wheel over every input of the real window and its dialogs, and over the canvas."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QColorDialog,
    QComboBox,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QScrollBar,
    QWidget,
)

from desktop.canvas.input.wheel import Scrolling
from desktop.tour.window_driver import CTRL, NO_MODIFIER, SHIFT
from desktop.widgets.controls import LevelSlider, column, combo_box, scroll_area
from desktop.widgets.input.wheel_guard import guard_wheel_inside
from desktop.widgets.number_field import decimal_box, spin_box
from tests.desktop.conftest import GuiDriver, show_widget
from tests.external_datasets import EXTERNAL_DATASETS

pytestmark = pytest.mark.qt_log_ignore("does not support")
DOWN = QPoint(0, -120)


def turn(
    widget: QWidget,
    angle: QPoint = DOWN,
    keys: Qt.KeyboardModifier = NO_MODIFIER,
    pixels: QPoint = QPoint(),  # noqa: B008
    phase: Qt.ScrollPhase = Qt.ScrollPhase.NoScrollPhase,
) -> None:
    """Turn the wheel over the middle of a widget, visible or not. Qt passes only real events on to the parents."""
    middle = QPointF(widget.rect().center())
    place = widget.mapToGlobal(middle)
    event = QWheelEvent(middle, place, pixels, angle, Qt.MouseButton.NoButton, keys, phase, False)
    event.setTimestamp(round(time.monotonic() * 1000))
    QApplication.sendEvent(widget, event)


def inputs_of(window: QWidget) -> Iterator[QWidget]:
    for each in window.findChildren(QWidget):
        if isinstance(each, QComboBox | QAbstractSpinBox | QAbstractSlider) and not isinstance(
            each, QScrollBar
        ):
            yield each


def value_of(widget: QWidget) -> object:
    if isinstance(widget, QComboBox):
        return widget.currentIndex(), widget.currentText()
    return widget.value()


def make_room(widget: QWidget) -> None:
    """Let the wheel have somewhere to go: a middle value, or a second row."""
    widget.blockSignals(True)
    if isinstance(widget, QComboBox):
        while widget.count() < 3:
            widget.addItem(f"row {widget.count()}")
        widget.setCurrentIndex(1)
    elif isinstance(widget, QAbstractSlider):
        widget.setValue((widget.minimum() + widget.maximum()) // 2)
    else:
        widget.setValue(
            (widget.minimum() + min(widget.maximum(), 100)) / 2 if hasattr(widget, "decimals") else 3
        )
    widget.blockSignals(False)


def open_everything(gui: GuiDriver, folder: Path) -> None:
    """All workspaces, and every dialog that can be opened without a trained network."""
    pages = gui.window.workspaces
    for page in (pages.review, pages.train, pages.data, pages.learn):
        assert page is not None
    for key in ("settings", "edit_keys", "export", "split_pictures", "choose_network", "change_class_value"):
        gui.window.actions_by_id[key].trigger()
        gui.wait(20)
    next(each for each in EXTERNAL_DATASETS if each.format == "cityscapes").write(folder)
    importing = gui.window.context.import_controller
    importing.show(folder)
    gui.wait_until(importing.dialog.import_button.isEnabled, "the plan of the import")
    gui.page.classes.list_view.open_colour_dialog(1)
    gui.wait(20)


def test_no_input_without_the_focus_follows_the_wheel(gui: GuiDriver, tmp_path: Path) -> None:
    open_everything(gui, tmp_path / "set")
    inputs = list(inputs_of(gui.window))
    named = [
        f"{type(each).__name__} “{each.accessibleName()}” in {each.window().windowTitle()}" for each in inputs
    ]
    titles = {each.window().windowTitle() for each in inputs}
    assert len(inputs) > 60, named
    assert {"Settings", "Keyboard shortcuts", "Export dataset", "Import dataset"} <= titles, titles
    assert any(isinstance(each.window(), QColorDialog) for each in inputs)
    for each, name in zip(inputs, named, strict=True):
        make_room(each)
        each.clearFocus()
        before = value_of(each)
        for angle in (DOWN, QPoint(0, 120), QPoint(120, 0)):
            turn(each, angle)
            assert value_of(each) == before, name
        assert not each.focusPolicy().value & 4, f"the wheel gives the focus to {name}"  # bit of WheelFocus
    gui.page.classes.list_view.findChild(QColorDialog).close()


@pytest.mark.parametrize("kind", ["combo", "whole", "decimal", "slider"])
def test_the_page_scrolls_instead_and_where_it_got_the_focus_the_value_changes(
    qtbot, theme, kind: str
) -> None:
    made = {
        "combo": lambda: combo_box([("a", "a"), ("b", "b"), ("c", "c")], "Letter"),
        "whole": lambda: spin_box(0, 9, "Whole"),
        "decimal": lambda: decimal_box(0, 9, "Decimal"),
        "slider": lambda: LevelSlider(0, 9, "Level"),
    }[kind]()
    make_room(made)
    page = QWidget()
    other = QPushButton()
    page.setLayout(column(made, other, 2000))
    area: QScrollArea = scroll_area(page)
    show_widget(qtbot, area, 200, 200)
    area.activateWindow()
    other.setFocus()
    qtbot.waitUntil(other.hasFocus)
    before = value_of(made)
    middle = QPointF(made.mapTo(area, made.rect().center()))
    QTest.wheelEvent(area.windowHandle(), middle, DOWN)
    assert value_of(made) == before
    assert not made.hasFocus()
    assert area.verticalScrollBar().value() > 0, "scrolling passes through"
    area.verticalScrollBar().setValue(0)
    made.setFocus()
    qtbot.waitUntil(made.hasFocus)
    area.verticalScrollBar().setValue(10)
    turn(made)
    assert value_of(made) == before, "the page has carried it to the pointer"
    QTest.mouseClick(made.findChild(QLineEdit) or made, Qt.MouseButton.LeftButton)
    if isinstance(made, QComboBox):
        made.hidePopup()
    before = value_of(made)
    for angle in (DOWN, QPoint(0, 120)):
        turn(made, angle)
        if kind == "combo":
            assert value_of(made) == before, "a closed list never follows the wheel"
        else:
            assert value_of(made) != before
            before = value_of(made)


def test_inputs_of_a_dialog_that_qt_has_made_are_guarded(qtbot, theme) -> None:
    dialog = QColorDialog(QColor(90, 90, 90))
    dialog.setOption(QColorDialog.ColorDialogOption.DontUseNativeDialog)
    guard_wheel_inside(dialog)
    show_widget(qtbot, dialog, 600, 400)
    for each in inputs_of(dialog):
        each.clearFocus()
        before = value_of(each)
        turn(each)
        assert value_of(each) == before
    assert dialog.currentColor() == QColor(90, 90, 90)


def picture_at(gui: GuiDriver) -> tuple[float, float, float]:
    corner = gui.canvas.image_point(QPointF(0, 0))
    return gui.canvas.scale, corner.x, corner.y


def zoom_in_far(gui: GuiDriver) -> None:
    gui.canvas.fit()
    gui.canvas.zoom_by(4)


def test_two_fingers_move_the_picture_and_a_wheel_zooms(gui: GuiDriver) -> None:
    zoom_in_far(gui)
    scale, x, y = picture_at(gui)
    fingers = Qt.ScrollPhase.ScrollUpdate
    turn(gui.canvas, QPoint(-60, -90), pixels=QPoint(-40, -60), phase=fingers)
    assert picture_at(gui) == (scale, pytest.approx(x + 40 / scale), pytest.approx(y + 60 / scale))
    turn(gui.canvas, QPoint(0, 30), CTRL, QPoint(0, 20), fingers)
    assert gui.canvas.scale > scale, "with Ctrl it zooms"
    scale = gui.canvas.scale
    gui.wait(350)
    turn(gui.canvas, QPoint(0, 120))
    assert gui.canvas.scale > scale, "a notch of a wheel zooms"
    radius = gui.canvas.tools.options.brush_radius
    turn(gui.canvas, QPoint(0, 120), SHIFT, QPoint(0, 80), fingers)
    assert gui.canvas.tools.options.brush_radius > radius, "with Shift it changes the size"


def test_parts_of_a_notch_are_fingers_where_the_system_does_not_say_so(gui: GuiDriver) -> None:
    zoom_in_far(gui)
    scale, _x, y = picture_at(gui)
    turn(gui.canvas, QPoint(0, -15))
    assert picture_at(gui)[0] == scale
    assert picture_at(gui)[2] > y
    turn(gui.canvas, QPoint(0, -120))
    assert picture_at(gui)[0] == scale, "a fast scroll of the same fingers is no notch"


@pytest.mark.parametrize(("choice", "zooms"), [("zoom", True), ("pan", False)])
def test_the_setting_decides_for_fingers_and_wheel(gui: GuiDriver, choice: str, zooms: bool) -> None:
    gui.window.actions_by_id["settings"].trigger()
    dialog = gui.window._auxiliary_windows._settings_dialog
    box = dialog.fields["scrolling"]
    box.setCurrentIndex(box.findData(choice))
    box.activated.emit(box.currentIndex())
    dialog.close()
    try:
        for angle, phase in ((-120, Qt.ScrollPhase.NoScrollPhase), (-45, Qt.ScrollPhase.ScrollUpdate)):
            zoom_in_far(gui)
            scale, _x, y = picture_at(gui)
            turn(gui.canvas, QPoint(0, angle), phase=phase)
            assert (gui.canvas.scale != scale) == zooms
            assert zooms or picture_at(gui)[2] > y
    finally:
        gui.window._settings.set("scrolling", "touchpad")
        gui.canvas.set_scrolling(Scrolling.TOUCHPAD)
