"""What a person has corrected: pixels whose shown prediction was another class than the one painted. Does not import
torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.base.geometry import tile_box
from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Edit, Origin
from core.labels.prediction import PredictedMask

MIN_CORRECTED, MIN_SHARE = 20, 0.3
"""Pixels, and share of the painted ones, that were predicted wrongly: fewer are the rim of a stroke."""
MAX_POINTS = 400


@dataclass(frozen=True, slots=True)
class Correction:
    """wrong: the class value that was predicted; right: the one painted over it; points: (n, 2) uint32 as x, y, some of
    the corrected pixels; run_id: of the network that was wrong, 0 for live prediction"""

    wrong: int
    right: int
    points: NDArray[np.uint32]
    run_id: int = 0


def find_correction(edit: Edit, shown: PredictedMask) -> Correction | None:
    """The correction in an edit of a picture whose prediction was shown; None for an edit that corrects nothing.

    The wrong class is the one predicted for most of the painted pixels.
    """
    right, height, width = edit.class_value, *shown.values.shape
    if right in (UNLABELLED, VOID) or edit.origin != Origin.PAINTED:
        return None
    points, predicted = [], []
    for change in edit.tiles:
        box = tile_box(change.key, width, height)
        if change.after.shape != (box.height, box.width):
            return None  # the edit of a picture of another size
        y, x = np.nonzero((change.after == right) & (change.before != right))
        points.append(np.stack([x + box.x0, y + box.y0], 1))
        predicted.append(shown.values[box.slices][y, x])
    if not points:
        return None
    places, values = np.concatenate(points).astype(np.uint32), np.concatenate(predicted)
    counts = np.bincount(values, minlength=256)
    counts[[UNLABELLED, right, VOID]] = 0
    wrong = int(counts.argmax())
    if counts[wrong] < max(MIN_CORRECTED, MIN_SHARE * len(values)):
        return None
    corrected = places[values == wrong]
    return Correction(wrong, right, corrected[:: -(-len(corrected) // MAX_POINTS)], shown.run_id)
