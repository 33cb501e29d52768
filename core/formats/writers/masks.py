"""Folders of pictures and masks with a classes.json: index, palette or colour PNGs, NumPy files, TIFFs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from core.formats.readers.masks import CLASSES_FILE, IMAGES, MASKS, PREDICTIONS
from core.formats.writers.base import (
    MADE_BY,
    LabelStatistics,
    OutPicture,
    Values,
    WritePlan,
    Written,
    colour_table,
    copy_picture,
    no_tags,
    write_indices,
    write_json,
    write_lines,
    write_rgb,
)
from core.images.image_reader import read_picture
from core.labels.class_list import UNLABELLED, VOID, ClassList

CONFIDENCE = "confidence"
SPLITS = "splits"


class Look(StrEnum):
    """What a pixel of a mask file is: its value; its value with a palette for people to see; its class's colour."""

    INDEX = "index"
    PALETTE = "palette"
    COLOUR = "colour"


class MaskWriter:
    """images/, masks/ and predictions/ side by side, each with a folder for each split."""

    def __init__(self, look: Look = Look.INDEX) -> None:
        self._look = look

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        lost = list(no_tags(statistics))
        if self._look == Look.COLOUR:
            lost += colour_clashes(classes)
        return tuple(lost)

    def begin(self, plan: WritePlan) -> None:
        self._root, self._classes = plan.root, plan.classes
        self._palette = colour_table(plan.classes)
        self._lists = plan.lists

    def write(self, picture: OutPicture) -> Written:
        below = self.below(picture)
        files = [self.write_picture(picture, self._root / IMAGES / below)]
        for folder, values in ((MASKS, picture.label), (PREDICTIONS, picture.prediction)):
            if values is not None:
                files.append(self.write_values(picture, values, self._root / folder / below))
        return Written(tuple(files), [picture.split, picture.name] if self._lists else None)

    def below(self, picture: OutPicture) -> str:
        """The folder of the picture's split; none when lists say it."""
        return "" if self._lists else picture.split

    def write_picture(self, picture: OutPicture, folder: Path) -> Path:
        return copy_picture(picture, folder)

    def write_values(self, picture: OutPicture, values: Values, folder: Path) -> Path:
        path = folder / f"{picture.name}.png"
        if self._look == Look.COLOUR:
            write_rgb(path, self._palette[values])
        else:
            write_indices(path, values, self._palette if self._look == Look.PALETTE else None)
        return path

    def finish(self, parts: Iterable[Any]) -> None:
        write_classes(self._root, self._classes)
        lists: dict[str, list[str]] = defaultdict(list)
        for split, name in parts if self._lists else ():
            lists[split].append(name)
        for split, names in lists.items():
            write_lines(self._root / SPLITS / f"{split}.txt", names)


class NumpyWriter(MaskWriter):
    """The same with .npy arrays, (H, W) uint8 for masks and (H, W, 3) uint8 for pictures; nothing is pickled.

    Predictions come with a confidence for each pixel, (H, W) uint8, 255 is certain.
    """

    def write(self, picture: OutPicture) -> Written:
        written = super().write(picture)
        if picture.confidence is None:
            return written
        folder = self._root / CONFIDENCE / self.below(picture)
        return replace(
            written, files=(*written.files, self.write_values(picture, picture.confidence, folder))
        )

    def write_picture(self, picture: OutPicture, folder: Path) -> Path:
        pixels = read_picture(picture.source) if picture.pixels is None else picture.pixels
        return self.write_values(picture, pixels, folder)

    def write_values(self, picture: OutPicture, values: Values, folder: Path) -> Path:
        path = folder / f"{picture.name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.save(file, np.ascontiguousarray(values), allow_pickle=False)
        return path


def write_classes(folder: Path, classes: ClassList) -> None:
    """The classes.json of an export; indices are the project's own class values."""
    rows = [{"index": c.value, "name": c.name, "color": list(c.colour)} for c in classes]
    content = {"made_by": MADE_BY, "classes": rows, "unlabelled_index": UNLABELLED, "ignore_index": VOID}
    write_json(folder / CLASSES_FILE, content)


def colour_clashes(classes: ClassList, *, void: bool = True) -> list[str]:
    """Which classes cannot be told apart by their colours, from each other or from what has no class."""
    lost = []
    if len({c.colour for c in classes}) < len(classes):
        lost.append("Two classes have the same colour, so their pixels cannot be told apart.")
    taken = {(0, 0, 0): "unlabelled"} | ({(255, 255, 255): "void"} if void else {})
    lost += [
        f"{c.name} has the colour that stands for {taken[c.colour]}; give it another one."
        for c in classes
        if c.colour in taken
    ]
    return lost
