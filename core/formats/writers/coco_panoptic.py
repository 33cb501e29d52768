"""Writes COCO panoptic: PNGs of segment ids with a JSON file per split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from core.formats.writers.base import (
    ExportPicture,
    LabelStatistics,
    Values,
    WritePlan,
    WriteResult,
    copy_picture,
    tag_losses,
    void_losses,
    write_json,
    write_rgb_png,
)
from core.formats.writers.coco import ANNOTATIONS, IMAGES, coco_categories
from core.labels.class_list import ClassList


class PanopticWriter:
    """Writes images/SPLIT/, annotations/panoptic_SPLIT/ and a JSON file; each class is one segment per picture
    (stuff)."""

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        del classes
        return (*tag_losses(statistics), *void_losses(statistics, "0, which is void"))

    def start(self, plan: WritePlan) -> None:
        self._plan = plan

    def write(self, picture: ExportPicture) -> WriteResult:
        path = copy_picture(picture, self._plan.root / IMAGES / picture.split)
        size = [picture.width, picture.height]
        if picture.label is None:
            return WriteResult((path,), [picture.split, path.name, size, None, []])
        known = np.isin(picture.label, self._plan.classes.values)
        colours = np.zeros((*picture.label.shape, 3), np.uint8)
        colours[..., 0] = np.where(known, picture.label, 0)  # the segment id is red + 256 green + 65536 blue
        png = self._plan.root / ANNOTATIONS / f"panoptic_{picture.split}" / f"{picture.name}.png"
        write_rgb_png(png, colours)
        segments = [_segment(colours[..., 0], int(v)) for v in np.unique(colours[..., 0]) if v]
        return WriteResult((path, png), [picture.split, path.name, size, png.name, segments])

    def finish(self, entries: Iterable[Any]) -> None:
        categories = [row | {"isthing": 0} for row in coco_categories(self._plan.classes)]
        tables: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {}
        for number, (split, name, (width, height), png, segments) in enumerate(entries, 1):
            images, annotations = tables.setdefault(split, ([], []))
            images.append({"id": number, "file_name": name, "width": width, "height": height})
            if png is not None:
                annotations.append({"image_id": number, "file_name": png, "segments_info": segments})
        for split, (images, annotations) in tables.items():
            content = {"annotations": annotations, "images": images, "categories": categories}
            write_json(self._plan.root / ANNOTATIONS / f"panoptic_{split}.json", content)


def _segment(values: Values, value: int) -> dict[str, Any]:
    inside = values == value
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    box = [x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y]
    area = int(np.count_nonzero(inside))
    return {"id": value, "category_id": value, "area": area, "bbox": box, "iscrowd": 0}
