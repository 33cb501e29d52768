"""The real window, which draws a shape corner by corner until it is killed; for `test_draft_controller`."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from core.base.settings import Settings
from desktop.app import build
from desktop.tour.window_driver import WindowDriver


def main(folder: Path, tool: str, *corners: str) -> None:
    settings = Settings(folder / "settings.json")
    settings.set("train_automatically", False)
    app = build(settings)
    app.window.resize(1280, 800)
    app.window.show()
    app.window.open_project(folder / "pictures")
    driver = WindowDriver(app.window)
    driver.wait_until(driver.has_picture, "a picture", 60)
    app.window.actions_by_id[tool].trigger()
    for corner in corners:
        across, down = map(float, corner.split(","))
        QTest.mouseClick(driver.canvas, Qt.MouseButton.LeftButton, pos=driver.position_of(across, down))
        driver.wait(60)
        driver.session.wait_until_saved()
        sys.stdout.write("stored\n")
        sys.stdout.flush()
    driver.wait(600_000)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
