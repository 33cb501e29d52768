"""Writes WebDataset shards: tar files of pictures and masks that are read sequentially."""

from __future__ import annotations

import contextlib
import json
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from core.formats.writers.base import (
    ExportPicture,
    LabelStatistics,
    WritePlan,
    WriteResult,
    copy_picture,
    write_index_png,
)
from core.formats.writers.masks import write_classes_file
from core.labels.class_list import ClassList

MOST_PICTURES, MOST_BYTES = 1000, 1 << 30
"""A shard is full at this many pictures or bytes, whichever comes first."""
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
"""File types that WebDataset decodes; others are saved as PNG."""


class WebDatasetWriter:
    """Writes SPLIT-000000.tar and so on with NAME.jpg, NAME.mask.png (class values) and NAME.json (tags)."""

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        del classes, statistics
        return ()

    def start(self, plan: WritePlan) -> None:
        self._plan = plan
        self._making = plan.root / "making"

    def write(self, picture: ExportPicture) -> WriteResult:
        # In a shard the first dot of a name separates it from the file type.
        name, split = picture.name, picture.split
        copied = copy_picture(picture, self._making / split, suffixes=(".png", *_ENDINGS))
        files = [copied]
        if picture.label is not None:
            files.append(copied.with_name(f"{name}.mask.png"))
            write_index_png(files[-1], picture.label)
        files.append(copied.with_name(f"{name}.json"))
        facts = json.dumps({"tags": list(picture.tags)}, ensure_ascii=False)
        files[-1].write_text(facts, "utf-8", newline="\n")
        return WriteResult(tuple(files), [split, [path.name for path in files]])

    def finish(self, entries: Iterable[Any]) -> None:
        """The files of a shard are deleted when it is full; if that is interrupted, they are written again."""
        shards: dict[str, _Shards] = {}
        with contextlib.ExitStack() as all_shards:
            for split, names in entries:
                if split not in shards:
                    shards[split] = all_shards.enter_context(_Shards(self._plan.root, self._making, split))
                shards[split].add(names)
        shutil.rmtree(self._making, ignore_errors=True)
        write_classes_file(self._plan.root, self._plan.classes)


class _Shards:
    """The shards of one split, written one after the other."""

    def __init__(self, root: Path, making: Path, split: str) -> None:
        self._root, self._making, self._split = root, making / split, split
        self._tar: tarfile.TarFile | None = None
        self._number = self._pictures = 0
        self._packed: list[Path] = []

    def __enter__(self) -> _Shards:
        return self

    def __exit__(self, *_: object) -> None:
        if self._tar is not None:
            self._tar.close()

    def add(self, names: list[str]) -> None:
        """Add the files of one picture, which must stay together in one shard."""
        if self._tar is not None and (self._pictures >= MOST_PICTURES or self._tar.offset >= MOST_BYTES):
            self._tar.close()
            self._tar = None
            for path in self._packed:
                path.unlink()
            self._packed = []
        if self._tar is None:
            path = self._root / f"{self._split}-{self._number:06}.tar"
            self._tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  (open until it is full)
            self._number, self._pictures = self._number + 1, 0
        for name in names:
            self._add(self._tar, self._making / name)
        self._pictures += 1

    def _add(self, tar: tarfile.TarFile, path: Path) -> None:
        """Without date and owner, so that the same labels give the same bytes."""
        entry = tarfile.TarInfo(path.name)
        entry.size = path.stat().st_size
        with path.open("rb") as content:
            tar.addfile(entry, content)
        self._packed.append(path)
