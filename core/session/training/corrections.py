"""How much of a picture a person had to correct: what says best whether the network is worth its while."""

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
    """Called from the GUI thread; answered on the document lane, behind all that was painted."""

    def __init__(self, project: Project, document: Lane) -> None:
        self._project, self._document = project, document

    def corrected_share(self, picture_id: int, prediction: PredictedMask) -> Future[float]:
        """Of all pixels of a picture, the share (0..1) that a person painted otherwise than `told`."""

        def work() -> float:
            height, width = prediction.values.shape
            values = self._project.labels.read(picture_id, width, height)
            return float(np.mean(painted_differently(self._project, picture_id, values, prediction.values)))

        return self._document.submit(work)


def painted_differently(
    project: Project, picture_id: int, values: Values, predicted: Values
) -> NDArray[np.bool_]:
    """(H, W): where a person painted something else than a prediction `told`. Both are (H, W) uint8.

    What was imported or accepted is nobody's correction, and neither is what nobody has said or made void.
    """
    height, width = values.shape
    who, meaning = project.labels.provenance(picture_id, width, height)
    painted = np.isin(who, [number for number, (origin, _) in meaning.items() if origin is Origin.PAINTED])
    counted = (values != UNLABELLED) & (values != VOID) & (predicted != UNLABELLED)
    return np.asarray(painted & counted & (predicted != values))
