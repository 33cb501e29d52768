"""The care of a dataset: its numbers, its splits, its near-copies; beside the work, never in its way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TypeVar

from core.base.changes import Changes
from core.base.errors import Cancelled
from core.base.lane import Lane
from core.base.text import count_of
from core.project.project import Project
from core.project.records import PictureRecord
from core.project.splits.split_plan import SplitOptions, SplitPlan, plan_splits
from core.session.dataset.fingerprints import has_fingerprints
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

R = TypeVar("R")
ProgressCallback = Callable[[int, int], None]


class DatasetService:
    """Called from the GUI thread. What takes a moment is counted on one lane, what takes minutes on another, at low
    priority; both read through a connection of their own."""

    def __init__(
        self, project: Project, index: PictureIndex, document: Lane, announce: Callable[[Changes], None]
    ) -> None:
        self._project, self._index, self._document, self._announce = project, index, document, announce
        self._fast_lane = Lane("counting")
        self._slow_lane = Lane("looking", low_priority=True)
        self._cancel, self._closing = threading.Event(), threading.Event()
        self._tiny_regions: dict[int, int] = {}  # looking lane: tiny regions of the labels looked at so far
        self._stale: set[int] = set()

    def statistics(self) -> Future[DatasetStatistics]:
        """The dataset in numbers."""

        def count(project: Project) -> DatasetStatistics:
            pixels = project.pictures.pixels_by_picture()
            return dataset_statistics(self._records(), pixels, project.classes.read())

        return self._fast_lane.submit(self._with_reader, count)

    def pictures_with_class(self, value: int) -> Future[frozenset[int]]:
        """Ids of the pictures whose label holds a class."""
        return self._fast_lane.submit(
            self._with_reader, lambda project: project.pictures.ids_with_class(value)
        )

    def plan_split(self, options: SplitOptions) -> Future[SplitPlan]:
        """What a split would do."""

        def plan(project: Project) -> SplitPlan:
            return plan_splits(self._records(), project.pictures.pixels_by_picture(), options)

        return self._fast_lane.submit(self._with_reader, plan)

    def apply_split(self, plan: SplitPlan) -> Future[int]:
        """Do what was planned, as one step that can be undone. The future tells how many pictures it changed."""
        return self._document.submit(self._apply_split, plan)

    def find_near_duplicates(self, progress: ProgressCallback) -> Future[NearDuplicates]:
        """Look at all pictures. `progress` is called on the looking lane. The future raises Cancelled."""
        self._cancel.clear()
        return self._slow_lane.submit(
            self._with_reader, lambda project: find_near_duplicates(project, progress, self._cancel.is_set)
        )

    def list_pairs(self, found: NearDuplicates, most: int) -> Future[PairList]:
        """Near-copies with the splits of now, leaks first, at most so many."""
        return self._fast_lane.submit(
            lambda: list_pairs(found.pairs, {record.id: record for record in self._records()}, most)
        )

    @property
    def has_fingerprints(self) -> bool:
        """Whether most pictures need not be read again to find near-copies."""
        return has_fingerprints(self._project.home)

    def find_tiny_regions(self, progress: ProgressCallback) -> Future[DatasetFinding]:
        """Look at all labels, the second time only at those that changed. The future raises Cancelled at the end of the
        session."""
        return self._slow_lane.submit(
            self._with_reader, lambda project: self._find_tiny_regions(project, progress)
        )

    def on_labels_changed(self, picture_ids: Iterable[int]) -> None:
        """What was seen in these labels no longer holds."""
        self._stale.update(picture_ids)

    def cancel(self) -> None:
        """Stop looking for near-copies after the picture under way; what was seen is kept."""
        self._cancel.set()

    def close(self) -> None:
        self.cancel()
        self._closing.set()
        self._slow_lane.shutdown(cancel_futures=True)
        self._fast_lane.shutdown(cancel_futures=True)

    def _records(self) -> list[PictureRecord]:
        return [self._index.get(i) for i in self._index.ids()]

    def _apply_split(self, plan: SplitPlan) -> int:
        changes = apply_split_plan(self._project, plan)
        self._announce(changes)
        return len(changes.pictures)

    def _find_tiny_regions(self, project: Project, progress: ProgressCallback) -> DatasetFinding:
        labelled = [r for r in self._records() if r.is_labelled and r.width and r.height]
        while self._stale:
            self._tiny_regions.pop(self._stale.pop(), None)
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
        said = f"{count:,} regions of fewer than {TINY_PIXELS} pixels in {count_of(len(found), 'picture')}."
        return DatasetFinding(
            "tiny", said if found else f"No region has fewer than {TINY_PIXELS} pixels.", found
        )

    def _with_reader(self, act: Callable[[Project], R]) -> R:
        with Project.open_read_only(self._project.home) as project:
            return act(project)
