"""Pixels of labelled pictures that are kept for the live head."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.live import reservoir
from core.live.labelled_pixels import LabelledPixels
from core.live.picture_features import PictureFeatures
from core.live.reservoir import Reservoir

FEATURES = PictureFeatures([torch.ones(3, 8, 8)], (16, 16))


def pixels(value: int) -> LabelledPixels:
    return LabelledPixels(np.array([[2, 3], [9, 9]], np.uint32), np.full(2, value, np.uint8))


def test_the_pictures_put_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reservoir, "MAX_PICTURES", 3)
    kept = Reservoir()
    for picture_id in (1, 2, 3, 1, 4, 5):
        kept.put(picture_id, FEATURES, pixels(picture_id))
    rows = kept.rows(3)
    assert len(kept) == 3 and rows is not None
    assert set(rows.values.tolist()) == {1, 4, 5}
