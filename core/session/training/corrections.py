"""Measures how much of a prediction a person corrected: the best sign of what a network is worth."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from core.base.lane import Lane
from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Origin, Values
from core.labels.prediction import PredictedMask
from core.project.project import Project


class CorrectionCounter:
    """Called from the GUI thread; works on the document lane, after all strokes submitted before."""

    def __init__(self, project: Project, document: Lane) -> None:
        self._project, self._document = project, document

    def corrected_share(self, picture_id: int, prediction: PredictedMask) -> Future[float]:
        """The share (0..1) of the pixels of a picture that a person painted differently from `prediction`."""

        def work() -> float:
            height, width = prediction.values.shape
            values = self._project.labels.read(picture_id, width, height)
            return float(np.mean(painted_differently(self._project, picture_id, values, prediction.values)))

        return self._document.submit(work)


def painted_differently(
    project: Project, picture_id: int, values: Values, predicted: Values
) -> NDArray[np.bool_]:
    """(H, W) bool: pixels that a person painted as another class than predicted.

    values, predicted: the label and the prediction, (H, W) uint8. Imported and accepted pixels do not count, nor do
    unlabelled and void ones.
    """
    height, width = values.shape
    origin_ids, origins = project.labels.provenance(picture_id, width, height)
    painted = np.isin(origin_ids, [i for i, (origin, _) in origins.items() if origin is Origin.PAINTED])
    counted = (values != UNLABELLED) & (values != VOID) & (predicted != UNLABELLED)
    return np.asarray(painted & counted & (predicted != values))
