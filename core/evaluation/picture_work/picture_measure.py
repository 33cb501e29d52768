"""Measures the work on one picture: the error of the prediction it began with, corrected pixels, and active time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.base.geometry import TILE_SIZE
from core.labels.class_list import UNLABELLED, VOID
from core.labels.confusion_scores import mean_iou
from core.labels.label_map import Values
from core.labels.prediction import PredictedMask
from core.project.picture_work.work_repository import (
    MAX_KEPT_PIXELS,
    EditTime,
    InitialPrediction,
    WorkMeasure,
)

MAX_IDLE_SECONDS = 30.0
"""Of a pause between two edits: who does nothing for longer is not at work."""


def subsample_prediction(mask: PredictedMask) -> InitialPrediction:
    """What is kept of a prediction: all of it, or of a large one a regular grid of pixels."""
    step = 1
    while step < TILE_SIZE and mask.values[::step, ::step].size > MAX_KEPT_PIXELS:
        step *= 2
    return InitialPrediction(mask.values[::step, ::step], step)


def measure_work(
    opened_at: float | None, edits: Sequence[EditTime], label: Values | None, kept: InitialPrediction | None
) -> WorkMeasure:
    """label: (h, w) uint8 as it is now, of the pixels that are kept of the prediction; opened_at: seconds since 1970.

    Pixels that are void or unlabelled, or were not predicted, do not count. Those of a grid stand for their squares.
    """
    strokes = sum(edit.pixels > 0 for edit in edits)
    seconds = active_seconds(opened_at, edits)
    if kept is None or label is None:
        return WorkMeasure(None, {}, 0, 0, strokes, seconds)
    compared = (label != UNLABELLED) & (label != VOID) & (kept.values != UNLABELLED)
    pairs = np.bincount(label[compared].astype(np.intp) << 8 | kept.values[compared], minlength=1 << 16)
    matrix = pairs.reshape(256, 256) * kept.step**2
    iou = float(mean_iou(matrix)) if matrix.any() else None
    hits, true, predicted = np.diagonal(matrix), matrix.sum(1), matrix.sum(0)
    counts = {
        int(value): (int(hits[value]), int(true[value]), int(predicted[value]))
        for value in np.flatnonzero(true + predicted)
    }
    total = int(matrix.sum())
    return WorkMeasure(iou, counts, total, total - int(hits.sum()), strokes, seconds)


def active_seconds(opened_at: float | None, edits: Sequence[EditTime]) -> float:
    """The time that the edits took, and the pauses before them, each at most MAX_IDLE_SECONDS.

    A pause begins with the edit before, of whatever picture, or when the picture was opened, whichever was later. The
    status is set by an edit too, so that the look at the whole before that counts.
    """
    total = 0.0
    for edit in edits:
        since = max((at for at in (opened_at, edit.before) if at is not None), default=edit.at)
        passed = max(0.0, edit.at - since)
        own = min(max(0.0, edit.seconds), passed) if np.isfinite(edit.seconds) else 0.0
        total += own + min(passed - own, MAX_IDLE_SECONDS)
    return total
