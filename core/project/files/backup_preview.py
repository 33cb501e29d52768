"""Looks into backups without restoring them: how much is labelled, how many pixels of each class, some labels."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import Cancelled, ProjectError
from core.labels.class_list import ClassList
from core.project.backup import backup_reason, list_backups
from core.project.class_repository import ClassRepository
from core.project.files.sqlite_defences import Deadline, defend
from core.project.label_repository import LabelRepository
from core.project.picture_repository import PictureRepository
from core.project.records import PictureRecord
from core.project.store import Store

SECONDS_PER_BACKUP = 2.0
"""The longest that counting in one backup may take: a file from a stranger may never end."""
MAX_PREVIEW_PIXELS = 64_000_000
"""Labels of larger pictures are not previewed."""


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """A line of the list of backups. labelled: None when it cannot be read; reason: as `backup_reason` gives it."""

    path: Path
    made_at: datetime
    size: int
    reason: str
    labelled: int | None


@dataclass(frozen=True, slots=True)
class LabelThumbnail:
    """A label made small: `values` (h, w) uint8 class values, one pixel of each cell."""

    path: str
    values: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class BackupPreview:
    """What is in a backup. `pixels`: labelled pixels by class value."""

    pictures: int
    labelled: int
    done: int
    classes: ClassList
    pixels: dict[int, int]
    thumbnails: tuple[LabelThumbnail, ...]


def summarize_backups(folder: Path, should_stop: Callable[[], bool] = lambda: False) -> list[BackupSummary]:
    """All backups of a folder, newest first. Raises Cancelled."""
    found = []
    for made_at, path in list_backups(folder):
        if should_stop():
            raise Cancelled
        with contextlib.suppress(OSError):  # thinned meanwhile
            size = path.stat().st_size
            found.append(BackupSummary(path, made_at, size, backup_reason(path), _count_labelled(path)))
    return found


def preview_backup(path: Path, count: int = 6, size: int = 96) -> BackupPreview:
    """Look into a backup: at most `count` labels, at most `size` pixels wide and high, evenly spread over the labelled
    pictures. Raises ProjectError, also for one that an older version made."""
    with contextlib.closing(Store(path, writing=False)) as store:
        try:
            store.require_current_schema()
        except ProjectError as problem:
            raise ProjectError(
                "Another version of Maskloop made this backup, so it cannot be looked into. It can be restored: "
                "opening the new project upgrades it."
            ) from problem
        pictures, labels = PictureRepository(store), LabelRepository(store)
        records = pictures.all()
        labelled = [record for record in records if record.is_labelled]
        pixels: dict[int, int] = {}
        for counts in pictures.pixels_by_picture().values():
            for value, number in counts.items():
                pixels[value] = pixels.get(value, 0) + number
        readable = [r for r in labelled if r.width and r.height and r.width * r.height <= MAX_PREVIEW_PIXELS]
        chosen = readable[:: max(1, -(-len(readable) // count))][:count]
        return BackupPreview(
            len(records),
            len(labelled),
            pictures.counts().done,
            ClassRepository(store).read(),
            pixels,
            tuple(_thumbnail(labels, record, size) for record in chosen),
        )


def _thumbnail(labels: LabelRepository, record: PictureRecord, size: int) -> LabelThumbnail:
    assert record.width and record.height
    values = labels.read(record.id, record.width, record.height)
    step = max(1, -(-max(record.width, record.height) // size))
    return LabelThumbnail(record.path, np.ascontiguousarray(values[step // 2 :: step, step // 2 :: step]))


def _count_labelled(path: Path) -> int | None:
    """Pictures with labelled pixels, in a file of any version; None when it cannot be read. Nothing is created."""
    deadline = Deadline()
    with contextlib.suppress(sqlite3.Error):
        uri = f"{path.absolute().as_uri()}?immutable=1"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as raw, deadline.within(SECONDS_PER_BACKUP):
            raw.execute("PRAGMA trusted_schema = OFF")
            defend(raw, deadline)
            query = "SELECT COUNT(DISTINCT picture_id) FROM class_pixels WHERE class_value != 0"
            return int(raw.execute(query).fetchone()[0])
    return None
