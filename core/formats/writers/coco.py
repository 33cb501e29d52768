"""Writes COCO: an annotation per connected region, as a polygon or a run-length code."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from core.formats.writers.base import (
    MADE_BY,
    ExportPicture,
    LabelStatistics,
    Values,
    WritePlan,
    WriteResult,
    copy_picture,
    tag_losses,
)
from core.formats.writers.region_outlines import SUBPIXELS, encode_rles, find_regions
from core.labels.class_list import ClassList

IMAGES, ANNOTATIONS = "images", "annotations"


class CocoWriter:
    """Writes images/SPLIT/ and annotations/instances_SPLIT.json; category ids are class values.

    `finish` streams annotations from the entries into the file: those of a large dataset do not fit into memory.
    """

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        del classes
        return (*tag_losses(statistics), *_no_void(statistics))

    def start(self, plan: WritePlan) -> None:
        self._plan = plan

    def write(self, picture: ExportPicture) -> WriteResult:
        path = copy_picture(picture, self._plan.root / IMAGES / picture.split)
        row = {"file_name": path.name, "width": picture.width, "height": picture.height}
        image = json.dumps(row, ensure_ascii=False).removeprefix("{")
        annotations = [] if picture.label is None else self._annotations(picture, picture.label)
        return WriteResult((path,), [picture.split, image, annotations])

    def finish(self, entries: Iterable[Any]) -> None:
        """Assigns the ids of pictures and annotations."""
        categories = json.dumps(coco_categories(self._plan.classes), ensure_ascii=False)
        images: dict[str, list[str]] = {}
        files: dict[str, TextIO] = {}
        separator: dict[str, str] = {}
        count = 0
        with contextlib.ExitStack() as closing:
            for number, (split, image, annotations) in enumerate(entries, 1):
                if split not in files:
                    files[split] = closing.enter_context(self._path(split).open("w", **_TEXT))
                    files[split].write(_HEAD)
                    images[split], separator[split] = [], "\n"
                lines = [
                    f'{{"id": {annotation_id}, "image_id": {number}, {annotation}'
                    for annotation_id, annotation in enumerate(annotations, count + 1)
                ]
                if lines:
                    files[split].write(separator[split] + ",\n".join(lines))
                    separator[split] = ",\n"
                count += len(annotations)
                images[split].append(f'{{"id": {number}, {image}')
            for split, file in files.items():
                file.write('\n],\n"images": [\n' + ",\n".join(images[split]))
                file.write(f'\n],\n"categories": {categories},\n')
                file.write(f'"info": {{"description": "{MADE_BY}"}}, "licenses": []}}\n')

    def _annotations(self, picture: ExportPicture, label: Values) -> list[str]:
        """JSON of the annotations of a picture without their ids. A polygon cannot have holes, so a region with
        holes is stored as a run-length code."""
        regions = find_regions(label, self._plan.classes.values)
        codes = iter(encode_rles([r for r in regions if r.has_holes], picture.width, picture.height))
        size = f'{{"size": [{picture.height}, {picture.width}], "counts": '
        texts = _coordinate_texts(SUBPIXELS * max(picture.width, picture.height) + 1)
        lines = []
        for region in regions:
            if region.has_holes:
                area = f"{size}{json.dumps(next(codes))}}}"
            else:
                area = f"[[{','.join([texts[n] for n in region.corners[0].ravel().tolist()])}]]"
            box = region.box
            lines.append(
                f'"category_id": {region.value}, '
                f'"segmentation": {area}, "area": {region.area}, '
                f'"bbox": [{box.x0}, {box.y0}, {box.x1 - box.x0}, {box.y1 - box.y0}], "iscrowd": 0}}'
            )
        return lines

    def _path(self, split: str) -> Path:
        path = self._plan.root / ANNOTATIONS / f"instances_{split}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


_HEAD = '{"annotations": ['
_TEXT: Any = {"encoding": "utf-8", "newline": "\n"}


@lru_cache(4)
def _coordinate_texts(count: int) -> list[str]:
    """Coordinates as text by number of subpixels, cached: formatting them would dominate the run time."""
    return [repr(n / SUBPIXELS) for n in range(count)]


def coco_categories(classes: ClassList) -> list[dict[str, Any]]:
    """The categories of a COCO file; ids are class values."""
    return [
        {"id": c.value, "name": c.name, "supercategory": "", "color": list(c.colour), "isthing": 1}
        for c in classes
    ]


def _no_void(statistics: LabelStatistics) -> tuple[str, ...]:
    if not statistics.void:
        return ()
    return (
        f"{statistics.void:,} void pixels are left out: the format does not distinguish them from unlabelled ones.",
    )
