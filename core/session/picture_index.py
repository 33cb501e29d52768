"""The picture list of the open project in memory, readable from every thread."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from core.project.records import PictureRecord, Status
from core.session.transfer.excluded_masks import ExcludedPaths


class PictureIndex:
    """Picture records in list order. Any thread may read; only the document lane writes."""

    def __init__(self, records: Iterable[PictureRecord] = ()) -> None:
        self._lock = threading.Lock()
        self._ids: list[int] = []
        self._rows: dict[int, int] = {}
        self._records: dict[int, PictureRecord] = {}
        self._done = 0
        self.excluded = ExcludedPaths()
        """Mask files that are not pictures to label. Replaced as a whole, on the document lane."""
        self.extend(records)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def done_count(self) -> int:
        """Number of pictures marked done."""
        return self._done

    def ids(self) -> list[int]:
        with self._lock:
            return list(self._ids)

    def at(self, row: int) -> PictureRecord:
        """Raises IndexError."""
        return self._records[self._ids[row]]

    def get(self, picture_id: int) -> PictureRecord:
        """Raises KeyError."""
        return self._records[picture_id]

    def has(self, picture_id: int) -> bool:
        return picture_id in self._records

    def row(self, picture_id: int) -> int:
        """Position in the list, from 0. Raises KeyError."""
        return self._rows[picture_id]

    def extend(self, records: Iterable[PictureRecord]) -> None:
        """Document lane: append pictures."""
        with self._lock:
            for record in records:
                self._rows[record.id] = len(self._ids)
                self._records[record.id] = record
                self._ids.append(record.id)
                self._done += record.status == Status.DONE

    def update(self, record: PictureRecord) -> None:
        """Document lane: replace the record of a picture."""
        with self._lock:
            self._done += (record.status == Status.DONE) - (self._records[record.id].status == Status.DONE)
            self._records[record.id] = record
