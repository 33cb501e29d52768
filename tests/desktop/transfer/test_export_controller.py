"""The export of a dataset in a real window: plan and losses first, the dataset afterwards."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from shiboken6 import isValid

from core.base.errors import Cancelled
from core.project.project import Project
from core.session.transfer.export_plan import ExportOptions, plan_export
from core.session.transfer.export_run import run_export
from desktop.transfer.export_dialog import ExportDialog
from tests.desktop.conftest import GuiDriver


def opened(gui: GuiDriver, format_name: str) -> ExportDialog:
    gui.window.context.export_controller.show()
    dialog = gui.window.context.export_controller.dialog
    assert dialog is not None
    place = dialog.format.findData(format_name)
    dialog.format.setCurrentIndex(place)
    dialog.format.activated.emit(place)
    return dialog


def test_a_dataset_is_exported_and_its_folder_opened(
    gui: GuiDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gui.dab(0.2, 0.6)
    dialog = opened(gui, "coco")
    gui.wait_until(dialog.export.isEnabled, "the numbers", 60)
    assert "1 label mask" in dialog.plan.text() and "100.0 %" in dialog.plan.text()
    assert dialog.folder.text() == str(tmp_path / "pictures-coco")
    QTest.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
    gui.wait_until(dialog.show_folder.isVisible, "the dataset", 60)
    out = tmp_path / "pictures-coco"
    assert (out / "annotations" / "instances_unsplit.json").is_file()
    assert str(out) in dialog.plan.text()
    shown: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", shown.append)  # the edge of the machine
    QTest.mouseClick(dialog.show_folder, Qt.MouseButton.LeftButton)
    assert [Path(url.toLocalFile()) for url in shown] == [out]
    dialog.close()


def test_an_impossible_export_is_explained_and_disabled(gui: GuiDriver) -> None:
    dialog = opened(gui, "masks")
    gui.wait_until(lambda: "nothing to export" in dialog.plan.text(), "the reason", 60)
    assert not dialog.export.isEnabled()
    gui.dab(0.3)
    dialog.only_done.click()
    gui.wait_until(lambda: "nothing to export" in dialog.plan.text(), "the reason again", 60)
    dialog.only_done.click()
    gui.wait_until(dialog.export.isEnabled, "the numbers", 60)
    dialog.option_fields.pattern.setText("{name")
    gui.wait_until(lambda: "cannot be understood" in dialog.plan.text(), "the pattern's mistake", 60)
    assert not dialog.export.isEnabled()
    dialog.close()


def test_cityscapes_without_a_matching_class_is_explained(gui: GuiDriver, tmp_path: Path) -> None:
    gui.dab(0.3)
    dialog = opened(gui, "cityscapes")
    gui.wait_until(lambda: "No class of this project" in dialog.plan.text(), "the refusal", 60)
    assert not dialog.export.isEnabled()
    assert not (tmp_path / "pictures-cityscapes").exists()
    assert not dialog.show_folder.isVisible()
    dialog.close()


def test_a_cancelled_export_can_be_continued_or_discarded(gui: GuiDriver, tmp_path: Path) -> None:
    gui.dab(0.2, 0.6)
    with Project.open_read_only(gui.session.home) as project:
        wish = ExportOptions(
            tmp_path / "pictures-coco", "coco", frozenset({"train", "val", "test", "unsplit"})
        )
        done: list[int] = []
        with pytest.raises(Cancelled):
            run_export(project, plan_export(project, wish), lambda *_: done.append(1), lambda: bool(done))
    dialog = opened(gui, "coco")
    gui.wait_until(dialog.discard.isVisible, "what is left", 60)
    assert (
        "interrupted after 1 of 1 pictures" in dialog.resume_note.text()
        and dialog.export.text() == "Continue"
    )
    QTest.mouseClick(dialog.discard, Qt.MouseButton.LeftButton)
    gui.wait_until(lambda: not dialog.discard.isVisible() and dialog.export.isEnabled(), "the numbers", 60)
    assert dialog.export.text() == "Export" and not dialog.resume_note.isVisible()
    assert not (tmp_path / ".pictures-coco.unfinished").exists()
    dialog.close()


def test_a_cancelled_export_shows_how_many_pictures_are_finished(
    gui: GuiDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gui.dab(0.2, 0.6)
    dialog = opened(gui, "coco")
    gui.wait_until(dialog.export.isEnabled, "the numbers", 60)
    exporting, run = gui.session.exports, gui.session.exports.run
    monkeypatch.setattr(exporting, "run", lambda plan, progress: run(plan, lambda *_: exporting.cancel()))
    QTest.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
    gui.wait_until(lambda: "Cancelled after 1 of 1" in dialog.plan.text(), "the end", 60)
    assert dialog.discard.isVisible() and dialog.export.text() == "Continue"
    monkeypatch.undo()
    QTest.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
    gui.wait_until(dialog.show_folder.isVisible, "the dataset", 60)
    assert "Already finished before: 1 picture." in dialog.plan.text()
    dialog.close()


def test_closing_the_project_cancels_the_export_and_closes_the_dialog(
    gui: GuiDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gui.dab(0.2)
    dialog = opened(gui, "coco")
    gui.wait_until(dialog.export.isEnabled, "the numbers", 60)
    exporting, run = gui.session.exports, gui.session.exports.run
    under_way, told = threading.Event(), threading.Event()

    def hold(*_: int) -> None:
        under_way.set()
        assert exporting._cancel.wait(60)

    monkeypatch.setattr(exporting, "run", lambda plan, _progress: run(plan, hold))
    QTest.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
    gui.wait_until(under_way.is_set, "the export", 60)
    assert gui.window.close_project() and not dialog.isVisible()
    gui.window._loading_lane.submit(gui.window.dispatcher.post, told.set).result(60)
    gui.wait_until(told.is_set, "all that was told of it", 60)
    assert not isValid(dialog)
    assert not (tmp_path / "pictures-coco").exists()
