"""COCO: an annotation for each connected region, as a polygon or a run-length code; and panoptic PNGs of segments."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from core.formats.writers.regions import PARTS, regions_of, run_lengths
from core.formats.writing import (
    MADE_BY,
    LabelStatistics,
    OutPicture,
    Values,
    WritePlan,
    copy_picture,
    no_tags,
    void_joins_unlabelled,
    write_json,
    write_rgb,
)
from core.labels.classes import ClassList

IMAGES, TABLES = "images", "annotations"


class CocoWriter:
    """images/SPLIT/ and annotations/instances_SPLIT.json; categories keep the values of the classes as ids.

    Annotations are written as they come: those of a large dataset do not fit into memory.
    """

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        del classes
        return (*no_tags(statistics), *_no_void(statistics))

    def begin(self, plan: WritePlan) -> None:
        self._plan = plan
        self._images: dict[str, list[dict[str, Any]]] = {}
        self._notes = self._pictures = 0

    def write(self, picture: OutPicture) -> None:
        path = copy_picture(picture, self._plan.root / IMAGES / picture.split)
        self._pictures += 1
        row = {
            "id": self._pictures,
            "file_name": path.name,
            "width": picture.width,
            "height": picture.height,
        }
        self._images.setdefault(picture.split, []).append(row)
        lines = [] if picture.label is None else self._notes_of(picture, picture.label)
        with self._table(picture.split).open("a", encoding="utf-8", newline="\n") as table:
            if table.tell() == 0:
                table.write(_HEAD)
            if lines:
                table.write(("\n" if table.tell() == len(_HEAD) else ",\n") + ",\n".join(lines))

    def finish(self) -> None:
        categories = json.dumps(_categories(self._plan.classes), ensure_ascii=False)
        for split, rows in self._images.items():
            images = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
            with self._table(split).open("a", encoding="utf-8", newline="\n") as table:
                table.write(f'\n],\n"images": [\n{images}\n],\n"categories": {categories},\n')
                table.write(f'"info": {{"description": "{MADE_BY}"}}, "licenses": []}}\n')

    def _notes_of(self, picture: OutPicture, label: Values) -> list[str]:
        """An annotation a line. A polygon cannot say that it has a hole, so such a region becomes a run-length code."""
        regions = regions_of(label, self._plan.classes.values)
        codes = iter(run_lengths([r for r in regions if r.has_holes], picture.width, picture.height))
        size = f'{{"size": [{picture.height}, {picture.width}], "counts": '
        written = _written(PARTS * max(picture.width, picture.height) + 1)
        lines = []
        for number, region in enumerate(regions, self._notes + 1):
            if region.has_holes:
                area = f"{size}{json.dumps(next(codes))}}}"
            else:
                area = f"[[{','.join([written[n] for n in region.parts[0].ravel().tolist()])}]]"
            box = region.box
            lines.append(
                f'{{"id": {number}, "image_id": {self._pictures}, "category_id": {region.value}, '
                f'"segmentation": {area}, "area": {region.area}, '
                f'"bbox": [{box.x0}, {box.y0}, {box.x1 - box.x0}, {box.y1 - box.y0}], "iscrowd": 0}}'
            )
        self._notes += len(regions)
        return lines

    def _table(self, split: str) -> Path:
        path = self._plan.root / TABLES / f"instances_{split}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


_HEAD = '{"annotations": ['


class PanopticWriter:
    """images/SPLIT/, annotations/panoptic_SPLIT/ and a table; each class is one segment of a picture (stuff)."""

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        del classes
        return (*no_tags(statistics), *void_joins_unlabelled(statistics, "0, which is void"))

    def begin(self, plan: WritePlan) -> None:
        self._plan = plan
        self._tables: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {}
        self._pictures = 0

    def write(self, picture: OutPicture) -> None:
        path = copy_picture(picture, self._plan.root / IMAGES / picture.split)
        self._pictures += 1
        images, notes = self._tables.setdefault(picture.split, ([], []))
        images.append(
            {"id": self._pictures, "file_name": path.name, "width": picture.width, "height": picture.height}
        )
        if picture.label is None:
            return
        known = np.isin(picture.label, self._plan.classes.values)
        colours = np.zeros((*picture.label.shape, 3), np.uint8)
        colours[..., 0] = np.where(known, picture.label, 0)  # the number is red + 256 green + 65536 blue
        png = f"{picture.name}.png"
        write_rgb(self._plan.root / TABLES / f"panoptic_{picture.split}" / png, colours)
        segments = [_segment(colours[..., 0], int(v)) for v in np.unique(colours[..., 0]) if v]
        notes.append({"image_id": self._pictures, "file_name": png, "segments_info": segments})

    def finish(self) -> None:
        categories = [row | {"isthing": 0} for row in _categories(self._plan.classes)]
        for split, (images, notes) in self._tables.items():
            content = {"annotations": notes, "images": images, "categories": categories}
            write_json(self._plan.root / TABLES / f"panoptic_{split}.json", content)


@lru_cache(4)
def _written(count: int) -> list[str]:
    """So many parts of a pixel as text: writing a number anew for each corner would take longer than all else."""
    return [repr(n / PARTS) for n in range(count)]


def _segment(values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], value: int) -> dict[str, Any]:
    there = values == value
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    box = [x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y]
    area = int(np.count_nonzero(there))
    return {"id": value, "category_id": value, "area": area, "bbox": box, "iscrowd": 0}


def _categories(classes: ClassList) -> list[dict[str, Any]]:
    return [
        {"id": c.value, "name": c.name, "supercategory": "", "color": list(c.colour), "isthing": 1}
        for c in classes
    ]


def _no_void(statistics: LabelStatistics) -> tuple[str, ...]:
    if not statistics.void:
        return ()
    return (
        f"{statistics.void:,} void pixels are left out: the format does not tell them from unlabelled ones.",
    )
