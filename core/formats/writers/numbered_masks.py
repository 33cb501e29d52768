"""Writes masks as networks take them: class numbers 0 to N-1 in the order of the classes, or one-hot planes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.formats.mask_layout import CLASSES_FILE
from core.formats.writers.base import (
    MADE_BY,
    ClassNumbering,
    ExportPicture,
    LabelStatistics,
    Values,
    WritePlan,
    void_losses,
    write_index_png,
    write_json,
)
from core.formats.writers.masks import MaskWriter
from core.labels.class_list import VOID, ClassList

IGNORED = VOID
"""Number of pixels that count as no class: 255, above every class."""


class NumberedMaskWriter(MaskWriter):
    """Writes 8-bit PNGs: 0 to N-1, and IGNORED for void and unlabelled pixels."""

    target = f"{IGNORED}, which is ignored"

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        return (*super().losses(classes, statistics), *void_losses(statistics, self.target))

    def start(self, plan: WritePlan) -> None:
        super().start(plan)
        self._numbers = ClassNumbering(plan.classes, 0).table(unlabelled=IGNORED, void=IGNORED)

    def write_mask_file(self, picture: ExportPicture, values: Values, folder: Path) -> Path:
        path = folder / f"{picture.name}.png"
        write_index_png(path, self._numbers[values])
        return path

    def write_classes(self) -> None:
        rows = [{"index": n, "name": c.name, "color": list(c.colour)} for n, c in enumerate(self._classes)]
        write_json(self._root / CLASSES_FILE, {"made_by": MADE_BY, "classes": rows, "ignore_index": IGNORED})


class OneHotWriter(NumberedMaskWriter):
    """Writes a compressed .npz without pickles for each picture: its array `target`, (H, W, N) uint8, is 1 in the plane
    of the pixel's class, the last axis in the order of the classes. Void and unlabelled pixels are 0 in every plane."""

    target = "0 in every plane"

    def write_mask_file(self, picture: ExportPicture, values: Values, folder: Path) -> Path:
        path = folder / f"{picture.name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        planes = np.arange(len(self._classes), dtype=np.uint8)
        target = (self._numbers[values][..., None] == planes).astype(np.uint8)
        with path.open("wb") as file:
            np.savez_compressed(file, target=target)
        return path
