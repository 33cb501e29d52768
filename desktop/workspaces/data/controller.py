"""Controller of the Data workspace: statistics, findings, near-duplicates; every number leads to its pictures."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QWidget

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.base.text import count_of
from core.project.records import ProjectCounts, Split, Status
from core.project.splits.split_plan import ALL_SPLITS
from core.session.dataset.near_duplicates import DuplicatePair, NearDuplicates, PairList
from core.session.dataset.split_edits import common_split
from core.session.dataset.statistics import DatasetFinding, DatasetStatistics
from core.session.session import Session
from desktop.controller import Actions, Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.image_conversion import to_qimage
from desktop.picture_list import FOUND_PREFIX
from desktop.theme.theme import Theme
from desktop.workspaces.data.near_duplicates import PairMember, PairRow
from desktop.workspaces.data.page import ClassCount, DataPage
from desktop.workspaces.data.project_file_controller import ProjectFileController
from desktop.workspaces.data.split_controller import SplitController, split_title

REFRESH_MS = 400
"""Changes come in bursts: statistics are computed at most this often, and only while the page is visible."""
THUMB_PIXELS = 256
MAX_PAIRS = 300
"""Pairs of near-duplicates that are listed."""
FINDING_TITLES = {
    "unreadable": "Cannot be read",
    "empty done": "Done without label",
    "odd size": "Of another size",
    "tiny": "With tiny regions",
    "torn": "Sequences in several splits",
}
"""Titles of the filters that findings lead to, by key."""


class DataController(Controller):
    """`filter_requested` carries key, title and picture ids of a filter, `picture_requested` one picture id."""

    filter_requested = Signal(str, str, object)
    picture_requested = Signal(int)

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: DataPage,
        theme: Theme,
        window: QWidget,
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._page = session, dispatcher, page
        self.split_controller = SplitController(session, dispatcher, theme, window)
        self.project_file_controller = ProjectFileController(
            session, dispatcher, page.integrity, page.backups, window
        )
        self._findings: dict[str, DatasetFinding] = {}
        self._tiny: DatasetFinding | None = None
        self._near_duplicates: NearDuplicates | None = None
        self._is_stale = True
        self._refresh_timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._refresh_timer.timeout.connect(self._refresh)
        connect = self.connections.connect
        connect(page.shown, self._on_page_shown)
        connect(page.filter_requested, lambda key, title: self.filter_requested.emit(key, title, frozenset()))
        connect(page.class_requested, self._show_class)
        connect(page.size_requested, self._show_size)
        connect(page.splits.split_requested, self.split_controller.show)
        connect(page.findings.finding_requested, self._show_finding)
        connect(page.findings.tiny_regions_requested, self._find_tiny_regions)
        connect(page.near_duplicates.search_requested, self._find_near_duplicates)
        connect(page.near_duplicates.cancel_requested, session.dataset.cancel)
        connect(page.near_duplicates.picture_requested, self.picture_requested.emit)
        connect(page.near_duplicates.thumbnail_requested, self._load_thumbnail)
        connect(page.near_duplicates.same_split_requested, self._move_to_same_split)
        connect(page.near_duplicates.skip_requested, self._skip_one)
        connect(self.split_controller.message, self.message.emit)
        connect(self.project_file_controller.message, self.message.emit)
        page.near_duplicates.clear()
        page.findings.set_findings(())
        page.findings.find_tiny.setEnabled(True)
        page.set_location(f"Labels are stored in {session.home}; the pictures are never changed.")

    def actions(self) -> Actions:
        return self.split_controller.actions()

    def on_changes(self, changes: Changes) -> None:
        if changes.files:
            self._page.near_duplicates.request_again(changes.files)
        if not (changes.labels or changes.pictures or changes.picture_list or changes.classes):
            return
        self._is_stale = True
        if changes.labels:
            self._tiny = None
        if self._page.isVisible() and not self._refresh_timer.isActive():
            self._refresh_timer.start()

    def close(self) -> None:
        super().close()
        self._refresh_timer.stop()
        self.split_controller.close()
        self.project_file_controller.close()
        self._session.dataset.cancel()
        self._page.near_duplicates.clear()

    # Statistics ---------------------------------------------------------------------------------

    def show_counts(self, counts: ProjectCounts) -> None:
        """Numbers of pictures by state and split."""
        self._page.set_counts(
            {
                "pictures": counts.pictures,
                "labelled": counts.labelled,
                "done": counts.done,
                "predicted": counts.predicted,
                **counts.by_split,
            }
        )

    def _on_page_shown(self) -> None:
        if self._is_stale:
            self._refresh()
        self.project_file_controller.refresh()
        may_store = not self._session.read_only_reason
        if may_store and self._near_duplicates is None and self._session.dataset.has_fingerprints:
            self._find_near_duplicates()

    def _refresh(self) -> None:
        self._is_stale = False
        self._dispatcher.when_done(self._session.dataset.statistics(), self._show_statistics)
        self.split_controller.refresh_plan()

    def _show_statistics(self, statistics: DatasetStatistics) -> None:
        if self.is_closed:
            return
        self._page.splits.set_table(statistics.table)
        counts = [
            ClassCount(
                value,
                pixels,
                statistics.class_pictures[value, None],
                tuple(statistics.class_pictures[value, split] for split in ALL_SPLITS),  # type: ignore[arg-type]
            )
            for value, pixels in statistics.whole.pixels.items()
        ]
        self._page.set_classes(self._session.editing.classes, counts)
        self._findings = {finding.key: finding for finding in statistics.findings}
        self._show_findings()
        self._page.sizes.set_sizes(statistics.sizes)
        self._show_near_duplicates()

    def _show_findings(self) -> None:
        findings = [*self._findings.values(), *([self._tiny] if self._tiny else [])]
        self._page.findings.set_findings([(f.key, f.sentence, bool(f.pictures)) for f in findings])

    def _show_class(self, value: int) -> None:
        name = self._session.editing.classes.name_of(value)
        show = partial(self._filter_pictures, f"class {value}", f"With {name}")
        self._dispatcher.when_done(self._session.dataset.pictures_with_class(value), show)

    def _show_size(self, width: int, height: int) -> None:
        index = self._session.pictures
        ids = frozenset(
            i for i in index.ids() if (r := index.get(i)) and (r.width, r.height) == (width, height)
        )
        self._filter_pictures(f"size {width} {height}", f"{width} × {height}", ids)

    def _show_finding(self, key: str) -> None:
        finding = self._findings.get(key) or self._tiny
        if finding is not None:
            kind, _, rest = key.partition(":")
            if kind == "only":
                rest = self._session.editing.classes.name_of(int(rest))
            self._filter_pictures(key, FINDING_TITLES.get(key, f"With {rest}"), finding.pictures)

    def _filter_pictures(self, key: str, title: str, ids: frozenset[int]) -> None:
        if not self.is_closed:
            self.filter_requested.emit(FOUND_PREFIX + key, title, ids)

    def _find_tiny_regions(self) -> None:
        self._page.findings.find_tiny.setEnabled(False)
        found = self._session.dataset.find_tiny_regions(
            lambda done, of: self._dispatcher.post(lambda: self._show_tiny_progress(done, of))
        )
        self._dispatcher.when_done(found, self._on_tiny_regions, self._on_tiny_error)

    def _show_tiny_progress(self, done: int, of: int) -> None:
        if not self.is_closed:
            self.message.emit(f"Looking for tiny regions: {done:,} of {of:,} labels")

    def _on_tiny_regions(self, finding: DatasetFinding) -> None:
        self._page.findings.find_tiny.setEnabled(True)
        self._tiny = finding
        self._show_findings()
        self.message.emit(finding.sentence)

    def _on_tiny_error(self, problem: MaskloopError) -> None:
        self._page.findings.find_tiny.setEnabled(True)
        self.message.emit(str(problem))

    # Near-duplicates ----------------------------------------------------------------------------

    def _find_near_duplicates(self) -> None:
        self._page.near_duplicates.set_running((0, 0))
        future = self._session.dataset.find_near_duplicates(
            lambda done, of: self._dispatcher.post(lambda: self._show_search_progress(done, of))
        )
        future.add_done_callback(lambda _ended: self._dispatcher.post(self._on_search_ended))
        self._dispatcher.when_done(future, self._on_near_duplicates, self._show_error)

    def _show_search_progress(self, done: int, of: int) -> None:
        if not self.is_closed:
            self._page.near_duplicates.set_running((done, of))

    def _on_search_ended(self) -> None:
        """Found, cancelled or failed."""
        if not self.is_closed:
            self._page.near_duplicates.set_running(None)
            if self._near_duplicates is None:
                self._page.near_duplicates.clear()
            self._show_near_duplicates()

    def _on_near_duplicates(self, found: NearDuplicates) -> None:
        self._near_duplicates = found
        if not self.is_closed:
            self._show_near_duplicates()

    def _show_near_duplicates(self) -> None:
        """List the pairs by their splits of now: a pair that was moved into one split is no leak any more."""
        if self._near_duplicates is not None and not self._page.near_duplicates.is_running:
            pairs = self._session.dataset.list_pairs(self._near_duplicates, MAX_PAIRS)
            self._dispatcher.when_done(pairs, partial(self._on_pairs, self._near_duplicates))

    def _on_pairs(self, found: NearDuplicates, pairs: PairList) -> None:
        if self.is_closed or self._page.near_duplicates.is_running or found is not self._near_duplicates:
            return
        sentences = [f"{count_of(found.compared, 'picture')} compared."]
        if pairs.leak_count:
            sentences.append(
                f"{count_of(pairs.leak_count, 'pair')} of near-duplicates in different splits (leaks), which make "
                "scores too high."
            )
        elif pairs.other_count:
            sentences.append(
                f"{count_of(pairs.other_count, 'pair')} of near-duplicates, none in different splits."
            )
        else:
            sentences.append("No near-duplicates.")
        if found.unreadable:
            sentences.append(f"{count_of(len(found.unreadable), 'picture')} could not be read.")
        rows = [self._pair_row(pair) for pair in pairs.pairs]
        self._page.near_duplicates.set_pairs(rows, " ".join(sentences), warning=pairs.leak_count > 0)

    def _pair_row(self, pair: DuplicatePair) -> PairRow:
        one, two = (self._session.pictures.get(i) for i in (pair.one, pair.two))
        split = common_split(one.split, two.split)
        # The common split is that of one of the two, so at most the other one moves.
        moved = next((r.name for r in (one, two) if r.split != split), None)
        advice = f"Moves {moved} into {split_title(split)}." if moved and split else ""
        members = [PairMember(r.id, r.name, split_title(r.split)) for r in (one, two)]
        # The training picture is skipped: validation and test scores must stay comparable.
        candidate = members[0] if two.split == split != one.split else members[1]
        return PairRow(members[0], members[1], pair.similarity, advice, candidate)

    def _move_to_same_split(self, pair: PairRow) -> None:
        one, two = (self._session.pictures.get(member.id) for member in (pair.one, pair.two))
        split = common_split(one.split, two.split)
        for record in (one, two):
            if split is not None and record.split != split:
                self._set_split(record.id, f"{record.name} is in {split_title(split)} now.", split)

    def _set_split(self, picture_id: int, sentence: str, split: Split) -> None:
        future = self._session.editing.set_split(picture_id, split)
        self._dispatcher.when_done(future, lambda _none: self.message.emit(sentence), self._show_error)

    def _skip_one(self, pair: PairRow) -> None:
        future = self._session.editing.set_status(pair.skip_candidate.id, Status.SKIPPED)
        sentence = f"{pair.skip_candidate.name} is skipped now. Undo in that picture reverts it."
        self._dispatcher.when_done(future, lambda _none: self.message.emit(sentence), self._show_error)

    def _show_error(self, problem: MaskloopError) -> None:
        self.message.emit(str(problem))

    def _load_thumbnail(self, picture_id: int) -> None:
        self._dispatcher.when_done(
            self._session.loader.thumbnail(picture_id, THUMB_PIXELS),
            partial(self._on_thumbnail, picture_id),
            lambda _problem: None,  # the card stays a grey square; the canvas gives the reason
        )

    def _on_thumbnail(self, picture_id: int, pixels: NDArray[np.uint8]) -> None:
        """`pixels`: (h, w, 3) uint8 RGB."""
        if not self.is_closed:
            self._page.near_duplicates.set_thumbnail(picture_id, to_qimage(pixels))
