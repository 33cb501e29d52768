"""The import of a dataset in a real window: recognised, mapped, planned, imported, cancelled, undone."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from shiboken6 import isValid

from core.labels.class_list import VOID
from desktop.tour.window_driver import CTRL
from desktop.transfer.import_dialog import ImportDialog
from tests import dataset_files, external_datasets
from tests.dataset_files import RIGHT
from tests.desktop.conftest import GuiDriver
from tests.external_datasets import EXTERNAL_DATASETS

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


def opened(gui: GuiDriver, folder: Path | None = None) -> ImportDialog:
    gui.key(Qt.Key.Key_I, CTRL)
    controller = gui.window.context.import_controller
    gui.wait_until(
        lambda: controller.dialog is not None and controller.dialog.isVisible(),
        "the dialog",
    )
    dialog = controller.dialog
    assert dialog is not None
    if folder is not None:
        dialog.set_folder(str(folder))
        gui.wait_until(dialog.import_button.isEnabled, "the dry run")
    return dialog


def form(name: str, place: Path) -> Path:
    next(f for f in EXTERNAL_DATASETS if f.format == name).write(place)
    return place


def press_import(gui: GuiDriver, dialog: ImportDialog) -> None:
    QTest.mouseClick(dialog.import_button, Qt.MouseButton.LeftButton)
    gui.wait_until(lambda: dialog.cancel.text() == "Close", "the end of the import")


def test_a_folder_is_recognised_previewed_planned_and_imported(gui: GuiDriver, tmp_path: Path) -> None:
    dialog = opened(gui, form("cityscapes", tmp_path / "set"))
    assert dialog.format.currentData() == "cityscapes"
    assert "98 %" in dialog.format.currentText()
    assert "_gtFine_labelIds" in dialog.reason.text()
    gui.wait_until(
        lambda: "1 picture, 1 with labels (1 train); 19 new classes" in dialog.plan.text(), "the survey"
    )
    gui.wait_until(dialog.previews.isVisible, "previews")
    assert dialog.class_mapping.field("road").currentText() == "New class of this name"
    assert dialog.class_mapping.field("ego vehicle").currentData() == "void"
    assert len(gui.session.pictures) == 3, "nothing is brought in before somebody says so"
    press_import(gui, dialog)
    assert "1 picture imported, 1 with labels" in dialog.plan.text()
    gui.wait_until(lambda: len(gui.session.pictures) == 4, "the picture")
    assert gui.session.editing.classes.by_name("road") is not None
    press_import(gui, dialog)
    gui.wait_until(
        lambda: "Imported before and unchanged: 1 picture." in dialog.plan.text(), "the second import"
    )


def test_classes_are_mapped_as_chosen(gui: GuiDriver, tmp_path: Path) -> None:
    dialog = opened(gui, form("coco", tmp_path / "set"))
    for name, becomes in (("roof", "grass"), ("everything else", "Void: ignored in training and scores")):
        field = dialog.class_mapping.field(name)
        field.showPopup()
        field.hidePopup()
        field.setCurrentText(becomes)
        field.activated.emit(field.currentIndex())
    gui.wait_until(dialog.import_button.isEnabled, "the new dry run")
    press_import(gui, dialog)
    session = gui.session
    gui.wait_until(lambda: len(session.pictures) == 4, "the picture")
    shown = session.editing.classes.by_name("grass")
    assert shown is not None
    record = session.pictures.at(3)
    values = session.loader.load(record.id).result(30).labels
    np.testing.assert_array_equal(values, np.where(RIGHT, shown.value, VOID))


def test_a_folder_without_dataset_is_explained_and_disabled(gui: GuiDriver, tmp_path: Path) -> None:
    dataset_files.photo(tmp_path / "set" / "a.jpg")
    dialog = opened(gui)
    dialog.set_folder(str(tmp_path / "set"))
    gui.wait_until(lambda: "No dataset format was recognised" in dialog.plan.text(), "the refusal")
    assert not dialog.import_button.isEnabled()
    assert dialog.plan.property("role") == "warning"


def test_another_format_can_be_chosen(gui: GuiDriver, tmp_path: Path) -> None:
    place = form("labelme", tmp_path / "set")
    dataset_files.write_json(place / "coco.json", external_datasets.coco_table([external_datasets.FLAT]))
    dialog = opened(gui, place)
    assert dialog.format.currentData() == "coco"
    assert "92 %" in dialog.format.itemText(1)
    dialog.format.setCurrentIndex(1)
    dialog.format.activated.emit(1)
    gui.wait_until(
        lambda: "“shapes”" in dialog.reason.text() and dialog.import_button.isEnabled(), "the other reader"
    )
    dialog.set_folder(str(form("isat", tmp_path / "other")))
    gui.wait_until(
        lambda: dialog.format.currentData() == "isat" and dialog.import_button.isEnabled(), "another folder"
    )


def test_a_folder_may_be_dropped(gui: GuiDriver, tmp_path: Path) -> None:
    dialog = opened(gui)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(form("yolo-seg", tmp_path / "set")))])
    nothing = Qt.KeyboardModifier.NoModifier
    dialog.dropEvent(
        QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, nothing)
    )
    gui.wait_until(
        lambda: dialog.format.currentData() == "yolo-seg" and dialog.import_button.isEnabled(), "the dry run"
    )


def test_a_cancelled_import_can_be_continued(gui: GuiDriver, tmp_path: Path) -> None:
    for number in range(60):
        dataset_files.photo(tmp_path / "set" / "images" / f"{number:03}.jpg", seed=number)
        dataset_files.grey(tmp_path / "set" / "masks" / f"{number:03}.png", 0, 1)
    dialog = opened(gui, tmp_path / "set")
    QTest.mouseClick(dialog.import_button, Qt.MouseButton.LeftButton)
    gui.wait_until(lambda: dialog.progress.value() > 0, "the first pictures")
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    gui.wait_until(lambda: "Cancelled" in dialog.plan.text() or dialog.cancel.text() == "Close", "the end")
    assert dialog.isVisible()
    if dialog.cancel.text() != "Close":
        press_import(gui, dialog)
        assert "Imported before" in dialog.plan.text()
    gui.wait_until(lambda: len(gui.session.pictures) == 63, "all pictures")


def test_closing_the_project_cancels_the_import_and_closes_the_dialog(
    gui: GuiDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = opened(gui, form("coco", tmp_path / "set"))
    importing, run = gui.session.imports, gui.session.imports.run
    under_way, told = threading.Event(), threading.Event()

    def hold(*_: int) -> None:
        under_way.set()
        assert importing._cancel.wait(60)

    monkeypatch.setattr(importing, "run", lambda plan, _progress: run(plan, hold))
    QTest.mouseClick(dialog.import_button, Qt.MouseButton.LeftButton)
    gui.wait_until(under_way.is_set, "the import", 60)
    assert gui.window.close_project() and not dialog.isVisible()
    gui.window._loading_lane.submit(gui.window.dispatcher.post, told.set).result(60)
    gui.wait_until(told.is_set, "all that was told of it", 60)
    assert not isValid(dialog)


def black_and_white(root: Path, count: int = 1) -> Path:
    """Masks of 0 and 255 in the folders of Pascal VOC."""
    for number in range(count):
        dataset_files.photo(root / "JPEGImages" / f"{number}.jpg", seed=number)
        dataset_files.grey(root / "SegmentationClass" / f"{number}.png", 0, 255)
    return root


def test_doubts_are_shown_and_answered(gui: GuiDriver, tmp_path: Path) -> None:
    dialog = opened(gui, black_and_white(tmp_path / "set"))
    gui.wait_until(lambda: "black-and-white" in dialog.doubts.fields, "the doubt")
    assert "255 was read as foreground and not as void" in dialog.doubts.sentences[0].text()
    assert dialog.doubts.title.text() == "1 doubt"
    assert dialog.doubts.sentences[0].property("role") == "warning"
    gui.wait_until(lambda: dialog.class_mapping.share_text("foreground") == "50.0 %", "the shares")
    assert dialog.values.currentText() == "Decided by evidence (Black and white)"
    field = dialog.doubts.fields["black-and-white"]
    field.setCurrentIndex(1)
    field.activated.emit(1)
    gui.wait_until(
        lambda: dialog.import_button.isEnabled() and "foreground" not in dialog.class_choices(),
        "the other reading",
    )
    assert dialog.values.currentData() == "index"
    gui.wait_until(lambda: "came in" in dialog.plan.text(), "the account")
    dialog.set_folder(str(form("coco", tmp_path / "other")))
    gui.wait_until(
        lambda: dialog.format.currentData() == "coco" and dialog.import_button.isEnabled(), "another folder"
    )
    assert dialog.values_row.isHidden()


def test_masks_that_miss_a_pixel_are_fitted_where_the_answer_says_so(gui: GuiDriver, tmp_path: Path) -> None:
    root = tmp_path / "set"
    for name, size in (("a", (23, 16)), ("b", (24, 16))):
        for folder, shape in (("images", (24, 16)), ("masks", size)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            mask = np.zeros((shape[1], shape[0]), np.uint8)
            mask[2:6, 2:6] = 1
            Image.fromarray(mask).save(root / folder / f"{name}.png")
    dialog = opened(gui, root)
    gui.wait_until(lambda: "mask-size" in dialog.doubts.fields, "the doubt")
    gui.wait_until(lambda: "eft out" in dialog.plan.text(), "the account")
    field = dialog.doubts.fields["mask-size"]
    assert "leave" in field.currentText().lower()
    field.setCurrentIndex(1)
    field.activated.emit(1)
    gui.wait_until(lambda: dialog.import_button.isEnabled() and dialog.fits_masks, "the fitted masks")
    gui.wait_until(
        lambda: "came in" in dialog.plan.text() and "eft out" not in dialog.plan.text(),
        "the account without loss",
    )
    assert "fit these" in dialog.doubts.fields["mask-size"].currentText().lower()
    assert dialog.doubts.title.text() == "All doubts are answered"
    assert dialog.doubts.sentences[0].property("role") == "muted"


def test_the_count_of_labels_and_the_doubts_follow_the_mapping(gui: GuiDriver, tmp_path: Path) -> None:
    dialog = opened(gui, black_and_white(tmp_path / "set", 2))
    gui.wait_until(lambda: "2 pictures, 2 with labels" in dialog.plan.text(), "the survey")
    for name in ("background", "foreground"):
        field = dialog.class_mapping.field(name)
        field.showPopup()
        field.hidePopup()
        field.setCurrentIndex(field.findData("skip"))
        field.activated.emit(field.currentIndex())
    gui.wait_until(lambda: "2 pictures, 0 with labels" in dialog.plan.text(), "the count without labels")
    assert dialog.doubts.title.text() == "All doubts are answered", "it is about the class that was mapped"
    field = dialog.doubts.fields["black-and-white"]
    field.activated.emit(0)
    gui.wait_until(lambda: dialog.values.currentData() == "binary", "the chosen reading")
    gui.wait_until(lambda: "2 pictures, 2 with labels" in dialog.plan.text(), "the survey")
    assert dialog.doubts.title.text() == "All doubts are answered", "it was decided by hand"
    assert dialog.doubts.isVisible(), "the answer can be changed"


def test_an_answer_maps_classes(gui: GuiDriver, tmp_path: Path) -> None:
    root = tmp_path / "set"
    dataset_files.photo(root / "images" / "a.jpg")
    mask = root / "masks" / "a.png"
    mask.parent.mkdir()
    Image.fromarray(np.repeat(np.uint8([[0, 0, 0, 1]]), 4, 0).repeat(4, 0).repeat(6, 1)).save(mask)
    dataset_files.write_text(root / "classes.txt", "bird\nnest\n")
    dialog = opened(gui, root)
    field = dialog.doubts.fields["list-without-background"]
    assert dialog.class_choices()["background"].name == "background"
    field.setCurrentIndex(1)
    field.activated.emit(1)
    gui.wait_until(dialog.import_button.isEnabled, "the new dry run")
    assert {old: choice.name for old, choice in dialog.class_choices().items()} == {
        "background": "bird",
        "bird": "nest",
        "nest": "nest",
    }
    field.setCurrentIndex(0)
    field.activated.emit(0)
    gui.wait_until(dialog.import_button.isEnabled, "the first dry run")
    assert dialog.class_choices()["background"].name == "background"


def test_other_samples_are_shown_on_request(gui: GuiDriver, tmp_path: Path) -> None:
    dialog = opened(gui, black_and_white(tmp_path / "set", 8))
    gui.wait_until(dialog.previews.isVisible, "previews")

    def shown() -> list[str]:
        labels = dialog.previews.findChildren(QLabel)
        return sorted(label.accessibleName() for label in labels if "with its mask" in label.accessibleName())

    gui.wait_until(lambda: shown() == [f"{n}.jpg with its mask" for n in (0, 2, 4)], "the first samples")
    QTest.mouseClick(dialog.previews.others, Qt.MouseButton.LeftButton)
    gui.wait_until(lambda: shown() == [f"{n}.jpg with its mask" for n in (1, 3, 5)], "other samples")


def test_the_report_is_saved_before_and_after_an_import(gui: GuiDriver, tmp_path: Path) -> None:
    dialog = opened(gui, black_and_white(tmp_path / "set", 2))
    gui.wait_until(dialog.report_button.isEnabled, "the survey")
    before, after = tmp_path / "before.html", tmp_path / "after.html"
    dialog.report_requested.emit(str(before))
    gui.wait_until(before.exists, "the report")
    assert "2 pictures, 2 with labels" in before.read_text("utf-8")
    press_import(gui, dialog)
    dialog.report_requested.emit(str(after))
    gui.wait_until(after.exists, "the report of the import")
    assert "2 pictures imported, 2 with labels" in after.read_text("utf-8")
    said: list[str] = []
    gui.window.context.import_controller.message.connect(said.append)
    dialog.report_requested.emit(str(tmp_path / "nowhere" / "x.html"))
    gui.wait_until(lambda: any("no folder" in text for text in said), "the refusal")
