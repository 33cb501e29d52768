"""Files of small datasets: photographs, masks whose right half is another class, JSON, run-length codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

from tests.factories import picture

WIDTH, HEIGHT, MIDDLE = 24, 16, 12
RIGHT = np.arange(WIDTH)[None, :].repeat(HEIGHT, 0) >= MIDDLE


def photo(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(WIDTH, HEIGHT, seed=seed)).save(path, quality=95)
    return path


def grey(path: Path, left: int, right: int, kind: type = np.uint8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.where(RIGHT, right, left).astype(kind)).save(path)


def coloured(path: Path, left: tuple[int, int, int], right: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(colours(left, right)).save(path, quality=90)


def colours(left: tuple[int, int, int], right: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.where(RIGHT[..., None], np.uint8(right), np.uint8(left)).astype(np.uint8)


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")


def write_text(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")


def compressed(mask: NDArray[np.bool_]) -> dict[str, Any]:
    code = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(code["size"]), "counts": code["counts"].decode()}
