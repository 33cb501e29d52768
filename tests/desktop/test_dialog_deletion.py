"""A dialog that is opened again does not stay in memory beside the new one."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QDialog

from tests.desktop.conftest import GuiDriver

pytestmark = pytest.mark.qt_log_ignore("does not support")


@pytest.mark.parametrize("action", ["import_masks", "export", "split_pictures", "choose_network"])
def test_only_the_newest_dialog_is_kept(gui: GuiDriver, action: str) -> None:
    def dialogs() -> list[QDialog]:
        return gui.window.findChildren(QDialog)

    gui.wait(50)
    before = len(dialogs())
    for _ in range(3):
        gui.window.actions_by_id[action].trigger()
        gui.wait_until(lambda: any(dialog.isVisible() for dialog in dialogs()), "the dialog")
        next(dialog for dialog in dialogs() if dialog.isVisible()).close()
        gui.wait(50)
    assert len(dialogs()) == before + 1


@pytest.mark.parametrize("kind", ["curve", "report"])
def test_a_file_dialog_goes_with_the_next_one_and_with_the_project(gui: GuiDriver, kind: str) -> None:
    train = gui.window.context.train_controller
    gone: list[int] = []
    for number in (1, 2):
        if kind == "curve":
            train.curve_controller.choose_file(gui.window.workspaces.train.curves.panels[0], "png")
            dialog = train.curve_controller.file_dialog
        else:
            train.report_controller.choose_file([1])
            dialog = train.report_controller.file_dialog
        dialog.destroyed.connect(lambda *_, number=number: gone.append(number))
        dialog.close()
    gui.wait_until(lambda: gone == [1], "the first one to go", 5)
    gui.window.close_project()
    gui.wait_until(lambda: gone == [1, 2], "the second one to go", 5)
