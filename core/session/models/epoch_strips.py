"""Reads what runs predicted at each of their published checkpoints, and paints it over the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.errors import ImageError
from core.images.thumbnail import read_thumbnail
from core.labels.class_list import UNLABELLED, VOID
from core.labels.prediction_history import SIDE, PredictionHistory, PublishedCheckpoint
from core.project.project import Project, run_class_mapping
from core.session.read_lane import ReadLane

LABEL = 0
"""In place of the number of a run: what the person painted, at any step."""
MAX_LABEL_PIXELS = 100_000_000
_MASK_SHARE = 0.62
_THUMBNAILS = 32


@dataclass(frozen=True, slots=True)
class StripHistory:
    """checkpoints: those whose predictions are stored, in order; pictures: paths by id, of those still in the
    project."""

    run_id: int
    checkpoints: tuple[PublishedCheckpoint, ...]
    pictures: Mapping[int, str]


class EpochStripService:
    """Called from the GUI thread; reads on its own lane."""

    def __init__(self, home: Path) -> None:
        self._lane = ReadLane("epoch strip", home, low_priority=True)
        self._thumbnails: dict[int, NDArray[np.uint8]] = {}  # of the lane

    def runs(self) -> Future[list[int]]:
        """Numbers of the runs with stored predictions, newest first."""
        return self._lane.read(_runs_with_strip)

    def history(self, run_id: int) -> Future[StripHistory]:
        """Of a run; empty where nothing is stored."""
        return self._lane.read(_read_history, run_id)

    def frame(
        self, run_id: int, step: int, picture_id: int, palette: NDArray[np.uint8]
    ) -> Future[NDArray[np.uint8]]:
        """(h, w, 3) uint8 RGB: the picture, and over it what the run predicted at that step, or the LABEL.

        palette: (256, 3) colours by class value. The future raises ImageError.
        """
        return self._lane.read_first(partial(self._frame, run_id=run_id, step=step), picture_id, palette)

    def close(self) -> None:
        self._lane.close()

    def _frame(
        self, project: Project, picture_id: int, palette: NDArray[np.uint8], *, run_id: int, step: int
    ) -> NDArray[np.uint8]:
        pixels = self._thumbnail(project, picture_id)
        height, width = pixels.shape[:2]
        if run_id == LABEL:
            values = _read_label(project, picture_id)
        else:
            found = PredictionHistory(project.run_folder(run_id)).read(step, picture_id)
            values = run_class_mapping(project, run_id)[found]
        values = cv2.resize(values, (width, height), interpolation=cv2.INTER_NEAREST)
        mixed = cv2.addWeighted(pixels, 1 - _MASK_SHARE, palette[values], _MASK_SHARE, 0)
        shown = (values != UNLABELLED) & (values != VOID)
        return np.where(shown[..., None], mixed, pixels).astype(np.uint8)

    def _thumbnail(self, project: Project, picture_id: int) -> NDArray[np.uint8]:
        if picture_id not in self._thumbnails:
            try:
                path = project.picture_path(project.pictures.get(picture_id).path)
            except KeyError as unknown:
                raise ImageError("This picture is not in the project any more.") from unknown
            if len(self._thumbnails) >= _THUMBNAILS:
                self._thumbnails.clear()
            self._thumbnails[picture_id] = read_thumbnail(path, SIDE)
        return self._thumbnails[picture_id]


def _runs_with_strip(project: Project) -> list[int]:
    folders = ((run.id, project.run_folder(run.id)) for run in project.runs.all())
    return [number for number, folder in folders if PredictionHistory(folder).checkpoints()]


def _read_history(project: Project, run_id: int) -> StripHistory:
    stored = PredictionHistory(project.run_folder(run_id))
    records = project.pictures.get_many(stored.pictures())
    return StripHistory(run_id, tuple(stored.checkpoints()), {record.id: record.path for record in records})


def _read_label(project: Project, picture_id: int) -> NDArray[np.uint8]:
    record = project.pictures.get(picture_id)
    width, height = record.width or 1, record.height or 1
    if width * height > MAX_LABEL_PIXELS:
        raise ImageError("The label of this picture is too large to be shown here.")
    return project.labels.read(picture_id, width, height)
