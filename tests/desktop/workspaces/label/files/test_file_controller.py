"""Files replaced, renamed and copied under the window: what is shown, what the bar offers, and what that does."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from core.project.content.decisions import MergeChoice
from core.project.records import Status
from desktop.tour.window_driver import CTRL
from desktop.workspaces.label.files.notice_bar import FileNoticeBar
from tests.content_harness import grow_old, save
from tests.desktop.conftest import GuiDriver
from tests.factories import picture

pytestmark = pytest.mark.qt_log_ignore("does not support")


@pytest.fixture
def folder(gui: GuiDriver) -> Path:
    """The pictures are old, and the watcher looks at them before anything changes."""
    grow_old(gui.session.folder)
    look(gui)
    return gui.session.folder


def look(gui: GuiDriver) -> None:
    """Let the watcher look at the folder now, instead of in two seconds."""
    watcher, contents = gui.session.folder_sync._watcher, gui.session.contents
    gui.wait_until(lambda: watcher._thread is not None, "the watcher", 20)
    for _ in range(2):
        watcher.scan()
        done = contents._lane.submit(lambda: None)
        gui.wait_until(done.done, "the look at the files", 20)
    gui.session.wait_until_saved()
    gui.wait(50)


def bar(gui: GuiDriver) -> FileNoticeBar:
    return gui.page.file_notice


def pixels(gui: GuiDriver) -> np.ndarray:
    """(h, w, 3) uint8: the picture on the canvas."""
    assert gui.canvas._pyramid is not None
    return gui.canvas._pyramid.full_image()[:, :, :3]


def press(gui: GuiDriver, key: str) -> None:
    bar(gui).buttons[key].click()
    gui.wait(100)


def test_replaced_picture_is_shown_anew_and_asks_about_its_label(gui: GuiDriver, folder: Path) -> None:
    gui.dab(0.3)
    label, shown = gui.label_values.copy(), gui.record.id
    strip = gui.page.filmstrip.thumbnails
    gui.wait_until(lambda: shown in strip._images, "the thumbnail", 20)
    thumbnail = strip._images[shown].toImage()
    save(folder / "p0.png", seed=70, age=30)
    look(gui)
    gui.wait_until(lambda: np.array_equal(pixels(gui), picture(seed=70)), "the new pixels", 20)
    np.testing.assert_array_equal(gui.label_values, label)
    gui.wait_until(lambda: shown in strip._images, "the new thumbnail", 20)
    assert strip._images[shown].toImage() != thumbnail
    assert bar(gui).isVisible() and "has been replaced" in bar(gui).text.text()
    assert [*bar(gui).buttons] == ["keep", "check", "aside"]
    press(gui, "aside")
    gui.wait_until(lambda: gui.has_picture() and gui.record.id != shown, "the new picture", 20)
    assert gui.record.path == "p0.png" and gui.labelled_pixels == 0 and not bar(gui).isVisible()
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait_until(lambda: gui.record.id == shown and bar(gui).isVisible(), "the old label", 20)
    np.testing.assert_array_equal(gui.label_values, label)
    press(gui, "check")
    gui.wait_until(lambda: not bar(gui).isVisible(), "the decision", 20)
    assert gui.record.status == Status.TO_REVIEW and not gui.record.is_replaced


def test_picture_of_another_size_offers_to_scale_its_label(gui: GuiDriver, folder: Path) -> None:
    gui.dab(0.3)
    save(folder / "p0.png", seed=70, age=30, width=48, height=32)
    look(gui)
    gui.wait_until(lambda: bar(gui).isVisible(), "the notice", 20)
    gui.wait_until(lambda: "48 × 32" in bar(gui).text.text(), "the new size", 20)
    assert [*bar(gui).buttons] == ["scale", "aside"] and not gui.has_picture()
    press(gui, "scale")
    gui.wait_until(gui.has_picture, "the picture", 20)
    assert gui.label_values.shape == (32, 48) and gui.labelled_pixels > 0
    assert gui.record.status == Status.TO_REVIEW


def hold_document_lane(gui: GuiDriver) -> threading.Event:
    """Nothing is stored until the event is set."""
    go_on = threading.Event()
    gui.session.contents._document.submit(go_on.wait, 30)
    return go_on


def test_choice_for_all_replaced_pictures(gui: GuiDriver, folder: Path) -> None:
    for number in range(2):
        gui.labelling.show_picture(gui.session.pictures.at(number).id)
        gui.wait_until(lambda n=number: gui.record.path == f"p{n}.png", "the picture", 20)  # type: ignore[misc]
        gui.dab(0.3)
    for number in range(2):
        save(folder / f"p{number}.png", seed=70 + number, age=30)
    look(gui)
    gui.wait_until(lambda: bar(gui).isVisible() and bar(gui).all_box.isVisible(), "the notice", 20)
    assert "2" in bar(gui).all_box.text()
    bar(gui).all_box.setChecked(True)
    held = hold_document_lane(gui)
    press(gui, "keep")
    assert [*bar(gui).buttons] == ["cancel"] and "0 of 2" in bar(gui).text.text()
    bar(gui).buttons["cancel"].click()
    held.set()
    gui.wait_until(lambda: "Cancelled" in gui.said, "the end of the decisions", 20)
    left = gui.session.contents.replaced_ids()
    assert len(left) == 1 and "1 picture" in gui.said
    gui.labelling.show_picture(left[0])
    gui.wait_until(lambda: "keep" in bar(gui).buttons, "the question about the other", 20)
    press(gui, "keep")
    gui.wait_until(lambda: not gui.session.contents.replaced_ids(), "both decisions", 20)
    assert not bar(gui).isVisible()


def test_renamed_picture_stays_on_screen_and_can_be_separated(gui: GuiDriver, folder: Path) -> None:
    gui.dab(0.3)
    shown, label = gui.record.id, gui.label_values.copy()
    (folder / "p0.png").rename(folder / "z.png")
    look(gui)
    gui.wait_until(lambda: gui.record.path == "z.png", "the new name", 20)
    assert gui.record.id == shown and gui.session.pictures.row(shown) == 2
    gui.wait_until(lambda: "“p0.png” is now “z.png”" in bar(gui).text.text(), "the notice", 20)
    gui.wait_until(gui.has_picture, "the picture", 20)
    np.testing.assert_array_equal(gui.label_values, label)
    press(gui, "undo")
    gui.wait_until(lambda: len(gui.session.pictures) == 4, "the separate pictures", 20)
    gui.wait_until(lambda: "redo" in bar(gui).buttons, "the offer to join again", 20)
    press(gui, "redo")
    gui.wait_until(lambda: len(gui.session.pictures) == 3, "the joined picture", 20)
    bar(gui).close_button.click()
    assert not bar(gui).isVisible()


def test_double_is_compared_and_merged(gui: GuiDriver, folder: Path) -> None:
    gui.dab(0.3)
    missing_id = gui.record.id
    shutil.copy2(folder / "p0.png", folder / "z.png")
    look(gui)
    listed = gui.session.pictures
    gui.labelling.show_picture(next(i for i in listed.ids() if listed.get(i).path == "z.png"))
    gui.wait_until(lambda: gui.record.path == "z.png" and gui.has_picture(), "the copy", 20)
    gui.dab(0.7)
    (folder / "p0.png").unlink()
    look(gui)
    gui.wait_until(lambda: "merge" in bar(gui).buttons, "the offer", 20)
    press(gui, "merge")
    files = gui.labelling._files
    gui.wait_until(lambda: files.dialog is not None and files.dialog.isVisible(), "the dialog", 20)
    dialog = files.dialog
    assert dialog is not None and dialog.choice == MergeChoice.BOTH
    before = dialog.result_picture.pixmap().toImage()
    dialog.choices[MergeChoice.MISSING].click()
    assert dialog.result_picture.pixmap().toImage() != before
    dialog.choices[MergeChoice.BOTH].click()
    dialog.merge_button.click()
    gui.wait_until(lambda: gui.record.id == missing_id and gui.has_picture(), "the merged picture", 20)
    assert gui.record.path == "z.png" and len(gui.session.pictures) == 3
    height, width = gui.label_values.shape
    assert gui.label_values[height // 2, int(0.3 * width)] and gui.label_values[height // 2, int(0.7 * width)]
