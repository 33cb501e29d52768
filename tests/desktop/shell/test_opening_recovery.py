"""A project that cannot be opened: the welcome page offers what can be done, and does it. With real processes."""

from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QMessageBox

from core.project.backup import make_backup
from core.project.locks import writer_lock
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.records import Status
from desktop.main_window import MainWindow
from desktop.tour.window_driver import WindowDriver
from desktop.workspaces.label.panels.classes.menu import ClassMenu
from tests.core.project.locks.test_writer_lock import ELSEWHERE, LONG_AGO, leave_note
from tests.desktop.conftest import GuiDriver
from tests.factories import project_in

ROOT = Path(__file__).resolve().parents[3]
HOLD = """
import sys
from pathlib import Path
from core.project.project import Project
project = Project.open(Path(sys.argv[1]), purpose="the Maskloop window")
print("open", flush=True)
sys.stdin.readline()
project.close()
"""

pytestmark = pytest.mark.qt_log_ignore("does not support")


@pytest.fixture
def window(one_window: tuple[MainWindow, list[BaseException]]) -> Iterator[WindowDriver]:
    made, mistakes = one_window
    yield GuiDriver(made)
    made.close_project()
    made.welcome_page.show_message("")
    assert mistakes == []


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    project_in(tmp_path / "pictures").close()
    return tmp_path / "pictures"


