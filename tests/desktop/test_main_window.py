"""The main window: open, paint, close, open another; unusable folders are explained."""

from __future__ import annotations

import gc
import sqlite3
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from core.base.changes import Changes
from core.base.geometry import Box, Point
from core.base.settings import Settings
from core.labels.rasterization import capsule
from core.project.project import HOME_FOLDER, Project
from core.project.records import Status
from desktop.main_window import MainWindow
from desktop.shell.settings_dialog import SettingsDialog
from desktop.theme.theme import apply_theme
from desktop.tour.window_driver import WindowDriver
from tests.factories import picture_folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    kept = Settings(tmp_path / "settings.json")
    kept.set("train_automatically", False)
    kept.set("live_prediction", "off")
    return kept


@pytest.fixture
def hands(
    qtbot: QtBot, qapp: QApplication, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WindowDriver]:
    # A modal question would wait for ever where nobody answers.
    monkeypatch.setattr(QMessageBox, "warning", lambda *_: QMessageBox.StandardButton.Discard)
    mistakes: list[BaseException] = []
    window = MainWindow(apply_theme(qapp, "light"), settings, mistakes.append)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    yield WindowDriver(window)
    window.close()
    window.deleteLater()
    assert mistakes == []


def opened(hands: WindowDriver, folder: Path) -> None:
    hands.window.open_project(folder)
    hands.wait_until(hands.has_picture, "a picture", 20)


def test_a_picture_that_cannot_be_shown_says_why_on_the_canvas_and_in_the_list(
    hands: WindowDriver, tmp_path: Path
) -> None:
    folder = picture_folder(tmp_path / "pictures", 2)
    (folder / "p1.png").write_bytes(b"")
    opened(hands, folder)
    window = hands.window
    assert "%" in window.status_bar.zoom.text()
    hands.wait_until(lambda: len(hands.session.pictures) == 2, "both pictures", 20)
    empty = hands.session.pictures.at(1).id
    hands.labelling.show_picture(empty)
    hands.wait_until(lambda: hands.labelling.picture.id == empty, "the answer", 20)
    assert window.status_bar.zoom.text() == "", "there is nothing that could be zoomed"
    thumbs = hands.page.filmstrip.thumbnails
    hands.wait_until(
        lambda: "the file is empty" in thumbs.accessibleDescription(), "the reason in the list", 20
    )
    hands.labelling.show_picture(hands.session.pictures.at(0).id)
    hands.wait_until(lambda: "%" in window.status_bar.zoom.text(), "the other picture", 20)
    assert "empty" not in thumbs.accessibleDescription()


