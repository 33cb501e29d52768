"""Writes Pascal VOC: JPEGImages, SegmentationClass with palette masks, split lists, and a labelmap.txt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from core.formats.writers.base import (
    JPEG_SUFFIXES,
    NO_SPLIT,
    ClassNumbering,
    ExportPicture,
    LabelStatistics,
    WritePlan,
    WriteResult,
    copy_picture,
    tag_losses,
    void_losses,
    write_index_png,
    write_lines,
)
from core.labels.class_list import VOID, ClassList

BACKGROUND = "background"
IGNORED = "ignored"
BORDER = (224, 224, 192)
_LISTS = "ImageSets/Segmentation"


class VocWriter:
    """0 is always the class background; unlabelled and void are 255, which readers ignore."""

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        lost = [*tag_losses(statistics), *void_losses(statistics, "255, which is not evaluated")]
        if statistics.unlabelled and not statistics.void:
            lost.append("Unlabelled pixels become 255, which is void in Pascal VOC.")
        others = sum(count for ending, count in statistics.suffixes.items() if ending not in JPEG_SUFFIXES)
        if others:
            lost.append(
                f"{others:,} pictures are not JPEGs, as the format requires; they are recompressed and change slightly."
            )
        if any(_name(c.name) != c.name for c in classes):
            lost.append("Colons in class names become dashes.")
        return tuple(lost)

    def start(self, plan: WritePlan) -> None:
        self._plan = plan
        background = plan.classes.by_name(BACKGROUND)
        rest = ClassList(tuple(c for c in plan.classes if c != background))
        numbering = ClassNumbering(rest, 1)
        self._table = numbering.table(VOID, VOID)
        self._palette = np.zeros((256, 3), np.uint8)
        self._palette[VOID] = BORDER
        if background:
            self._table[background.value] = 0
            self._palette[0] = background.colour
        for c in numbering.classes:
            self._palette[numbering.number[c.value]] = c.colour
        self._rows = [
            f"{_name(name)}:{','.join(str(part) for part in self._palette[number])}::"
            for number, name in enumerate([BACKGROUND, *(c.name for c in numbering.classes)])
        ]
        # Readers that use colours need the border to be listed, too.
        self._rows.append(f"{IGNORED}:{','.join(str(part) for part in BORDER)}::")

    def write(self, picture: ExportPicture) -> WriteResult:
        files = [copy_picture(picture, self._plan.root / "JPEGImages", suffixes=JPEG_SUFFIXES[:1])]
        if picture.label is not None:
            files.append(self._plan.root / "SegmentationClass" / f"{picture.name}.png")
            write_index_png(files[-1], self._table[picture.label], self._palette)
        return WriteResult(tuple(files), [picture.split, picture.name])

    def finish(self, entries: Iterable[Any]) -> None:
        lists: dict[str, list[str]] = defaultdict(list)
        for split, name in entries:
            lists[split].append(name)
        lists["trainval"] = lists["train"] + lists["val"]
        for split, names in lists.items():
            listed = "default" if split == NO_SPLIT else split
            if names:
                write_lines(self._plan.root / _LISTS / f"{listed}.txt", names)
        write_lines(self._plan.root / "labelmap.txt", ["# label:color_rgb:parts:actions", *self._rows])


def _name(name: str) -> str:
    return name.replace(":", "-")
