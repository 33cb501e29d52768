"""What the merge dialog shows of two labels of the same content: the picture with each, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.images.thumbnail import read_thumbnail
from core.labels.class_list import UNLABELLED, VOID, ClassList
from core.labels.label_map import Values
from core.project.project import Project
from core.project.records import PictureRecord

_OPACITY = 0.6
_GREY = (128, 128, 128)


@dataclass(frozen=True, slots=True)
class LabelVersion:
    """One of two labels. values: (h, w) uint8 at the size of the preview; pixels: labelled pixels by class value, at
    full size; edits: number of edits; last_edit: when the newest was made, as it is stored, None without any."""

    record: PictureRecord
    values: Values
    pixels: Mapping[int, int]
    edits: int
    last_edit: str | None


@dataclass(frozen=True, slots=True)
class DoublePreview:
    """pixels: (h, w, 3) uint8 RGB, the picture that both labels are of"""

    pixels: NDArray[np.uint8]
    missing: LabelVersion
    present: LabelVersion


def preview_double(project: Project, missing_id: int, present_id: int, side: int) -> DoublePreview:
    """Reads the picture and both labels. side: the longer side in pixels, at most. Raises ImageError, ProjectError."""
    present = project.pictures.get(present_id)
    pixels = read_thumbnail(project.picture_path(present.path), side)
    size = pixels.shape[1], pixels.shape[0]
    one, two = (_version(project, picture_id, size) for picture_id in (missing_id, present_id))
    return DoublePreview(pixels, one, two)


def blend_label(pixels: NDArray[np.uint8], values: Values, classes: ClassList) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 RGB: the picture with the class colours blended over it; void is grey, unlabelled is clear."""
    colours = np.zeros((256, 3), np.float32)
    for each in classes:
        colours[each.value] = each.colour
    colours[VOID] = _GREY
    share = np.where(values == UNLABELLED, 0.0, _OPACITY).astype(np.float32)[:, :, None]
    return np.rint(pixels * (1 - share) + colours[values] * share).astype(np.uint8)


def _version(project: Project, picture_id: int, size: tuple[int, int]) -> LabelVersion:
    record = project.pictures.get(picture_id)
    label = project.labels.read(picture_id, record.width or 1, record.height or 1)
    edits = [e for e in project.journal.history(picture_id) if e.picture_id == picture_id and not e.undone]
    return LabelVersion(
        record,
        np.asarray(cv2.resize(label, size, interpolation=cv2.INTER_NEAREST), np.uint8),
        project.pictures.pixels_by_class(picture_id),
        len(edits),
        edits[-1].made_at if edits else None,
    )
