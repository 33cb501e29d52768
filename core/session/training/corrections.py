"""Finds the pixels of a prediction that a person corrected, which training weighs more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.labels.class_list import UNLABELLED, VOID
from core.labels.label_map import Origin, Values
from core.project.project import Project


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
