"""The command palette: what it finds, in which order, and what Enter does."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.command_palette.palette import CommandPalette
from desktop.command_palette.search import MAX_PICTURES
from desktop.tour.window_driver import CTRL, LEFT_BUTTON
from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")


def opened(gui: GuiDriver) -> CommandPalette:
    gui.key(Qt.Key.Key_K, CTRL)
    palette = gui.window._auxiliary_windows.palette
    assert palette is not None and palette.isVisible()
    gui.wait_until(lambda: len(gui.window.palette_search._names) == 3, "the names of the pictures", 60)
    return palette


def typed(gui: GuiDriver, text: str) -> list[str]:
    palette = opened(gui)
    QTest.keyClicks(palette.field, text)
    palette.refresh()
    return [find.title for find in palette.model.items]


def enter(gui: GuiDriver) -> None:
    palette = gui.window._auxiliary_windows.palette
    assert palette is not None
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert not palette.isVisible()
    gui.wait(60)


def test_an_action_is_found_by_title_help_and_shortcut(gui: GuiDriver) -> None:
    assert typed(gui, "polyg")[0] == "Polygon"
    enter(gui)
    assert gui.window.actions_by_id["tool_polygon"].isChecked()
    assert typed(gui, "connected area")[0] == "Fill"
    enter(gui)
    assert gui.window.actions_by_id["tool_fill"].isChecked()
    assert typed(gui, "ctrl+alt+3")[0] == "Train"
    QTest.keyClick(gui.window._auxiliary_windows.palette.field, Qt.Key.Key_Escape)
    assert not gui.window._auxiliary_windows.palette.isVisible()


def test_a_class_is_chosen_by_its_name(gui: GuiDriver) -> None:
    gui.key(Qt.Key.Key_1)
    second = gui.session.editing.classes.classes[1].name
    assert typed(gui, second)[0] == second
    enter(gui)
    assert gui.page.classes.list_view.active_value() == 2


def test_a_picture_is_found_by_a_part_of_its_name(gui: GuiDriver) -> None:
    record = gui.session.pictures.at(2)
    assert record.name in typed(gui, record.name.upper())
    enter(gui)
    gui.wait_until(lambda: gui.labelling.picture.id == record.id, "the picture", 60)
    assert MAX_PICTURES == 50


def test_arrow_keys_wrap_around_and_a_click_activates(gui: GuiDriver) -> None:
    palette = opened(gui)
    QTest.keyClick(palette.field, Qt.Key.Key_Up)
    assert palette.list.currentIndex().row() == palette.model.rowCount() - 1
    QTest.keyClick(palette.field, Qt.Key.Key_Down)
    QTest.keyClick(palette.field, Qt.Key.Key_PageDown)
    assert palette.list.currentIndex().row() == 9
    QTest.keyClicks(palette.field, "eraser")
    palette.refresh()
    QTest.mouseClick(
        palette.list.viewport(), LEFT_BUTTON, pos=palette.list.visualRect(palette.model.index(0)).center()
    )
    gui.wait(60)
    assert gui.window.actions_by_id["tool_eraser"].isChecked()


def test_enter_searches_for_the_last_letters_first(gui: GuiDriver) -> None:
    palette = opened(gui)
    QTest.keyClicks(palette.field, "fill")
    enter(gui)
    assert gui.window.actions_by_id["tool_fill"].isChecked()


def test_pictures_appear_once_their_names_are_indexed(gui: GuiDriver) -> None:
    searching, record = gui.window.palette_search, gui.session.pictures.at(1)
    searching.set_project(
        gui.session, gui.labelling.choose_class, gui.labelling.show_picture
    )  # as after opening: no names yet
    gui.key(Qt.Key.Key_K, CTRL)
    palette = gui.window._auxiliary_windows.palette
    assert palette is not None
    QTest.keyClicks(palette.field, record.name)
    palette.refresh()
    gui.wait_until(lambda: record.name in [find.title for find in palette.model.items], "the picture", 60)
    palette.close()


def test_no_results_and_no_unavailable_actions(gui: GuiDriver) -> None:
    assert typed(gui, "no such thing anywhere") == []
    assert gui.window._auxiliary_windows.palette._no_results.isVisible()
    gui.window._auxiliary_windows.palette.close()
    gui.window.actions_by_id["undo"].setEnabled(False)
    assert "Undo" not in typed(gui, "undo")
    gui.window._auxiliary_windows.palette.close()


def test_without_a_project_only_available_actions_are_found(gui: GuiDriver) -> None:
    gui.window.close_project()
    searching = gui.window.palette_search
    titles = [find.title for find in searching("")]
    assert "Open folder" in titles and "Settings" in titles
    assert "Brush" not in titles and "Export dataset" not in titles


def test_search_button_shows_the_current_shortcut(gui: GuiDriver) -> None:
    try:
        gui.window.keymap.assign("command_palette", ("Ctrl+P",))
        assert gui.window.top_bar.search.text().endswith("Ctrl+P")
    finally:
        gui.window.keymap.use_preset("Maskloop")
    assert gui.window.top_bar.search.text().endswith("Ctrl+K")
