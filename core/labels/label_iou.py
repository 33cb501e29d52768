"""Mean IoU of a prediction in class values. Does not import torch; networks are scored in class indices."""

from __future__ import annotations

import numpy as np

from core.labels.class_list import UNLABELLED, VOID
from core.labels.confusion_scores import mean_iou
from core.labels.label_map import Values


def label_iou(predicted: Values, truth: Values) -> float | None:
    """Mean IoU (0..1) over the classes of a truth; both uint8 class values of one shape, of one picture or of several
    joined: one confusion matrix over all pixels.

    Void and unlabelled pixels of the truth do not count. None where the truth has no class at all.
    """
    known = (truth != UNLABELLED) & (truth != VOID)
    if not known.any():
        return None
    pairs = np.bincount(truth[known].astype(np.intp) << 8 | predicted[known], minlength=1 << 16)
    return mean_iou(pairs.reshape(256, 256))
