"""The line below the picture: status, split, tags, note; and the filters that find them again."""

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
from tests.desktop.conftest import Desk

pytestmark = pytest.mark.qt_log_ignore("does not support")


def pick(box: object, key: str) -> None:
    """Choose in a combo box by its keys, as a person without a mouse would."""
    box.setFocus()
    while box.currentData() != key:
        before = box.currentIndex()
        QTest.keyClick(box, Qt.Key.Key_Down)
        if box.currentIndex() == before:
            QTest.keyClick(box, Qt.Key.Key_Home)


def test_status_follows_keys_and_box_and_can_be_undone(desk: Desk) -> None:
    line = desk.page.metadata_bar
    assert (line.name.text(), line.status.currentText()) == ("p0.png", "New")
    desk.key(Qt.Key.Key_D, CTRL)
    desk.wait_until(lambda: line.status.currentText() == "Done", "the mark of the key", 10)
    QTest.keyClick(line.status, Qt.Key.Key_End)  # the last of the list, at once
    desk.wait_until(lambda: desk.record.status == Status.SKIPPED, "the mark of the box", 10)
    desk.wait_until(desk.window.actions_by_id["mark_skipped"].isChecked, "the same mark in the menu", 10)
    desk.wait_until(lambda: "Mark as skipped" in desk.page.option_bar.undo.toolTip(), "its name in undo", 10)
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.wait_until(lambda: line.status.currentText() == "Done", "the mark before", 10)
    pick(line.status, "")
    desk.wait_until(lambda: desk.record.status == Status.NEW, "no mark", 10)
    desk.dab(0.5)
    desk.wait_until(lambda: line.status.currentText() == "In progress", "what a stroke makes of it", 10)


def test_tags_and_split_are_kept_found_and_undone(desk: Desk) -> None:
    line, strip = desk.page.metadata_bar, desk.page.filmstrip
    desk.key(Qt.Key.Key_T)
    assert line.tag_row.field.hasFocus()
    QTest.keyClicks(line.tag_row.field, "night, low  sun")
    QTest.keyClick(line.tag_row.field, Qt.Key.Key_Return)
    QTest.keyClicks(line.tag_row.field, "rain")
    QTest.keyClick(line.tag_row.field, Qt.Key.Key_Return)
    desk.wait_until(lambda: desk.record.tags == ("low sun", "night", "rain"), "three tags", 10)
    desk.click(line.tag_row.chips[1].remove_button)
    desk.wait_until(lambda: desk.record.tags == ("low sun", "rain"), "two tags", 10)
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.wait_until(
        lambda: line.tag_row.tags == ["low sun", "night", "rain"], "the tag that was taken away", 10
    )
    pick(line.split, Split.TEST.value)
    desk.wait_until(lambda: desk.record.split == Split.TEST, "the split", 10)

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
    assert shown.row_of(desk.record.id) == 0


def test_the_pixel_under_a_resting_pointer_is_that_of_the_picture_on_screen(desk: Desk) -> None:
    desk.dab(0.5)
    QTest.mouseMove(desk.canvas, desk.position_of(0.5, 0.5))
    desk.wait_until(lambda: "grass (1, painted)" in desk.window.status_bar.pixel.text(), "who said so", 10)
    desk.key(Qt.Key.Key_D)
    desk.wait_until(lambda: desk.labelling.picture.id == 2, "the next picture", 10)
    assert desk.window.status_bar.pixel.text().endswith("unlabelled (0)")
    desk.key(Qt.Key.Key_A)
    desk.wait_until(
        lambda: "grass (1, painted)" in desk.window.status_bar.pixel.text(), "the first one again", 10
    )


def test_a_hurrying_pointer_is_followed_as_fast_as_anybody_reads(desk: Desk) -> None:
    pixel, reading = desk.window.status_bar.pixel, desk.labelling._pixel_readout._update_timer
    desk.wait_until(lambda: not reading.isActive(), "nothing to be read", 5)
    reading.setInterval(60_000)
    QTest.mouseMove(desk.canvas, desk.position_of(0.3, 0.5))
    first = pixel.text()
    for step in range(1, 9):
        QTest.mouseMove(desk.canvas, desk.position_of(0.3 + 0.05 * step, 0.5))
        assert pixel.text() == first
    reading.start(0)
    at = desk.canvas.cursor_point
    assert at is not None
    desk.wait_until(lambda: pixel.text().startswith(f"x {int(at.x)}  y {int(at.y)}"), "where it stopped", 5)
    assert pixel.text() != first


