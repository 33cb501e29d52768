"""Writes YOLO segmentation: a text file per picture with a line per region, and a data.yaml."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from core.formats.writers.base import (
    NO_SPLIT,
    ClassNumbering,
    ExportPicture,
    LabelStatistics,
    WritePlan,
    WriteResult,
    copy_picture,
    tag_losses,
    write_lines,
)
from core.formats.writers.region_outlines import ConnectedRegion, find_regions, join_holes
from core.labels.class_list import ClassList

IMAGES, TEXTS = "images", "labels"
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
"""File types that YOLO trainers read; others are saved as PNG."""


class YoloWriter:
    """Writes images/SPLIT and labels/SPLIT; classes are numbered from 0. A picture without regions has an empty
    file."""

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        del classes
        lost = list(tag_losses(statistics))
        if statistics.void or statistics.unlabelled:
            lost.append("Void and unlabelled pixels become background: the format stores only regions.")
        if statistics.without_split:
            lost.append(
                f"Pictures without a split ({statistics.without_split:,}) are written to {IMAGES}/{NO_SPLIT}, which "
                "data.yaml does not list."
            )
        return tuple(lost)

    def start(self, plan: WritePlan) -> None:
        self._plan = plan
        self._numbering = ClassNumbering(plan.classes, 0)

    def write(self, picture: ExportPicture) -> WriteResult:
        image = copy_picture(picture, self._plan.root / IMAGES / picture.split, suffixes=ENDINGS)
        if picture.label is None:
            return WriteResult((image,), picture.split)
        path = self._plan.root / TEXTS / picture.split / f"{picture.name}.txt"
        regions = find_regions(picture.label, self._plan.classes.values)
        write_lines(path, (self._line(region, picture.width, picture.height) for region in regions))
        return WriteResult((image, path), picture.split)

    def finish(self, entries: Iterable[Any]) -> None:
        """Strings are quoted as in JSON, which is valid YAML."""
        splits = set(entries)
        lines = ["path: .", *(f"{s}: {IMAGES}/{s}" for s in ("train", "val", "test") if s in splits)]
        lines.append("names:")
        lines += [
            f"  {self._numbering.number[c.value]}: {json.dumps(c.name, ensure_ascii=False)}"
            for c in self._numbering.classes
        ]
        write_lines(self._plan.root / "data.yaml", lines)

    def _line(self, region: ConnectedRegion, width: int, height: int) -> str:
        """Eight digits resolve a hundredth of a pixel in a picture a million pixels wide."""
        corners = join_holes(region.rings) / (width, height)
        numbers = " ".join(f"{part:.8g}" for part in corners.ravel().tolist())
        return f"{self._numbering.number[region.value]} {numbers}"
