"""Review of many pictures: previews with masks, and batch edits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.changes import Changes
from core.base.errors import DiskError, ImageError, MaskloopError
from core.base.lane import Lane
from core.base.progress import ProgressCallback
from core.base.text import count_of
from core.evaluation.label_errors import LabelDisagreement, Thresholds, find_disagreements
from core.evaluation.suspected_components import without_regions
from core.images.thumbnail import read_thumbnail
from core.labels.accept import accept_everywhere
from core.labels.label_map import LabelMap, Values
from core.project.journal import changes_of_edit
from core.project.project import Project
from core.project.records import Status
from core.project.row_changes import RowChange
from core.session.batch_edit import BatchEdit, newest_edit
from core.session.picture_index import PictureIndex
from core.session.picture_masks import read_masks, read_stored_prediction
from core.session.picture_names import distinguishing_names
from core.session.read_lane import ReadLane


@dataclass(frozen=True, slots=True)
class PicturePreview:
    """A picture as the review grid shows it.

    pixels: (h, w, 3) uint8; label, prediction: (h, w) uint8 class values, None where there is none; suspects: where
    label and prediction disagree and nobody has called the label right, None unless there are both.
    """

    pixels: NDArray[np.uint8]
    label: Values | None
    prediction: Values | None
    suspects: LabelDisagreement | None


class ReviewService:
    """Called from the GUI thread; reads on its own lane.

    Changes are written on the document lane one picture at a time, so that a brush stroke never waits for a batch.
    """

    def __init__(
        self, project: Project, index: PictureIndex, document: Lane, announce: Callable[[Changes], None]
    ) -> None:
        self._project, self._index, self._document, self._announce = project, index, document, announce
        self._lane = ReadLane("review", project.home, low_priority=True)
        self._cancel = threading.Event()
        self.thresholds: Thresholds | None = None
        """What counts as confident in previews, since the last label check."""

    def preview(self, picture_id: int, side: int) -> Future[PicturePreview]:
        """The picture and its masks, the longer side at most `side` pixels. The future raises ImageError."""
        return self._lane.read_first(self._preview, picture_id, side)

    def accept(
        self, picture_ids: Sequence[int], progress: ProgressCallback, *, done: bool = False
    ) -> Future[BatchEdit]:
        """Accept the predictions of these pictures on unlabelled pixels; with `done` mark the pictures done.

        One undoable edit for each picture. A picture without a prediction is named in the problems. When cancelled, it
        ends after the current picture; what was accepted stays and is in the result.
        """
        name = f"Accept {count_of(len(picture_ids), 'prediction')}"
        return self._submit_batch(
            name, picture_ids, progress, lambda project, i: self._accept(project, i, done=done)
        )

    def set_status(
        self, picture_ids: Sequence[int], status: Status, progress: ProgressCallback
    ) -> Future[BatchEdit]:
        """Give these pictures a status, as one undoable edit for each."""
        return self._submit_batch(
            f"Mark as {status}", picture_ids, progress, lambda _, i: self._set_status(i, status)
        )

    def undo(self, batch: BatchEdit, progress: ProgressCallback) -> Future[BatchEdit]:
        """Undo a batch. Pictures that were edited since are left alone and named in the problems."""
        return self._submit_batch(
            f"Undo {batch.name[:1].lower()}{batch.name[1:]}",
            list(batch.edits),
            progress,
            lambda _, i: self._undo(i, batch.edits[i]),
        )

    def distinguishing_names(self) -> Future[dict[int, str]]:
        """What to call the pictures whose file name occurs again, by id."""
        index = self._index
        return self._lane.read(
            lambda _: distinguishing_names(index.get(i) for i in index.ids() if index.has(i))
        )

    def cancel(self) -> None:
        """Stop after the current picture."""
        self._cancel.set()

    def close(self) -> None:
        self.cancel()
        self._lane.close()

    # Review lane: reading ---------------------------------------------------------------------------

    def _preview(self, project: Project, picture_id: int, side: int) -> PicturePreview:
        record = self._index.get(picture_id)
        pixels = read_thumbnail(project.picture_path(record.path), side)
        label, prediction = read_masks(project, record)
        suspects = None
        if label is not None and prediction is not None:
            asked, _kept = without_regions(label, project.kept_labels.of_picture(picture_id))
            suspects = find_disagreements(asked, prediction, self.thresholds)
        shape = pixels.shape[:2]
        return PicturePreview(
            pixels,
            _resized(label, shape),
            _resized(prediction.values if prediction else None, shape),
            suspects,
        )

    # Document lane: writing, one picture at a time --------------------------------------------------

    def _submit_batch(
        self,
        name: str,
        picture_ids: Sequence[int],
        progress: ProgressCallback,
        edit_picture: Callable[[Project, int], list[int]],
    ) -> Future[BatchEdit]:
        """`edit_picture` gets the review lane's project and a picture id, and returns the ids of the edits it made."""
        self._cancel.clear()
        return self._lane.read(self._run_batch, name, list(picture_ids), progress, edit_picture)

    def _run_batch(
        self,
        project: Project,
        name: str,
        picture_ids: list[int],
        progress: ProgressCallback,
        edit_picture: Callable[[Project, int], list[int]],
    ) -> BatchEdit:
        edits: dict[int, tuple[int, ...]] = {}
        problems: list[str] = []
        for done, picture_id in enumerate(picture_ids):
            if self._cancel.is_set():
                problems.append(f"Stopped before the last {count_of(len(picture_ids) - done, 'picture')}.")
                break
            progress(done, len(picture_ids))
            try:
                made = edit_picture(project, picture_id)
            except DiskError as problem:  # it would refuse all others, too
                rest = count_of(len(picture_ids) - done, "picture")
                stopped = f"{problem} The last {rest} were left as they were; do it again then."
                if not edits:
                    raise type(problem)(stopped) from problem
                problems.append(stopped)
                break
            except MaskloopError as problem:
                problems.append(f"{self._index.get(picture_id).path}: {problem}")
                continue
            if made:
                edits[picture_id] = tuple(made)
        return BatchEdit(name, edits, tuple(problems))

    def _accept(self, project: Project, picture_id: int, *, done: bool) -> list[int]:
        record = self._index.get(picture_id)
        prediction = read_stored_prediction(project, record) if record.is_predicted else None
        if prediction is None:
            raise ImageError("There is no prediction of this picture yet.")
        height, width = prediction.values.shape

        def write() -> list[int]:
            labels = LabelMap(self._project.labels.read(picture_id, width, height))
            edit = accept_everywhere(labels, prediction).apply(labels)
            made = []
            if edit is not None:
                self._project.journal.commit(picture_id, edit)
                self._announce(changes_of_edit(picture_id))
                made.append(newest_edit(self._project.journal, picture_id))
            return made + (self._write_status(picture_id, Status.DONE) if done else [])

        return self._document.submit(write).result()

    def _set_status(self, picture_id: int, status: Status) -> list[int]:
        return self._document.submit(self._write_status, picture_id, status).result()

    def _write_status(self, picture_id: int, status: Status) -> list[int]:
        if self._project.pictures.get(picture_id).status == status:
            return []
        row = RowChange("pictures", str(picture_id), {"status": status.value})
        self._announce(self._project.journal.change_rows(picture_id, f"Mark as {status}", "mark", [row]))
        return [newest_edit(self._project.journal, picture_id)]

    def _undo(self, picture_id: int, edit_ids: tuple[int, ...]) -> list[int]:
        def write() -> list[int]:
            undone = []
            for edit_id in reversed(edit_ids):
                if newest_edit(self._project.journal, picture_id) != edit_id:
                    raise ImageError("It was edited since; undo it in the Label workspace.")
                reverted = self._project.journal.undo(picture_id)
                if reverted is not None:
                    self._announce(reverted.changes)
                    undone.append(edit_id)
            return undone

        return self._document.submit(write).result()


def _resized(values: Values | None, shape: tuple[int, int]) -> Values | None:
    """A mask at another size (height, width), by nearest neighbour: interpolation would invent classes."""
    if values is None:
        return None
    height, width = shape
    return np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
