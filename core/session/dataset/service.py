"""Dataset statistics, splits and near-duplicates of an open project, computed in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future

from core.base.changes import Changes
from core.base.errors import Cancelled
from core.base.lane import Lane
from core.base.progress import ProgressCallback
from core.base.text import count_of
from core.project.project import Project
from core.project.records import PictureRecord
from core.project.splits.split_plan import SplitOptions, SplitPlan, plan_splits
from core.session.dataset.fingerprint_cache import has_fingerprints
from core.session.dataset.near_duplicates import NearDuplicates, PairList, find_near_duplicates, list_pairs
from core.session.dataset.split_edits import apply_split_plan
from core.session.dataset.statistics import (
    TINY_PIXELS,
    DatasetFinding,
    DatasetStatistics,
    count_tiny_regions,
    dataset_statistics,
)
from core.session.picture_index import PictureIndex
from core.session.read_lane import ReadLane


class DatasetService:
    """Called from the GUI thread. Statistics run on one lane; scans that take minutes run on another with low priority.

    Each lane reads through its own connection.
    """

    def __init__(
        self, project: Project, index: PictureIndex, document: Lane, announce: Callable[[Changes], None]
    ) -> None:
        self._project, self._index, self._document, self._announce = project, index, document, announce
        self._fast_lane = ReadLane("statistics", project.home)
        self._slow_lane = ReadLane("dataset scan", project.home, low_priority=True)
        self._cancel, self._closing = threading.Event(), threading.Event()
        self._tiny_regions: dict[int, int] = {}  # slow lane: number by picture id, of the labels scanned
        self._changed: set[int] = set()

    def statistics(self) -> Future[DatasetStatistics]:
        """Counts of pictures, labels and pixels, and findings about them."""

        def count(project: Project) -> DatasetStatistics:
            pixels = project.pictures.pixels_by_picture()
            return dataset_statistics(self._records(), pixels, project.classes.read())

        return self._fast_lane.read(count)

    def pictures_with_class(self, value: int) -> Future[frozenset[int]]:
        """Ids of the pictures whose label contains a class."""
        return self._fast_lane.read(lambda project: project.pictures.ids_with_class(value))

    def plan_split(self, options: SplitOptions) -> Future[SplitPlan]:
        """What a split would change, without changing anything."""

        def plan(project: Project) -> SplitPlan:
            return plan_splits(self._records(), project.pictures.pixels_by_picture(), options)

        return self._fast_lane.read(plan)

    def apply_split(self, plan: SplitPlan) -> Future[int]:
        """Apply a split plan as one undoable edit. The future returns how many pictures changed."""
        return self._document.submit(self._apply_split, plan)

    def find_near_duplicates(self, progress: ProgressCallback) -> Future[NearDuplicates]:
        """Compare all pictures. `progress` is called on the slow lane. The future raises Cancelled."""
        self._cancel.clear()
        return self._slow_lane.read(find_near_duplicates, progress, self._cancel.is_set)

    def list_pairs(self, found: NearDuplicates, limit: int) -> Future[PairList]:
        """Near-duplicate pairs judged by the current splits: leaks first, at most `limit`."""
        return self._fast_lane.submit(
            lambda: list_pairs(found.pairs, {record.id: record for record in self._records()}, limit)
        )

    @property
    def has_fingerprints(self) -> bool:
        """Whether fingerprints are cached, so that a near-duplicate search need not read every picture."""
        return has_fingerprints(self._project.home)

    def find_tiny_regions(self, progress: ProgressCallback) -> Future[DatasetFinding]:
        """Search all labels for tiny regions; later calls read only labels that changed since.

        The future raises Cancelled when the session closes.
        """
        return self._slow_lane.read(self._find_tiny_regions, progress)

    def on_labels_changed(self, picture_ids: Iterable[int]) -> None:
        """Forget cached results about these labels."""
        self._changed.update(picture_ids)

    def cancel(self) -> None:
        """Stop the near-duplicate search after the current picture; fingerprints computed so far are kept."""
        self._cancel.set()

    def close(self) -> None:
        self.cancel()
        self._closing.set()
        self._slow_lane.close()
        self._fast_lane.close()

    def _records(self) -> list[PictureRecord]:
        return [self._index.get(i) for i in self._index.ids()]

    def _apply_split(self, plan: SplitPlan) -> int:
        changes = apply_split_plan(self._project, plan)
        self._announce(changes)
        return len(changes.pictures)

    def _find_tiny_regions(self, project: Project, progress: ProgressCallback) -> DatasetFinding:
        labelled = [r for r in self._records() if r.is_labelled and r.width and r.height]
        while self._changed:
            self._tiny_regions.pop(self._changed.pop(), None)
        for done, record in enumerate(labelled):
            if self._closing.is_set():
                raise Cancelled
            if record.id not in self._tiny_regions and record.width and record.height:
                label = project.labels.read(record.id, record.width, record.height)
                self._tiny_regions[record.id] = count_tiny_regions(label)
            if done % 8 == 0:
                progress(done, len(labelled))
        found = frozenset(r.id for r in labelled if self._tiny_regions.get(r.id))
        count = sum(self._tiny_regions[i] for i in found)
        if not found:
            return DatasetFinding("tiny", f"No region has fewer than {TINY_PIXELS} pixels.", found)
        pictures = count_of(len(found), "picture")
        sentence = f"{count_of(count, 'region')} of fewer than {TINY_PIXELS} pixels in {pictures}."
        return DatasetFinding("tiny", sentence, found)
