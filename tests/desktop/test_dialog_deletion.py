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
