"""The command palette: what it finds, in which order, and what Enter does."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.palette.palette import CommandPalette
from desktop.palette.search import MAX_PICTURES
from desktop.tour.window_driver import CTRL, LEFT_BUTTON
from tests.desktop.conftest import Desk

pytestmark = pytest.mark.qt_log_ignore("does not support")


def opened(desk: Desk) -> CommandPalette:
    desk.key(Qt.Key.Key_K, CTRL)
    palette = desk.window._auxiliary_windows.palette
    assert palette is not None and palette.isVisible()
    desk.wait_until(lambda: len(desk.window.palette_search._names) == 3, "the names of the pictures", 60)
    return palette


def typed(desk: Desk, text: str) -> list[str]:
    palette = opened(desk)
    QTest.keyClicks(palette.field, text)
    palette.refresh()
    return [find.title for find in palette.model.items]


def enter(desk: Desk) -> None:
    palette = desk.window._auxiliary_windows.palette
    assert palette is not None
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert not palette.isVisible()
    desk.wait(60)


def test_an_action_is_found_by_title_help_and_shortcut(desk: Desk) -> None:
    assert typed(desk, "polyg")[0] == "Polygon"
    enter(desk)
    assert desk.window.actions_by_id["tool_polygon"].isChecked()
    assert typed(desk, "connected area")[0] == "Fill"
    enter(desk)
    assert desk.window.actions_by_id["tool_fill"].isChecked()
    assert typed(desk, "ctrl+alt+3")[0] == "Train"
    QTest.keyClick(desk.window._auxiliary_windows.palette.field, Qt.Key.Key_Escape)
    assert not desk.window._auxiliary_windows.palette.isVisible()


def test_a_class_is_chosen_by_its_name(desk: Desk) -> None:
    desk.key(Qt.Key.Key_1)
    second = desk.session.editing.classes.classes[1].name
    assert typed(desk, second)[0] == second
    enter(desk)
    assert desk.page.classes.list_view.active_value() == 2


def test_a_picture_is_found_by_a_part_of_its_name(desk: Desk) -> None:
    record = desk.session.pictures.at(2)
    assert record.name in typed(desk, record.name.upper())
    enter(desk)
    desk.wait_until(lambda: desk.labelling.picture.id == record.id, "the picture", 60)
    assert MAX_PICTURES == 50


def test_arrow_keys_wrap_around_and_a_click_activates(desk: Desk) -> None:
    palette = opened(desk)
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
    desk.wait(60)
    assert desk.window.actions_by_id["tool_eraser"].isChecked()


def test_enter_searches_for_the_last_letters_first(desk: Desk) -> None:
    palette = opened(desk)
    QTest.keyClicks(palette.field, "fill")
    enter(desk)
    assert desk.window.actions_by_id["tool_fill"].isChecked()


def test_pictures_appear_once_their_names_are_indexed(desk: Desk) -> None:
    searching, record = desk.window.palette_search, desk.session.pictures.at(1)
    searching.set_project(
        desk.session, desk.labelling.choose_class, desk.labelling.show_picture
    )  # as after opening: no names yet
    desk.key(Qt.Key.Key_K, CTRL)
    palette = desk.window._auxiliary_windows.palette
    assert palette is not None
    QTest.keyClicks(palette.field, record.name)
    palette.refresh()
    desk.wait_until(lambda: record.name in [find.title for find in palette.model.items], "the picture", 60)
    palette.close()


def test_no_results_and_no_unavailable_actions(desk: Desk) -> None:
    assert typed(desk, "no such thing anywhere") == []
    assert desk.window._auxiliary_windows.palette._no_results.isVisible()
    desk.window._auxiliary_windows.palette.close()
    desk.window.actions_by_id["undo"].setEnabled(False)
    assert "Undo" not in typed(desk, "undo")
    desk.window._auxiliary_windows.palette.close()


def test_without_a_project_only_available_actions_are_found(desk: Desk) -> None:
    desk.window.close_project()
    searching = desk.window.palette_search
    titles = [find.title for find in searching("")]
    assert "Open folder" in titles and "Settings" in titles
    assert "Brush" not in titles and "Export dataset" not in titles


def test_search_button_shows_the_current_shortcut(desk: Desk) -> None:
    try:
        desk.window.keymap.assign("command_palette", ("Ctrl+P",))
        assert desk.window.top_bar.search.text().endswith("Ctrl+P")
    finally:
        desk.window.keymap.use_preset("Maskloop")
    assert desk.window.top_bar.search.text().endswith("Ctrl+K")
