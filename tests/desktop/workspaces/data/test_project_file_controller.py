"""The Data workspace finds and repairs damage, lists backups, looks into them, and restores one as a project beside."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import Future

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from core.base.progress import ProgressCallback
from core.project.backup import list_backups
from core.project.integrity.check import check_project
from core.project.integrity.findings import FindingKind, IntegrityFinding
from core.project.project import Project
from core.session import project_file
from desktop.theme.theme import Theme
from desktop.workspaces.data.backups_card import PAGE_SIZE, BackupsCard, reason_text, size_text
from desktop.workspaces.data.integrity_card import MAX_FINDINGS, IntegrityCard
from desktop.workspaces.data.page import DataPage
from tests.desktop.conftest import GuiDriver, show_widget

pytestmark = pytest.mark.qt_log_ignore("does not support")


@pytest.fixture
def page(gui: GuiDriver) -> DataPage:
    gui.dab(0.3)
    gui.wait_until(lambda: list_backups(gui.session.home / "backups"), "the backup that is made by time", 60)
    gui.window.actions_by_id["workspace_data"].trigger()
    page: DataPage = gui.window.workspaces.data
    gui.wait_until(page.isVisible, "the Data workspace")
    gui.wait_until(lambda: len(page.backups.rows) == 1, "the list of backups, which moves what is below", 60)
    return page


def press(gui: GuiDriver, page: DataPage, button: QPushButton) -> None:
    """Scroll to a button and click on it."""
    gui.wait_until(button.isVisible, button.accessibleName() or button.text())
    page.area.ensureWidgetVisible(button)
    gui.click(button)


def damage(gui: GuiDriver) -> None:
    raw = sqlite3.connect(gui.session.home / "project.sqlite")
    with raw:
        raw.execute("UPDATE class_pixels SET pixels = 7")
        raw.execute("UPDATE tiles SET origins = x'00'")
    raw.close()


def check(gui: GuiDriver, page: DataPage) -> None:
    press(gui, page, page.integrity.check)
    gui.wait_until(
        lambda: page.integrity.check.isEnabled() and page.integrity.progress.isHidden(), "the check", 60
    )


def test_what_ends_after_closing_leaves_the_cards_alone(gui: GuiDriver, page: DataPage) -> None:
    assert gui.window.context is not None
    old = gui.window.context.data_controller.project_file_controller
    ended: Future[None] = Future()
    old._wait(ended, print, print)
    folder = gui.session.folder
    gui.window.close_project()
    gui.window.open_project(folder)
    gui.wait_until(gui.has_picture, "the project again", 60)
    page.backups.set_enabled(False)
    ended.set_result(None)
    gui.wait(50)
    assert not page.backups.back_up.isEnabled()
    page.backups.set_enabled(True)


def test_sound_project(gui: GuiDriver, page: DataPage) -> None:
    check(gui, page)
    assert page.integrity.summary.text().startswith("No problems were found")
    assert page.integrity.rows == [] and page.integrity.repair_all.isHidden()


def test_findings_are_repaired_one_by_one_and_the_label_is_read_again(gui: GuiDriver, page: DataPage) -> None:
    damage(gui)
    check(gui, page)
    assert page.integrity.summary.text() == "2 findings, of which 2 can be repaired here."
    assert page.integrity.repair_all.isVisible()
    first = page.integrity.rows[0]
    assert first.repair.accessibleName() == f"Repair: {first.finding.sentence}"
    first.repair.setFocus()
    gui.key(Qt.Key.Key_Space, on=first.repair)
    gui.wait_until(lambda: "1 finding," in page.integrity.summary.text(), "the repair", 60)
    assert [line.repair.isHidden() for line in page.integrity.rows] == [True, False]
    gui.wait_until(
        lambda: [line.reason.text() for line in page.backups.rows] == ["before a repair", ""],
        "its backup",
        60,
    )
    press(gui, page, page.integrity.rows[1].repair)
    gui.wait_until(lambda: "Everything" in page.integrity.summary.text(), "the other repair", 60)
    check(gui, page)
    assert page.integrity.summary.text().startswith("No problems were found")


def test_check_can_be_cancelled(gui: GuiDriver, page: DataPage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is held at its start: of so small a project it is over before anybody can press Cancel."""
    go_on = threading.Event()

    def held(project: Project, *, progress: ProgressCallback) -> list[IntegrityFinding]:
        assert go_on.wait(60)
        return check_project(project, progress=progress)

    monkeypatch.setattr(project_file, "check_project", held)
    press(gui, page, page.integrity.check)
    assert not page.backups.back_up.isEnabled()  # one thing at a time
    press(gui, page, page.integrity.progress.cancel)
    go_on.set()
    gui.wait_until(page.integrity.check.isEnabled, "the end of the check", 60)
    assert page.backups.back_up.isEnabled() and page.integrity.progress.isHidden()


