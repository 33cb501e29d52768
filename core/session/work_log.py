"""The log of the work on pictures: freezes the prediction before the first edit, and measures a picture once done."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

from core.base.changes import Changes
from core.base.errors import ProjectError
from core.base.lane import Lane
from core.evaluation.picture_work.picture_measure import measure_work, subsample_prediction
from core.evaluation.picture_work.work_overview import WorkOverview, read_overview
from core.labels.prediction import PredictedMask
from core.project.picture_work.work_repository import MAX_KEPT_BYTES, PictureWork, WorkMeasure, seconds_of
from core.project.project import Project
from core.project.records import PictureRecord, Status
from core.session.picture_index import PictureIndex
from core.session.read_lane import ReadLane

log = logging.getLogger(__name__)

CLOSE_SECONDS = 3.0
"""How long closing waits for predictions that are being kept."""


class WorkLog:
    """Called from the GUI thread. Compresses and compares on a lane of its own, writes on the document lane.

    A picture is measured when it is marked done, wherever that happens, and when it is left with another label than
    before. What a crash prevented is made up for at the next `start`.
    """

    def __init__(
        self, project: Project, index: PictureIndex, document: Lane, announce: Callable[[Changes], None]
    ) -> None:
        self._project, self._index, self._document, self._announce = project, index, document, announce
        self._lane = ReadLane("work", project.home, low_priority=True)
        self._is_closing = False
        # Of the document lane: pictures whose work has begun; of them those that are done, and those whose label has
        # changed since they were measured.
        self._known: set[int] = set()
        self._done: set[int] = set()
        self._stale: set[int] = set()

    # GUI thread -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Take up the log of earlier sessions."""
        if self._project.is_writing:
            self._lane.submit(self._resume)

    def begin(self, picture_id: int, opened_at: str, mask: PredictedMask | None, *, is_live: bool) -> None:
        """The first edit of a picture without a label comes next: keep what is predicted of it, if anything is.

        opened_at: when it was put on screen, as `now()`; mask: in class values of now. The edit is not held up: what
        takes long is done behind it.
        """
        self._document.submit(self._begin, picture_id, opened_at, mask, is_live)

    def left(self, picture_id: int) -> None:
        """Another picture is on screen now."""
        if self._project.is_writing:
            self._document.submit(self._left, picture_id)

    def work_on(self, picture_id: int) -> Future[PictureWork | None]:
        """The work on a picture as it was last measured."""
        return self._lane.read(lambda project: project.work.get(picture_id))

    def overview(self) -> Future[WorkOverview]:
        """The work on all pictures, and the forecast."""
        return self._lane.read(read_overview)

    def close(self) -> None:
        """Measures what is left at the next start. May be called twice."""
        self._is_closing = True
        with contextlib.suppress(RuntimeError, TimeoutError):
            self._lane.submit(lambda: None).result(CLOSE_SECONDS)
        self._lane.close()

    # Document lane --------------------------------------------------------------------------------

    def on_changes(self, changes: Changes) -> None:
        """Something was stored, and the index knows it."""
        self._stale |= changes.labels & self._known
        for picture_id in changes.pictures & self._known:
            is_done = self._index.has(picture_id) and self._index.get(picture_id).status == Status.DONE
            if is_done and picture_id not in self._done:
                self._done.add(picture_id)
                self._send(picture_id)
            elif not is_done:
                self._done.discard(picture_id)

    def _begin(self, picture_id: int, opened_at: str, mask: PredictedMask | None, is_live: bool) -> None:
        try:
            run_id = mask.run_id if mask is not None else None
            if not self._project.work.begin(picture_id, opened_at, run_id or None, is_live=is_live):
                return
        except ProjectError as problem:  # it refuses the edit, too, and the window says so
            log.warning("the work on picture %d is not measured: %s", picture_id, problem)
            return
        self._known.add(picture_id)
        self._done.discard(picture_id)
        if mask is not None:
            with contextlib.suppress(RuntimeError):
                self._lane.submit(self._keep, picture_id, opened_at, mask)

    def _left(self, picture_id: int) -> None:
        if picture_id in self._stale:
            self._send(picture_id)

    def _take_up(self, fresh: dict[int, bool]) -> None:
        earlier = fresh.keys() - self._known  # what began meanwhile is under way
        self._known |= earlier
        self._done |= {i for i in earlier if self._index.has(i) and self._index.get(i).status == Status.DONE}
        for picture_id in sorted(earlier):
            if not fresh[picture_id]:
                self._send(picture_id)

    def _send(self, picture_id: int) -> None:
        self._stale.discard(picture_id)
        with contextlib.suppress(RuntimeError):  # closed: measured at the next start
            self._lane.submit(self._measure, picture_id)

    def _store(self, picture_id: int, measure: WorkMeasure) -> None:
        self._announce(self._project.work.measured(picture_id, measure))

    # Lane -----------------------------------------------------------------------------------------

    def _resume(self) -> None:
        self._document.submit(self._take_up, self._lane.project.work.picture_ids())

    def _keep(self, picture_id: int, opened_at: str, mask: PredictedMask) -> None:
        work, kept = self._project.work, subsample_prediction(mask)
        read = self._lane.project
        labelled = read.work.labelled_pictures() - read.pictures.get(picture_id).is_labelled
        self._document.submit(work.keep_prediction, picture_id, opened_at, kept, labelled)
        if read.work.kept_bytes() > MAX_KEPT_BYTES:
            self._document.submit(work.drop_predictions)

    def _measure(self, picture_id: int) -> None:
        if self._is_closing:
            return
        self._document.submit(lambda: None).result()  # what was frozen and painted before is stored then
        found = measure_picture(self._lane.project, self._lane.project.pictures.get(picture_id))
        if found is not None:
            self._document.submit(self._store, picture_id, found)


def measure_picture(project: Project, record: PictureRecord) -> WorkMeasure | None:
    """What the work on a picture has come to; None where none has begun, or nothing is labelled.

    Raises ProjectError where the label is damaged.
    """
    work = project.work.get(record.id)
    if work is None or not record.is_labelled or record.width is None or record.height is None:
        return None
    kept = project.work.prediction(record.id, (record.width, record.height))
    label = (
        project.labels.read(record.id, record.width, record.height, kept.step) if kept is not None else None
    )
    measure = measure_work(
        seconds_of(work.opened_at),
        project.work.edit_times(record.id),
        label,
        kept,
    )
    if kept is not None or work.iou is None:
        return measure
    # The prediction was dropped to save space: what it showed stays.
    return replace(
        measure,
        iou=work.iou,
        counts=work.counts,
        compared_pixels=work.compared_pixels,
        corrected_pixels=work.corrected_pixels,
    )
