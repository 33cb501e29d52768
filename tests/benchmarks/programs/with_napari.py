"""napari: a viewer with a picture and, for the brush, a labels layer as its own examples make it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import napari
import numpy as np
from PIL import Image

from tests.benchmarks.programs import Cannot

Image.MAX_IMAGE_PIXELS = None  # Pillow would refuse the largest pictures


class Napari:
    name = "napari"
    zooms_with_ctrl = False
    pans_by = "left"

    def __init__(self, width: int, height: int) -> None:
        self.version = napari.__version__
        self._viewer = napari.Viewer()
        self.window = self._viewer.window._qt_window
        self.window.resize(width, height)
        self._labels: Any = None

    @property
    def canvas(self) -> Any:
        return self._viewer.window._qt_viewer.canvas.native

    def open(self, path: Path) -> None:
        if path.is_dir():
            self._viewer.open(sorted(path.glob("*.jpg")), stack=True)
            return
        with Image.open(path) as image:
            self._viewer.add_image(np.asarray(image.convert("RGB")))
        self._viewer.reset_view()

    def shown(self) -> object:
        if not self._viewer.layers:
            return None
        return (*self._viewer.dims.current_step[:-2], len(self._viewer.layers))

    def is_ready(self) -> bool:
        return self.shown() is not None

    def take_brush(self, radius: float) -> None:
        height, width = self._viewer.layers[0].data.shape[:2]
        self._labels = self._viewer.add_labels(np.zeros((height, width), np.uint8))
        self._labels.selected_label = 1
        self._labels.brush_size = 2 * radius
        self._labels.mode = "paint"

    def label_at(self, position: Any) -> int:
        if self._labels is None:
            raise Cannot("There is no labels layer.")
        scene = self._viewer.window._qt_viewer.canvas
        world = scene._map_canvas2world((position.x(), position.y()), scene.view)
        row, column = (round(part) for part in world[-2:])
        return int(self._labels.data[row, column])

    def is_settled(self) -> bool:
        return True

    def close(self) -> None:
        self._viewer.close()


def start(width: int, height: int, _folder: Path | None) -> Napari:
    return Napari(width, height)
