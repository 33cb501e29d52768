"""The network's prediction of a picture on the grid of the live head, for the process."""

from __future__ import annotations

import cv2

from core.labels.prediction import PredictedMask
from core.live.live_messages import NetworkCommand

MAX_SIDE = 480
"""Cells along the longer side: the probabilities of the live head have no more."""


def network_command(picture_id: int, mask: PredictedMask | None) -> NetworkCommand:
    """None: the network says nothing of it."""
    if mask is None:
        return NetworkCommand(picture_id)
    height, width = mask.values.shape
    share = min(1.0, MAX_SIDE / max(height, width))
    size = max(1, round(width * share)), max(1, round(height * share))
    values, confidence = (
        cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST).tobytes()
        for plane in (mask.values, mask.confidence)
    )
    return NetworkCommand(picture_id, size, values, confidence)
