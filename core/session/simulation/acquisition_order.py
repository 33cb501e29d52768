"""The order of the queue, for pictures that the simulated annotator has not labelled yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.acquisition.picture_queue import order_pictures
from core.acquisition.picture_summary import (
    DESCRIBED_SIDE,
    Descriptor,
    PictureSummary,
    SummaryColumns,
    describe,
)
from core.acquisition.picture_summary import class_uncertainty as uncertainty_of
from core.base.errors import ImageError
from core.images.thumbnail import read_thumbnail
from core.labels.prediction import read_prediction
from core.project.project import Project
from core.project.records import PictureRecord


class AcquisitionOrder:
    """Reads predictions anew for each order; what a picture looks like is read once. Used from one thread, which is not
    that of the project's rows: it is told what it needs of them."""

    def __init__(self, project: Project, seed: int) -> None:
        self._project, self._seed = project, seed
        self._descriptors: dict[int, Descriptor] = {}

    def order(
        self, waiting: Sequence[PictureRecord], done: Sequence[PictureRecord], class_pixels: Mapping[int, int]
    ) -> list[PictureRecord]:
        """`waiting` with what is worth most first; as it is while none of it is predicted.

        done: the pictures that were labelled; class_pixels: labelled pixels by class value
        """
        waiting_ids = {record.id for record in waiting}
        summaries = [s for record in waiting if (s := self._summary(record)) is not None]
        if not summaries:
            return list(waiting)
        summaries += [s for record in done if (s := self._labelled_summary(record)) is not None]
        pixels = np.zeros(256, np.int64)
        pixels[list(class_pixels)] = list(class_pixels.values())
        queue = order_pictures(
            SummaryColumns.of(summaries),
            open_ids=waiting_ids,
            labelled_ids=[record.id for record in done],
            class_pixels=pixels,
            seed=self._seed,
        )
        by_id = {record.id: record for record in waiting}
        return [by_id[i] for i in queue.ids.tolist()]

    def _summary(self, record: PictureRecord) -> PictureSummary | None:
        """None without a prediction."""
        try:
            prediction = read_prediction(self._project.prediction_path(record.id))
            descriptor = self._descriptor(record)
        except ImageError:
            return None
        unsure, shares = uncertainty_of(prediction, None)
        return PictureSummary(record.id, unsure, shares, descriptor)

    def _labelled_summary(self, record: PictureRecord) -> PictureSummary | None:
        """Of a labelled picture only what it looks like counts; None when it cannot be read."""
        try:
            descriptor = self._descriptor(record)
        except ImageError:
            return None
        nothing = np.zeros(256, np.float32)
        return PictureSummary(record.id, nothing, nothing, descriptor)

    def _descriptor(self, record: PictureRecord) -> Descriptor:
        """Raises ImageError."""
        if record.id not in self._descriptors:
            path = self._project.picture_path(record.path)
            self._descriptors[record.id] = describe(read_thumbnail(path, DESCRIBED_SIDE))
        return self._descriptors[record.id]
