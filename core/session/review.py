"""Many pictures at a glance: small copies with their masks, predictions accepted by the dozen, and the label doctor."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.changes import Changes
from core.base.errors import Cancelled, ImageError, MaskloopError
from core.base.lane import Lane
from core.evaluation.label_errors import ClassPair, LabelDisagreement, find_disagreements
from core.images.folder import read_thumbnail
from core.labels.label_map import LabelMap, Values
from core.labels.prediction import PredictedMask, read_prediction
from core.project.journal import changes_of_edit
from core.project.project import Project, run_class_mapping
from core.project.records import PictureRecord, Status
from core.project.row_changes import RowChange
from core.session.editing import accept_everywhere
from core.session.picture_index import PictureIndex

R = TypeVar("R")
ProgressCallback = Callable[[int, int], None]

PREVIEW_PIXELS = 100_000_000
"""Masks of larger pictures are not read for a glance: it would take longer than a glance."""


@dataclass(frozen=True, slots=True)
class PicturePreview:
    """A picture as a grid shows it. pixels: (h, w, 3) uint8; label, prediction: (h, w) uint8 class values, None where
    there is none; doubts: None without both."""

    pixels: NDArray[np.uint8]
    label: Values | None
    prediction: Values | None
    suspects: LabelDisagreement | None


@dataclass(frozen=True, slots=True)
class BatchEdit:
    """What was done to many pictures, so that it can be taken back: ids of edits by picture, oldest first."""

    name: str
    edits: Mapping[int, tuple[int, ...]]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelCheck:
    """What the label doctor found: by contradiction its pixels and pictures, most pixels first; by picture the share
    of its labelled pixels that is in doubt; how many pictures could be compared."""

    found: tuple[tuple[ClassPair, int, frozenset[int]], ...] = ()
    shares: Mapping[int, float] = field(default_factory=dict)
    compared: int = 0


class ReviewService:
    """Called from the GUI thread. Reads on a lane and through a connection of its own; what is changed is written on
    the document lane, a picture at a time, so that the hand's strokes never wait for all of it."""

    def __init__(
        self, project: Project, index: PictureIndex, document: Lane, announce: Callable[[Changes], None]
    ) -> None:
        self._project, self._index, self._document, self._announce = project, index, document, announce
        self._lane = Lane("reviewing", low_priority=True)
        self._cancel = threading.Event()
        self._reader: Project | None = (
            None  # reviewing lane; opening one for each small picture would take longer
        )

    def preview(self, picture_id: int, side: int) -> Future[PicturePreview]:
        """The picture with its masks, its longer side at most `side` pixels. The future raises ImageError."""
        return self._lane.submit_first(self._preview, picture_id, side)

    def accept(
        self, picture_ids: Sequence[int], progress: ProgressCallback, *, done: bool = False
    ) -> Future[BatchEdit]:
        """Take the predictions of these pictures over wherever nobody has said anything; with `done` mark them done.

        One undoable edit for each picture. A picture without prediction is named in the deed's problems. Cancelled, it
        ends after the picture under way; what was accepted stays and is in the deed.
        """
        name = f"Accept {_predictions(len(picture_ids))}"
        return self._submit_batch(name, picture_ids, progress, lambda i: self._accept(i, done=done))

    def set_status(
        self, picture_ids: Sequence[int], status: Status, progress: ProgressCallback
    ) -> Future[BatchEdit]:
        """Give these pictures a status, as one undoable edit for each."""
        return self._submit_batch(
            f"Mark as {status}", picture_ids, progress, lambda i: self._set_status(i, status)
        )

    def undo(self, batch: BatchEdit, progress: ProgressCallback) -> Future[BatchEdit]:
        """Undo a deed where nothing was done to a picture since; the others are named in the problems."""
        return self._submit_batch(
            f"Undo {batch.name[:1].lower()}{batch.name[1:]}",
            list(batch.edits),
            progress,
            lambda i: self._undo(i, batch.edits[i]),
        )

    def check_labels(self, progress: ProgressCallback) -> Future[LabelCheck]:
        """Compare all labels with the predictions there are. The future raises Cancelled."""
        self._cancel.clear()
        return self._lane.submit(self._check_labels, progress)

    def cancel(self) -> None:
        """Stop after the picture under way."""
        self._cancel.set()

    def close(self) -> None:
        self.cancel()
        self._lane.shutdown(cancel_futures=True)
        if self._reader is not None:
            self._reader.close()

    # Looking: reviewing lane ----------------------------------------------------------------------

    def _read(self) -> Project:
        if self._reader is None:
            self._reader = Project.open_read_only(self._project.home)
        return self._reader

    def _preview(self, picture_id: int, side: int) -> PicturePreview:
        record = self._index.get(picture_id)
        pixels = read_thumbnail(self._project.picture_path(record.path), side)
        label, told = self._masks(record)
        doubts = find_disagreements(label, told) if label is not None and told is not None else None
        shape = pixels.shape[:2]
        return PicturePreview(
            pixels, _small(label, shape), _small(told.values if told else None, shape), doubts
        )

    def _masks(self, record: PictureRecord) -> tuple[Values | None, PredictedMask | None]:
        """Label and prediction of a picture as the classes are now, each where there is one of the picture's size."""
        width, height = record.width or 0, record.height or 0
        if not 0 < width * height <= PREVIEW_PIXELS:
            return None, None
        project = self._read()
        label = project.labels.read(record.id, width, height) if record.is_labelled else None
        return label, self._read_prediction(record) if record.is_predicted else None

    def _read_prediction(self, record: PictureRecord) -> PredictedMask | None:
        try:
            told = read_prediction(self._project.prediction_path(record.id))
        except ImageError:
            return None
        if told.values.shape != (record.height, record.width):
            return None
        return told.remapped(run_class_mapping(self._read(), told.run_id))

    def _check_labels(self, progress: ProgressCallback) -> LabelCheck:
        wanted = [r for i in self._index.ids() if (r := self._index.get(i)).is_labelled and r.is_predicted]
        pixels: Counter[ClassPair] = Counter()
        where: dict[ClassPair, set[int]] = {}
        shares: dict[int, float] = {}
        for at, record in enumerate(wanted):
            progress(at, len(wanted))
            if self._cancel.is_set():
                raise Cancelled
            label, told = self._masks(record)
            if label is None or told is None:
                continue
            doubts = find_disagreements(label, told)
            shares[record.id] = doubts.share
            for pair, count in doubts.pixels.items():
                pixels[pair] += count
                where.setdefault(pair, set()).add(record.id)
        found = tuple((pair, count, frozenset(where[pair])) for pair, count in pixels.most_common())
        return LabelCheck(found, shares, len(shares))

    # Doing: a picture at a time on the document lane -----------------------------------------------

    def _submit_batch(
        self,
        name: str,
        picture_ids: Sequence[int],
        progress: ProgressCallback,
        act: Callable[[int], list[int]],
    ) -> Future[BatchEdit]:
        self._cancel.clear()
        return self._lane.submit(self._run_batch, name, list(picture_ids), progress, act)

    def _run_batch(
        self, name: str, picture_ids: list[int], progress: ProgressCallback, act: Callable[[int], list[int]]
    ) -> BatchEdit:
        edits: dict[int, tuple[int, ...]] = {}
        problems: list[str] = []
        for at, picture_id in enumerate(picture_ids):
            if self._cancel.is_set():
                problems.append(f"Stopped before the last {len(picture_ids) - at}.")
                break
            progress(at, len(picture_ids))
            try:
                made = act(picture_id)
            except MaskloopError as problem:
                problems.append(f"{self._index.get(picture_id).name}: {problem}")
                continue
            if made:
                edits[picture_id] = tuple(made)
        return BatchEdit(name, edits, tuple(problems))

    def _accept(self, picture_id: int, *, done: bool) -> list[int]:
        record = self._index.get(picture_id)
        told = self._read_prediction(record) if record.is_predicted else None
        if told is None:
            raise ImageError("there is no prediction of this picture yet.")
        height, width = told.values.shape

        def write() -> list[int]:
            labels = LabelMap(self._project.labels.read(picture_id, width, height))
            edit = accept_everywhere(labels, told).apply(labels)
            made = []
            if edit is not None:
                self._project.journal.commit(picture_id, edit)
                self._announce(changes_of_edit(picture_id))
                made.append(self._newest_edit(picture_id))
            return made + (self._write_status(picture_id, Status.DONE) if done else [])

        return self._document.submit(write).result()

    def _set_status(self, picture_id: int, status: Status) -> list[int]:
        return self._document.submit(self._write_status, picture_id, status).result()

    def _write_status(self, picture_id: int, status: Status) -> list[int]:
        if self._project.pictures.get(picture_id).status == status:
            return []
        row = RowChange("pictures", str(picture_id), {"status": status.value})
        self._announce(self._project.journal.change_rows(picture_id, f"Mark as {status}", "mark", [row]))
        return [self._newest_edit(picture_id)]

    def _newest_edit(self, picture_id: int) -> int:
        """Document lane: the edit that undo would take back next; 0 when there is none."""
        done = [e.id for e in self._project.journal.history(picture_id) if not e.undone and not e.thinned]
        return done[-1] if done else 0

    def _undo(self, picture_id: int, edit_ids: tuple[int, ...]) -> list[int]:
        def write() -> list[int]:
            taken = []
            for edit_id in reversed(edit_ids):
                if self._newest_edit(picture_id) != edit_id:
                    raise ImageError("it was changed since; undo it there.")
                reverted = self._project.journal.undo(picture_id)
                if reverted is not None:
                    self._announce(reverted.changes)
                    taken.append(edit_id)
            return taken

        return self._document.submit(write).result()


def _small(values: Values | None, shape: tuple[int, int]) -> Values | None:
    """A mask at another size; no class is invented between two others."""
    if values is None:
        return None
    height, width = shape
    return np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def _predictions(count: int) -> str:
    return "1 prediction" if count == 1 else f"{count:,} predictions"
