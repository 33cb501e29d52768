"""Copies labels from the previous picture: in a video most of a frame is like the frame before."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from core.base.errors import UserError
from core.base.geometry import Box
from core.base.lane import Lane
from core.labels.class_list import UNLABELLED
from core.labels.deferred_edit import EditRequest
from core.labels.label_map import LabelMap, Values
from core.project.project import Project
from core.session.picture_index import PictureIndex


@dataclass(frozen=True, slots=True)
class SourceLabel:
    """A label to copy from. name: of its picture; values: (H, W) uint8."""

    name: str
    values: Values


class LabelCopier:
    """Finds labels to copy. Called from the GUI thread; reads on the document lane, after all earlier strokes."""

    def __init__(self, project: Project, index: PictureIndex, document: Lane) -> None:
        self._project = project
        self._index = index
        self._document = document

    def previous(self, picture_id: int, width: int, height: int) -> Future[SourceLabel]:
        """The label of the nearest labelled picture before this one in the list that has this size.

        The future raises UserError when there is none, and ProjectError when it cannot be read.
        """
        return self._document.submit(self._previous, picture_id, width, height)

    def _previous(self, picture_id: int, width: int, height: int) -> SourceLabel:
        nearest = None
        for row in reversed(range(self._index.row(picture_id))):
            record = self._index.at(row)
            if not record.is_labelled:
                continue
            if (record.width, record.height) == (width, height):
                return SourceLabel(record.name, self._project.labels.read(record.id, width, height))
            nearest = nearest or record
        if nearest is None:
            raise UserError(
                "No picture before this one in the list has a label to copy. Label an earlier one first."
            )
        raise UserError(
            f"{nearest.name} is {nearest.width} × {nearest.height} pixels and this picture {width} × {height}. "
            "Labels can only be copied between pictures of the same size."
        )


def copy_labels(
    labels: LabelMap, source: SourceLabel, locked: frozenset[int] = frozenset(), *, overwrite: bool = False
) -> EditRequest:
    """An edit that copies the labelled pixels of `source`.

    It changes only unlabelled pixels, or with `overwrite` all except those of `locked` class values. Raises UserError
    when the sizes differ.
    """
    if source.values.shape != labels.values.shape:
        raise UserError(f"{source.name} has another size than this picture, so its label cannot be copied.")
    writable = np.zeros(256, bool)  # by class value
    writable[UNLABELLED] = True
    if overwrite:
        writable[:] = True
        writable[list(locked - {UNLABELLED})] = False
    whole = Box(0, 0, labels.width, labels.height)

    def paint(labels: LabelMap) -> Box:
        for band in whole.bands():
            copied = source.values[band.slices]
            labels.put_values(band, copied, writable[labels.values[band.slices]] & (copied != UNLABELLED))
        return whole

    return EditRequest(f"Copy labels from {source.name}", "copy", UNLABELLED, whole.area, paint)
