"""Writes CamVid: folders SPLIT and SPLITannot, colour masks, lists of pairs, and label_colors.txt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from core.formats.writers.base import (
    ExportPicture,
    LabelStatistics,
    WritePlan,
    WriteResult,
    copy_picture,
    tag_losses,
    void_losses,
    write_lines,
    write_rgb_png,
)
from core.formats.writers.masks import colour_conflicts
from core.labels.class_list import VOID, ClassList

_VOID_NAME = "Void"


class CamvidWriter:
    """Unlabelled and void pixels are black, CamVid's class Void."""

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        lost = [*tag_losses(statistics), *void_losses(statistics, "black, which is Void")]
        if statistics.unlabelled and not statistics.void:
            lost.append("Unlabelled pixels become black, which is Void.")
        if any(_name(c.name) != c.name for c in classes):
            lost.append("Spaces in class names become underscores, as the format requires.")
        return (*lost, *colour_conflicts(classes, void=False))

    def start(self, plan: WritePlan) -> None:
        self._plan = plan
        self._palette = plan.classes.palette()
        self._palette[VOID] = 0

    def write(self, picture: ExportPicture) -> WriteResult:
        split = picture.split
        path = copy_picture(picture, self._plan.root / split)
        if picture.label is None:
            return WriteResult((path,))
        mask = self._plan.root / f"{split}annot" / f"{picture.name}.png"
        write_rgb_png(mask, np.ascontiguousarray(self._palette[picture.label]))
        return WriteResult((path, mask), [split, f"/{split}/{path.name} /{split}annot/{mask.name}"])

    def finish(self, entries: Iterable[Any]) -> None:
        pairs: dict[str, list[str]] = defaultdict(list)
        for part in entries:
            if part is not None:
                pairs[part[0]].append(part[1])
        rows = [((0, 0, 0), _VOID_NAME), *((c.colour, _name(c.name)) for c in self._plan.classes)]
        write_lines(self._plan.root / "label_colors.txt", (f"{r} {g} {b} {name}" for (r, g, b), name in rows))
        for split, lines in pairs.items():
            write_lines(self._plan.root / f"{split}.txt", lines)


def _name(name: str) -> str:
    return name.replace(" ", "_")
