"""Writes labelme: a JSON file beside each picture with polygons, and masks for regions with holes."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np

from core.formats.writers.base import (
    ExportPicture,
    LabelStatistics,
    WritePlan,
    WriteResult,
    copy_picture,
    write_json,
)
from core.formats.writers.region_outlines import ConnectedRegion, find_regions
from core.labels.class_list import VOID, ClassList

IGNORED = "__ignore__"
"""The label that labelme's converters treat as void."""
_VERSION = "5.5.0"


class LabelmeWriter:
    """Tags become flags of the picture; void regions get the label __ignore__."""

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        del classes, statistics
        return ()

    def start(self, plan: WritePlan) -> None:
        self._plan = plan

    def write(self, picture: ExportPicture) -> WriteResult:
        folder = self._plan.root / picture.split
        path = copy_picture(picture, folder)
        if picture.label is None:
            return WriteResult((path,))
        wanted = (*self._plan.classes.values, VOID)
        shapes = [self._shape(region) for region in find_regions(picture.label, wanted)]
        content = {
            "version": _VERSION,
            "flags": dict.fromkeys(picture.tags, True),
            "shapes": shapes,
            "imagePath": path.name,
            "imageData": None,
            "imageHeight": picture.height,
            "imageWidth": picture.width,
        }
        table = folder / f"{picture.name}.json"
        write_json(table, content)
        return WriteResult((path, table))

    def finish(self, entries: Iterable[Any]) -> None:
        del entries
        names = [c.name for c in self._plan.classes]
        text = "".join(f"{name}\n" for name in [IGNORED, "_background_", *names])
        (self._plan.root / "labels.txt").write_text(text, "utf-8", newline="\n")

    def _shape(self, region: ConnectedRegion) -> dict[str, Any]:
        shape: dict[str, Any] = {
            "label": IGNORED if region.value == VOID else self._plan.classes.name_of(region.value),
            "points": region.rings[0].tolist(),
            "group_id": None,
            "description": "",
            "shape_type": "polygon",
            "flags": {},
            "mask": None,
        }
        if region.has_holes:
            box = region.box
            # labelme includes the last row and column.
            corners = [[box.x0, box.y0], [box.x1 - 1, box.y1 - 1]]
            shape |= {"shape_type": "mask", "points": corners, "mask": _png(region)}
        return shape


def _png(region: ConnectedRegion) -> str:
    _, content = cv2.imencode(".png", region.mask.astype(np.uint8) * 255)
    return base64.b64encode(content.tobytes()).decode("ascii")
