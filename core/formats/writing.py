"""What every writer does: begin, write picture by picture, finish; and say beforehand what its format cannot hold."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.images.source import is_upright, read_picture
from core.labels.classes import ClassList

Values = NDArray[np.uint8]

MADE_BY = "Maskloop"
NO_SPLIT = "unsplit"
"""The split of pictures that belong to none."""


@dataclass(frozen=True, slots=True)
class LabelStatistics:
    """What a project holds, in numbers: pixels by value (255 is void), pictures by split, pictures with tags."""

    pixels: Mapping[int, int] = field(default_factory=dict)
    splits: Mapping[str, int] = field(default_factory=dict)
    unlabelled: int = 0
    tagged: int = 0
    predictions: bool = False


@dataclass(frozen=True, slots=True)
class WritePlan:
    """`root` is an empty folder that becomes the dataset once all is written; `count` pictures will come."""

    root: Path
    classes: ClassList
    count: int


@dataclass(frozen=True, slots=True)
class OutPicture:
    """One picture on its way out.

    name: without ending and folder, different from all others; split: train, val, test or NO_SPLIT; width and height:
    upright; label and prediction: (height, width) uint8 project values, None where there is none; confidence:
    (height, width) uint8, 255 is certain, with a prediction.
    """

    name: str
    split: str
    source: Path
    width: int
    height: int
    label: Values | None = None
    prediction: Values | None = None
    confidence: Values | None = None
    tags: tuple[str, ...] = ()


class Writer(Protocol):
    """Writes one dataset. Made afresh for each export; called on one thread, in this order: begin, write .., finish."""

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        """Sentences: what of this project the format cannot hold. Asked before anything is written."""
        ...

    def begin(self, plan: WritePlan) -> None:
        """Raises FormatError when the project cannot be written in this format at all."""
        ...

    def write(self, picture: OutPicture) -> None:
        """Raises ImageError or FormatError, leaving nothing of this picture, when it has to be left out."""
        ...

    def finish(self) -> None:
        """Write what is known only at the end: tables, lists, one large file."""
        ...


def copy_picture(picture: OutPicture, folder: Path) -> Path:
    """Put the picture into `folder` under its new name, upright. Returns the file. Raises ImageError.

    A picture that lies upright is copied byte for byte; one that relies on its EXIF turn would not lie under its
    mask in most readers, so it is written anew as PNG.
    """
    upright = is_upright(picture.source)
    path = folder / f"{picture.name}{picture.source.suffix.lower() if upright else '.png'}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if upright:
        shutil.copyfile(picture.source, path)
    else:
        Image.fromarray(read_picture(picture.source)).save(path)
    return path
