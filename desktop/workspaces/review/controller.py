"""Brings the Review workspace to life: cards for what is in sight, deeds for what is chosen, the label doctor."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QPixmap

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.project.records import Status
from core.session.dataset.split_edits import pictures
from core.session.review import Checkup, Deed, Glance
from core.session.session import Session
from desktop.connections import Wires
from desktop.dispatcher import Bridge
from desktop.picture_list import FOUND_KEY, PictureList, tags_in_use
from desktop.theme.theme import Theme
from desktop.widgets.picture_status import PictureRow
from desktop.workspaces.review.card import card_of
from desktop.workspaces.review.card_cache import KEPT
from desktop.workspaces.review.grid import NoPictures
from desktop.workspaces.review.label_check import DoubtLine
from desktop.workspaces.review.page import LAYERS, ReviewPage, say

CARD_PIXELS = 320
MOST_LINES = 40


class Reviewing(QObject):
    """Lives on the GUI thread. `picture_asked` carries the id of a picture to be opened in the Label workspace;
    `about_to_change` and `labels_changed` tell before and after labels are changed by other hands than the brush's."""

    picture_asked = Signal(int)
    about_to_change = Signal()
    labels_changed = Signal()
    message = Signal(str)

    def __init__(self, session: Session, bridge: Bridge, page: ReviewPage, theme: Theme) -> None:
        super().__init__()
        self._session, self._bridge, self._page, self._theme = session, bridge, page, theme
        self._list = PictureList(session.pictures)
        self._layer = LAYERS[0][0]
        self._glances: dict[int, Glance] = {}
        self._asked: int | None = None
        self._deed: Deed | None = None
        self._checkup = Checkup()
        self._has_come = self._left = False
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._ask)
        self._wires = Wires()
        join, grid = self._wires.join, page.grid
        join(page.shown, self._come)
        join(page.filter_changed, lambda key: self._relist(key, self._list.order))
        join(page.order_changed, lambda key: self._relist(self._list.filter, key))
        join(page.filter.opened, lambda: page.filter.set_tags(tags_in_use(session.pictures)))
        join(page.layer_changed, self._show_layer)
        join(page.accept_asked, self._accept)
        join(page.mark_asked, self._mark)
        join(page.undo_asked, self._take_back)
        join(page.stop_asked, session.reviewing.cancel)
        join(page.doctor.examine_asked, self._examine)
        join(page.doctor.cancel_asked, session.reviewing.cancel)
        join(page.doctor.line_asked, self._show_line)
        join(grid.cards_missing, self._soon.start)
        join(grid.chosen_changed, self._count)
        join(grid.picture_opened, self.picture_asked.emit)
        join(theme.changed, self._paint_all)
        page.doctor.clear()
        page.set_undo("")
        page.filter.set_tags([])
        page.filter.set_filter(self._list.filter)
        page.order.setCurrentIndex(page.order.findData(self._list.order))
        page.layer_buttons[self._layer].setChecked(True)
        grid.forget()

    def hear(self, changes: Changes) -> None:
        """Something changed: look again at what it touches, once it is in sight."""
        grid = self._page.grid
        if changes.classes:
            self._glances.clear()
            grid.outdate()
        elif touched := changes.labels | changes.predictions:
            for picture_id in touched:
                self._glances.pop(picture_id, None)
            grid.outdate(touched)
        if changes.listing:
            self._list.refresh()
        if not self._page.isVisible():
            return
        if changes.listing:
            grid.refresh()
            self._count()
        else:  # of a hundred thousand that are chosen, none goes by a mark or a label
            grid.viewport().update()

    def leave(self) -> None:
        """The session ends."""
        self._left = True
        self._soon.stop()
        self._wires.cut()
        self._session.reviewing.cancel()
        self._page.grid.set_source(NoPictures())
        self._page.grid.forget()
        self._page.set_running(None)

    # What is shown ---------------------------------------------------------------------------------

    def _come(self) -> None:
        """The page comes into sight."""
        if self._has_come:
            self._list.refresh()
            self._page.grid.refresh()
        else:
            self._has_come = True
            self._relist(self._list.filter, self._list.order)
        self._count()

    def _relist(self, filter_: str, order: str) -> None:
        self._list.filter, self._list.order = filter_, order
        self._list.refresh()
        self._page.grid.empty_text = (
            "No pictures yet."
            if filter_ == "all"
            else "No picture passes this filter. Choose another one above."
        )
        self._page.grid.set_source(self._list)
        if order == "doubt" and not self._checkup.shares:
            self.message.emit("Nothing is known of doubt yet: examine the labels first.")

    def _count(self) -> None:
        self._page.set_chosen(len(self._page.grid.chosen), self._list.count())

    def _show_layer(self, layer: str) -> None:
        self._layer = layer
        self._paint_all()

    def _paint_all(self) -> None:
        for picture_id, glance in self._glances.items():
            self._page.grid.set_card(picture_id, self._card(glance))

    def _ask(self) -> None:
        """One card at a time, what is in sight first: nothing waits that was scrolled past."""
        if self._asked is not None or self._left or not self._page.isVisible():
            return
        wanted = self._page.grid.missing()
        if wanted is None:
            return
        known = self._glances.get(wanted)
        if known is not None:  # its card had to make room for others
            self._page.grid.set_card(wanted, self._card(known))
            self._soon.start()
            return
        self._asked = wanted
        self._bridge.when_done(
            self._session.reviewing.glance(wanted, CARD_PIXELS),
            partial(self._take, wanted),
            lambda _problem: self._take(
                wanted, None
            ),  # the reason stands on the canvas of the Label workspace
        )

    def _take(self, picture_id: int, glance: Glance | None) -> None:
        self._asked = None
        if self._left:
            return
        if glance is not None:
            self._glances[picture_id] = glance
            while len(self._glances) > KEPT:
                self._glances.pop(next(iter(self._glances)))
        self._page.grid.set_card(picture_id, self._card(glance) if glance else None)
        self._soon.start()

    def _card(self, glance: Glance) -> QPixmap:
        return card_of(glance, self._layer, self._session.editing.classes)

    def caption(self, record: PictureRow) -> str:
        """What the numbers say of a picture, in one short line."""
        parts = [f"{100 * record.label_share:.0f} % labelled"] if record.label_share else []
        glance = self._glances.get(record.id)
        if glance is not None and glance.doubts is not None and glance.doubts.labelled:
            parts.append(f"{100 * glance.doubts.share:.1f} % in doubt")
        elif record.uncertainty is not None:
            parts.append(f"unsure {record.uncertainty:.2f}")
        return " · ".join(parts) or "Nobody has said anything yet"

    # Deeds -------------------------------------------------------------------------------------------

    def _chosen(self) -> list[int]:
        """In the order of the grid."""
        rows = sorted(row for i in self._page.grid.chosen if (row := self._list.row_of(i)) is not None)
        return [self._list.record(row).id for row in rows]

    def _accept(self, done: bool) -> None:
        self.about_to_change.emit()
        self._run(self._session.reviewing.accept(self._chosen(), self._tell, done=done), "changed")

    def _mark(self, status: Status) -> None:
        self._run(self._session.reviewing.mark(self._chosen(), status, self._tell), "changed")

    def _take_back(self) -> None:
        if self._deed is not None:
            self.about_to_change.emit()
            deed, self._deed = self._deed, None
            self._page.set_undo("")
            self._run(self._session.reviewing.take_back(deed, self._tell), "taken back")

    def _run(self, future: Future[Deed], done: str) -> None:
        self._page.set_running((0, 1))
        self._bridge.when_done(future, partial(self._finished, done), self._refused)

    def _tell(self, done: int, of: int) -> None:
        self._bridge.post(lambda: self._left or self._page.set_running((done, of)))

    def _finished(self, done: str, deed: Deed) -> None:
        if self._left:
            return
        self._page.set_running(None)
        if done == "changed":
            self._deed = deed if deed.edits else None
            self._page.set_undo(deed.name if deed.edits else "")
        self.labels_changed.emit()
        told = f"{pictures(len(deed.edits))} {done}." if deed.edits else "Nothing had to be changed."
        self.message.emit(" ".join([told, say(deed.problems)]).strip())

    def _refused(self, problem: MaskloopError) -> None:
        if not self._left:
            self._page.set_running(None)
        self.message.emit(str(problem))

    # The label doctor ----------------------------------------------------------------------------------

    def _examine(self) -> None:
        doctor = self._page.doctor
        doctor.set_running((0, 1))
        future = self._session.reviewing.examine(
            lambda done, of: self._bridge.post(lambda: self._left or doctor.set_running((done, of)))
        )
        future.add_done_callback(
            lambda _end: self._bridge.post(lambda: self._left or doctor.set_running(None))
        )
        self._bridge.when_done(future, self._show_checkup)

    def _show_checkup(self, found: Checkup) -> None:
        if self._left:
            return
        self._checkup = found
        self._list.doubts = found.shares
        classes = self._session.editing.classes

        def named(value: int) -> tuple[tuple[int, int, int], str]:
            known = classes.by_value(value)
            return (known.colour, known.name) if known else ((128, 128, 128), str(value))

        lines = [
            DoubtLine(pair, named(pair[0]), named(pair[1]), f"{pixels:,} pixels in {pictures(len(ids))}")
            for pair, pixels, ids in found.found[:MOST_LINES]
        ]
        if not found.compared:
            said = "There is no labelled picture with a prediction yet. Train first; it takes a minute."
        elif not lines:
            said = f"{pictures(found.compared)} compared: the network contradicts nothing."
        else:
            said = f"{pictures(found.compared)} compared. Labelled → what the network is sure of:"
        self._page.doctor.set_lines(lines, said)

    def _show_line(self, pair: tuple[int, int] | None) -> None:
        if pair is None:
            self._page.filter.set_filter("all")
            self._relist("all", "name")
            self._page.order.setCurrentIndex(0)
            return
        ids = next((ids for key, _pixels, ids in self._checkup.found if key == pair), frozenset())
        classes = self._session.editing.classes
        title = f"{classes.name_of(pair[0])} in doubt"
        self._list.found = ids
        self._page.filter.set_filter(FOUND_KEY + title, title)
        self._page.order.setCurrentIndex(self._page.order.findData("doubt"))
        self._relist(FOUND_KEY + title, "doubt")
        self._page.layer_buttons["difference"].click()
