"""Writes folders of pictures and masks with a classes.json: index, palette or colour PNGs, and NumPy files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from core.formats.mask_layout import CLASSES_FILE, IMAGES, MASKS, PREDICTIONS
from core.formats.writers.base import (
    MADE_BY,
    ExportPicture,
    LabelStatistics,
    Values,
    WritePlan,
    WriteResult,
    colour_table,
    copy_picture,
    tag_losses,
    write_index_png,
    write_json,
    write_lines,
    write_rgb_png,
)
from core.images.image_reader import read_picture
from core.labels.class_list import UNLABELLED, VOID, ClassList

CONFIDENCE = "confidence"
SPLITS = "splits"


class MaskEncoding(StrEnum):
    """How a mask file stores class values: as indices, as indices with a colour palette, or as RGB colours."""

    INDEX = "index"
    PALETTE = "palette"
    COLOUR = "colour"


class MaskWriter:
    """Writes images/, masks/ and predictions/, each with a folder per split."""

    def __init__(self, encoding: MaskEncoding = MaskEncoding.INDEX) -> None:
        self._encoding = encoding

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        lost = list(tag_losses(statistics))
        if self._encoding == MaskEncoding.COLOUR:
            lost += colour_conflicts(classes)
        return tuple(lost)

    def start(self, plan: WritePlan) -> None:
        self._root, self._classes = plan.root, plan.classes
        self._palette = colour_table(plan.classes)
        self._lists = plan.split_lists

    def write(self, picture: ExportPicture) -> WriteResult:
        below = self.split_folder(picture)
        files = [self.write_picture(picture, self._root / IMAGES / below)]
        for folder, values in ((MASKS, picture.label), (PREDICTIONS, picture.prediction)):
            if values is not None:
                files.append(self.write_mask_file(picture, values, self._root / folder / below))
        return WriteResult(tuple(files), [picture.split, picture.name] if self._lists else None)

    def split_folder(self, picture: ExportPicture) -> str:
        """The folder of the picture's split; empty if splits are written as lists."""
        return "" if self._lists else picture.split

    def write_picture(self, picture: ExportPicture, folder: Path) -> Path:
        return copy_picture(picture, folder)

    def write_mask_file(self, picture: ExportPicture, values: Values, folder: Path) -> Path:
        path = folder / f"{picture.name}.png"
        if self._encoding == MaskEncoding.COLOUR:
            write_rgb_png(path, self._palette[values])
        else:
            write_index_png(path, values, self._palette if self._encoding == MaskEncoding.PALETTE else None)
        return path

    def finish(self, entries: Iterable[Any]) -> None:
        self.write_classes()
        lists: dict[str, list[str]] = defaultdict(list)
        for split, name in entries if self._lists else ():
            lists[split].append(name)
        for split, names in lists.items():
            write_lines(self._root / SPLITS / f"{split}.txt", names)

    def write_classes(self) -> None:
        write_classes_file(self._root, self._classes)


class NumpyWriter(MaskWriter):
    """Writes .npy files without pickles: masks (H, W) uint8 and pictures (H, W, 3) uint8.

    Predictions have a confidence per pixel, (H, W) uint8, 255 is certain.
    """

    def write(self, picture: ExportPicture) -> WriteResult:
        written = super().write(picture)
        if picture.confidence is None:
            return written
        folder = self._root / CONFIDENCE / self.split_folder(picture)
        return replace(
            written, files=(*written.files, self.write_mask_file(picture, picture.confidence, folder))
        )

    def write_picture(self, picture: ExportPicture, folder: Path) -> Path:
        pixels = read_picture(picture.source) if picture.pixels is None else picture.pixels
        return self.write_mask_file(picture, pixels, folder)

    def write_mask_file(self, picture: ExportPicture, values: Values, folder: Path) -> Path:
        path = folder / f"{picture.name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.save(file, np.ascontiguousarray(values), allow_pickle=False)
        return path


def write_classes_file(folder: Path, classes: ClassList) -> None:
    """Write the classes.json of an export; the indices are the class values of the project."""
    rows = [{"index": c.value, "name": c.name, "color": list(c.colour)} for c in classes]
    content = {"made_by": MADE_BY, "classes": rows, "unlabelled_index": UNLABELLED, "ignore_index": VOID}
    write_json(folder / CLASSES_FILE, content)


def colour_conflicts(classes: ClassList, *, void: bool = True) -> list[str]:
    """Sentences on classes whose colours are not distinct from each other or from those of unlabelled and void."""
    lost = []
    if len({c.colour for c in classes}) < len(classes):
        lost.append("Two classes have the same colour, so their pixels cannot be distinguished.")
    taken = {(0, 0, 0): "unlabelled"} | ({(255, 255, 255): "void"} if void else {})
    lost += [
        f"{c.name} has the colour of {taken[c.colour]} pixels; choose another colour for it."
        for c in classes
        if c.colour in taken
    ]
    return lost
