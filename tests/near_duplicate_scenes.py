"""Scenes that are not similar to each other, and JPEG copies of them that are."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]


def scene(seed: int) -> Picture:
    """Soft blobs of colour with objects in front, 240 x 160."""
    chance = np.random.default_rng(seed)
    ground = chance.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    picture = cv2.resize(ground, (240, 160), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        x, y, w, h = chance.integers(0, 200), chance.integers(0, 130), *chance.integers(8, 70, 2)
        cv2.rectangle(
            picture, (int(x), int(y)), (int(x + w), int(y + h)), chance.integers(0, 256, 3).tolist(), -1
        )
    noise = chance.integers(-12, 13, picture.shape)
    return np.clip(picture.astype(int) + noise, 0, 255).astype(np.uint8)


def jpeg(picture: Picture, quality: int = 30) -> Picture:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))
