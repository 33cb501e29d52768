"""Summaries of all pictures of a project, in memory and as a file of its cache, which may be deleted at any time."""

from __future__ import annotations

import contextlib
import zlib
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.acquisition.picture_summary import DESCRIPTOR_SIZE, Descriptor, Floats, SummaryColumns
from core.base.atomic_file import atomic_file

SUMMARY_FILE = "queue.bin"
_FORMAT = "maskloop queue 2"
_MAX_ROWS = 10_000_000
_MAX_HEAD = 10_000


class SummaryStamp(msgspec.Struct, frozen=True, gc=False):
    """What a summary was made of; another one means that it is out of date.

    picture, prediction: when the files were written, ns, 0 without a prediction; labelled: pixels with a label;
    remap: the newest replacement of a class value, since a prediction counts in class values of now
    """

    picture: int
    prediction: int
    labelled: int
    remap: int


class _Head(msgspec.Struct):
    format: str
    rows: int
    classes: list[int]
    descriptor: int
    checksum: int


class SummaryTable:
    """Rows by picture id. Used by one thread; `columns` are copies for others."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        self._classes: list[int] = []
        self._ids = np.zeros(0, np.int64)
        self._stamps = np.zeros((0, 4), np.int64)
        self._descriptors = np.zeros((0, DESCRIPTOR_SIZE), np.float16)
        self._unsure = np.zeros((0, 0), np.float16)
        self._shares = np.zeros((0, 0), np.float16)

    def __len__(self) -> int:
        return len(self._rows)

    def ids(self) -> list[int]:
        return list(self._rows)

    def stamp(self, picture_id: int) -> SummaryStamp | None:
        """What the summary of a picture was made of; None when there is none."""
        row = self._rows.get(picture_id)
        return None if row is None else SummaryStamp(*(int(each) for each in self._stamps[row]))

    def descriptor(self, picture_id: int) -> Descriptor:
        """Raises KeyError."""
        return np.array(self._descriptors[self._rows[picture_id]], np.float16)

    def put(
        self, picture_id: int, stamp: SummaryStamp, descriptor: Descriptor, unsure: Floats, shares: Floats
    ) -> None:
        """Add or replace a row; `unsure` and `shares` (256,) as in PictureSummary."""
        row = self._rows.setdefault(picture_id, len(self._rows))
        if row >= len(self._ids):
            self._grow(max(64, 2 * len(self._ids)), len(self._classes))
        new = [int(value) for value in np.flatnonzero(shares) if int(value) not in self._classes]
        if new:
            self._classes += new
            self._grow(len(self._ids), len(self._classes))
        self._ids[row], self._descriptors[row] = picture_id, descriptor
        self._stamps[row] = stamp.picture, stamp.prediction, stamp.labelled, stamp.remap
        self._unsure[row], self._shares[row] = unsure[self._classes], shares[self._classes]

    def remove(self, picture_id: int) -> None:
        """Remove a row, if there is one; the last one takes its place."""
        row = self._rows.pop(picture_id, None)
        if row is None or row == len(self._rows):
            return
        last = len(self._rows)
        for array in (self._ids, self._stamps, self._descriptors, self._unsure, self._shares):
            array[row] = array[last]
        self._rows[int(self._ids[row])] = row

    def columns(self) -> SummaryColumns:
        """A copy of everything but the stamps, with a column for each class that one of the pictures has."""
        count = len(self._rows)
        used = self._shares[:count].any(axis=0)
        return SummaryColumns(
            self._ids[:count].copy(),
            np.array(self._classes, np.uint8)[used],
            self._unsure[:count, used].astype(np.float32),
            self._shares[:count, used].astype(np.float32),
            self._descriptors[:count].copy(),
        )

    def save(self, path: Path) -> None:
        """Write the file. Errors are ignored: summaries are made again."""
        body = b"".join(np.ascontiguousarray(each[: len(self)]).tobytes() for each in self._arrays())
        head = _Head(_FORMAT, len(self), self._classes, DESCRIPTOR_SIZE, zlib.crc32(body))
        with contextlib.suppress(OSError), atomic_file(path) as temporary, temporary.open("wb") as file:
            file.write(msgspec.json.encode(head) + b"\n" + body)

    @classmethod
    def load(cls, path: Path) -> SummaryTable:
        """Read the file; an empty table when it is missing, damaged or of another version."""
        table = cls()
        try:
            with path.open("rb") as file:
                head = msgspec.json.decode(file.readline(_MAX_HEAD), type=_Head)
                table._read(head, file.read(table._size(head) + 1))
        except (OSError, ValueError, MemoryError):  # ValueError: also what msgspec raises
            return cls()
        return table

    def _size(self, head: _Head) -> int:
        """Bytes behind the head. Raises ValueError for a head that this version does not write."""
        values = head.classes
        if head.format != _FORMAT or head.descriptor != DESCRIPTOR_SIZE or not 0 <= head.rows <= _MAX_ROWS:
            raise ValueError("another version")
        if len(set(values)) != len(values) or not all(0 < value < 255 for value in values):
            raise ValueError("no class values")
        return head.rows * (8 * 5 + 2 * DESCRIPTOR_SIZE + 4 * len(values))

    def _read(self, head: _Head, body: bytes) -> None:
        if len(body) != self._size(head) or zlib.crc32(body) != head.checksum:
            raise ValueError("damaged")
        self._classes = list(head.classes)
        self._grow(head.rows, len(self._classes))
        start = 0
        for array in self._arrays():
            array.reshape(-1).view(np.uint8)[:] = np.frombuffer(body, np.uint8, array.nbytes, start)
            start += array.nbytes
        self._rows = {picture_id: row for row, picture_id in enumerate(self._ids.tolist())}
        floats = self._descriptors, self._unsure, self._shares
        if len(self._rows) != head.rows or not all(np.isfinite(each).all() for each in floats):
            raise ValueError("damaged")

    def _arrays(self) -> tuple[NDArray[np.int64] | NDArray[np.float16], ...]:
        return self._ids, self._stamps, self._descriptors, self._unsure, self._shares

    def _grow(self, rows: int, columns: int) -> None:
        def larger(array: NDArray[np.float16], width: int) -> NDArray[np.float16]:
            made = np.zeros((rows, width), np.float16)
            made[: array.shape[0], : array.shape[1]] = array
            return made

        self._ids = np.resize(self._ids, rows) if len(self._ids) else np.zeros(rows, np.int64)
        stamps = np.zeros((rows, 4), np.int64)
        stamps[: len(self._stamps)] = self._stamps
        self._stamps = stamps
        self._descriptors = larger(self._descriptors, DESCRIPTOR_SIZE)
        self._unsure, self._shares = larger(self._unsure, columns), larger(self._shares, columns)