def test_a_note_is_kept_for_the_picture_it_was_written_for(desk: Desk) -> None:
    line = desk.page.metadata_bar
    desk.key(Qt.Key.Key_N, SHIFT)
    desk.wait_until(line.note_popup.isVisible, "the sheet", 5)
    QTest.keyClicks(line.note_popup.text, "blurred at the left")
    first = desk.record.id
    desk.labelling.show_picture(desk.session.pictures.ids()[1])
    desk.wait_until(lambda: desk.record.id != first, "the next picture", 10)
    assert not line.note_popup.isVisible()
    desk.wait_until(lambda: desk.session.pictures.get(first).note == "blurred at the left", "the note", 10)
    assert desk.record.note == "" and line.note_button.text() == "Add a note"

    desk.click(line.note_button)
    QTest.keyClicks(line.note_popup.text, "fine")
    QTest.keyClick(line.note_popup.text, Qt.Key.Key_Return, CTRL)
    desk.wait_until(lambda: desk.record.note == "fine", "the second note", 10)
    assert line.note_button.text() == "fine"
    desk.wait_until(desk.page.option_bar.undo.isEnabled, "undo", 10)
    desk.key(Qt.Key.Key_Z, CTRL)
    desk.wait_until(lambda: line.note_button.text() == "Add a note", "no note again", 10)


def test_a_note_under_the_pen_survives_the_end_of_the_session(desk: Desk) -> None:
    desk.page.metadata_bar.open_note()
    QTest.keyClicks(desk.page.metadata_bar.note_popup.text, "look again")
    folder, first = desk.session.folder, desk.record.id
    desk.window.close_project()
    assert not desk.page.metadata_bar.status.isVisible()
    desk.window.open_project(folder)
    desk.wait_until(desk.has_picture, "the picture", 20)
    assert desk.session.pictures.get(first).note == "look again"


def test_a_tag_under_the_pen_stays_with_its_picture(desk: Desk) -> None:
    line, first = desk.page.metadata_bar, desk.record.id
    line.focus_tag_field()
    QTest.keyClicks(line.tag_row.field, "rainy")
    desk.window.actions_by_id["next_picture"].trigger()
    desk.wait_until(lambda: desk.labelling.picture.id != first, "the next picture", 10)
    desk.wait_until(lambda: desk.session.pictures.get(first).tags == ("rainy",), "the tag", 10)
    assert desk.record.tags == () and line.tag_row.tags == [] and not line.tag_row.field.text()


@pytest.fixture
def line(qtbot: QtBot, qapp: QApplication) -> MetadataBar:
    made = MetadataBar(apply_theme(qapp, "light"))
    qtbot.addWidget(made)
    made.resize(900, 40)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_more_tags_than_fit_stand_behind_a_count(line: MetadataBar, qtbot: QtBot) -> None:
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


def test_a_lagging_echo_takes_no_tag_back_and_no_chip_away_under_the_pointer(line: MetadataBar) -> None:
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


def test_showing_a_picture_asks_for_nothing(line: MetadataBar, qtbot: QtBot) -> None:
    signals = [line.status_chosen, line.split_chosen, line.tags_added, line.tag_removed, line.note_changed]
    heard: list[object] = []
    for signal in signals:
        signal.connect(lambda *args: heard.append(args))
    line.set_picture(PictureRecord(1, "a.png", status=Status.DONE, split=Split.VAL, note="n", tags=("x",)))
    line.set_picture(PictureRecord(2, "b.png"))
    line.set_picture(None)
    assert heard == []
    assert "teach" in line.split.toolTip()


def test_every_filter_has_its_test() -> None:
    assert [key for key, _ in FILTERS if key != "all" and key not in PREDICATES] == []
    plain, tagged = PictureRecord(1, "a.png"), PictureRecord(2, "b.png", tags=("night",), note="x")
    assert [predicate_for(key)(plain) for key in ("tag:night", "noted", "all", "skipped")] == [
        False,
        False,
        True,
        False,
    ]
    assert [predicate_for(key)(tagged) for key in ("tag:night", "tag:nigh", "noted")] == [True, False, True]