def test_a_stroke_is_stored_without_saving(hands: WindowDriver, tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    opened(hands, folder)
    QTest.keyClicks(hands.page.classes.name_field, "grass, roof")
    QTest.keyClick(hands.page.classes.name_field, Qt.Key.Key_Return)
    hands.wait_until(lambda: len(hands.session.editing.classes) == 2, "the classes")
    hands.key(Qt.Key.Key_2)
    start, end = hands.position_of(0.2, 0.3), hands.position_of(0.7, 0.6)
    QTest.mousePress(hands.canvas, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(hands.canvas, end)
    QTest.mouseRelease(hands.canvas, Qt.MouseButton.LeftButton, pos=end)
    hands.wait_until_saved(1)
    painted = hands.label_values.copy()
    # An independent raster: every pixel near the segment between the two points of the mouse.
    a, b = (hands.canvas.image_point(QPointF(p)) for p in (start, end))
    box, mask = capsule(Point(*a), Point(*b), hands.canvas.tools.options.brush_radius, Box(0, 0, 96, 64))
    expected = np.zeros((64, 96), np.uint8)
    expected[box.slices][mask] = 2
    assert np.count_nonzero(painted != expected) <= 0.02 * np.count_nonzero(expected)
    with Project.open_read_only(folder) as reader:
        np.testing.assert_array_equal(reader.labels.read(1, 96, 64), painted)

    hands.window.close_project()
    opened(hands, folder)
    np.testing.assert_array_equal(hands.label_values, painted)
    hands.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    hands.wait_until(lambda: hands.labelled_pixels == 0, "undo after a restart")
    hands.key(Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    hands.wait_until(lambda: np.array_equal(hands.label_values, painted), "redo")


def test_a_second_project_in_the_window_is_independent(hands: WindowDriver, tmp_path: Path) -> None:
    one, two = picture_folder(tmp_path / "one"), picture_folder(tmp_path / "two")
    opened(hands, one)
    hands.session.editing.add_classes(["grass"]).result(10)
    opened(hands, two)
    hands.wait_until(
        lambda: hands.window.context is not None and hands.session.name == "two", "the second project"
    )
    QTest.keyClicks(hands.page.classes.name_field, "roof")
    QTest.keyClick(hands.page.classes.name_field, Qt.Key.Key_Return)
    hands.wait_until(lambda: len(hands.session.editing.classes) == 1, "the class")
    hands.session.wait_until_saved()
    with Project.open_read_only(one) as first, Project.open_read_only(two) as second:
        assert [c.name for c in first.classes.read()] == ["grass"]
        assert [c.name for c in second.classes.read()] == ["roof"]


def test_status_and_navigation_by_shortcuts(hands: WindowDriver, tmp_path: Path) -> None:
    opened(hands, picture_folder(tmp_path / "pictures"))
    hands.wait_until(lambda: len(hands.session.pictures) == 3, "all pictures")
    hands.key(Qt.Key.Key_D)
    hands.wait_until(lambda: hands.record.name == "p1.png", "the next picture")
    hands.key(Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    hands.wait_until(lambda: hands.record.status == Status.DONE, "the mark")
    hands.key(Qt.Key.Key_A)
    hands.wait_until(lambda: hands.record.name == "p0.png", "the picture before")
    hands.key(Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
    hands.wait_until(lambda: hands.record.name == "p2.png", "the next that is not done")


def test_a_film_says_that_its_first_frame_is_shown(hands: WindowDriver, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "blue", "green")]
    frames[0].save(folder / "film.gif", save_all=True, append_images=frames[1:])
    opened(hands, folder)
    assert (
        hands.window.status_bar.message.text()
        == "film.gif holds 3 frames or pages; the first is shown and labelled."
    )


def test_the_picture_shown_last_is_shown_first(hands: WindowDriver, tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    opened(hands, folder)
    hands.wait_until(lambda: len(hands.session.pictures) == 3, "all pictures")
    hands.key(Qt.Key.Key_D)
    hands.wait_until(lambda: hands.record.name == "p1.png", "the next picture")
    hands.window.close_project()
    opened(hands, folder)
    assert hands.record.name == "p1.png"


@pytest.mark.parametrize("kind", ["empty", "no pictures", "a file", "missing"])
def test_an_unusable_folder_is_explained_and_left_unchanged(
    hands: WindowDriver, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "bad"
    if kind == "a file":
        folder.write_text("x")
    elif kind != "missing":
        folder.mkdir()
        if kind == "no pictures":
            (folder / "notes.txt").write_text("x")
    hands.window.open_project(folder)
    message = hands.window.welcome_page.message
    hands.wait_until(lambda: bool(message.text()), "the sentence", 20)
    assert message.text().endswith(".")
    assert hands.window.stack.currentWidget() is hands.window.welcome_page
    assert not (folder / HOME_FOLDER).exists()


def test_a_project_opened_elsewhere_is_refused(hands: WindowDriver, tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    with Project.open(folder, purpose="the other window"):
        hands.window.open_project(folder)
        hands.wait_until(
            lambda: "the other window" in hands.window.welcome_page.message.text(), "the sentence", 20
        )


def test_a_broken_picture_is_explained(hands: WindowDriver, tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    (folder / "a-broken.jpg").write_bytes(b"no picture")
    hands.window.open_project(folder)
    hands.wait_until(
        lambda: hands.window.context is not None and hands.labelling.picture.id is not None, "an answer", 20
    )
    assert hands.record.problem or not hands.has_picture()
    hands.key(Qt.Key.Key_D)
    hands.wait_until(hands.has_picture, "the next picture")


def test_painting_without_a_class_asks_for_one(hands: WindowDriver, tmp_path: Path) -> None:
    opened(hands, picture_folder(tmp_path / "pictures"))
    QTest.mouseClick(hands.canvas, Qt.MouseButton.LeftButton, pos=hands.position_of(0.5, 0.5))
    hands.wait_until(lambda: "class" in hands.window.status_bar.message.text(), "the hint")
    assert hands.labelled_pixels == 0


def test_h_hides_while_held_and_toggles_when_tapped(hands: WindowDriver, tmp_path: Path) -> None:
    opened(hands, picture_folder(tmp_path / "pictures"))
    canvas = hands.canvas
    assert canvas.layers.label_visible
    hands.key(Qt.Key.Key_H)
    assert not canvas.layers.label_visible
    hands.key(Qt.Key.Key_H)
    assert canvas.layers.label_visible
    QTest.keyPress(canvas, Qt.Key.Key_H)
    hands.wait(400)
    assert not canvas.layers.label_visible
    QTest.keyRelease(canvas, Qt.Key.Key_H)
    hands.wait_until(lambda: canvas.layers.label_visible, "the overlays")


def test_overlays_come_back_when_the_key_release_is_lost(hands: WindowDriver, tmp_path: Path) -> None:
    opened(hands, picture_folder(tmp_path / "pictures"))
    canvas = hands.canvas
    QTest.keyPress(canvas, Qt.Key.Key_H)
    assert not canvas.layers.label_visible
    QApplication.sendEvent(hands.page, QEvent(QEvent.Type.WindowDeactivate))
    assert canvas.layers.label_visible
    hands.key(Qt.Key.Key_H)
    QApplication.sendEvent(hands.page, QEvent(QEvent.Type.WindowDeactivate))
    assert not canvas.layers.label_visible, "a tap hides them for good"
    hands.key(Qt.Key.Key_H)


@pytest.mark.parametrize(("url", "taken"), [("https://example.org/cat.png", False), ("file:///", True)])
def test_only_files_of_this_machine_can_be_dropped(hands: WindowDriver, url: str, taken: bool) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl(url)])
    event = QDragEnterEvent(
        QPoint(9, 9),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    event.ignore()
    hands.window.dragEnterEvent(event)
    assert event.isAccepted() == taken


def test_settings_open_once_and_show_changes_from_elsewhere(hands: WindowDriver, tmp_path: Path) -> None:
    opened(hands, picture_folder(tmp_path / "pictures"))
    actions, learning = hands.window.actions_by_id, hands.page.training
    actions["settings"].trigger()
    actions["settings"].trigger()
    (dialog,) = hands.window.findChildren(SettingsDialog)
    by_itself, theme = dialog.fields["train_automatically"], dialog.fields["theme"]
    assert not by_itself.isChecked()
    learning.auto_start.click()
    assert by_itself.isChecked()
    by_itself.click()
    assert not learning.auto_start.isChecked()
    actions["theme_dark"].trigger()
    assert theme.currentData() == "dark"
    live = dialog.fields["live_prediction"]
    before = live.currentData()
    actions["live_prediction"].trigger()
    assert {before, live.currentData()} == {"auto", "off"}
    actions["live_prediction"].trigger()
    assert live.currentData() == before
    dialog.close()
    actions["theme_light"].trigger()
    actions["settings"].trigger()
    again = next(each for each in hands.window.findChildren(SettingsDialog) if each.isVisible())
    assert again.fields["theme"].currentData() == "light"
    again.close()


def test_window_state_is_stored(qtbot: QtBot, qapp: QApplication, settings: Settings) -> None:
    for width in (1300, None):
        window = MainWindow(apply_theme(qapp, "light"), settings, print)
        window.show()
        qtbot.waitExposed(window)
        if width:
            window.resize(width, 850)
            window.layer_controller.actions()["cycle_view"]()
            kept = window.layer_controller.layers
        else:
            assert window.layer_controller.layers == kept
        window.close()
        window.deleteLater()


def test_dropping_a_folder_opens_it(hands: WindowDriver, tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "dropped")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(folder))])
    event = QDropEvent(
        QPointF(50, 50),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    hands.window.dropEvent(event)
    hands.wait_until(hands.has_picture, "a picture", 20)
    assert hands.session.folder == folder


def test_a_full_disk_keeps_the_stroke_and_tries_again(
    hands: WindowDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = picture_folder(tmp_path / "pictures")
    opened(hands, folder)
    hands.session.editing.add_classes(["grass", "roof"]).result(10)
    hands.labelling.on_changes(Changes(classes=True))

    def full(*_: object) -> None:
        raise sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr("core.project.journal.update_pixel_counts", full)
        for x in (0.2, 0.5, 0.8):
            QTest.mouseClick(hands.canvas, Qt.MouseButton.LeftButton, pos=hands.position_of(x, 0.5))
        hands.wait_until(lambda: hands.labelling.edit_queue.is_blocked, "the refusal")
        hands.wait(200)
        assert "disk is full" in hands.window.top_bar.saved.text.text()
        assert hands.labelling.edit_queue.pending == 3
    painted = hands.label_values.copy()
    assert hands.labelled_pixels
    hands.wait_until_saved(3)
    with Project.open_read_only(folder) as reader:
        np.testing.assert_array_equal(reader.labels.read(1, 96, 64), painted)
        assert len([edit for edit in reader.journal.history(1) if edit.tool == "brush"]) == 3


def test_closing_asks_when_a_stroke_is_about_to_fail(
    hands: WindowDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(hands, picture_folder(tmp_path / "pictures"))
    hands.session.editing.add_classes(["grass"]).result(10)
    hands.labelling.on_changes(Changes(classes=True))
    asked: list[str] = []
    answer = QMessageBox.StandardButton.Cancel

    def ask(_window: object, _title: str, words: str, *_: object) -> QMessageBox.StandardButton:
        asked.append(words)
        return answer

    def full(*_: object) -> None:
        raise sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(QMessageBox, "warning", ask)
    monkeypatch.setattr("core.project.journal.update_pixel_counts", full)
    QTest.mouseClick(hands.canvas, Qt.MouseButton.LeftButton, pos=hands.position_of(0.5, 0.5))
    assert not hands.labelling.edit_queue.is_blocked, "the answer of the disk is still on its way"
    assert not hands.window.close_project()
    assert len(asked) == 1 and asked[0].startswith("1 edit") and hands.labelling.edit_queue.pending == 1
    hands.window.close()
    assert len(asked) == 2 and hands.window.isVisible()
    answer = QMessageBox.StandardButton.Discard
    assert hands.window.close_project()
    message = hands.window.welcome_page.message
    hands.wait_until(
        lambda: "lost" in message.text() and "disk is full" in message.text(), "the sentence", 20
    )


def test_pictures_of_one_pixel_and_very_wide_ones_are_shown(hands: WindowDriver, tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    Image.fromarray(np.zeros((1, 1, 3), np.uint8)).save(folder / "1.png")
    Image.fromarray(np.zeros((4, 6000, 3), np.uint8)).save(folder / "2.png")
    opened(hands, folder)
    hands.window.grab()
    hands.wait_until(lambda: len(hands.session.pictures) == 2, "both")
    hands.key(Qt.Key.Key_D)
    hands.wait_until(lambda: hands.label_values.shape == (4, 6000), "the wide one")
    hands.window.grab()
    assert isinstance(hands.position_of(0, 0), QPoint)


def test_a_closed_project_is_freed_without_thawing_the_program(
    qtbot: QtBot, hands: WindowDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collection over all frozen objects takes a tenth of a second, in which the window does not react."""
    thawed: list[object] = []
    monkeypatch.setattr(gc, "unfreeze", lambda: thawed.append(1))
    opened(hands, picture_folder(tmp_path / "pictures", 2))
    context = hands.window.context
    assert context is not None
    parts = (context.session, context.session.pictures, context.label_controller, context)
    gone = [weakref.ref(part) for part in parts]
    del context, parts
    collecting: list[bool] = []

    def close() -> None:
        hands.window.close_project()
        collecting.append(gc.isenabled())

    QTimer.singleShot(0, close)
    qtbot.waitUntil(lambda: bool(collecting) and gc.isenabled())  # deferred deletion takes a real event loop
    assert collecting == [False], "no other thread destroys the timers and widgets of the project"
    assert [part() for part in gone] == [None] * 4
    assert not thawed
