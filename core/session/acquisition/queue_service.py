"""The queue of an open project: summaries of its pictures, kept up to date, and the order that follows from them."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from core.acquisition.picture_queue import PictureQueue, QueueReason, order_pictures
from core.acquisition.picture_summary import DESCRIBED_SIDE, Floats, class_uncertainty, describe
from core.base.changes import Changes
from core.base.errors import ImageError, MaskloopError
from core.images.thumbnail import read_thumbnail
from core.labels.prediction import read_prediction
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord, Status
from core.session.acquisition.summary_table import SUMMARY_FILE, SummaryStamp, SummaryTable
from core.session.editing import EditingService
from core.session.picture_index import PictureIndex
from core.session.read_lane import ReadLane

log = logging.getLogger(__name__)

PINNED_TAG = "pinned"
SKIPPED_TAG = "skip for now"
"""Pins and skips are tags: they are kept, undone, filtered and exported as all tags are."""
FINISHED_SHARE = 0.95
"""Share of labelled pixels from which a picture needs no more labels, whatever its status."""
MAX_PIXELS = 100_000_000
"""Predictions of larger pictures are not read: that would take seconds and much memory."""
_BATCH = 8
"""Pictures summed up in one turn of the lane, so that an order never waits long."""
_TURN_SECONDS = 0.2
_SAVE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class QueueUpdate:
    """The queue as it is now. waiting: pictures that are still to be summed up, and may change it."""

    queue: PictureQueue
    waiting: int


def is_open(record: PictureRecord) -> bool:
    """Whether a picture may need labels: not done, skipped or to be reviewed, readable, and not labelled all over."""
    marked = record.status in (Status.DONE, Status.SKIPPED, Status.TO_REVIEW)
    return not marked and record.problem is None and record.labelled_share < FINISHED_SHARE


class QueueService:
    """Called from the GUI thread; works on a lane of its own. Nothing is read before the first `order`."""

    def __init__(self, project: Project, index: PictureIndex, editing: EditingService) -> None:
        self._index, self._editing = index, editing
        self._path = project.cache_folder / SUMMARY_FILE
        self._is_writing = project.is_writing
        self._lane = ReadLane("queue", project.home, low_priority=True)
        self._lock = threading.Lock()
        self._changed: set[int] = set()
        self._is_started = self._is_scheduled = self._closing = False
        self._unusable = frozenset[int]()
        # On the lane
        self._table: SummaryTable | None = None
        self._remap_id = -1
        self._waiting: dict[int, None] = {}
        self._is_unsaved, self._saved_at = False, time.monotonic()

    def order(self) -> Future[QueueUpdate]:
        """The open pictures in order. Pictures that were not summed up yet are at its end."""
        self._is_started = True
        return self._lane.read_first(self._order)

    def reason(self, queue: PictureQueue, picture_id: int) -> str:
        """Why a picture has its place, for people; "" when it has none."""
        row = queue.rows.get(picture_id)
        if row is None:
            return ""
        if queue.reasons[row] == QueueReason.UNPREDICTED and self._index.get(picture_id).is_predicted:
            if picture_id in self._unusable:
                return "Its prediction cannot be used for the order"
            return "Its prediction was not read yet"
        return queue.reason(picture_id, {each.value: each.name for each in self._editing.classes})

    def pin(self, picture_id: int, *, on: bool = True) -> Future[None]:
        """Put a picture at the front, or no longer. One edit that can be undone."""
        name = "Pin in the queue" if on else "Unpin in the queue"
        return self._mark(picture_id, name, PINNED_TAG, SKIPPED_TAG, on=on)

    def skip(self, picture_id: int, *, on: bool = True) -> Future[None]:
        """Put a picture at the end, or no longer. One edit that can be undone."""
        name = "Skip for now" if on else "Skip no longer"
        return self._mark(picture_id, name, SKIPPED_TAG, PINNED_TAG, on=on)

    def on_changes(self, changes: Changes) -> None:
        """Any thread: something was stored. Labels wait for the next order: a stroke must not cost a summary."""
        if not self._is_started:
            return
        with self._lock:
            self._changed |= changes.predictions | changes.labels | changes.files | changes.pictures
        if changes.predictions or changes.files or changes.picture_list or changes.classes:
            self._schedule()

    def close(self) -> None:
        """Keep what is known, and end the lane."""
        self._closing = True
        self._lane.close()
        if self._is_unsaved:
            self._save()

    def _mark(self, picture_id: int, name: str, tag: str, other: str, *, on: bool) -> Future[None]:
        added = frozenset([tag]) if on else frozenset[str]()
        return self._editing.change_tags(picture_id, name, added, frozenset([tag, other]) - added)

    # The lane ---------------------------------------------------------------------------------------

    def _loaded(self) -> SummaryTable:
        """The table, from the cache the first time."""
        if self._table is None:
            self._table = SummaryTable.load(self._path)
            for picture_id in set(self._table.ids()).difference(self._index.ids()):
                self._table.remove(picture_id)
        return self._table

    def _schedule(self) -> None:
        with self._lock:
            if self._is_scheduled or self._closing:
                return
            self._is_scheduled = True
        try:
            self._lane.read(self._work)
        except RuntimeError:  # closed meanwhile
            log.debug("the queue was closed")

    def _work(self, project: Project) -> None:
        """Sum up some pictures, then let others use the lane."""
        with self._lock:
            self._is_scheduled = False
        self._sum_up(project)
        if self._waiting:
            self._schedule()

    def _sum_up(self, project: Project) -> None:
        table, end, summed = self._loaded(), time.monotonic() + _TURN_SECONDS, 0
        remap_id = project.classes.latest_remap_id()  # before the changes are taken: it may raise
        with self._lock:
            changed, self._changed = self._changed, set()
        if remap_id != self._remap_id:
            self._remap_id = remap_id
            changed.update(self._index.ids())
        self._waiting |= dict.fromkeys(sorted(changed))
        while self._waiting and summed < _BATCH and time.monotonic() < end and not self._closing:
            picture_id = next(iter(self._waiting))
            del self._waiting[picture_id]
            summed += self._refresh(project, table, picture_id)
        if self._is_unsaved and (not self._waiting or time.monotonic() - self._saved_at > _SAVE_SECONDS):
            self._save()

    def _refresh(self, project: Project, table: SummaryTable, picture_id: int) -> bool:
        """Bring one summary up to date; False when there was nothing to do."""
        record = self._index.get(picture_id) if self._index.has(picture_id) else None
        if record is None or not (record.is_predicted or record.is_labelled):
            table.remove(picture_id)
            return False
        try:
            path = project.picture_path(record.path)
            stamp = SummaryStamp(path.stat().st_mtime_ns, *_prediction_stamp(project, record, self._remap_id))
            known = table.stamp(picture_id)
            if stamp == known:
                return False
            if known is not None and known.picture == stamp.picture:
                descriptor = table.descriptor(picture_id)
            else:
                descriptor = describe(read_thumbnail(path, DESCRIBED_SIDE))
            unsure = shares = np.zeros(256, np.float32)
            if stamp.prediction:
                unsure, shares = _read_uncertainty(project, record)
        except (MaskloopError, OSError, ValueError) as problem:
            log.debug("no place in the queue for %s: %s", record.path, problem)
            table.remove(picture_id)
            return True
        table.put(picture_id, stamp, descriptor, unsure, shares)
        self._is_unsaved = True
        return True

    def _order(self, project: Project) -> QueueUpdate:
        self._sum_up(project)
        if self._waiting:
            self._schedule()
        records = [self._index.get(picture_id) for picture_id in self._index.ids()]
        opened = [record for record in records if is_open(record)]
        open_ids = {record.id for record in opened}
        pixels = np.zeros(256, np.int64)
        for value, count in project.pictures.counts().class_pixels.items():
            pixels[value] = count
        queue = order_pictures(
            self._loaded().columns(),
            open_ids=open_ids,
            labelled_ids=[
                record.id for record in records if record.is_labelled and record.id not in open_ids
            ],
            class_pixels=pixels,
            pinned=[record.id for record in opened if PINNED_TAG in record.tags],
            skipped=[record.id for record in opened if SKIPPED_TAG in record.tags],
        )
        with self._lock:
            waiting = self._waiting.keys() | self._changed
        unpredicted = set(queue.ids[queue.reasons == QueueReason.UNPREDICTED].tolist()) - waiting
        self._unusable = frozenset(r.id for r in opened if r.is_predicted and r.id in unpredicted)
        return QueueUpdate(queue, len(waiting))

    def _save(self) -> None:
        if self._is_writing and self._table is not None:
            self._table.save(self._path)
        self._is_unsaved, self._saved_at = False, time.monotonic()


def _prediction_stamp(project: Project, record: PictureRecord, remap_id: int) -> tuple[int, int, int]:
    """When the prediction was written, how much is labelled, and the newest replacement of a class value: zeros where
    none of them matters, in a finished picture."""
    pixels = (record.width or 0) * (record.height or 0)
    if not record.is_predicted or not is_open(record) or not 0 < pixels <= MAX_PIXELS:
        return 0, 0, 0
    return project.prediction_path(record.id).stat().st_mtime_ns, record.labelled_pixels, remap_id


def _read_uncertainty(project: Project, record: PictureRecord) -> tuple[Floats, Floats]:
    """`class_uncertainty` of a picture as stored, in today's class values. Raises ImageError, ProjectError, OSError."""
    width, height = record.width or 0, record.height or 0
    mask = read_prediction(project.prediction_path(record.id))
    if mask.values.shape != (height, width):
        raise ImageError(f"The prediction of {record.path} has another size than the picture.")
    label = project.labels.read(record.id, width, height) if record.is_labelled else None
    return class_uncertainty(mask.remapped(run_class_mapping(project, mask.run_id)), label)
