"""Maskloop itself, started as `maskloop FOLDER` starts it."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import desktop.__main__  # noqa: F401  (the imports of the command count)
from core.base.geometry import Box
from core.session.loading.first_picture import prefetch_first_picture


class Maskloop:
    name = "maskloop"
    zooms_with_ctrl = False
    pans_by = "middle"

    def __init__(self, width: int, height: int, folder: Path | None) -> None:
        # As `maskloop FOLDER` does: the first picture is read while the window is imported and built.
        self._first_picture = (folder, prefetch_first_picture(folder)) if folder else None
        from desktop.app import build

        self.version = version("maskloop")
        self._app = build()
        self.window = self._app.window
        self.window._settings.set("train_automatically", False)
        self.window._settings.set("live_prediction", "off")
        self.window.resize(width, height)
        self.window.show()

    @property
    def canvas(self) -> Any:
        return self.window.label_page.canvas

    def open(self, path: Path) -> None:
        # A single picture is opened by opening its folder.
        folder = path if path.is_dir() else path.parent
        first_picture = (
            self._first_picture[1] if self._first_picture and self._first_picture[0] == folder else None
        )
        self._first_picture = None
        self.window.open_project(folder, first_picture=first_picture)

    def shown(self) -> object:
        if self.canvas.is_preview:
            return "preview"
        context = self.window.context
        return context.label_controller.picture.id if context and self.canvas.has_picture else None

    def is_ready(self) -> bool:
        return self.canvas.has_picture and self.window.context is not None

    def take_brush(self, radius: float) -> None:
        self.canvas.tools.set_radius(radius)

    def label_at(self, position: Any) -> int:
        labels = self.window.context.label_controller.picture.labels  # type: ignore[union-attr]
        assert labels is not None
        at = self.canvas.image_point(position)
        # At a small scale a thin stroke may miss the image pixel in the middle of a device pixel.
        place = Box.bounding([at], margin=1 / self.canvas.scale).clipped(labels.width, labels.height)
        return int(labels.values[place.slices].max(initial=0))

    def is_settled(self) -> bool:
        return (
            self.window.context is not None and self.window.context.label_controller.edit_queue.pending == 0
        )

    def close(self) -> None:
        assert "torch" not in sys.modules
        self.window.close()


def start(width: int, height: int, folder: Path | None) -> Maskloop:
    return Maskloop(width, height, folder)


def furnish(folder: Path, *, labels: bool) -> None:
    """Create a project in a folder: four classes, a prediction of every picture and, optionally, labels."""
    import cv2
    import numpy as np
    from PIL import Image

    from core.labels.class_list import ClassList
    from core.labels.label_map import LabelMap
    from core.labels.prediction import PredictedMask, write_prediction
    from core.project.project import HOME_FOLDER, Project
    from core.session.loading.folder_scan import list_pictures

    Image.MAX_IMAGE_PIXELS = None
    shutil.rmtree(folder / HOME_FOLDER, ignore_errors=True)
    chance = np.random.default_rng(0)
    with Project.open(folder) as project:
        listed = ClassList()
        for name in ("road", "tree", "water", "roof"):
            listed = listed.with_class(name)
        project.classes.save(listed)
        run = project.runs.start('{"architecture": "asymmetric-unet"}', "{}", None, 1)
        for record in project.pictures.add(list_pictures(folder)):
            with Image.open(project.picture_path(record.path)) as image:
                width, height = image.size
            project.pictures.set_size(record.id, width, height)
            coarse = chance.integers(1, 5, (max(1, height // 128), max(1, width // 128)), np.uint8)
            values = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
            mask = PredictedMask(values, np.full_like(values, 200), run.id)
            write_prediction(project.prediction_path(record.id), mask)
            project.runs.record_prediction(record.id, run.id, mask.mean_confidence)
            if labels:
                held = LabelMap.blank(width, height)
                held.begin_edit("Label", "test", 0)
                half = Box(0, 0, width, height // 2)
                held.put_values(half, values[half.slices])
                edit = held.finish_edit()
                assert edit is not None
                project.journal.commit(record.id, edit)
