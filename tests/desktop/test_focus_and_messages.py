"""To whom the keys belong after typing and after Stop, and sentences: past messages, empty charts, New after undo."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton

from core.project.records import Status
from desktop.tour.window_driver import CTRL, LEFT_BUTTON, SHIFT
from desktop.transfer.export_controller import proposed_folder
from desktop.widgets.chart import Chart
from desktop.widgets.message_log import MAX_MESSAGES, MessageLog, MessagePopup
from tests.desktop.conftest import GuiDriver, show_widget

pytestmark = pytest.mark.qt_log_ignore("does not support")


@pytest.mark.parametrize("end", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_after_a_tag_the_keys_belong_to_the_picture(gui: GuiDriver, end: Qt.Key) -> None:
    field = gui.page.metadata_bar.tag_row.field
    gui.key(Qt.Key.Key_T)
    assert field.hasFocus()
    QTest.keyClicks(field, "rain")
    QTest.keyClick(field, end)
    assert gui.canvas.hasFocus()
    gui.wait_until(lambda: gui.record.tags == (("rain",) if end == Qt.Key.Key_Return else ()), "the tag", 10)


@pytest.mark.parametrize(
    ("end", "keys"), [(Qt.Key.Key_Return, CTRL), (Qt.Key.Key_Escape, Qt.KeyboardModifier(0))]
)
def test_after_a_note_the_keys_belong_to_the_picture(
    gui: GuiDriver, end: Qt.Key, keys: Qt.KeyboardModifier
) -> None:
    gui.page.metadata_bar.note_button.setFocus()
    gui.key(Qt.Key.Key_M, SHIFT, on=gui.page.metadata_bar.note_button)
    text = gui.page.metadata_bar.note_popup.text
    QTest.keyClicks(text, "blurred")
    QTest.keyClick(text, end, keys)
    gui.window.activateWindow()
    gui.wait_until(gui.canvas.hasFocus, "the focus", 5)
    gui.wait_until(lambda: gui.record.note == "blurred", "the note", 10)


def test_stop_leaves_the_keys_to_the_picture(gui: GuiDriver) -> None:
    panel = gui.page.training
    gui.window.activateWindow()
    panel.set_state("training")
    panel.stop_button.setFocus()
    gui.wait_until(panel.stop_button.hasFocus, "the focus", 5)
    was_on = panel.auto_start.isChecked()
    QTest.mouseClick(panel.stop_button, LEFT_BUTTON)
    for phase in ("stopping", "idle"):
        panel.set_state(phase)
        assert QApplication.focusWidget() is gui.canvas
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    assert panel.auto_start.isChecked() == was_on


def test_past_messages_can_be_read_again(gui: GuiDriver) -> None:
    gui.window.show_message("The first sentence.")
    gui.window.show_message("Another one.")
    gui.window.show_message("Another one.")
    gui.window.show_message("")
    gui.window.activateWindow()
    gui.wait_until(gui.window.isActiveWindow, "the focus", 5)
    QTest.mouseClick(gui.window.status_bar.log_button, LEFT_BUTTON)
    popup = gui.window.status_bar.findChild(MessagePopup)
    assert popup is not None and popup.isVisible()
    assert [popup.list.item(row).text()[5:].strip() for row in range(2)] == [
        "Another one.",
        "The first sentence.",
    ]
    popup.close()


def test_old_messages_are_dropped() -> None:
    log = MessageLog()
    for n in range(MAX_MESSAGES + 5):
        log.add(f"message {n}")
    assert len(log.messages) == MAX_MESSAGES
    assert log.messages[-1].text == f"message {MAX_MESSAGES + 4}"


def test_a_fully_undone_picture_is_new_again(gui: GuiDriver) -> None:
    status = gui.page.metadata_bar.status
    gui.dab(0.3, 0.6)
    gui.wait_until(lambda: gui.record.status == Status.IN_PROGRESS, "progress", 10)
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait(60)
    assert gui.record.status == Status.IN_PROGRESS, "one stroke is left"
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: gui.record.status == Status.NEW, "a new picture", 10)
    gui.wait_until(lambda: status.currentText() == "New", "the word", 10)
    gui.key(Qt.Key.Key_Z, CTRL | SHIFT)
    gui.wait_until(lambda: gui.record.status == Status.IN_PROGRESS, "progress again", 10)


def test_an_empty_chart_says_what_will_appear(qtbot, theme) -> None:
    chart = Chart(theme, score_axis=True, empty_text="The score appears here.")
    show_widget(qtbot, chart, 300, 200)
    assert chart._empty.isVisible() and chart._empty.text() == "The score appears here."
    chart.set_curves({"a": ([(0.0, 0.1), (1.0, 0.5)], "text", 2.0)})
    assert chart._empty.isHidden()
    chart.set_curves({})
    assert chart._empty.isVisible()


def test_recent_projects_that_are_gone_can_be_taken_out(gui: GuiDriver, tmp_path: Path) -> None:
    window, settings = gui.window, gui.window._settings
    settings.set_state("recent", [["gone", str(tmp_path / "gone")], ["pictures", str(tmp_path / "pictures")]])
    window.close_project()
    gui.wait(30)
    names = [b.accessibleName() for b in window.welcome_page.findChildren(QToolButton) if b.isVisible()]
    assert names == [
        "Remove gone from this list; its files stay",
        "Remove pictures from this list; its files stay",
    ]
    button = next(b for b in window.welcome_page.findChildren(QToolButton) if "gone" in b.accessibleName())
    QTest.mouseClick(button, LEFT_BUTTON)
    assert settings.get_state("recent") == [["pictures", str(tmp_path / "pictures")]]
    assert [action.text() for action in window.top_bar.recent.actions()] == [str(tmp_path / "pictures")]


def test_the_proposed_export_folder_works(
    gui: GuiDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = tmp_path / "pictures-coco"
    taken.mkdir()
    (taken / "mine.txt").write_text("not an export")
    gui.dab(0.5)
    gui.window.actions_by_id["export"].trigger()
    dialog = gui.dialog
    assert dialog is not None
    name = dialog.format.currentData()
    assert dialog.folder.text() == str(
        tmp_path / (f"pictures-{name}-2" if name == "coco" else f"pictures-{name}")
    )
    dialog.format.setCurrentIndex(dialog.format.findData("coco"))
    dialog.format.activated.emit(dialog.format.currentIndex())
    assert dialog.folder.text() == str(tmp_path / "pictures-coco-2")
    gui.wait_until(dialog.export.isEnabled, "the plan", 10)
    dialog.close()


def test_without_a_writable_place_beside_the_pictures_the_home_folder_is_proposed(tmp_path: Path) -> None:
    assert proposed_folder(tmp_path, "street") == tmp_path / "street"
    assert proposed_folder(tmp_path / "not there", "street") == Path.home() / "street"
