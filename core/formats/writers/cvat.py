"""Writes CVAT for images 1.1: one annotations.xml with a run-length mask per connected region."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from core.formats.writers.base import (
    MADE_BY,
    NO_SPLIT,
    ExportPicture,
    LabelStatistics,
    WritePlan,
    WriteResult,
    copy_picture,
)
from core.formats.writers.region_outlines import ConnectedRegion, find_regions
from core.labels.class_list import VOID, ClassList

IMAGES = "images"
VOID_NAME = "void"
_SUBSETS = {NO_SPLIT: "default"}
"""CVAT's subset names by split."""


class CvatWriter:
    """Void becomes a label called void, tags become tags. The entry of a picture is its XML element."""

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        if statistics.void and classes.by_name(VOID_NAME):
            return ("Void pixels are merged with the class called void.",)
        return ()

    def start(self, plan: WritePlan) -> None:
        self._plan = plan

    def write(self, picture: ExportPicture) -> WriteResult:
        path = copy_picture(picture, self._plan.root / IMAGES / picture.split)
        name = quoteattr(f"{picture.split}/{path.name}")
        subset = _SUBSETS.get(picture.split, picture.split)
        size = f'width="{picture.width}" height="{picture.height}"'
        lines = [f'name={name} subset="{subset}" {size}>']
        if picture.label is not None:
            wanted = (*self._plan.classes.values, VOID)
            lines += [self._mask(region) for region in find_regions(picture.label, wanted)]
        lines += [f'    <tag label={quoteattr(tag)} source="manual"/>' for tag in picture.tags]
        return WriteResult((path,), [subset, list(picture.tags), "\n".join([*lines, "  </image>\n"])])

    def finish(self, entries: Iterable[Any]) -> None:
        counts: Counter[str] = Counter()
        tags: set[str] = set()
        for subset, mine, _ in entries:
            counts[subset] += 1
            tags |= set(mine)
        names = {c.name for c in self._plan.classes}
        labels = [_label(c.name, "#{:02x}{:02x}{:02x}".format(*c.colour), "any") for c in self._plan.classes]
        labels += [] if self._plan.classes.by_name(VOID_NAME) else [_label(VOID_NAME, "#ffffff", "any")]
        labels += [_label(tag, "#808080", "tag") for tag in sorted(tags - names)]
        tasks = [
            f"        <task><name>{name}</name><size>{count}</size><subset>{name}</subset></task>\n"
            for name, count in sorted(counts.items())
        ]
        with (self._plan.root / "annotations.xml").open("w", encoding="utf-8", newline="\n") as file:
            file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n')
            file.write(
                f"  <meta>\n    <project>\n      <name>{MADE_BY}</name>\n      <labels>\n{''.join(labels)}"
            )
            file.write(f"      </labels>\n      <tasks>\n{''.join(tasks)}      </tasks>\n    </project>\n")
            file.write("  </meta>\n")
            for number, (_, _, image) in enumerate(entries):
                file.write(f'  <image id="{number}" {image}')
            file.write("</annotations>\n")

    def _mask(self, region: ConnectedRegion) -> str:
        box = region.box
        name = VOID_NAME if region.value == VOID else self._plan.classes.name_of(region.value)
        return (
            f'    <mask label={quoteattr(name)} source="manual" occluded="0" rle="{_rows(region)}" '
            f'left="{box.x0}" top="{box.y0}" width="{box.width}" height="{box.height}" z_order="0"/>'
        )


def _rows(region: ConnectedRegion) -> str:
    """Row-major run lengths of the box, starting with outside."""
    flat = region.mask.ravel()
    turns = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.r_[0, turns, flat.size])
    return ", ".join(str(n) for n in ([0] if flat[0] else []) + lengths.tolist())


def _label(name: str, colour: str, kind: str) -> str:
    return (
        f"        <label><name>{escape(name)}</name><color>{colour}</color><type>{kind}</type>"
        "<attributes></attributes></label>\n"
    )
