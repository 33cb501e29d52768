"""The care of a dataset: its numbers, its splits, its near-copies; beside the work, never in its way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TypeVar

from core.base.changes import Changes
from core.base.errors import Cancelled
from core.base.lane import Lane
from core.project.project import Project
from core.project.records import PictureRecord
from core.project.splits.split_plan import SplitPlan, SplitWish, plan_splits
from core.session.dataset.fingerprints import has_fingerprints
from core.session.dataset.near_duplicates import NearCopies, Sorted, look, sorted_pairs
from core.session.dataset.split_edits import apply_plan, pictures
from core.session.dataset.statistics import TINY, Oddity, Statistics, statistics, tiny_regions
from core.session.picture_index import PictureIndex

R = TypeVar("R")
Progress = Callable[[int, int], None]


class Caring:
    """Called from the GUI thread. What takes a moment is counted on one lane, what takes minutes on another, at low
    priority; both read through a connection of their own."""

    def __init__(
        self, project: Project, index: PictureIndex, document: Lane, announce: Callable[[Changes], None]
    ) -> None:
        self._project, self._index, self._document, self._announce = project, index, document, announce
        self._counting = Lane("counting")
        self._looking = Lane("looking", modest=True)
        self._cancel, self._closing = threading.Event(), threading.Event()
        self._tiny: dict[int, int] = {}  # looking lane: tiny regions of the labels looked at so far
        self._stale: set[int] = set()

    def statistics(self) -> Future[Statistics]:
        """The dataset in numbers."""

        def count(project: Project) -> Statistics:
            pixels = project.pictures.all_pixels()
            return statistics(self._records(), pixels, project.classes.read())

        return self._counting.submit(self._with_reader, count)

    def with_class(self, value: int) -> Future[frozenset[int]]:
        """Ids of the pictures whose label holds a class."""
        return self._counting.submit(self._with_reader, lambda project: project.pictures.with_class(value))

    def plan(self, wish: SplitWish) -> Future[SplitPlan]:
        """What a split would do."""

        def plan(project: Project) -> SplitPlan:
            return plan_splits(self._records(), project.pictures.all_pixels(), wish)

        return self._counting.submit(self._with_reader, plan)

    def split(self, plan: SplitPlan) -> Future[int]:
        """Do what was planned, as one step that can be undone. The future tells how many pictures it changed."""
        return self._document.submit(self._split, plan)

    def near_copies(self, progress: Progress) -> Future[NearCopies]:
        """Look at all pictures. `progress` is called on the looking lane. The future raises Cancelled."""
        self._cancel.clear()
        return self._looking.submit(
            self._with_reader, lambda project: look(project, progress, self._cancel.is_set)
        )

    def sorted_pairs(self, found: NearCopies, most: int) -> Future[Sorted]:
        """Near-copies with the splits of now, leaks first, at most so many."""
        return self._counting.submit(
            lambda: sorted_pairs(found.pairs, {record.id: record for record in self._records()}, most)
        )

    @property
    def has_looked(self) -> bool:
        """Whether most pictures need not be read again to find near-copies."""
        return has_fingerprints(self._project.home)

    def tiny_regions(self, progress: Progress) -> Future[Oddity]:
        """Look at all labels, the second time only at those that changed. The future raises Cancelled at the end of the
        session."""
        return self._looking.submit(self._with_reader, lambda project: self._look_for_tiny(project, progress))

    def labels_changed(self, picture_ids: Iterable[int]) -> None:
        """What was seen in these labels no longer holds."""
        self._stale.update(picture_ids)

    def cancel(self) -> None:
        """Stop looking for near-copies after the picture under way; what was seen is kept."""
        self._cancel.set()

    def close(self) -> None:
        self.cancel()
        self._closing.set()
        self._looking.close(drop_waiting=True)
        self._counting.close(drop_waiting=True)

    def _records(self) -> list[PictureRecord]:
        return [self._index.get(i) for i in self._index.ids()]

    def _split(self, plan: SplitPlan) -> int:
        changes = apply_plan(self._project, plan)
        self._announce(changes)
        return len(changes.pictures)

    def _look_for_tiny(self, project: Project, progress: Progress) -> Oddity:
        labelled = [r for r in self._records() if r.is_labelled and r.width and r.height]
        while self._stale:
            self._tiny.pop(self._stale.pop(), None)
        for done, record in enumerate(labelled):
            if self._closing.is_set():
                raise Cancelled
            if record.id not in self._tiny and record.width and record.height:
                label = project.labels.read(record.id, record.width, record.height)
                self._tiny[record.id] = tiny_regions(label)
            if done % 8 == 0:
                progress(done, len(labelled))
        found = frozenset(r.id for r in labelled if self._tiny.get(r.id))
        count = sum(self._tiny[i] for i in found)
        said = f"{count:,} regions of fewer than {TINY} pixels in {pictures(len(found))}."
        return Oddity("tiny", said if found else f"No region has fewer than {TINY} pixels.", found)

    def _with_reader(self, act: Callable[[Project], R]) -> R:
        with Project.read(self._project.home) as project:
            return act(project)
