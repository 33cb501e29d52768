"""Brings the Review workspace to life: cards for what is in sight, deeds for what is chosen, the label doctor."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QPixmap

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.base.text import count_of
from core.project.records import Status
from core.session.review import BatchEdit, LabelCheck, PicturePreview
from core.session.session import Session
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.picture_list import FOUND_PREFIX, PictureList, tags_in_use
from desktop.theme.theme import Theme
from desktop.widgets.picture_status import PictureRow
from desktop.workspaces.review.card import render_card
from desktop.workspaces.review.card_cache import CAPACITY
from desktop.workspaces.review.grid import NoPictures
from desktop.workspaces.review.label_check import ConfusionRow
from desktop.workspaces.review.page import LAYERS, ReviewPage, join_problems

CARD_PIXELS = 320
MAX_ROWS = 40


class ReviewController(QObject):
    """Lives on the GUI thread. `picture_asked` carries the id of a picture to be opened in the Label workspace;
    `about_to_change` and `labels_changed` tell before and after labels are changed by other hands than the brush's."""

    picture_requested = Signal(int)
    about_to_change = Signal()
    labels_changed = Signal()
    message = Signal(str)

    def __init__(
        self, session: Session, bridge: MainThreadDispatcher, page: ReviewPage, theme: Theme
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._page, self._theme = session, bridge, page, theme
        self._list = PictureList(session.pictures)
        self._layer = LAYERS[0][0]
        self._previews: dict[int, PicturePreview] = {}
        self._loading: int | None = None
        self._last_edit: BatchEdit | None = None
        self._check = LabelCheck()
        self._was_shown = self._closed = False
        self._load_timer = QTimer(self, singleShot=True, interval=0)
        self._load_timer.timeout.connect(self._load_next)
        self._wires = ConnectionGroup()
        join, grid = self._wires.connect, page.grid
        join(page.shown, self._on_page_shown)
        join(page.filter_changed, lambda key: self._relist(key, self._list.order))
        join(page.order_changed, lambda key: self._relist(self._list.filter, key))
        join(page.filter.opened, lambda: page.filter.set_tags(tags_in_use(session.pictures)))
        join(page.layer_changed, self._show_layer)
        join(page.accept_requested, self._accept)
        join(page.mark_requested, self._set_status)
        join(page.undo_requested, self._undo)
        join(page.stop_requested, session.review.cancel)
        join(page.label_check.check_requested, self._check_labels)
        join(page.label_check.cancel_requested, session.review.cancel)
        join(page.label_check.confusion_requested, self._show_confusion)
        join(grid.cards_missing, self._load_timer.start)
        join(grid.selection_changed, self._update_selection)
        join(grid.picture_opened, self.picture_requested.emit)
        join(theme.changed, self._render_cards)
        page.label_check.clear()
        page.set_undo("")
        page.filter.set_tags([])
        page.filter.set_filter(self._list.filter)
        page.order.setCurrentIndex(page.order.findData(self._list.order))
        page.layer_buttons[self._layer].setChecked(True)
        grid.clear_cards()

    def on_changes(self, changes: Changes) -> None:
        """Something changed: look again at what it touches, once it is in sight."""
        grid = self._page.grid
        if changes.classes:
            self._previews.clear()
            grid.invalidate()
        elif touched := changes.labels | changes.predictions:
            for picture_id in touched:
                self._previews.pop(picture_id, None)
            grid.invalidate(touched)
        if changes.picture_list:
            self._list.refresh()
        if not self._page.isVisible():
            return
        if changes.picture_list:
            grid.refresh()
            self._update_selection()
        else:  # of a hundred thousand that are chosen, none goes by a mark or a label
            grid.viewport().update()

    def close(self) -> None:
        """The session ends."""
        self._closed = True
        self._load_timer.stop()
        self._wires.disconnect_all()
        self._session.review.cancel()
        self._page.grid.set_source(NoPictures())
        self._page.grid.clear_cards()
        self._page.set_running(None)

    # What is shown ---------------------------------------------------------------------------------

    def _on_page_shown(self) -> None:
        """The page comes into sight."""
        if self._was_shown:
            self._list.refresh()
            self._page.grid.refresh()
        else:
            self._was_shown = True
            self._relist(self._list.filter, self._list.order)
        self._update_selection()

    def _relist(self, filter_: str, order: str) -> None:
        self._list.filter, self._list.order = filter_, order
        self._list.refresh()
        self._page.grid.empty_text = (
            "No pictures yet."
            if filter_ == "all"
            else "No picture passes this filter. Choose another one above."
        )
        self._page.grid.set_source(self._list)
        if order == "doubt" and not self._check.shares:
            self.message.emit("Nothing is known of doubt yet: examine the labels first.")

    def _update_selection(self) -> None:
        self._page.set_selection(len(self._page.grid.selection), self._list.count())

    def _show_layer(self, layer: str) -> None:
        self._layer = layer
        self._render_cards()

    def _render_cards(self) -> None:
        for picture_id, glance in self._previews.items():
            self._page.grid.set_card(picture_id, self._card(glance))

    def _load_next(self) -> None:
        """One card at a time, what is in sight first: nothing waits that was scrolled past."""
        if self._loading is not None or self._closed or not self._page.isVisible():
            return
        wanted = self._page.grid.next_missing()
        if wanted is None:
            return
        known = self._previews.get(wanted)
        if known is not None:  # its card had to make room for others
            self._page.grid.set_card(wanted, self._card(known))
            self._load_timer.start()
            return
        self._loading = wanted
        self._bridge.when_done(
            self._session.review.preview(wanted, CARD_PIXELS),
            partial(self._on_preview, wanted),
            lambda _problem: self._on_preview(
                wanted, None
            ),  # the reason stands on the canvas of the Label workspace
        )

    def _on_preview(self, picture_id: int, glance: PicturePreview | None) -> None:
        self._loading = None
        if self._closed:
            return
        if glance is not None:
            self._previews[picture_id] = glance
            while len(self._previews) > CAPACITY:
                self._previews.pop(next(iter(self._previews)))
        self._page.grid.set_card(picture_id, self._card(glance) if glance else None)
        self._load_timer.start()

    def _card(self, glance: PicturePreview) -> QPixmap:
        return render_card(glance, self._layer, self._session.editing.classes)

    def caption(self, record: PictureRow) -> str:
        """What the numbers say of a picture, in one short line."""
        parts = [f"{100 * record.labelled_share:.0f} % labelled"] if record.labelled_share else []
        glance = self._previews.get(record.id)
        if glance is not None and glance.suspects is not None and glance.suspects.labelled:
            parts.append(f"{100 * glance.suspects.share:.1f} % in doubt")
        elif record.uncertainty is not None:
            parts.append(f"unsure {record.uncertainty:.2f}")
        return " · ".join(parts) or "Nobody has said anything yet"

    # Deeds -------------------------------------------------------------------------------------------

    def _selected_ids(self) -> list[int]:
        """In the order of the grid."""
        rows = sorted(row for i in self._page.grid.selection if (row := self._list.row_of(i)) is not None)
        return [self._list.record(row).id for row in rows]

    def _accept(self, done: bool) -> None:
        self.about_to_change.emit()
        self._run(
            self._session.review.accept(self._selected_ids(), self._show_progress, done=done), "changed"
        )

    def _set_status(self, status: Status) -> None:
        self._run(
            self._session.review.set_status(self._selected_ids(), status, self._show_progress), "changed"
        )

    def _undo(self) -> None:
        if self._last_edit is not None:
            self.about_to_change.emit()
            deed, self._last_edit = self._last_edit, None
            self._page.set_undo("")
            self._run(self._session.review.undo(deed, self._show_progress), "taken back")

    def _run(self, future: Future[BatchEdit], done: str) -> None:
        self._page.set_running((0, 1))
        self._bridge.when_done(future, partial(self._finished, done), self._on_error)

    def _show_progress(self, done: int, of: int) -> None:
        self._bridge.post(lambda: self._closed or self._page.set_running((done, of)))

    def _finished(self, done: str, deed: BatchEdit) -> None:
        if self._closed:
            return
        self._page.set_running(None)
        if done == "changed":
            self._last_edit = deed if deed.edits else None
            self._page.set_undo(deed.name if deed.edits else "")
        self.labels_changed.emit()
        told = (
            f"{count_of(len(deed.edits), 'picture')} {done}." if deed.edits else "Nothing had to be changed."
        )
        self.message.emit(" ".join([told, join_problems(deed.problems)]).strip())

    def _on_error(self, problem: MaskloopError) -> None:
        if not self._closed:
            self._page.set_running(None)
        self.message.emit(str(problem))

    # The label doctor ----------------------------------------------------------------------------------

    def _check_labels(self) -> None:
        doctor = self._page.label_check
        doctor.set_running((0, 1))
        future = self._session.review.check_labels(
            lambda done, of: self._bridge.post(lambda: self._closed or doctor.set_running((done, of)))
        )
        future.add_done_callback(
            lambda _end: self._bridge.post(lambda: self._closed or doctor.set_running(None))
        )
        self._bridge.when_done(future, self._show_check)

    def _show_check(self, found: LabelCheck) -> None:
        if self._closed:
            return
        self._check = found
        self._list.disagreement = found.shares
        classes = self._session.editing.classes

        def named(value: int) -> tuple[tuple[int, int, int], str]:
            known = classes.by_value(value)
            return (known.colour, known.name) if known else ((128, 128, 128), str(value))

        lines = [
            ConfusionRow(
                pair, named(pair[0]), named(pair[1]), f"{pixels:,} pixels in {count_of(len(ids), 'picture')}"
            )
            for pair, pixels, ids in found.found[:MAX_ROWS]
        ]
        if not found.compared:
            said = "There is no labelled picture with a prediction yet. Train first; it takes a minute."
        elif not lines:
            said = f"{count_of(found.compared, 'picture')} compared: the network contradicts nothing."
        else:
            said = f"{count_of(found.compared, 'picture')} compared. Labelled → what the network is sure of:"
        self._page.label_check.set_rows(lines, said)

    def _show_confusion(self, pair: tuple[int, int] | None) -> None:
        if pair is None:
            self._page.filter.set_filter("all")
            self._relist("all", "name")
            self._page.order.setCurrentIndex(0)
            return
        ids = next((ids for key, _pixels, ids in self._check.found if key == pair), frozenset())
        classes = self._session.editing.classes
        title = f"{classes.name_of(pair[0])} in doubt"
        self._list.found = ids
        self._page.filter.set_filter(FOUND_PREFIX + title, title)
        self._page.order.setCurrentIndex(self._page.order.findData("doubt"))
        self._relist(FOUND_PREFIX + title, "doubt")
        self._page.layer_buttons["difference"].click()
