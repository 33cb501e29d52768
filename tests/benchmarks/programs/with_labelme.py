"""labelme, started like its own `main`. It has no brush."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import labelme
import labelme.__main__
from labelme.app import MainWindow
from PyQt5 import QtWidgets

from tests.benchmarks.programs import Cannot


class Labelme:
    name = "labelme"
    zooms_with_ctrl = True
    pans_by = "wheel"

    def __init__(self, width: int, height: int) -> None:
        self.version = labelme.__version__
        self._app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(sys.argv[:1])
        self._app.setStyle("Fusion")
        self.window = MainWindow(config_overrides={"auto_save": False})
        self.window.resize(width, height)
        self.window.show()

    @property
    def canvas(self) -> Any:
        return self.window._canvas_widgets.canvas

    def open(self, path: Path) -> None:
        self.window._load_from_file_or_dir(str(path))

    def shown(self) -> object:
        return None if self.canvas.pixmap is None or self.canvas.pixmap.isNull() else self.window._image_path

    def is_ready(self) -> bool:
        return self.shown() is not None

    def take_brush(self, radius: float) -> None:
        raise Cannot(f"labelme {self.version} has no brush.")

    def label_at(self, position: Any) -> int:
        raise Cannot("labelme keeps shapes, not pixels.")

    def is_settled(self) -> bool:
        return True

    def close(self) -> None:
        self.window.hide()


def start(width: int, height: int, _folder: Path | None) -> Labelme:
    return Labelme(width, height)
