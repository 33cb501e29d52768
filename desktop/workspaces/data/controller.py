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
from core.project.records import Split, Status
from core.project.splits.split_plan import SPLITS
from core.session.dataset.near_duplicates import NearCopies, NearPair, Sorted
from core.session.dataset.split_edits import other_side, pictures
from core.session.dataset.statistics import Oddity, Statistics
from core.session.session import Session
from desktop.connections import Wires
from desktop.dispatcher import Bridge
from desktop.picture_list import FOUND_KEY
from desktop.theme.theme import Theme
from desktop.workspaces.data.near_duplicates import PairRow, Side
from desktop.workspaces.data.page import ClassCount, DataPage
from desktop.workspaces.data.split_controller import Splitting, in_words

SOON_MS = 400
"""News come in bursts; numbers are counted anew at most this often, and only while they are in sight."""
THUMB_PIXELS = 256
MOST_PAIRS = 300


class Caring(QObject):
    """Lives on the GUI thread. `pictures_asked` carries key, title and ids of a filter, `picture_asked` one id."""

    pictures_asked = Signal(str, str, object)
    picture_asked = Signal(int)
    message = Signal(str)

    def __init__(
        self, session: Session, bridge: Bridge, page: DataPage, theme: Theme, window: QWidget
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._page = session, bridge, page
        self.splitting = Splitting(session, bridge, theme, window)
        self._findings: dict[str, Oddity] = {}
        self._tiny: Oddity | None = None
        self._copies: NearCopies | None = None
        self._stale = True
        self._left = False
        self._soon = QTimer(self, singleShot=True, interval=SOON_MS)
        self._soon.timeout.connect(self._count)
        self._wires = Wires()
        join = self._wires.join
        join(page.shown, self._come)
        join(page.filter_asked, lambda key, title: self.pictures_asked.emit(key, title, frozenset()))
        join(page.class_asked, self._show_class)
        join(page.size_asked, self._show_size)
        join(page.splits.split_asked, self.splitting.show)
        join(page.findings.finding_asked, self._show_finding)
        join(page.findings.tiny_asked, self._look_for_tiny)
        join(page.copies.look_asked, self._look)
        join(page.copies.cancel_asked, session.caring.cancel)
        join(page.copies.picture_asked, self.picture_asked.emit)
        join(page.copies.thumbnail_wanted, self._want_thumbnail)
        join(page.copies.pair_joined, self._put_together)
        join(page.copies.pair_skipped, self._skip)
        join(self.splitting.message, self.message.emit)
        page.copies.clear()
        page.findings.set_findings(())
        page.findings.tiny.setEnabled(True)

    def hear(self, changes: Changes) -> None:
        """Something changed: count again what is in sight."""
        if not (changes.labels or changes.pictures or changes.listing or changes.classes):
            return
        self._stale = True
        if changes.labels:
            self._tiny = None
        if self._page.isVisible() and not self._soon.isActive():
            self._soon.start()

    def leave(self) -> None:
        """The session ends."""
        self._left = True
        self._wires.cut()
        self._soon.stop()
        self.splitting.close()
        self._session.caring.cancel()
        self._page.copies.clear()

    # Numbers -------------------------------------------------------------------------------------

    def _come(self) -> None:
        """The page comes into sight."""
        if self._stale:
            self._count()
        if self._copies is None and self._session.caring.has_looked:
            self._look()

    def _count(self) -> None:
        self._stale = False
        self._bridge.when_done(self._session.caring.statistics(), self._show)
        self.splitting.look_again()

    def _show(self, told: Statistics) -> None:
        if self._left:
            return
        self._page.splits.set_table(told.table)
        counts = [
            ClassCount(
                value,
                pixels,
                told.class_pictures[value, None],
                tuple(told.class_pictures[value, split] for split in SPLITS),  # type: ignore[arg-type]
            )
            for value, pixels in told.whole.pixels.items()
        ]
        self._page.set_classes(self._session.editing.classes, counts)
        self._findings = {finding.key: finding for finding in told.findings}
        self._show_findings()
        self._page.sizes.set_sizes(told.sizes)
        self._show_copies()

    def _show_findings(self) -> None:
        found = [*self._findings.values(), *([self._tiny] if self._tiny else [])]
        self._page.findings.set_findings([(f.key, f.sentence, bool(f.pictures)) for f in found])

    def _show_class(self, value: int) -> None:
        name = self._session.editing.classes.name_of(value)
        show = partial(self._show_found, f"class {value}", f"With {name}")
        self._bridge.when_done(self._session.caring.with_class(value), show)

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
        if not self._left:
            self.pictures_asked.emit(FOUND_KEY + key, title, found)

    def _look_for_tiny(self) -> None:
        self._page.findings.tiny.setEnabled(False)
        self._bridge.when_done(
            self._session.caring.tiny_regions(
                lambda done, of: self._bridge.post(lambda: self._tell_tiny(done, of))
            ),
            self._take_tiny,
            self._tiny_refused,
        )

    def _tell_tiny(self, done: int, of: int) -> None:
        if not self._left:
            self.message.emit(f"Looking for tiny regions: {done:,} of {of:,} labels")

    def _take_tiny(self, finding: Oddity) -> None:
        self._page.findings.tiny.setEnabled(True)
        self._tiny = finding
        self._show_findings()
        self.message.emit(finding.sentence)

    def _tiny_refused(self, problem: MaskloopError) -> None:
        self._page.findings.tiny.setEnabled(True)
        self.message.emit(str(problem))

    # Near-copies ---------------------------------------------------------------------------------

    def _look(self) -> None:
        self._page.copies.set_running((0, 0))
        future = self._session.caring.near_copies(
            lambda done, of: self._bridge.post(lambda: self._tell_looking(done, of))
        )
        future.add_done_callback(lambda _ended: self._bridge.post(self._looked))
        self._bridge.when_done(future, self._take_copies, lambda problem: self.message.emit(str(problem)))

    def _tell_looking(self, done: int, of: int) -> None:
        if not self._left:
            self._page.copies.set_running((done, of))

    def _looked(self) -> None:
        """Found, cancelled or refused: nobody is looking any more."""
        if not self._left:
            self._page.copies.set_running(None)
            if self._copies is None:
                self._page.copies.clear()
            self._show_copies()

    def _take_copies(self, found: NearCopies) -> None:
        self._copies = found
        if not self._left:
            self._show_copies()

    def _show_copies(self) -> None:
        """With the splits of now: a pair that was put on one side is a leak no more."""
        if self._copies is not None and not self._page.copies.is_running:
            future = self._session.caring.sorted_pairs(self._copies, MOST_PAIRS)
            self._bridge.when_done(future, partial(self._take_sorted, self._copies))

    def _take_sorted(self, found: NearCopies, pairs: Sorted) -> None:
        if self._left or self._page.copies.is_running or found is not self._copies:
            return
        said = f"{pictures(found.looked)} looked at. "
        if pairs.leaking:
            said += (
                f"{count_of_pairs(pairs.leaking)} of near-copies in different splits, "
                "so that scores look better than the model is."
            )
        elif pairs.others:
            said += f"{count_of_pairs(pairs.others)} of near-copies, none in different splits."
        else:
            said += "No near-copies."
        if found.unread:
            said += f" {pictures(len(found.unread))} could not be read."
        self._page.copies.set_pairs([self._row(p) for p in pairs.first], said, warning=pairs.leaking > 0)

    def _row(self, pair: NearPair) -> PairRow:
        one, two = (self._session.pictures.get(i) for i in (pair.one, pair.two))
        side = other_side(one.split, two.split)
        moved = [r.name for r in (one, two) if r.split != side]
        advice = f"Puts {' and '.join(moved)} into {in_words(side)}." if moved and side else ""
        sides = [Side(r.id, r.name, in_words(r.split)) for r in (one, two)]
        # The one that teaches goes: what judges shall stay comparable.
        going = sides[0] if two.split == side != one.split else sides[1]
        return PairRow(sides[0], sides[1], pair.likeness, advice, going)

    def _put_together(self, pair: PairRow) -> None:
        one, two = (self._session.pictures.get(side.id) for side in (pair.one, pair.two))
        side = other_side(one.split, two.split)
        for record in (one, two):
            if side is not None and record.split != side:
                self._send(record.id, f"{record.name} is in {in_words(side)} now.", side)

    def _skip(self, pair: PairRow) -> None:
        future = self._session.editing.set_status(pair.going.id, Status.SKIPPED)
        said = f"{pair.going.name} is skipped now. Undo in that picture takes it back."
        self._bridge.when_done(future, lambda _none: self.message.emit(said), self._refused)

    def _send(self, picture_id: int, said: str, side: Split) -> None:
        future = self._session.editing.set_split(picture_id, side)
        self._bridge.when_done(future, lambda _none: self.message.emit(said), self._refused)

    def _refused(self, problem: MaskloopError) -> None:
        self.message.emit(str(problem))

    def _want_thumbnail(self, picture_id: int) -> None:
        self._bridge.when_done(
            self._session.opening.thumbnail(picture_id, THUMB_PIXELS),
            partial(self._take_thumbnail, picture_id),
            lambda _problem: None,  # the card shows a grey square; the reason stands on the canvas
        )

    def _take_thumbnail(self, picture_id: int, pixels: NDArray[np.uint8]) -> None:
        if not self._left:
            height, width = pixels.shape[:2]
            image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
            self._page.copies.set_thumbnail(picture_id, image.copy())  # the copy owns its bytes


def count_of_pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count:,} pairs"
