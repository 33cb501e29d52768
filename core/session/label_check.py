"""The check of labels against predictions: suspected components, and what a person says of each."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.changes import Changes
from core.base.errors import Cancelled, ImageError
from core.base.geometry import Box
from core.base.lane import Lane
from core.base.progress import ProgressCallback
from core.evaluation.label_errors import (
    ClassConfidence,
    ClassPair,
    Thresholds,
    find_disagreements,
    same_thresholds,
)
from core.evaluation.suspected_components import (
    SuspectedComponent,
    WorstComponents,
    find_suspected_components,
    mask_of,
    without_regions,
)
from core.images.file_age import FileAge, file_age
from core.images.image_reader import read_picture
from core.labels.deferred_edit import EditRequest
from core.labels.label_map import LabelMap, Origin, Values
from core.labels.outlines import Ring, trace_outlines
from core.project.journal import changes_of_edit
from core.project.project import Project
from core.project.records import PictureRecord
from core.project.verdicts.kept_labels import keep_row
from core.session.batch_edit import BatchEdit, newest_edit
from core.session.picture_index import PictureIndex
from core.session.picture_masks import read_masks
from core.session.read_lane import ReadLane

SAMPLED_PICTURES = 400
"""The thresholds of the classes are means over so many pictures, evenly spread: no second look at 100,000."""
MIN_CONTEXT = 24
"""Image pixels around a component that are shown with it, at least."""
MAX_KEPT_PIXELS = 30_000_000
"""Of a picture that is kept in memory for its next suspect; each takes five bytes."""


@dataclass(frozen=True, slots=True)
class LabelCheck:
    """Where labels disagree with predictions.

    found: (class pair, pixels, picture ids), most pixels first; shares: by picture id the share of its labelled pixels
    that disagree, 0..1; compared: how many pictures have both a label and a prediction; suspects: worst first;
    kept: regions left out because a person has called their label right; thresholds: what counted as confident
    """

    found: tuple[tuple[ClassPair, int, frozenset[int]], ...] = ()
    shares: Mapping[int, float] = field(default_factory=dict)
    compared: int = 0
    suspects: tuple[SuspectedComponent, ...] = ()
    kept: int = 0
    thresholds: Thresholds = field(default_factory=same_thresholds)


@dataclass(frozen=True, slots=True)
class ComponentPicture:
    """A suspected component in what is around it.

    pixels: (h, w, 3) uint8; label, prediction: (h, w) uint8 class values, None where there is none any more
    outlines: of the component, in pixels of these arrays; box: what is shown, in image pixels
    """

    pixels: NDArray[np.uint8]
    label: Values | None
    prediction: Values | None
    outlines: tuple[Ring, ...]
    box: Box


@dataclass(frozen=True, slots=True)
class _ReadPicture:
    """stamp: changes with the picture, its label and its prediction

    pixels: (H, W, 3) uint8; label, prediction: (H, W) uint8 class values, None where there is none
    """

    stamp: tuple[object, ...]
    pixels: NDArray[np.uint8]
    label: Values | None
    prediction: Values | None


class LabelCheckService:
    """Called from the GUI thread. Reads on lanes of its own, so that a check of many pictures holds up nothing, and
    writes on the document lane."""

    def __init__(
        self, project: Project, index: PictureIndex, document: Lane, announce: Callable[[Changes], None]
    ) -> None:
        self._project, self._index, self._document, self._announce = project, index, document, announce
        self._lane = ReadLane("label check", project.home, low_priority=True)
        self._pictures = ReadLane("suspects", project.home)
        self._last: _ReadPicture | None = None
        """On the picture lane: many suspects are of the same picture, and follow each other."""
        self._cancel = threading.Event()

    def check(self, progress: ProgressCallback) -> Future[LabelCheck]:
        """Compare all labels with their predictions. The future raises Cancelled."""
        self._cancel.clear()
        return self._lane.read(self._check, progress)

    def cancel(self) -> None:
        """Stop the check after the current picture."""
        self._cancel.set()

    def picture(self, suspect: SuspectedComponent, side: int) -> Future[ComponentPicture]:
        """The component in what is around it, the longer side about `side` pixels or less; the newest request first.

        The future raises ImageError.
        """
        return self._pictures.read_first(self._picture, suspect, side)

    def keep(self, suspect: SuspectedComponent, name: str) -> Future[BatchEdit]:
        """The label is right, and not asked about again until it changes. One undoable edit of the picture.

        name: of the class of the label. The future raises ImageError when the label has changed since the check.
        """
        return self._document.submit(self._keep, suspect, name)

    def fix(self, suspect: SuspectedComponent, name: str) -> Future[BatchEdit]:
        """Give the component the predicted class, as one undoable edit of the picture.

        name: of that class. The future raises ImageError when the label has changed since the check, or the class is
        gone.
        """
        return self._document.submit(self._fix, suspect, name)

    def close(self) -> None:
        self.cancel()
        self._lane.close()
        self._pictures.close()
        self._last = None

    # Check lane -------------------------------------------------------------------------------------

    def _check(self, project: Project, progress: ProgressCallback) -> LabelCheck:
        listed = [self._index.get(i) for i in self._index.ids() if self._index.has(i)]
        records = [r for r in listed if r.is_labelled and r.is_predicted]
        sample = records[:: -(-len(records) // SAMPLED_PICTURES) or 1]
        report = _Progress(progress, len(sample) + len(records), self._cancel)
        thresholds = _thresholds(project, sample, report)
        with_kept = project.kept_labels.picture_ids()
        pixels: Counter[ClassPair] = Counter()
        pictures: dict[ClassPair, set[int]] = {}
        shares: dict[int, float] = {}
        worst, kept = WorstComponents(), 0
        for record in records:
            report.step()
            label, prediction = read_masks(project, record)
            if label is None or prediction is None:
                continue
            if record.id in with_kept:
                label, excluded = without_regions(label, project.kept_labels.of_picture(record.id))
                kept += excluded
            disagreement = find_disagreements(label, prediction, thresholds)
            shares[record.id] = disagreement.share
            for pair, count in disagreement.pixels.items():
                pixels[pair] += count
                pictures.setdefault(pair, set()).add(record.id)
            if disagreement.pixels:
                worst.add(find_suspected_components(record.id, label, prediction, thresholds))
        found = tuple((pair, count, frozenset(pictures[pair])) for pair, count in pixels.most_common())
        return LabelCheck(found, shares, len(shares), worst.sorted(), kept, thresholds)

    # Picture lane -----------------------------------------------------------------------------------

    def _picture(self, project: Project, suspect: SuspectedComponent, side: int) -> ComponentPicture:
        picture = self._read(project, self._record(suspect))
        height, width = picture.pixels.shape[:2]
        box = _surroundings(suspect.region.box, width, height)
        scale = min(1.0, side / max(1, box.width, box.height))
        size = max(1, round(box.width * scale)), max(1, round(box.height * scale))

        def crop(values: Values | None) -> Values | None:
            if values is None or values.shape != (height, width):
                return None
            return np.asarray(cv2.resize(values[box.slices], size, interpolation=cv2.INTER_NEAREST), np.uint8)

        mask = cv2.resize(mask_of(suspect, box).view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        return ComponentPicture(
            np.asarray(cv2.resize(picture.pixels[box.slices], size, interpolation=cv2.INTER_AREA), np.uint8),
            crop(picture.label),
            crop(picture.prediction),
            tuple(trace_outlines(Box(0, 0, *size), mask)),
            box,
        )

    def _read(self, project: Project, record: PictureRecord) -> _ReadPicture:
        """A picture as it is now; the one that was read last is read again only where something has changed."""
        path = project.picture_path(record.path)
        stamp = (
            record.id,
            path,
            (record.width, record.height),
            _age(path),
            _age(project.prediction_path(record.id)) if record.is_predicted else None,
            project.classes.latest_remap_id(),
            project.labels.stored_label(record.id).digest(),
        )
        if self._last is not None and self._last.stamp == stamp:
            return self._last
        self._last = None
        pixels = read_picture(path)
        label, prediction = read_masks(project, record)
        found = _ReadPicture(stamp, pixels, label, prediction.values if prediction else None)
        if pixels.shape[0] * pixels.shape[1] <= MAX_KEPT_PIXELS:
            self._last = found
        return found

    # Document lane ----------------------------------------------------------------------------------

    def _record(self, suspect: SuspectedComponent) -> PictureRecord:
        if not self._index.has(suspect.picture_id):
            raise ImageError("The picture is not in the project any more. Check labels again.")
        return self._index.get(suspect.picture_id)

    def _label(self, suspect: SuspectedComponent) -> Values:
        """The label of the picture now. Raises ImageError when the component has changed since the check."""
        record = self._record(suspect)
        label = self._project.labels.read(record.id, record.width or 0, record.height or 0)
        if not suspect.region.is_in(label):
            raise ImageError(
                f"{record.path}: the label has changed there since the check. Check labels again."
            )
        return label

    def _keep(self, suspect: SuspectedComponent, name: str) -> BatchEdit:
        self._label(suspect)
        title = f"Keep label, {name}"
        row = keep_row(suspect.picture_id, suspect.region)
        write = partial(self._project.journal.change_rows, suspect.picture_id, title, "check", [row])
        return self._written(suspect, title, write)

    def _fix(self, suspect: SuspectedComponent, name: str) -> BatchEdit:
        labels = LabelMap(self._label(suspect))
        region, value = suspect.region, suspect.predicted
        if value not in self._project.classes.read().values:
            raise ImageError("The predicted class has been removed since the check. Check labels again.")
        title = f"Fix label, {name}"
        request = EditRequest(
            title,
            "check",
            value,
            suspect.pixels,
            lambda labels: labels.paint(region.box, region.pixels(), value),
            Origin.ACCEPTED,
            suspect.run_id or None,
        )
        edit = request.apply(labels)
        assert edit is not None, "the region has another class"

        def write() -> Changes:
            self._project.journal.commit(suspect.picture_id, edit)
            return changes_of_edit(suspect.picture_id)

        return self._written(suspect, title, write)

    def _written(self, suspect: SuspectedComponent, title: str, write: Callable[[], Changes]) -> BatchEdit:
        self._announce(write())
        return BatchEdit(
            title, {suspect.picture_id: (newest_edit(self._project.journal, suspect.picture_id),)}
        )


class _Progress:
    """Counts pictures of both passes. `step` raises Cancelled once that is wanted."""

    def __init__(self, progress: ProgressCallback, total: int, cancel: threading.Event) -> None:
        self._progress, self._total, self._cancel = progress, total, cancel
        self._done = 0

    def step(self) -> None:
        self._progress(self._done, self._total)
        self._done += 1
        if self._cancel.is_set():
            raise Cancelled


def _thresholds(project: Project, records: Sequence[PictureRecord], report: _Progress) -> Thresholds:
    confidence = ClassConfidence()
    for record in records:
        report.step()
        label, prediction = read_masks(project, record)
        if label is not None and prediction is not None:
            confidence.add(label, prediction)
    return confidence.thresholds()


def _surroundings(box: Box, width: int, height: int) -> Box:
    """A component and as much around it on each side, moved into a picture of this size."""
    margin = max(MIN_CONTEXT, max(box.width, box.height) // 2)
    wide, high = min(width, box.width + 2 * margin), min(height, box.height + 2 * margin)
    x = min(max(0, box.x0 - margin), width - wide)
    y = min(max(0, box.y0 - margin), height - high)
    return Box(x, y, x + wide, y + high)


def _age(path: Path) -> FileAge | None:
    """None for a file that is not there."""
    try:
        return file_age(path)
    except OSError:
        return None
