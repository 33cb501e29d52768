"""Label and prediction of a picture as they are stored, in today's class values."""

from __future__ import annotations

from core.base.errors import ImageError
from core.labels.label_map import Values
from core.labels.prediction import PredictedMask, read_prediction
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord

MAX_MASK_PIXELS = 100_000_000
"""Masks of larger pictures are not read to look at many pictures: that would take seconds for each."""


def read_masks(project: Project, record: PictureRecord) -> tuple[Values | None, PredictedMask | None]:
    """Label, (H, W) uint8, and prediction; None for one that does not exist or has another size."""
    width, height = record.width or 0, record.height or 0
    if not 0 < width * height <= MAX_MASK_PIXELS:
        return None, None
    label = project.labels.read(record.id, width, height) if record.is_labelled else None
    return label, read_stored_prediction(project, record) if record.is_predicted else None


def read_stored_prediction(project: Project, record: PictureRecord) -> PredictedMask | None:
    """The newest prediction of a picture; None where it cannot be read or has another size."""
    try:
        prediction = read_prediction(project.prediction_path(record.id))
    except ImageError:
        return None
    if prediction.values.shape != (record.height, record.width):
        return None
    return prediction.remapped(run_class_mapping(project, prediction.run_id))
