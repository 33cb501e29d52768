"""The picture in hand: which one it is, its live label, and what the network says about it."""

from __future__ import annotations

from dataclasses import dataclass

from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask


@dataclass(slots=True)
class ActivePicture:
    """Written by Labelling alone, read by whoever shows something of it. Lives on the GUI thread.

    shown: id of the picture on screen; labels: None while it cannot be shown; prediction: None until there is one.
    """

    id: int | None = None
    labels: LabelMap | None = None
    prediction: PredictedMask | None = None
