"""WebDataset: tar files of pictures and masks in a row, which trainers read from start to end without seeking."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

from core.formats.writers.masks import write_classes
from core.formats.writing import (
    LabelStatistics,
    OutPicture,
    PlainNames,
    WritePlan,
    copy_picture,
    write_indices,
)
from core.labels.classes import ClassList

MOST_PICTURES, MOST_BYTES = 1000, 1 << 30
"""A shard is full at so many pictures, or so many bytes, whichever comes first."""
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")
"""What the decoders of WebDataset know; others are saved as PNG."""


class WebDatasetWriter:
    """SPLIT-000000.tar and on: NAME.jpg, NAME.mask.png (values of classes) and NAME.json (tags) follow each other."""

    def losses(self, classes: ClassList, statistics: LabelStatistics) -> tuple[str, ...]:
        del classes, statistics
        return ()

    def begin(self, plan: WritePlan) -> None:
        self._plan = plan
        self._making = plan.root / "making"
        self._shards: dict[str, tarfile.TarFile] = {}
        self._filled: dict[str, tuple[int, int]] = {}
        self._names = PlainNames()

    def write(self, picture: OutPicture) -> None:
        # What follows the first dot of a name is the kind of the file there.
        name = self._names.of(f"{picture.split}/{picture.name}".replace(".", "_")).removeprefix(
            f"{picture.split}_"
        )
        copied = copy_picture(picture, self._making, name, endings=(".png", *_ENDINGS))
        parts = [(copied.suffix, copied)]
        if picture.label is not None:
            mask = self._making / f"{name}.mask.png"
            write_indices(mask, picture.label)
            parts.append((".mask.png", mask))
        facts = self._making / f"{name}.json"
        facts.write_text(json.dumps({"tags": list(picture.tags)}, ensure_ascii=False), "utf-8", newline="\n")
        shard = self._shard(picture.split)
        for ending, path in (*parts, (".json", facts)):
            self._add(shard, f"{name}{ending}", path)
        pictures, _ = self._filled[picture.split]
        self._filled[picture.split] = pictures + 1, shard.offset

    def finish(self) -> None:
        for shard in self._shards.values():
            shard.close()
        shutil.rmtree(self._making, ignore_errors=True)
        write_classes(self._plan.root, self._plan.classes)

    def _shard(self, split: str) -> tarfile.TarFile:
        """The file that takes the next picture of a split."""
        shard = self._shards.get(split)
        pictures, size = self._filled.get(split, (0, 0))
        if shard is not None and pictures % MOST_PICTURES and size < MOST_BYTES:
            return shard
        number = 0
        if shard is not None:
            number = int(Path(str(shard.name)).stem.rpartition("-")[2]) + 1
            shard.close()
            pictures = 0
        self._shards[split] = tarfile.open(  # noqa: SIM115  (stays open until it is full)
            self._plan.root / f"{split}-{number:06}.tar", "w", format=tarfile.PAX_FORMAT
        )
        self._filled[split] = pictures, 0
        return self._shards[split]

    def _add(self, shard: tarfile.TarFile, name: str, path: Path) -> None:
        """With no date and no owner, so that the same labels give the same bytes."""
        entry = tarfile.TarInfo(name)
        entry.size = path.stat().st_size
        with path.open("rb") as content:
            shard.addfile(entry, content)
        path.unlink()
