"""Writes Hugging Face datasets: a folder for `datasets.load_dataset` with columns image, mask and tags."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from core.formats.writers.base import (
    ExportPicture,
    LabelStatistics,
    WritePlan,
    WriteResult,
    copy_picture,
    write_index_png,
    write_json,
    write_lines,
)
from core.formats.writers.masks import write_classes_file
from core.labels.class_list import UNLABELLED, VOID, ClassList

_SPLITS = {"val": "validation"}
"""Hugging Face's split names by ours."""
IMAGES, MASKS = "images", "masks"


class HuggingFaceWriter:
    """Writes SPLIT/images, SPLIT/masks and SPLIT/metadata.jsonl; a mask pixel is a class value."""

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        del classes, statistics
        return ()

    def start(self, plan: WritePlan) -> None:
        self._plan = plan

    def write(self, picture: ExportPicture) -> WriteResult:
        split = _SPLITS.get(picture.split, picture.split)
        folder = self._plan.root / split
        path = copy_picture(picture, folder / IMAGES)
        files = [path]
        row: dict[str, object] = {"file_name": f"{IMAGES}/{path.name}", "mask_file_name": None}
        if picture.label is not None:
            files.append(folder / MASKS / f"{picture.name}.png")
            write_index_png(files[-1], picture.label)
            row["mask_file_name"] = f"{MASKS}/{picture.name}.png"
        row["tags"] = list(picture.tags)
        return WriteResult(tuple(files), [split, json.dumps(row, ensure_ascii=False)])

    def finish(self, entries: Iterable[Any]) -> None:
        root, classes = self._plan.root, self._plan.classes
        rows: dict[str, list[str]] = defaultdict(list)
        for split, row in entries:
            rows[split].append(row)
        for split, lines in rows.items():
            write_lines(root / split / "metadata.jsonl", lines)
        names = {UNLABELLED: "unlabelled"} | {c.value: c.name for c in classes} | {VOID: "void"}
        write_json(root / "id2label.json", {str(n): name for n, name in names.items()})
        write_classes_file(root, classes)
        files = [line for split in rows for line in (f"  - split: {split}", f'    path: "{split}/**"')]
        lines = ["---", "task_categories:", "- image-segmentation", "configs:", "- config_name: default"]
        lines += [
            "  drop_labels: true",
            "  data_files:",
            *files,
            "---",
            "",
            "A mask pixel is the value of its class:",
            "",
        ]
        lines += [f"- {n}: {name}" for n, name in names.items()]
        write_lines(root / "README.md", lines)
