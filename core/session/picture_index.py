"""The pictures of the open project as every thread may read them; the document lane keeps them true."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from core.project.records import PictureRecord, Status
from core.session.transfer.excluded_masks import ExcludedPaths


class PictureIndex:
    """Records in list order. Reading is safe from any thread; only the document lane writes."""

    def __init__(self, records: Iterable[PictureRecord] = ()) -> None:
        self._lock = threading.Lock()
        self._ids: list[int] = []
        self._rows: dict[int, int] = {}
        self._records: dict[int, PictureRecord] = {}
        self._done = 0
        self.excluded = ExcludedPaths()
        """What is no picture to label; set on the document lane, and only as a whole."""
        self.extend(records)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def done_count(self) -> int:
        """How many are marked done."""
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
        """Place in the list. Raises KeyError."""
        return self._rows[picture_id]

    def extend(self, records: Iterable[PictureRecord]) -> None:
        """Document lane: more pictures at the end."""
        with self._lock:
            for record in records:
                self._rows[record.id] = len(self._ids)
                self._records[record.id] = record
                self._ids.append(record.id)
                self._done += record.status == Status.DONE

    def update(self, record: PictureRecord) -> None:
        """Document lane: a picture as it is now."""
        with self._lock:
            self._done += (record.status == Status.DONE) - (self._records[record.id].status == Status.DONE)
            self._records[record.id] = record