def test_backup_is_made_looked_into_restored_beside_and_opened(gui: GuiDriver, page: DataPage) -> None:
    gui.wait_until(lambda: len(page.backups.rows) == 1, "the list", 60)
    press(gui, page, page.backups.back_up)
    gui.wait_until(lambda: len(page.backups.rows) == 2, "the backup", 60)
    assert page.backups.summary.text().startswith("The backup was made: project-")
    line = page.backups.rows[0]
    assert line.labelled.text() == "1 labelled" and line.file_size.text().endswith("B")
    press(gui, page, line.preview)
    gui.wait_until(lambda: hasattr(line.panel, "thumbnails"), "the preview", 60)
    assert line.panel is not None
    assert [each.toolTip() for each in line.panel.thumbnails] == ["p0.png"]
    assert (
        line.panel.classes.item(0, 0).text() == "grass" and line.panel.classes.item(0, 2).text() == "100.0 %"
    )
    press(gui, page, line.preview)
    assert line.panel is None

    home, files = gui.session.home, gui.session.folder
    target = files.parent / "beside"
    gui.window.context.data_controller.project_file_controller.restore(line.backup, target)
    gui.wait_until(page.backups.open_restored.isVisible, "the new project", 60)
    assert str(target) in page.backups.summary.text()
    press(gui, page, page.backups.open_restored)
    gui.wait_until(
        lambda: gui.window.context is not None and gui.session.home == target, "the new project", 60
    )
    gui.wait_until(gui.has_picture, "its picture", 60)
    assert gui.session.folder == files and gui.window.windowTitle().startswith("beside")
    assert ["beside", str(target)] in gui.window._settings.get_state("recent")
    assert len(list_backups(home / "backups")) == 2


def test_long_lists_are_cut(gui: GuiDriver, page: DataPage) -> None:
    folder = gui.session.home / "backups"
    for day in range(1, PAGE_SIZE + 2):
        (folder / f"project-203601{day:02}T000000Z.sqlite").write_bytes(b"damaged")
    gui.window.context.data_controller.project_file_controller.refresh()
    gui.wait_until(lambda: len(page.backups.rows) == PAGE_SIZE, "the list", 60)
    assert {line.labelled.text() for line in page.backups.rows} == {"cannot be read"}
    assert page.backups.rows[0].restore.isHidden()
    press(gui, page, page.backups.more)
    assert len(page.backups.rows) == PAGE_SIZE + 2 and page.backups.more.isHidden()


def test_many_findings_are_counted(qtbot: QtBot) -> None:
    card = IntegrityCard()
    show_widget(qtbot, card, 600, 400)
    findings = [
        IntegrityFinding(FindingKind.COUNTS, f"Finding {n}.", True, n) for n in range(MAX_FINDINGS + 5)
    ]
    card.set_findings(findings, {}, "Many.")
    assert len(card.rows) == MAX_FINDINGS
    wanted: list[list[IntegrityFinding]] = []
    card.repair_requested.connect(wanted.append)
    card.repair_all.click()
    assert wanted == [findings]


def test_without_backups_the_card_says_when_there_will_be_one(qtbot: QtBot, theme: Theme) -> None:
    card = BackupsCard(theme)
    show_widget(qtbot, card, 600, 400)
    assert card.summary.isVisible() and card.summary.text() == "Reading the list of backups…"
    card.set_backups(())
    assert card.summary.isVisible() and card.summary.text().startswith("No backups yet")
    assert not card.open_restored.isVisible() and not card.more.isVisible()


def test_words() -> None:
    assert [reason_text(r) for r in ("", "before-repair", "before-0004", "replaced")] == [
        "",
        "before a repair",
        "before an upgrade",
        "replaced by an earlier restore",
    ]
    assert [size_text(n) for n in (2048, 5 * 2**20)] == ["2 kB", "5.0 MB"]
