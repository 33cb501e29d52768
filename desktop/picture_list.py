"""Lists of pictures with a filter and an order, as filmstrip and Review grid show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from core.project.records import PictureRecord, Split, Status
from desktop.widgets.filter_box import TAG_PREFIX
from desktop.widgets.picture_status import PictureRow

if TYPE_CHECKING:  # the window imports this module before a project is open
    from core.session.picture_index import PictureIndex

PREDICATES: dict[str, Callable[[PictureRecord], bool]] = {
    "all": lambda _r: True,
    "new": lambda r: r.status == Status.NEW,
    "in progress": lambda r: r.status == Status.IN_PROGRESS,
    "open": lambda r: r.status not in (Status.DONE, Status.SKIPPED),
    "done": lambda r: r.status == Status.DONE,
    "labelled": lambda r: r.is_labelled,
    "predicted": lambda r: r.is_predicted,
    "review": lambda r: r.status == Status.TO_REVIEW,
    "skipped": lambda r: r.status == Status.SKIPPED,
    "train": lambda r: r.split == Split.TRAIN,
    "val": lambda r: r.split == Split.VAL,
    "test": lambda r: r.split == Split.TEST,
    "no split": lambda r: r.split is None,
    "noted": lambda r: bool(r.note),
}
"""Filter key -> whether a picture passes."""
AND_SEPARATOR = "+"
"""Joins the keys of two filters that both have to pass."""
FOUND_PREFIX = "found:"
"""Begins the key of a filter that shows `PictureList.found`."""


class PictureSource(Protocol):
    """Pictures in the chosen order and filter. Every call must be fast: widgets ask while they paint."""

    def count(self) -> int: ...
    def record(self, row: int) -> PictureRow: ...
    def row_of(self, picture_id: int) -> int | None: ...


class NoPictures:
    """The empty source."""

    def count(self) -> int:
        return 0

    def record(self, row: int) -> PictureRow:
        raise IndexError(row)

    def row_of(self, picture_id: int) -> int | None:  # noqa: ARG002
        return None


class PictureList:
    """A PictureSource over the session's index. Lives on the GUI thread.

    Ids are listed on `refresh` only: another thread may take a picture out of the index between two questions of a
    painter, and with a filter a picture must not disappear while it is worked on because its status changed. Without
    filter and order that costs nothing.
    """

    def __init__(self, index: PictureIndex, filter_: str = "all", order: str = "name") -> None:
        self._index = index
        self.filter, self.order = filter_, order
        self.found: frozenset[int] = frozenset()
        self.disagreement: Mapping[int, float] = {}
        """Share (0..1) of the label that the network contradicts, by picture: the order "doubt" sorts by it."""
        self.queue: Mapping[int, int] = {}
        """Place in the queue of what to label next, by picture: the order "queue" sorts by it."""
        self.held: int | None = None
        """In the order "queue" this picture stays where it is: who is done with it goes on to its neighbour."""
        self._listed = ""  # the order of `_ids`
        self._ids: Sequence[int] = ()
        self._rows: Mapping[int, int] = {}
        self.refresh()

    def refresh(self) -> None:
        """List the ids again: pictures were added, or filter or order changed."""
        if self.filter == "all" and self.order == "name":
            self._ids, self._rows = self._index.listing()
            self._listed = self.order
            return
        if self.filter.startswith(FOUND_PREFIX):
            ids = [i for i in self._index.ids() if i in self.found]
        else:
            predicate = predicate_for(self.filter)
            ids = [i for i in self._index.ids() if predicate(self._index.get(i))]
        if self.order == "uncertainty":
            # Sorting is stable: pictures without a prediction keep their order, behind those with one.
            ids.sort(key=lambda i: -(self._index.get(i).uncertainty or 0.0))
        elif self.order == "doubt":
            ids.sort(key=lambda i: -self.disagreement.get(i, 0.0))
        elif self.order == "queue":
            self._sort_by_queue(ids)
        self._list(ids)

    def reorder(self) -> None:
        """Sort what is listed by the queue as it is now. The filter takes nothing out and lets nothing in."""
        ids = [i for i in self._index.ids() if i in self._rows]
        self._sort_by_queue(ids)
        self._list(ids)

    def count(self) -> int:
        return len(self._ids)

    def record(self, row: int) -> PictureRecord:
        return self._index.get(self._ids[row])

    def row_of(self, picture_id: int) -> int | None:
        return self._rows.get(picture_id)

    def neighbour(
        self, picture_id: int | None, step: int, predicate: Callable[[PictureRecord], bool] = lambda _r: True
    ) -> int | None:
        """Id of the next picture in direction `step` (1 or -1) that passes; None at the end."""
        row = self.row_of(picture_id) if picture_id is not None else None
        at = (row if row is not None else -1) + step
        while 0 <= at < self.count():
            record = self.record(at)
            if predicate(record):
                return record.id
            at += step
        return None

    def _list(self, ids: list[int]) -> None:
        self._listed = self.order
        self._ids = ids
        self._rows = {picture_id: row for row, picture_id in enumerate(ids)}

    def _sort_by_queue(self, ids: list[int]) -> None:
        ids.sort(key=lambda i: self.queue.get(i, len(self.queue)))
        row = self._rows.get(self.held) if self.held is not None and self._listed == self.order else None
        if self.held is not None and row is not None and self.held in ids:
            ids.remove(self.held)
            ids.insert(row, self.held)


def predicate_for(key: str) -> Callable[[PictureRecord], bool]:
    """The predicate of a filter key; an unknown key lets everything pass."""
    if key.startswith(TAG_PREFIX):
        tag = key.removeprefix(TAG_PREFIX)
        return lambda record: tag in record.tags
    if AND_SEPARATOR in key:
        left_key, _, right_key = key.partition(AND_SEPARATOR)
        left, right = predicate_for(left_key), predicate_for(right_key)
        return lambda record: left(record) and right(record)
    return PREDICATES.get(key, lambda _record: True)


def tags_in_use(index: PictureIndex) -> list[str]:
    """All tags of all pictures, sorted. Reads every record, so call it when a list of tags is opened."""
    return sorted({tag for i in index.ids() for tag in index.get(i).tags}, key=str.casefold)
