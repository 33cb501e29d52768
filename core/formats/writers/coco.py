"""COCO: an annotation for each connected region, as a polygon or a run-length code; and panoptic PNGs of segments."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from core.formats.writers.base import (
    MADE_BY,
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
from core.formats.writers.region_outlines import SUBPIXELS, encode_rles, find_regions
from core.labels.class_list import ClassList

IMAGES, TABLES = "images", "annotations"


class CocoWriter:
    """images/SPLIT/ and annotations/instances_SPLIT.json; categories keep the values of the classes as ids.

    Annotations go straight from the parts into the table: those of a large dataset do not fit into memory.
    """

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        del classes
        return (*tag_losses(statistics), *_no_void(statistics))

    def start(self, plan: WritePlan) -> None:
        self._plan = plan

    def write(self, picture: ExportPicture) -> WriteResult:
        path = copy_picture(picture, self._plan.root / IMAGES / picture.split)
        row = {"file_name": path.name, "width": picture.width, "height": picture.height}
        said = json.dumps(row, ensure_ascii=False).removeprefix("{")
        notes = [] if picture.label is None else self._notes_of(picture, picture.label)
        return WriteResult((path,), [picture.split, said, notes])

    def finish(self, entries: Iterable[Any]) -> None:
        """Pictures and annotations get their numbers here."""
        categories = json.dumps(_categories(self._plan.classes), ensure_ascii=False)
        images: dict[str, list[str]] = {}
        tables: dict[str, TextIO] = {}
        between: dict[str, str] = {}
        notes_before = 0
        with contextlib.ExitStack() as closing:
            for number, (split, row, notes) in enumerate(entries, 1):
                if split not in tables:
                    tables[split] = closing.enter_context(self._table(split).open("w", **_TEXT))
                    tables[split].write(_HEAD)
                    images[split], between[split] = [], "\n"
                lines = [
                    f'{{"id": {note}, "image_id": {number}, {said}'
                    for note, said in enumerate(notes, notes_before + 1)
                ]
                if lines:
                    tables[split].write(between[split] + ",\n".join(lines))
                    between[split] = ",\n"
                notes_before += len(notes)
                images[split].append(f'{{"id": {number}, {row}')
            for split, table in tables.items():
                table.write('\n],\n"images": [\n' + ",\n".join(images[split]))
                table.write(f'\n],\n"categories": {categories},\n')
                table.write(f'"info": {{"description": "{MADE_BY}"}}, "licenses": []}}\n')

    def _notes_of(self, picture: ExportPicture, label: Values) -> list[str]:
        """An annotation each, but for its numbers. A polygon cannot say that it has a hole, so such a region becomes a
        run-length code."""
        regions = find_regions(label, self._plan.classes.values)
        codes = iter(encode_rles([r for r in regions if r.has_holes], picture.width, picture.height))
        size = f'{{"size": [{picture.height}, {picture.width}], "counts": '
        written = _written(SUBPIXELS * max(picture.width, picture.height) + 1)
        lines = []
        for region in regions:
            if region.has_holes:
                area = f"{size}{json.dumps(next(codes))}}}"
            else:
                area = f"[[{','.join([written[n] for n in region.corners[0].ravel().tolist()])}]]"
            box = region.box
            lines.append(
                f'"category_id": {region.value}, '
                f'"segmentation": {area}, "area": {region.area}, '
                f'"bbox": [{box.x0}, {box.y0}, {box.x1 - box.x0}, {box.y1 - box.y0}], "iscrowd": 0}}'
            )
        return lines

    def _table(self, split: str) -> Path:
        path = self._plan.root / TABLES / f"instances_{split}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


_HEAD = '{"annotations": ['
_TEXT: Any = {"encoding": "utf-8", "newline": "\n"}


class PanopticWriter:
    """images/SPLIT/, annotations/panoptic_SPLIT/ and a table; each class is one segment of a picture (stuff)."""

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
        colours[..., 0] = np.where(known, picture.label, 0)  # the number is red + 256 green + 65536 blue
        png = self._plan.root / TABLES / f"panoptic_{picture.split}" / f"{picture.name}.png"
        write_rgb_png(png, colours)
        segments = [_segment(colours[..., 0], int(v)) for v in np.unique(colours[..., 0]) if v]
        return WriteResult((path, png), [picture.split, path.name, size, png.name, segments])

    def finish(self, entries: Iterable[Any]) -> None:
        categories = [row | {"isthing": 0} for row in _categories(self._plan.classes)]
        tables: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {}
        for number, (split, name, (width, height), png, segments) in enumerate(entries, 1):
            images, notes = tables.setdefault(split, ([], []))
            images.append({"id": number, "file_name": name, "width": width, "height": height})
            if png is not None:
                notes.append({"image_id": number, "file_name": png, "segments_info": segments})
        for split, (images, notes) in tables.items():
            content = {"annotations": notes, "images": images, "categories": categories}
            write_json(self._plan.root / TABLES / f"panoptic_{split}.json", content)


@lru_cache(4)
def _written(count: int) -> list[str]:
    """So many parts of a pixel as text: writing a number anew for each corner would take longer than all else."""
    return [repr(n / SUBPIXELS) for n in range(count)]


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
