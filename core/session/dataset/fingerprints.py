"""Fingerprints of all pictures, kept in the cache so that each is read once; the file may be deleted at any time."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from core.base.errors import Cancelled, ImageError, ProjectError
from core.images.perceptual_hash import GREY_SIDE, Fingerprint, fingerprint_file
from core.project.project import Project
from core.project.records import PictureRecord

FINGERPRINT_FILE = "fingerprints.bin"
_HEAD = b"maskloop fingerprints 1\n"
_ROW = np.dtype(
    [
        ("id", "<i8"),
        ("stamp", "<i8"),
        ("bytes", "<i8"),
        ("bits", "<u8"),
        ("grey", "u1", (GREY_SIDE, GREY_SIDE)),
    ]
)
"""One picture, 288 bytes: of numbers alone, because a project may come from a stranger."""
_SAVE_EVERY = 2000

Rows = NDArray[np.void]


def read_fingerprints(
    project: Project,
    records: Iterable[PictureRecord],
    progress: Callable[[int, int], None] = lambda _done, _of: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Rows, list[int]]:
    """A row (id, bits, grey, ...) for every picture that can be read, and the ids of those that cannot.

    Only pictures that are new or were changed are read. Raises Cancelled; what was read until then is kept.
    """
    wanted = list(records)
    path = project.cache_folder / FINGERPRINT_FILE
    known = {int(row["id"]): row for row in _load(path, 2 * len(wanted))}
    rows: list[np.void] = []
    unread: list[int] = []
    fresh = 0
    try:
        for done, record in enumerate(wanted):
            if cancelled():
                raise Cancelled
            try:
                file = project.picture_path(record.path)
                status = file.stat()
                row = known.get(record.id)
                if row is None or (row["stamp"], row["bytes"]) != (status.st_mtime_ns, status.st_size):
                    row = known[record.id] = _row(record.id, status, fingerprint_file(file))
                    fresh += 1
                rows.append(row)
            except (OSError, ImageError, ProjectError):
                unread.append(record.id)
            if fresh >= _SAVE_EVERY:
                _store(path, list(known.values()))
                fresh = 0
            if done % 16 == 0:
                progress(done, len(wanted))
    finally:
        if fresh:
            _store(path, list(known.values()))
    progress(len(wanted), len(wanted))
    return _stacked(rows), unread


def has_fingerprints(home: Path) -> bool:
    """Whether pictures of a project were looked at before."""
    return (home / "cache" / FINGERPRINT_FILE).is_file()


def _row(picture_id: int, status: os.stat_result, found: Fingerprint) -> np.void:
    row = np.zeros(1, _ROW)
    row["id"], row["stamp"], row["bytes"] = picture_id, status.st_mtime_ns, status.st_size
    row["bits"], row["grey"] = found.bits, found.grey
    return cast("np.void", row[0])


def _stacked(rows: list[np.void]) -> Rows:
    return np.array(rows, _ROW) if rows else np.zeros(0, _ROW)


def _load(path: Path, most: int) -> Rows:
    """What is kept, of `most` pictures; nothing when the file is not there or not of this form."""
    try:
        with path.open("rb") as file:
            if file.read(len(_HEAD)) != _HEAD:
                return np.zeros(0, _ROW)
            count = (path.stat().st_size - len(_HEAD)) // _ROW.itemsize
            return np.fromfile(file, _ROW, min(count, most))
    except OSError:
        return np.zeros(0, _ROW)


def _store(path: Path, rows: list[np.void]) -> None:
    """Beside, then renamed. A cache that cannot be written costs time at the next look, no more."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(_HEAD)
            _stacked(rows).tofile(file)
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