@pytest.fixture
def other(pictures: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the project open for writing until it gets a line."""
    words = [sys.executable, "-c", HOLD, str(pictures)]
    child = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "open\n"
    yield child
    if child.poll() is None:
        child.communicate("\n")


def offers(driver: WindowDriver, folder: Path) -> dict[str, str]:
    """Open a folder, which fails: titles of what is offered, by key."""
    driver.window.open_project(folder)
    driver.wait_until(
        lambda: driver.window.stack.currentWidget() is driver.window.welcome_page, "the reason", 60
    )
    row = driver.window.welcome_page.offers
    return {key: button.text() for key, button in row.buttons.items()}


def choose(driver: WindowDriver, key: str) -> None:
    """Take an offer that opens a project."""
    QTest.mouseClick(driver.window.welcome_page.offers.buttons[key], Qt.MouseButton.LeftButton)
    driver.wait_until(lambda: driver.window.context is not None and driver.has_picture(), "a project", 60)


def test_project_that_another_program_writes_to(
    window: GuiDriver, pictures: Path, other: subprocess.Popen[str]
) -> None:
    assert list(offers(window, pictures)) == ["read", "copy", "again"]
    said = window.window.welcome_page.message.text()
    assert f"process {other.pid}" in said and "--" not in said
    choose(window, "copy")
    assert window.session.home.parent == pictures.parent and window.session.folder == pictures
    window.session.editing.set_status(window.session.pictures.ids()[0], Status.DONE).result(60)
    with Project.open_read_only(pictures) as original:
        assert {record.status for record in original.pictures.all()} == {Status.NEW}


def test_read_only_project_changes_nothing_and_ends_when_the_other_program_does(
    window: GuiDriver, pictures: Path, other: subprocess.Popen[str]
) -> None:
    offers(window, pictures)
    choose(window, "read")
    main, label = window.window, window.window.label_page
    before = {path: path.read_bytes() for path in (pictures / HOME_FOLDER).rglob("project.sqlite")}
    assert main.read_only_bar.isVisible()
    for action in (
        "tool_polygon",
        "mark_done",
        "accept_all",
        "train_now",
        "undo",
        "import_masks",
        "delete_class",
    ):
        assert not main.actions_by_id[action].isEnabled(), action
        assert "read-only" in main.actions_by_id[action].toolTip()
    for action in (
        "next_picture",
        "export",
        "zoom_in",
        "workspace_data",
        "close_project",
        "minimap",
        "live_prediction",
    ):
        assert main.actions_by_id[action].isEnabled(), action
    assert not label.metadata_bar.isEnabled() and not label.classes.name_field.isEnabled()
    train, classes = main.workspaces.train, label.classes.list_view
    for part in (train.train_now, train.offer.accept, train.size_offer.decline):
        assert not part.isEnabled()
    classes.show_menu(classes.class_model.index(0))
    (menu,) = classes.findChildren(ClassMenu)
    assert {a.objectName() for a in menu.actions() if a.isEnabled()} - {""} == {"hide_class", "solo_class"}
    menu.close()
    assert not classes.dragEnabled()
    assert classes.editTriggers() == QAbstractItemView.EditTrigger.NoEditTriggers
    for button in (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton):
        QTest.mouseClick(window.canvas, button, pos=window.position_of(0.4, 0.5))
        assert "read-only" in window.said
    assert window.labelling.picture.labels is not None and not window.labelling.picture.labels.values.any()
    first = window.record.name
    main.actions_by_id["next_picture"].trigger()
    window.wait_until(lambda: window.has_picture() and window.record.name != first, "the next picture", 60)
    main.actions_by_id["workspace_data"].trigger()
    window.wait_until(main.workspaces.data.isVisible, "the Data workspace")
    assert not main.workspaces.data.backups.back_up.isEnabled()
    assert before == {path: path.read_bytes() for path in before}

    QTest.mouseClick(main.read_only_bar.open_for_writing, Qt.MouseButton.LeftButton)
    window.wait_until(main.welcome_page.offers.isVisible, "the offers again", 60)
    other.communicate("\n")
    choose(window, "again")
    assert not main.read_only_bar.isVisible() and label.metadata_bar.isEnabled()
    assert main.actions_by_id["tool_polygon"].isEnabled()
    assert "read-only" not in main.actions_by_id["tool_polygon"].toolTip()
    assert main.workspaces.train.train_now.isEnabled() and label.classes.list_view.dragEnabled()
    window.dab(0.5)


def no_locks(_descriptor: int, *, blocking: bool = True) -> bool:
    raise OSError(errno.ENOLCK, "No locks available")


def test_lock_of_a_computer_that_is_gone(
    window: GuiDriver, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_lock, "lock_descriptor", no_locks)
    leave_note(pictures / HOME_FOLDER, LONG_AGO, by_note=True, **ELSEWHERE)
    assert offers(window, pictures)["take over"] == "Continue anyway…"
    answers: list[QMessageBox] = []

    def answer(box: QMessageBox, words: str) -> int:
        answers.append(box)
        next(b for b in box.buttons() if words in b.text()).click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", lambda box: answer(box, "Cancel"))
    window.window.welcome_page.offers.buttons["take over"].click()
    assert window.window.context is None and answers[0].defaultButton().text() == "Cancel"
    assert "on attic" in answers[0].text()
    monkeypatch.setattr(QMessageBox, "exec", lambda box: answer(box, "It has ended"))
    choose(window, "take over")
    window.dab(0.5)
    window.window.close_project()
    assert not (pictures / HOME_FOLDER / "writer.json").exists()


def test_damaged_project_opens_as_a_copy_of_its_newest_backup(window: GuiDriver, pictures: Path) -> None:
    file = pictures / HOME_FOLDER / PROJECT_FILE
    make_backup(file, pictures / HOME_FOLDER / "backups")
    file.write_bytes(b"this is not SQLite" * 100)
    assert offers(window, pictures)["restore"].startswith("Open a copy of the backup of 20")
    choose(window, "restore")
    assert window.session.home.parent == pictures.parent and len(window.session.pictures) == 3
    assert file.read_bytes() == b"this is not SQLite" * 100


def test_value_that_cannot_be_read_is_repaired(window: GuiDriver, pictures: Path) -> None:
    raw = sqlite3.connect(pictures / HOME_FOLDER / PROJECT_FILE)
    with raw:
        raw.execute("UPDATE pictures SET note = x'00' WHERE id = 1")
    raw.close()
    assert list(offers(window, pictures)) == ["repair"]
    assert "maskloop check" not in window.window.welcome_page.message.text()
    choose(window, "repair")
    assert window.session.home == pictures / HOME_FOLDER


def test_folder_that_cannot_be_written(
    window: GuiDriver, tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("core.project.project.WriterLock", refused)
    assert list(offers(window, pictures)) == ["elsewhere", "read", "copy"]
    monkeypatch.undo()
    chosen = tmp_path / "labels"
    chosen.mkdir()
    monkeypatch.setattr(
        "desktop.shell.opening_recovery.QFileDialog.getExistingDirectory", lambda *_: str(chosen)
    )
    choose(window, "elsewhere")
    assert window.session.home == chosen and (chosen / PROJECT_FILE).exists()


def test_nothing_is_offered_for_a_folder_without_pictures(window: GuiDriver, tmp_path: Path) -> None:
    assert offers(window, tmp_path) == {}
    assert "no pictures" in window.window.welcome_page.message.text()
