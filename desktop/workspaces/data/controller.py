"""Brings the Data workspace to life: numbers, what looks odd, near-copies; every click leads to pictures."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.base.text import count_of
from core.project.records import Split, Status
from core.project.splits.split_plan import ALL_SPLITS
from core.session.dataset.near_duplicates import DuplicatePair, NearDuplicates, PairList
from core.session.dataset.split_edits import common_split
from core.session.dataset.statistics import DatasetFinding, DatasetStatistics
from core.session.session import Session
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.picture_list import FOUND_PREFIX
from desktop.theme.theme import Theme
from desktop.workspaces.data.near_duplicates import PairMember, PairRow
from desktop.workspaces.data.page import ClassCount, DataPage
from desktop.workspaces.data.split_controller import SplitController, split_title

REFRESH_MS = 400
"""News come in bursts; numbers are counted anew at most this often, and only while they are in sight."""
THUMB_PIXELS = 256
MAX_PAIRS = 300


class DataController(QObject):
    """Lives on the GUI thread. `pictures_asked` carries key, title and ids of a filter, `picture_asked` one id."""

    filter_requested = Signal(str, str, object)
    picture_requested = Signal(int)
    message = Signal(str)

    def __init__(
        self, session: Session, bridge: MainThreadDispatcher, page: DataPage, theme: Theme, window: QWidget
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._page = session, bridge, page
        self.split_controller = SplitController(session, bridge, theme, window)
        self._findings: dict[str, DatasetFinding] = {}
        self._tiny: DatasetFinding | None = None
        self._near_duplicates: NearDuplicates | None = None
        self._stale = True
        self._closed = False
        self._refresh_timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._refresh_timer.timeout.connect(self._refresh)
        self._wires = ConnectionGroup()
        join = self._wires.connect
        join(page.shown, self._on_page_shown)
        join(page.filter_requested, lambda key, title: self.filter_requested.emit(key, title, frozenset()))
        join(page.class_requested, self._show_class)
        join(page.size_requested, self._show_size)
        join(page.splits.split_requested, self.split_controller.show)
        join(page.findings.finding_requested, self._show_finding)
        join(page.findings.tiny_regions_requested, self._find_tiny_regions)
        join(page.near_duplicates.search_requested, self._find_near_duplicates)
        join(page.near_duplicates.cancel_requested, session.dataset.cancel)
        join(page.near_duplicates.picture_requested, self.picture_requested.emit)
        join(page.near_duplicates.thumbnail_requested, self._load_thumbnail)
        join(page.near_duplicates.same_split_requested, self._move_to_same_split)
        join(page.near_duplicates.skip_requested, self._skip_one)
        join(self.split_controller.message, self.message.emit)
        page.near_duplicates.clear()
        page.findings.set_findings(())
        page.findings.find_tiny.setEnabled(True)

    def on_changes(self, changes: Changes) -> None:
        """Something changed: count again what is in sight."""
        if not (changes.labels or changes.pictures or changes.picture_list or changes.classes):
            return
        self._stale = True
        if changes.labels:
            self._tiny = None
        if self._page.isVisible() and not self._refresh_timer.isActive():
            self._refresh_timer.start()

    def close(self) -> None:
        """The session ends."""
        self._closed = True
        self._wires.disconnect_all()
        self._refresh_timer.stop()
        self.split_controller.close()
        self._session.dataset.cancel()
        self._page.near_duplicates.clear()

    # Numbers -------------------------------------------------------------------------------------

    def _on_page_shown(self) -> None:
        """The page comes into sight."""
        if self._stale:
            self._refresh()
        if self._near_duplicates is None and self._session.dataset.has_fingerprints:
            self._find_near_duplicates()

    def _refresh(self) -> None:
        self._stale = False
        self._bridge.when_done(self._session.dataset.statistics(), self._show)
        self.split_controller.refresh_plan()

    def _show(self, told: DatasetStatistics) -> None:
        if self._closed:
            return
        self._page.splits.set_table(told.table)
        counts = [
            ClassCount(
                value,
                pixels,
                told.class_pictures[value, None],
                tuple(told.class_pictures[value, split] for split in ALL_SPLITS),  # type: ignore[arg-type]
            )
            for value, pixels in told.whole.pixels.items()
        ]
        self._page.set_classes(self._session.editing.classes, counts)
        self._findings = {finding.key: finding for finding in told.findings}
        self._show_findings()
        self._page.sizes.set_sizes(told.sizes)
        self._show_near_duplicates()

    def _show_findings(self) -> None:
        found = [*self._findings.values(), *([self._tiny] if self._tiny else [])]
        self._page.findings.set_findings([(f.key, f.sentence, bool(f.pictures)) for f in found])

    def _show_class(self, value: int) -> None:
        name = self._session.editing.classes.name_of(value)
        show = partial(self._show_found, f"class {value}", f"With {name}")
        self._bridge.when_done(self._session.dataset.pictures_with_class(value), show)

    def _show_size(self, width: int, height: int) -> None:
        index = self._session.pictures
        found = frozenset(
            i for i in index.ids() if (r := index.get(i)) and (r.width, r.height) == (width, height)
        )
        self._show_found(f"size {width} {height}", f"{width} × {height}", found)

    def _show_finding(self, key: str) -> None:
        finding = self._findings.get(key) or self._tiny
        if finding is not None:
            titles = {
                "unreadable": "Cannot be read",
                "empty done": "Done without label",
                "odd size": "Of another size",
                "tiny": "With tiny regions",
                "torn": "Sequences on several sides",
            }
            kind, _, rest = key.partition(":")
            if kind == "only":
                rest = self._session.editing.classes.name_of(int(rest))
            self._show_found(key, titles.get(key, f"With {rest}"), finding.pictures)

    def _show_found(self, key: str, title: str, found: frozenset[int]) -> None:
        if not self._closed:
            self.filter_requested.emit(FOUND_PREFIX + key, title, found)

    def _find_tiny_regions(self) -> None:
        self._page.findings.find_tiny.setEnabled(False)
        self._bridge.when_done(
            self._session.dataset.find_tiny_regions(
                lambda done, of: self._bridge.post(lambda: self._show_tiny_progress(done, of))
            ),
            self._on_tiny_regions,
            self._on_tiny_error,
        )

    def _show_tiny_progress(self, done: int, of: int) -> None:
        if not self._closed:
            self.message.emit(f"Looking for tiny regions: {done:,} of {of:,} labels")

    def _on_tiny_regions(self, finding: DatasetFinding) -> None:
        self._page.findings.find_tiny.setEnabled(True)
        self._tiny = finding
        self._show_findings()
        self.message.emit(finding.sentence)

    def _on_tiny_error(self, problem: MaskloopError) -> None:
        self._page.findings.find_tiny.setEnabled(True)
        self.message.emit(str(problem))

    # Near-copies ---------------------------------------------------------------------------------

    def _find_near_duplicates(self) -> None:
        self._page.near_duplicates.set_running((0, 0))
        future = self._session.dataset.find_near_duplicates(
            lambda done, of: self._bridge.post(lambda: self._show_search_progress(done, of))
        )
        future.add_done_callback(lambda _ended: self._bridge.post(self._on_search_ended))
        self._bridge.when_done(
            future, self._on_near_duplicates, lambda problem: self.message.emit(str(problem))
        )

    def _show_search_progress(self, done: int, of: int) -> None:
        if not self._closed:
            self._page.near_duplicates.set_running((done, of))

    def _on_search_ended(self) -> None:
        """Found, cancelled or refused: nobody is looking any more."""
        if not self._closed:
            self._page.near_duplicates.set_running(None)
            if self._near_duplicates is None:
                self._page.near_duplicates.clear()
            self._show_near_duplicates()

    def _on_near_duplicates(self, found: NearDuplicates) -> None:
        self._near_duplicates = found
        if not self._closed:
            self._show_near_duplicates()

    def _show_near_duplicates(self) -> None:
        """With the splits of now: a pair that was put on one side is a leak no more."""
        if self._near_duplicates is not None and not self._page.near_duplicates.is_running:
            future = self._session.dataset.list_pairs(self._near_duplicates, MAX_PAIRS)
            self._bridge.when_done(future, partial(self._on_pairs, self._near_duplicates))

    def _on_pairs(self, found: NearDuplicates, pairs: PairList) -> None:
        if self._closed or self._page.near_duplicates.is_running or found is not self._near_duplicates:
            return
        said = f"{count_of(found.compared, 'picture')} looked at. "
        if pairs.leak_count:
            said += (
                f"{count_of_pairs(pairs.leak_count)} of near-copies in different splits, "
                "so that scores look better than the model is."
            )
        elif pairs.other_count:
            said += f"{count_of_pairs(pairs.other_count)} of near-copies, none in different splits."
        else:
            said += "No near-copies."
        if found.unreadable:
            said += f" {count_of(len(found.unreadable), 'picture')} could not be read."
        self._page.near_duplicates.set_pairs(
            [self._pair_row(p) for p in pairs.pairs], said, warning=pairs.leak_count > 0
        )

    def _pair_row(self, pair: DuplicatePair) -> PairRow:
        one, two = (self._session.pictures.get(i) for i in (pair.one, pair.two))
        side = common_split(one.split, two.split)
        moved = [r.name for r in (one, two) if r.split != side]
        advice = f"Puts {' and '.join(moved)} into {split_title(side)}." if moved and side else ""
        sides = [PairMember(r.id, r.name, split_title(r.split)) for r in (one, two)]
        # The one that teaches goes: what judges shall stay comparable.
        going = sides[0] if two.split == side != one.split else sides[1]
        return PairRow(sides[0], sides[1], pair.similarity, advice, going)

    def _move_to_same_split(self, pair: PairRow) -> None:
        one, two = (self._session.pictures.get(side.id) for side in (pair.one, pair.two))
        side = common_split(one.split, two.split)
        for record in (one, two):
            if side is not None and record.split != side:
                self._set_split(record.id, f"{record.name} is in {split_title(side)} now.", side)

    def _skip_one(self, pair: PairRow) -> None:
        future = self._session.editing.set_status(pair.skip_candidate.id, Status.SKIPPED)
        said = f"{pair.skip_candidate.name} is skipped now. Undo in that picture takes it back."
        self._bridge.when_done(future, lambda _none: self.message.emit(said), self._show_error)

    def _set_split(self, picture_id: int, said: str, side: Split) -> None:
        future = self._session.editing.set_split(picture_id, side)
        self._bridge.when_done(future, lambda _none: self.message.emit(said), self._show_error)

    def _show_error(self, problem: MaskloopError) -> None:
        self.message.emit(str(problem))

    def _load_thumbnail(self, picture_id: int) -> None:
        self._bridge.when_done(
            self._session.loader.thumbnail(picture_id, THUMB_PIXELS),
            partial(self._on_thumbnail, picture_id),
            lambda _problem: None,  # the card shows a grey square; the reason stands on the canvas
        )

    def _on_thumbnail(self, picture_id: int, pixels: NDArray[np.uint8]) -> None:
        if not self._closed:
            height, width = pixels.shape[:2]
            image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
            self._page.near_duplicates.set_thumbnail(picture_id, image.copy())  # the copy owns its bytes


def count_of_pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count:,} pairs"
