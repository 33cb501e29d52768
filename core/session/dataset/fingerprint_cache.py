"""Caches the fingerprint of every picture, so that each is read once. The file may be deleted at any time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from core.base.atomic_file import atomic_file
from core.base.errors import Cancelled, ImageError, ProjectError
from core.base.progress import ProgressCallback
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
"""One picture, 288 bytes. Numbers only: unpickling a file would be unsafe, because projects are exchanged."""
_SAVE_EVERY = 2000

Rows = NDArray[np.void]


def read_fingerprints(
    project: Project,
    records: Iterable[PictureRecord],
    progress: ProgressCallback = lambda _done, _of: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Rows, list[int]]:
    """A row (id, bits, grey, ...) for every picture that can be read, and the ids of those that cannot.

    Only new and changed files are read. Raises Cancelled; the fingerprints computed until then are cached.
    """
    wanted = list(records)
    path = project.cache_folder / FINGERPRINT_FILE
    known = {int(row["id"]): row for row in _load(path, 2 * len(wanted))}
    rows: list[np.void] = []
    unreadable: list[int] = []
    unsaved = 0
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
                    unsaved += 1
                rows.append(row)
            except (OSError, ImageError, ProjectError):
                unreadable.append(record.id)
            if unsaved >= _SAVE_EVERY:
                _store(path, list(known.values()))
                unsaved = 0
            if done % 16 == 0:
                progress(done, len(wanted))
    finally:
        if unsaved:
            _store(path, list(known.values()))
    progress(len(wanted), len(wanted))
    return _stacked(rows), unreadable


def has_fingerprints(home: Path) -> bool:
    """Whether fingerprints of a project are cached."""
    return (home / "cache" / FINGERPRINT_FILE).is_file()


def _row(picture_id: int, status: os.stat_result, found: Fingerprint) -> np.void:
    row = np.zeros(1, _ROW)
    row["id"], row["stamp"], row["bytes"] = picture_id, status.st_mtime_ns, status.st_size
    row["bits"], row["grey"] = found.bits, found.grey
    return cast("np.void", row[0])


def _stacked(rows: list[np.void]) -> Rows:
    return np.array(rows, _ROW) if rows else np.zeros(0, _ROW)


def _load(path: Path, limit: int) -> Rows:
    """The cached rows, at most `limit`; none when the file is missing or has another format."""
    try:
        with path.open("rb") as file:
            if file.read(len(_HEAD)) != _HEAD:
                return np.zeros(0, _ROW)
            count = (path.stat().st_size - len(_HEAD)) // _ROW.itemsize
            return np.fromfile(file, _ROW, min(count, limit))
    except OSError:
        return np.zeros(0, _ROW)


def _store(path: Path, rows: list[np.void]) -> None:
    """Errors are ignored: the next search only takes longer."""
    with contextlib.suppress(OSError), atomic_file(path) as temporary, temporary.open("wb") as file:
        file.write(_HEAD)
        _stacked(rows).tofile(file)
