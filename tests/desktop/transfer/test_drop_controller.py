"""Pictures that are dropped, pasted or appear in the folder, in a real window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QAbstractButton, QMessageBox

from core.images.image_reader import read_picture
from tests.desktop.conftest import GuiDriver
from tests.external_datasets import EXTERNAL_DATASETS
from tests.factories import picture, picture_folder

CTRL = Qt.KeyboardModifier.ControlModifier


def drop(gui: GuiDriver, *paths: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(300, 300),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    gui.window.dropEvent(event)


def question(gui: GuiDriver) -> QMessageBox:
    taking_in = gui.window.context.drop_controller
    assert taking_in is not None
    gui.wait_until(lambda: taking_in.question is not None and taking_in.question.isVisible(), "the question")
    assert taking_in.question is not None
    return taking_in.question


def press(gui: GuiDriver, box: QMessageBox, title: str) -> None:
    button: QAbstractButton = next(b for b in box.buttons() if b.text().replace("&", "") == title)
    button.click()
    gui.wait(30)


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    folder = picture_folder(tmp_path / "theirs", 2)
    Image.fromarray(picture(seed=7)).save(folder / "p1.png")
    return folder


def test_dropped_pictures_are_copied_after_a_question_and_shown(
    gui: GuiDriver, theirs: Path, tmp_path: Path
) -> None:
    drop(gui, theirs / "p1.png")
    box = question(gui)
    assert "p1.png" in box.text()
    press(gui, box, "Copy")
    gui.wait_until(lambda: gui.record.path == "p1-2.png", "the copy")
    gui.wait_until(lambda: gui.said == "p1-2.png was copied.", "the message")
    assert (tmp_path / "pictures" / "p1-2.png").read_bytes() == (theirs / "p1.png").read_bytes()
    assert len(gui.session.pictures) == 4


def test_cancelling_copies_nothing(gui: GuiDriver, theirs: Path, tmp_path: Path) -> None:
    drop(gui, theirs)
    press(gui, question(gui), "Cancel")
    gui.wait(200)
    assert len(gui.session.pictures) == 3
    assert len([p for p in (tmp_path / "pictures").iterdir() if not p.name.startswith(".")]) == 3


def test_a_dropped_folder_may_be_opened_instead(gui: GuiDriver, theirs: Path) -> None:
    drop(gui, theirs)
    press(gui, question(gui), "Open as project")
    gui.wait_until(
        lambda: gui.window.context is not None and gui.session.folder == theirs, "the other project"
    )
    gui.wait_until(gui.has_picture, "its picture")


def test_a_dropped_picture_of_the_project_is_shown(gui: GuiDriver, tmp_path: Path) -> None:
    drop(gui, tmp_path / "pictures" / "p2.png")
    gui.wait_until(lambda: gui.record.path == "p2.png", "the picture")
    assert gui.window.context is not None
    assert gui.window.context.drop_controller.question is None


def test_dropping_no_picture_shows_a_message(gui: GuiDriver, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("words")
    drop(gui, tmp_path / "notes.txt")
    gui.wait_until(lambda: "no picture" in gui.said, "the sentence")


def test_a_picture_from_the_clipboard_becomes_a_file(gui: GuiDriver, tmp_path: Path) -> None:
    pixels = picture(40, 30, seed=5)
    image = QImage(pixels.tobytes(), 40, 30, 120, QImage.Format.Format_RGB888).copy()
    QGuiApplication.clipboard().setImage(image)
    gui.key(Qt.Key.Key_V, CTRL)
    gui.wait_until(lambda: gui.record.path.startswith("pasted/pasted-"), "the pasted picture")
    np.testing.assert_array_equal(read_picture(tmp_path / "pictures" / gui.record.path), pixels)
    QGuiApplication.clipboard().setText("only words")
    gui.key(Qt.Key.Key_V, CTRL)
    gui.wait_until(lambda: "no picture in the clipboard" in gui.said, "the sentence")


def test_the_folder_is_watched(gui: GuiDriver, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    Image.fromarray(picture(seed=8)).save(folder / "p8.png")
    gui.wait_until(lambda: len(gui.session.pictures) == 4, "the new picture")
    (folder / "p1.png").unlink()
    gui.wait_until(lambda: "p1.png is not there any more" in gui.said, "the notice")
    assert gui.session.pictures.get(2).problem is not None
    Image.fromarray(picture(seed=1)).save(folder / "p1.png")
    gui.wait_until(lambda: gui.session.pictures.get(2).problem is None, "its return")


def test_a_dropped_folder_with_masks_is_offered_as_a_dataset(gui: GuiDriver, tmp_path: Path) -> None:
    next(each for each in EXTERNAL_DATASETS if each.format == "cityscapes").write(tmp_path / "set")
    drop(gui, tmp_path / "set")
    box = question(gui)
    assert "become labels" in box.informativeText()
    press(gui, box, "Import as dataset…")
    importing = gui.window.context.import_controller
    gui.wait_until(lambda: importing.dialog is not None and importing.dialog.isVisible(), "the import dialog")
    gui.wait_until(importing.dialog.import_button.isEnabled, "the plan of the import")
    assert len(gui.session.pictures) == 3, "nothing was copied"
    importing.dialog.close()


def masks_of_project(folder: Path) -> Path:
    """Masks named after p1.png and p2.png."""
    folder.mkdir()
    for name in ("p1", "p2_mask"):
        mask = np.zeros(picture().shape[:2], np.uint8)
        mask[:9] = 1
        Image.fromarray(mask).save(folder / f"{name}.png")
    return folder


@pytest.mark.parametrize("as_folder", [True, False])
def test_dropped_masks_of_the_pictures_are_imported_as_masks(
    gui: GuiDriver, tmp_path: Path, as_folder: bool
) -> None:
    folder = masks_of_project(tmp_path / "mine")
    (tmp_path / "mine" / "codes.txt").write_text("soil\nroof\n")
    drop(gui, *([folder] if as_folder else sorted(folder.iterdir())))
    box = question(gui)
    assert "imported as masks, they become labels" in box.informativeText()
    press(gui, box, "Import as masks…")
    importing = gui.window.context.import_controller
    gui.wait_until(lambda: importing.dialog is not None and importing.dialog.isVisible(), "the import dialog")
    dialog = importing.dialog
    gui.wait_until(lambda: "2 pictures, 2 with labels" in dialog.plan.text(), "the survey")
    assert "named after pictures of this project" in dialog.reason.text()
    dialog.import_button.click()
    gui.wait_until(lambda: dialog.cancel.text() == "Close", "the end of the import")
    records = [gui.session.pictures.at(n) for n in range(len(gui.session.pictures))]
    assert {record.path for record in records if record.is_labelled} == {"p1.png", "p2.png"}
    assert gui.session.editing.classes.by_name("soil") is not None
    assert len(records) == 3, "nothing was copied"
    dialog.close()


@pytest.mark.parametrize("as_folder", [True, False])
def test_dropped_pictures_alone_are_not(gui: GuiDriver, theirs: Path, as_folder: bool) -> None:
    drop(gui, *([theirs] if as_folder else sorted(theirs.iterdir())))
    box = question(gui)
    assert [b for b in box.buttons() if "Import" in b.text()] == []
    press(gui, box, "Cancel")
