"""The picture list of the open project in memory, readable from every thread."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence

from core.images.folder import path_key, sorted_paths
from core.project.records import PictureRecord, Status
from core.session.transfer.excluded_masks import ExcludedPaths

MAX_INSERTED_ONE_BY_ONE = 200
"""More new pictures than this are sorted in with all others at once."""


class PictureIndex:
    """Picture records in natural order of their paths. Any thread may read; only the document lane writes."""

    def __init__(
        self, records: Iterable[PictureRecord] = (), successors: dict[int, int] | None = None
    ) -> None:
        """successors: by id of a picture that is set aside the id of the one that has its file now"""
        self._lock = threading.Lock()
        self._ids: list[int] = []
        self._rows: dict[int, int] = {}
        self._records: dict[int, PictureRecord] = {}
        self._successors = dict(successors or {})
        self._done = 0
        self._replaced: set[int] = set()
        self.excluded = ExcludedPaths()
        """Mask files that are not pictures to label. Replaced as a whole, on the document lane."""
        self.extend(records)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def done_count(self) -> int:
        """Number of pictures marked done."""
        return self._done

    def replaced_ids(self) -> list[int]:
        """Ids of the labelled pictures whose content was replaced, in list order. Does not go through the list."""
        with self._lock:
            return sorted(self._replaced, key=self._rows.__getitem__)

    def ids(self) -> list[int]:
        with self._lock:
            return list(self._ids)

    def listing(self) -> tuple[Sequence[int], Mapping[int, int]]:
        """Ids in order, and the row of each: as they are now, but for pictures that are added at the end later.

        Not a copy, which would take long for a hundred thousand.
        """
        with self._lock:
            return self._ids, self._rows

    def at(self, row: int) -> PictureRecord:
        """Raises IndexError."""
        return self._records[self._ids[row]]

    def get(self, picture_id: int) -> PictureRecord:
        """Also of a picture that has left the list, as it was. Raises KeyError."""
        return self._records[picture_id]

    def has(self, picture_id: int) -> bool:
        """Whether it is in the list."""
        return picture_id in self._rows

    def row(self, picture_id: int) -> int:
        """Position in the list, from 0. Raises KeyError."""
        return self._rows[picture_id]

    def current_id(self, picture_id: int) -> int:
        """The picture itself, or the one that has its file since it was set aside."""
        seen: set[int] = set()
        while not self.has(picture_id) and picture_id not in seen:
            seen.add(picture_id)
            picture_id = self._successors.get(picture_id, picture_id)
        return picture_id

    def extend(self, records: Iterable[PictureRecord]) -> None:
        """Document lane: insert pictures at their places."""
        self._replace(set(), list(records))

    def update(self, record: PictureRecord) -> None:
        """Document lane: replace the record of a picture; one with another path gets another place."""
        if record.path != self._records[record.id].path:
            self.synchronize([record.id], [record])
            return
        with self._lock:
            self._done += (record.status == Status.DONE) - (self._records[record.id].status == Status.DONE)
            self._records[record.id] = record
            self._note_replaced(record)

    def synchronize(
        self,
        picture_ids: Collection[int],
        records: Iterable[PictureRecord],
        successors: Mapping[int, int] | None = None,
    ) -> None:
        """Document lane: of these pictures exactly the `records` are in the list.

        successors: by id of a picture that left the list the id of the one that has its file now
        """
        present = {record.id: record for record in records}
        kept = {i for i in present if self.has(i) and self._records[i].path == present[i].path}
        self._successors.update(successors or {})
        gone = {i for i in picture_ids if self.has(i)} - kept
        self._replace(gone, [record for i, record in present.items() if i not in kept])
        for picture_id in kept:
            self.update(present[picture_id])

    def _replace(self, gone: Collection[int], new: list[PictureRecord]) -> None:
        """List and rows are replaced as a whole: readers without the lock see one that fits together."""
        if not gone and not new:
            return
        with self._lock:
            self._done -= sum(self._records[i].status == Status.DONE for i in gone)
            self._replaced.difference_update(gone)
            for record in new:
                self._records[record.id] = record
                self._successors.pop(record.id, None)
                self._done += record.status == Status.DONE
                self._note_replaced(record)
            by_path = {record.path: record.id for record in new}
            in_order = [by_path[path] for path in sorted_paths(by_path)]
            ids = [i for i in self._ids if i not in gone] if gone else self._ids
            if not gone and (not ids or self._key(ids[-1]) < self._key(in_order[0])):
                self._rows |= {picture_id: row for row, picture_id in enumerate(in_order, len(ids))}
                self._ids += in_order
                return
            ids = self._inserted(list(ids), in_order)
            self._ids, self._rows = ids, {picture_id: row for row, picture_id in enumerate(ids)}

    def _note_replaced(self, record: PictureRecord) -> None:
        (self._replaced.add if record.is_replaced else self._replaced.discard)(record.id)

    def _inserted(self, ids: list[int], new: list[int]) -> list[int]:
        if len(new) > MAX_INSERTED_ONE_BY_ONE:
            by_path = {self._records[i].path: i for i in (*ids, *new)}
            return [by_path[path] for path in sorted_paths(by_path)]
        for picture_id in new:
            ids.insert(bisect.bisect(ids, self._key(picture_id), key=self._key), picture_id)
        return ids

    def _key(self, picture_id: int) -> list[tuple[list[str | int], str]]:
        return path_key(self._records[picture_id].path)
