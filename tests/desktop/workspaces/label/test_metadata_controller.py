"""Status, split, tags and note in the bar below the canvas, and the filters that find them."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.project.records import PictureRecord, Split, Status
from desktop.picture_list import PREDICATES, TAG_PREFIX, predicate_for
from desktop.theme.theme import apply_theme
from desktop.tour.window_driver import CTRL, SHIFT
from desktop.widgets.filter_box import FILTERS
from desktop.workspaces.label.panels.metadata_bar import MetadataBar
from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")


def pick(box: object, key: str) -> None:
    """Choose in a combo box by keyboard."""
    box.setFocus()
    while box.currentData() != key:
        before = box.currentIndex()
        QTest.keyClick(box, Qt.Key.Key_Down)
        if box.currentIndex() == before:
            QTest.keyClick(box, Qt.Key.Key_Home)


def test_status_by_shortcut_and_combo_box_can_be_undone(gui: GuiDriver) -> None:
    line = gui.page.metadata_bar
    assert (line.name.text(), line.status.currentText()) == ("p0.png", "New")
    gui.key(Qt.Key.Key_D, CTRL)
    gui.wait_until(lambda: line.status.currentText() == "Done", "the mark of the key", 10)
    QTest.keyClick(line.status, Qt.Key.Key_End)  # the last of the list, at once
    gui.wait_until(lambda: gui.record.status == Status.SKIPPED, "the mark of the box", 10)
    gui.wait_until(gui.window.actions_by_id["mark_skipped"].isChecked, "the same mark in the menu", 10)
    gui.wait_until(lambda: "Mark as skipped" in gui.page.option_bar.undo.toolTip(), "its name in undo", 10)
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: line.status.currentText() == "Done", "the mark before", 10)
    pick(line.status, "")
    gui.wait_until(lambda: gui.record.status == Status.NEW, "no mark", 10)
    gui.dab(0.5)
    gui.wait_until(lambda: line.status.currentText() == "In progress", "what a stroke makes of it", 10)


def test_tags_and_split_are_stored_filtered_and_undone(gui: GuiDriver) -> None:
    line, strip = gui.page.metadata_bar, gui.page.filmstrip
    gui.key(Qt.Key.Key_T)
    assert line.tag_row.field.hasFocus()
    QTest.keyClicks(line.tag_row.field, "night, low  sun")
    QTest.keyClick(line.tag_row.field, Qt.Key.Key_Return)
    QTest.keyClicks(line.tag_row.field, "rain")
    QTest.keyClick(line.tag_row.field, Qt.Key.Key_Return)
    gui.wait_until(lambda: gui.record.tags == ("low sun", "night", "rain"), "three tags", 10)
    gui.click(line.tag_row.chips[1].remove_button)
    gui.wait_until(lambda: gui.record.tags == ("low sun", "rain"), "two tags", 10)
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(
        lambda: line.tag_row.tags == ["low sun", "night", "rain"], "the tag that was taken away", 10
    )
    pick(line.split, Split.TEST.value)
    gui.wait_until(lambda: gui.record.split == Split.TEST, "the split", 10)

    strip.filter.showPopup()
    strip.filter.hidePopup()
    assert [strip.filter.itemText(n) for n in range(strip.filter.count())][-3:] == [
        "Tagged “low sun”",
        "Tagged “night”",
        "Tagged “rain”",
    ]
    shown = strip.thumbnails._source
    for key, count in ((TAG_PREFIX + "night", 1), ("test", 1), ("no split", 2), ("noted", 0), ("all", 3)):
        pick(strip.filter, key)
        shown = strip.thumbnails._source
        assert (key, shown.count()) == (key, count)
    assert shown.row_of(gui.record.id) == 0


def test_a_note_is_kept_for_the_picture_it_was_written_for(gui: GuiDriver) -> None:
    line = gui.page.metadata_bar
    gui.key(Qt.Key.Key_M, SHIFT)
    gui.wait_until(line.note_popup.isVisible, "the sheet", 5)
    QTest.keyClicks(line.note_popup.text, "blurred at the left")
    first = gui.record.id
    gui.labelling.show_picture(gui.session.pictures.ids()[1])
    gui.wait_until(lambda: gui.record.id != first, "the next picture", 10)
    assert not line.note_popup.isVisible()
    gui.wait_until(lambda: gui.session.pictures.get(first).note == "blurred at the left", "the note", 10)
    assert gui.record.note == "" and line.note_button.text() == "Add a note"

    gui.click(line.note_button)
    QTest.keyClicks(line.note_popup.text, "fine")
    QTest.keyClick(line.note_popup.text, Qt.Key.Key_Return, CTRL)
    gui.wait_until(lambda: gui.record.note == "fine", "the second note", 10)
    assert line.note_button.text() == "fine"
    gui.wait_until(gui.page.option_bar.undo.isEnabled, "undo", 10)
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: line.note_button.text() == "Add a note", "no note again", 10)


def test_a_note_being_typed_is_stored_when_the_project_closes(gui: GuiDriver) -> None:
    gui.page.metadata_bar.open_note()
    QTest.keyClicks(gui.page.metadata_bar.note_popup.text, "look again")
    folder, first = gui.session.folder, gui.record.id
    gui.window.close_project()
    assert not gui.page.metadata_bar.status.isVisible()
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "the picture", 20)
    assert gui.session.pictures.get(first).note == "look again"


def test_a_tag_being_typed_is_stored_for_its_picture(gui: GuiDriver) -> None:
    line, first = gui.page.metadata_bar, gui.record.id
    line.focus_tag_field()
    QTest.keyClicks(line.tag_row.field, "rainy")
    gui.window.actions_by_id["next_picture"].trigger()
    gui.wait_until(lambda: gui.labelling.picture.id != first, "the next picture", 10)
    gui.wait_until(lambda: gui.session.pictures.get(first).tags == ("rainy",), "the tag", 10)
    assert gui.record.tags == () and line.tag_row.tags == [] and not line.tag_row.field.text()


@pytest.fixture
def line(qtbot: QtBot, qapp: QApplication) -> MetadataBar:
    made = MetadataBar(apply_theme(qapp, "light"))
    qtbot.addWidget(made)
    made.resize(900, 40)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_tags_that_do_not_fit_are_in_a_menu(line: MetadataBar, qtbot: QtBot) -> None:
    tags = tuple(f"tag number {n}" for n in range(12))
    line.set_picture(PictureRecord(7, "a.png", tags=tags))
    shown = [chip for chip in line.tag_row.chips if chip.isVisible()]
    assert 0 < len(shown) < 12
    assert line.tag_row.more_button.text() == f"+{12 - len(shown)}"
    places = [chip.geometry() for chip in shown] + [
        line.tag_row.more_button.geometry(),
        line.tag_row.field.geometry(),
    ]
    assert all(a.right() < b.left() for a, b in itertools.pairwise(places))
    assert places[-1].right() < line.tag_row.width()
    with qtbot.waitSignal(line.tag_removed) as removed:
        line.tag_row.more_button.menu().actions()[-1].trigger()
    assert removed.args == [7, tags[-1]]
    line.resize(3000, 40)
    assert all(chip.isVisible() for chip in line.tag_row.chips) and not line.tag_row.more_button.isVisible()


def test_a_late_update_removes_neither_a_new_tag_nor_a_chip_widget(line: MetadataBar) -> None:
    line.set_picture(PictureRecord(7, "a.png", tags=("night",)))
    chip = line.tag_row.chips[0]
    heard: list[object] = []
    line.tags_added.connect(lambda *args: heard.append(args))
    line.tag_removed.connect(lambda *args: heard.append(args))
    QTest.keyClicks(line.tag_row.field, "rain")
    QTest.keyClick(line.tag_row.field, Qt.Key.Key_Return)
    line.set_picture(PictureRecord(7, "a.png", tags=("night",), note="an older look"))
    assert line.tag_row.chips == [chip]
    QTest.mouseClick(chip.remove_button, Qt.MouseButton.LeftButton)
    assert heard == [(7, ["rain"]), (7, "night")]


def test_showing_a_picture_emits_no_change(line: MetadataBar, qtbot: QtBot) -> None:
    signals = [line.status_chosen, line.split_chosen, line.tags_added, line.tag_removed, line.note_changed]
    heard: list[object] = []
    for signal in signals:
        signal.connect(lambda *args: heard.append(args))
    line.set_picture(PictureRecord(1, "a.png", status=Status.DONE, split=Split.VAL, note="n", tags=("x",)))
    line.set_picture(PictureRecord(2, "b.png"))
    line.set_picture(None)
    assert heard == []
    assert "trained on" in line.split.toolTip()


def test_every_filter_has_a_predicate() -> None:
    assert [key for key, _ in FILTERS if key != "all" and key not in PREDICATES] == []
    plain, tagged = PictureRecord(1, "a.png"), PictureRecord(2, "b.png", tags=("night",), note="x")
    assert [predicate_for(key)(plain) for key in ("tag:night", "noted", "all", "skipped")] == [
        False,
        False,
        True,
        False,
    ]
    assert [predicate_for(key)(tagged) for key in ("tag:night", "tag:nigh", "noted")] == [True, False, True]
