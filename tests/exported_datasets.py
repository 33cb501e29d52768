"""Exports small datasets with difficult labels for tests, and applies the losses that each format announces."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.formats.class_sets import class_set
from core.formats.dataset_types import ClassTarget, Dataset
from core.formats.writers.base import ExportPicture, WritePlan
from core.formats.writers.registry import EXPORT_FORMATS
from core.labels.class_list import VOID, ClassList
from tests.factories import picture

Values = NDArray[np.uint8]

VOID_IS_UNLABELLED = {"coco", "yolo-seg"}
UNLABELLED_IS_VOID = {"coco-panoptic", "pascal-voc", "cityscapes", "camvid", "numbered-masks", "one-hot"}
READ_AS = {
    "numbered-masks": "masks",
    "palette-masks": "masks",
    "colour-masks": "masks",
    "geotiff": "masks",
    "camvid": "mask-folders",
    "hugging-face": "mask-folders",
}
"""Import format by export format, where the names differ."""


def classes_of(count: int = 3) -> ClassList:
    """`count` classes with values 1 .. count and different colours."""
    made = ClassList()
    for value in range(1, count + 1):
        made = made.with_class(f"class-{value}", (value, 255 - value, (value * 37) % 256), value)
    return made


def street() -> ClassList:
    """Three classes with the names of Cityscapes classes."""
    known = {c.name: c.colour for c in class_set("cityscapes")}
    return (
        ClassList()
        .with_class("road", known["road"], 1)
        .with_class("Sky", known["sky"], 2)
        .with_class("person", known["person"], 3)
    )


def hard_label() -> Values:
    """(16, 24) uint8: a hole with an island in it, one-pixel lines, diagonal neighbours, adjacent classes, void."""
    values = np.zeros((16, 24), np.uint8)
    values[1:12, 1:12] = 1
    values[3:10, 3:10] = 0
    values[5:8, 5:8] = 2
    values[6, 6] = 1
    values[14, 2:20] = 3
    values[1:13, 20] = 3
    values[2, 14] = values[3, 15] = values[2, 16] = values[1, 15] = 1
    values[6:10, 13:16], values[6:10, 16:19] = 2, 1
    values[11:13, 14:18] = VOID
    values[0, 23] = values[15, 0] = 2
    return values


def write(
    format_name: str, folder: Path, labels: Iterable[Values | None], classes: ClassList, split: str = "train"
) -> Path:
    """Export pictures p0, p1 .. with these labels. Returns the folder of the dataset."""
    pictures, root = folder / "pictures", folder / "out"
    pictures.mkdir(parents=True)
    root.mkdir()
    writer = EXPORT_FORMATS[format_name].writer()
    given = list(labels)
    writer.start(WritePlan(root, classes, len(given)))
    parts = []
    for number, label in enumerate(given):
        height, width = (16, 24) if label is None else label.shape
        source = pictures / f"p{number}.png"
        Image.fromarray(picture(width, height, seed=number)).save(source)
        written = writer.write(ExportPicture(f"p{number}", split, source, width, height, label))
        parts.append(json.loads(json.dumps(written.entry)))
    writer.finish(parts)
    return root


def announced(format_name: str, values: Values) -> Values:
    """The label after the losses that the format announces."""
    if format_name in VOID_IS_UNLABELLED:
        return np.where(values == VOID, 0, values).astype(np.uint8)
    if format_name in UNLABELLED_IS_VOID:
        return np.where(values == 0, VOID, values).astype(np.uint8)
    return values


def read_labels(dataset: Dataset, classes: ClassList) -> dict[str, Values | None]:
    """Labels by picture name, in the values of `classes`, as with the default import options."""
    table = np.zeros(256, np.uint8)
    table[VOID] = VOID
    for place, c in enumerate(dataset.classes, 1):
        known = classes.by_name(c.name)
        targets = {
            ClassTarget.CLASS: known.value if known else 254,
            ClassTarget.VOID: VOID,
            ClassTarget.SKIP: 0,
        }
        table[place] = targets[c.target]
    return {
        s.picture.stem.removesuffix("_leftImg8bit"): None
        if s.read_mask is None
        else table[s.read_mask().values]
        for s in dataset.samples
    }
