"""Small datasets of pictures and masks in Maskloop's own format for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.factories import picture

CLASSES: dict[str, Any] = {
    "classes": [
        {"index": 0, "name": "sky", "color": [10, 20, 30]},
        {"index": 1, "name": "road", "colour": [40, 50, 60]},
        {"index": 2, "name": "tree"},
        {"index": 11, "name": "unknown", "color": [0, 0, 0]},
    ],
    "ignore_index": 11,
}


def indices(seed: int = 0, width: int = 24, height: int = 16) -> NDArray[np.uint8]:
    """(height, width) uint8: a random mask of the indices of CLASSES, including void (11)."""
    rng = np.random.default_rng(seed)
    return rng.choice(np.array([0, 1, 2, 11], np.uint8), (height, width))


def mask_dataset(
    root: Path,
    names: tuple[str, ...] = ("train/a", "train/b", "val/c"),
    *,
    classes: Any = CLASSES,
    masks: Mapping[str, NDArray[Any] | None] | None = None,
    suffix: str = ".png",
) -> Path:
    """Write a dataset to `root`: 24 x 16 pictures with masks of `indices`.

    masks: other masks by name, None for no mask; classes: content of classes.json, None for no file.
    """
    given = masks or {}
    for number, name in enumerate(names):
        place = root / "images" / f"{name}{suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(24, 16, seed=number)).save(place)
        mask = given.get(name, indices(number))
        place = root / "masks" / f"{name}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        if mask is not None:
            Image.fromarray(mask).save(place)
    if classes is not None:
        (root / "classes.json").write_text(json.dumps(classes), "utf-8")
    return root
