"""The export dialog: values, plan, progress, result."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from core.formats.writers.registry import EXPORT_FORMATS
from core.formats.writers.resize_and_tile import ResizeOptions
from desktop.theme.theme import Theme, apply_theme
from desktop.transfer.export_dialog import ExportDialog, ExportFormValues

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return apply_theme(qapp, "light")


@pytest.fixture
def export(qtbot, theme: Theme) -> ExportDialog:
    made = ExportDialog(theme, [EXPORT_FORMATS[name] for name in ("masks", "coco")], "/out")
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def test_export_is_enabled_by_a_plan(qtbot, export: ExportDialog) -> None:
    assert not export.export.isEnabled()
    export.set_plan("24 masks of 8 classes.")
    assert export.export.isEnabled()
    with qtbot.waitSignal(export.values_changed) as changed:
        export.splits["test"].click()
    assert changed.args == [ExportFormValues("masks", ("train", "val", "none"), "labels", "/out-masks")]
    assert not export.export.isEnabled(), "the old numbers do not count for the new wish"
    export.set_plan("20 masks.")
    with qtbot.waitSignal(export.export_requested) as asked:
        QTest.mouseClick(export.export, Qt.MouseButton.LeftButton)
    assert asked.args == [export.values()]


def test_an_impossible_plan_disables_the_button(export: ExportDialog) -> None:
    export.set_plan("The folder is not empty; choose another one.", ready=False, warning=True)
    assert not export.export.isEnabled()
    assert export.plan.property("role") == "warning"


def test_esc_cancels_a_running_export_first(qtbot, export: ExportDialog) -> None:
    export.set_plan("24 masks.")
    export.set_progress(3, 24)
    assert export.progress.isVisible() and not export.export.isEnabled() and not export.format.isEnabled()
    with qtbot.waitSignal(export.cancel_requested):
        QTest.keyClick(export, Qt.Key.Key_Escape)
    assert export.isVisible()
    export.set_finished("The export was stopped; nothing was left behind.", failed=True)
    assert export.plan.property("role") == "danger"
    QTest.keyClick(export, Qt.Key.Key_Escape)
    assert not export.isVisible()


def test_result_of_an_export(export: ExportDialog) -> None:
    export.set_progress(0, 0)
    export.set_finished("24 masks are in /out.")
    assert export.cancel.text() == "Close"
    assert export.plan.property("role") == "good"
    assert export.export.isEnabled()


def test_folder_follows_the_format_until_it_is_changed(export: ExportDialog) -> None:
    assert "pixel is the value of its class" in export.format_help.text()
    choose(export, 1)
    assert export.folder.text() == "/out-coco"
    assert "polygon" in export.format_help.text()
    assert not export.option_fields.splits_as.isEnabled()
    export.folder.setText("/mine")
    choose(export, 0)
    assert export.folder.text() == "/mine"


def choose(export: ExportDialog, place: int) -> None:
    export.format.setCurrentIndex(place)
    export.format.activated.emit(place)


def test_option_fields_are_part_of_the_values(qtbot, export: ExportDialog) -> None:
    choices = export.option_fields
    assert not choices.tile.isEnabled() and not choices.longest.isEnabled()
    choices.tiles.click()
    choices.overlap.setValue(64)
    choices.size_mode.setCurrentIndex(1)
    choices.size_mode.activated.emit(1)
    choices.splits_as.setCurrentIndex(1)
    export.only_done.click()
    with qtbot.waitSignal(export.values_changed):
        choices.pattern.setText("{split}-{index:05}")
    wish = export.values()
    assert wish.shape == ResizeOptions(1024, 512, 64)
    assert (wish.only_done, wish.lists, wish.pattern) == (True, True, "{split}-{index:05}")


def test_losses_are_listed_below_the_plan(export: ExportDialog) -> None:
    export.set_plan("24 masks.", losses=("Void becomes 0.", "Tags are not written."))
    assert export.losses.isVisible() and export.losses.text().count("•") == 2
    export.set_progress(1, 2)
    assert not export.losses.isVisible()
    export.set_finished("24 masks are in /out.")
    assert export.show_folder.isVisible()
    export.set_plan("24 masks.")
    assert not export.show_folder.isVisible() and not export.losses.isVisible()
