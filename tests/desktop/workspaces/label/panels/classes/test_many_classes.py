"""158 classes: found by a filter and by their first letters, with whole numbers, in a column that can be folded."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest

from core.labels.class_list import ClassList
from desktop.theme.theme import GRID, Theme
from desktop.widgets.input.type_ahead import TypeAhead
from desktop.workspaces.label.panels.classes.panel import MIN_FILTERED_CLASSES, ClassesPanel
from desktop.workspaces.label.panels.classes.row_delegate import KEY_WIDTH, ROW_MARGIN
from desktop.workspaces.label.panels.history import HistoryList
from tests.desktop.conftest import GuiDriver, show_widget

pytestmark = pytest.mark.qt_log_ignore("does not support")


@pytest.fixture(scope="module")
def many() -> ClassList:
    classes = ClassList()
    for n in range(158):
        classes = classes.with_class(f"{'traffic sign' if n % 10 == 0 else 'kind'} {n + 1}")
    return classes


@pytest.fixture
def panel(qtbot, theme: Theme, many: ClassList) -> ClassesPanel:
    made = ClassesPanel(theme)
    show_widget(qtbot, made, 304, 600)
    made.set_classes(many)
    return made


def shown_names(panel: ClassesPanel) -> list[str]:
    view = panel.list_view
    rows = range(view.class_model.rowCount())
    return [view.class_model.index(row).data() for row in rows if not view.isRowHidden(row)]


def test_a_filter_shows_the_classes_that_contain_it(panel: ClassesPanel) -> None:
    assert panel.filter_field.isVisible()
    QTest.keyClicks(panel.filter_field, "SIGN 1")
    assert shown_names(panel) == [
        "traffic sign 1",
        "traffic sign 11",
        *(f"traffic sign 1{n}1" for n in range(6)),
    ]
    panel.set_classes(panel.list_view.class_model.classes.with_changes(2, name="sign 1000"))
    assert "sign 1000" in shown_names(panel), "a change of the classes keeps the filter"
    panel.filter_field.clear()
    assert len(shown_names(panel)) == 160


def test_few_classes_have_no_filter(panel: ClassesPanel) -> None:
    few = ClassList()
    for n in range(MIN_FILTERED_CLASSES - 1):
        few = few.with_class(f"class {n}")
    panel.filter_field.setText("sign")
    panel.set_classes(few)
    assert not panel.filter_field.isVisible()
    assert len(shown_names(panel)) == MIN_FILTERED_CLASSES + 1


def test_the_classes_in_the_picture_come_first(panel: ClassesPanel, many: ClassList) -> None:
    panel.set_active(5)
    panel.set_in_picture(frozenset((158, 40, 3)))
    assert shown_names(panel)[:2] == ["traffic sign 1", "kind 2"], "only on demand"
    QTest.mouseClick(panel.used_first, Qt.MouseButton.LeftButton)
    names, model = shown_names(panel), panel.list_view.class_model
    assert names[:4] == ["kind 3", "kind 40", "kind 158", "traffic sign 1"]
    assert sorted(names) == sorted([*(c.name for c in many), "unlabelled", "void"])
    assert [model.shortcut_of(row) for row in range(4)] == ["3", "40", "158", "1"], "numbers stay"
    assert panel.list_view.active_value() == 5 and model.value_at(model.row_of(5)) == 5
    assert not model.flags(model.index(0)) & Qt.ItemFlag.ItemIsDragEnabled
    panel.set_in_picture(frozenset((2,)))
    assert shown_names(panel)[:2] == ["kind 2", "traffic sign 1"]
    QTest.mouseClick(panel.used_first, Qt.MouseButton.LeftButton)
    assert shown_names(panel)[:3] == ["traffic sign 1", "kind 2", "kind 3"]


def test_the_window_knows_which_classes_are_in_the_picture(gui: GuiDriver) -> None:
    gui.labelling.choose_class(2)
    gui.dab(0.3)
    gui.wait_until(lambda: gui.page.classes._in_picture == frozenset((2,)), "the painted class", 10)
    gui.window.actions_by_id["next_picture"].trigger()
    gui.wait_until(lambda: gui.page.classes._in_picture == frozenset(), "a picture without classes", 10)
    gui.page.classes.used_first.setChecked(True)
    gui.window.layer_controller.save()
    gui.page.classes.used_first.setChecked(False)
    gui.window.layer_controller.load()
    assert gui.page.classes.used_first.isChecked()
    gui.page.classes.used_first.setChecked(False)
    gui.window.layer_controller.save()


def test_numbers_over_99_are_whole(panel: ClassesPanel, theme: Theme) -> None:
    assert panel.list_view.class_model.shortcut_of(157) == "158"
    assert QFontMetrics(theme.font).horizontalAdvance("254") <= KEY_WIDTH + ROW_MARGIN - GRID


def test_letters_in_the_list_look_for_a_class_and_are_no_commands(gui: GuiDriver) -> None:
    view = gui.page.classes.list_view
    gui.window.actions_by_id["tool_brush"].trigger()
    gui.window.activateWindow()
    view.setFocus(Qt.FocusReason.TabFocusReason)
    gui.wait_until(view.hasFocus, "the focus", 5)
    view.set_active(1)
    QTest.keyClick(view, Qt.Key.Key_R)
    assert view.active_value() == 2, "roof"
    assert not gui.window.actions_by_id["mark_review"].isChecked()
    QTest.keyClick(view, Qt.Key.Key_G)
    assert gui.window.actions_by_id["tool_brush"].isChecked()


def test_a_click_on_a_class_leaves_the_keys_to_the_picture(gui: GuiDriver) -> None:
    view = gui.page.classes.list_view
    gui.window.activateWindow()
    gui.canvas.setFocus()
    name = QPoint(70, view.visualRect(view.class_model.index(1)).center().y())
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=name)
    assert view.active_value() == 2
    assert gui.canvas.hasFocus()


def test_letters_in_the_filmstrip_look_for_a_picture(gui: GuiDriver) -> None:
    strip = gui.page.filmstrip.thumbnails
    gui.window.activateWindow()
    strip.setFocus(Qt.FocusReason.TabFocusReason)
    gui.wait_until(strip.hasFocus, "the focus", 5)
    QTest.keyClicks(strip, "p2")
    gui.wait_until(lambda: gui.record.name == "p2.png", "the picture", 10)
    assert gui.window.actions_by_id["tool_brush"].isChecked()


def test_letters_in_the_history_are_no_commands(gui: GuiDriver) -> None:
    gui.dab(0.3)
    gui.window.actions_by_id["tool_brush"].trigger()
    gui.window.actions_by_id["history"].trigger()
    entries = gui.page.side_column.history.findChild(HistoryList)
    gui.window.activateWindow()
    entries.setFocus(Qt.FocusReason.TabFocusReason)
    gui.wait_until(entries.hasFocus, "the focus", 5)
    QTest.keyClick(entries, Qt.Key.Key_G)
    assert gui.window.actions_by_id["tool_brush"].isChecked()
    gui.window.actions_by_id["history"].trigger()
    assert gui.page.classes.isVisible()


def test_the_same_letter_goes_on_to_the_next_row() -> None:
    names = ["road", "roof", "tree", "rock"]
    search = TypeAhead()
    rows = [0]
    for _ in range(4):
        rows.append(search.find("r", len(names), names.__getitem__, rows[-1]))
    assert rows == [0, 1, 3, 0, 1]
    search = TypeAhead()
    assert search.find("r", 4, names.__getitem__, 2) == 3
    assert search.find("o", 4, names.__getitem__, 3) == 3
    assert search.find("o", 4, names.__getitem__, 3) == 1
    assert search.find("x", 4, names.__getitem__, 1) is None
    assert search.find("x", 0, names.__getitem__, 0) is None


def test_the_side_column_is_folded_resized_and_remembered(gui: GuiDriver) -> None:
    page = gui.page
    action = gui.window.actions_by_id["fold_side_column"]
    width = page.canvas.width()
    action.trigger()
    gui.wait(30)
    assert page.is_side_column_folded and page.canvas.width() > width
    action.trigger()
    gui.wait(30)
    assert not page.is_side_column_folded and page.canvas.width() == width
    page.splitter.setSizes([600, 420])
    gui.wait(30)
    wide = page.side_column.width()
    assert wide > 350
    gui.window.layer_controller.save()
    page.fold_side_column(folded=False)
    gui.window.layer_controller.load()
    gui.wait(30)
    assert page.side_column.width() == wide
    page.fold_side_column(folded=False)
    gui.window.layer_controller.save()


def test_a_small_screen_has_room_for_everything(gui: GuiDriver) -> None:
    size = gui.window.size()
    gui.window.resize(1024, 600)
    gui.wait(60)
    assert (gui.window.width(), gui.window.height()) == (1024, 600)
    for part in (gui.page.training.train_button, gui.page.classes.name_field, gui.page.filmstrip.thumbnails):
        bottom = part.mapTo(gui.window, part.rect().bottomLeft()).y()
        assert bottom <= 600, part
    assert gui.canvas.height() > 250
    gui.window.resize(size)


def test_folded_panels_leave_their_room_to_the_classes_and_are_remembered(gui: GuiDriver) -> None:
    column, controller = gui.page.side_column, gui.window.layer_controller
    height = gui.page.classes.list_view.height()
    for fold in (gui.page.layers.fold, gui.page.training.fold):
        QTest.mouseClick(fold, Qt.MouseButton.LeftButton)
    gui.wait(30)
    assert column.folded_panels() == ["layers", "training"]
    gui.wait_until(lambda: gui.page.classes.list_view.height() > height + 150, "room for the classes", 5)
    gui.page.training.set_state("training")
    assert not gui.page.training.stop_button.isVisible(), "a new state does not open it"
    gui.page.training.set_state("idle")
    controller.save()
    column.fold_panels(())
    controller.load()
    assert column.folded_panels() == ["layers", "training"]
    column.fold_panels(())
    controller.save()
    assert gui.page.training.train_button.isVisible()
