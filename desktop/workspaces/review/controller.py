"""Controller of the Review workspace: loads visible cards, edits the selected pictures, starts the label check."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QPixmap

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.base.number_text import percent_text
from core.base.text import count_of
from core.project.records import Status
from core.session.batch_edit import BatchEdit
from core.session.label_check import LabelCheck
from core.session.review import PicturePreview
from core.session.session import Session
from desktop.controller import Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.picture_list import FOUND_PREFIX, NoPictures, PictureList, tags_in_use
from desktop.theme.theme import Theme
from desktop.widgets.picture_status import PictureRow
from desktop.workspaces.review.card import render_card
from desktop.workspaces.review.card_cache import CAPACITY
from desktop.workspaces.review.class_pair import ClassPairText, colour_and_name
from desktop.workspaces.review.label_check import ConfusionRow
from desktop.workspaces.review.page import LAYERS, ReviewPage, join_problems
from desktop.workspaces.review.suspect_controller import SuspectController

CARD_PIXELS = 320
MAX_ROWS = 40
"""Pairs of confused classes that the label check lists."""
UNDO_STEPS = 200


class ReviewController(Controller):
    """`picture_requested` carries the id of a picture to open in the Label workspace, `place_requested` one and a box
    in it. `about_to_change` comes before labels are changed here, `labels_changed` after, with the ids
    of their pictures: the Label workspace may show one of them."""

    picture_requested = Signal(int)
    place_requested = Signal(int, object)
    about_to_change = Signal()
    labels_changed = Signal(object)

    def __init__(
        self, session: Session, dispatcher: MainThreadDispatcher, page: ReviewPage, theme: Theme
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._page = session, dispatcher, page
        self._list = PictureList(session.pictures)
        self._layer = LAYERS[0][0]
        self._previews: dict[int, PicturePreview] = {}
        self._loading: int | None = None
        self._edits: list[BatchEdit] = []  # that can be undone, newest last
        self._is_undo_wanted = False
        self._check = LabelCheck()
        self._was_shown = False
        self._names_request = LatestRequest(dispatcher)
        self._load_timer = QTimer(self, singleShot=True, interval=0)
        self._load_timer.timeout.connect(self._load_next)
        connect, grid = self.connections.connect, page.grid
        self._suspects = SuspectController(session, dispatcher, page, theme)
        connect(self._suspects.message, self.message.emit)
        connect(self._suspects.place_requested, self.place_requested.emit)
        connect(self._suspects.about_to_change, self.about_to_change.emit)
        connect(self._suspects.edited, self._on_verdict)
        connect(self._suspects.undo_requested, self._undo)
        connect(self._suspects.settled, self._undo_if_wanted)
        connect(page.shown, self._on_page_shown)
        connect(page.filter_changed, lambda key: self._list_pictures(key, self._list.order))
        connect(page.order_changed, lambda key: self._list_pictures(self._list.filter, key))
        connect(page.filter.opened, lambda: page.filter.set_tags(tags_in_use(session.pictures)))
        connect(page.layer_changed, self._show_layer)
        connect(page.accept_requested, self._accept)
        connect(page.mark_requested, self._set_status)
        connect(page.undo_requested, self._undo)
        connect(page.stop_requested, session.review.cancel)
        connect(page.label_check.check_requested, self._check_labels)
        connect(page.label_check.cancel_requested, session.label_check.cancel)
        connect(page.label_check.confusion_requested, self._show_confusion)
        connect(grid.cards_missing, self._load_timer.start)
        connect(grid.selection_changed, self._update_selection)
        connect(grid.picture_opened, self.picture_requested.emit)
        connect(theme.changed, self._render_cards)
        page.label_check.clear()
        page.set_undo("")
        page.filter.set_tags([])
        page.filter.set_filter(self._list.filter)
        page.order.setCurrentIndex(page.order.findData(self._list.order))
        page.layer_buttons[self._layer].setChecked(True)
        grid.clear_cards()

    def on_changes(self, changes: Changes) -> None:
        """Reload the cards of changed pictures once they are visible."""
        self._suspects.on_changes(changes)
        grid = self._page.grid
        if changes.classes:
            self._previews.clear()
            grid.invalidate()
        elif touched := changes.labels | changes.predictions | changes.files:
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
            self._request_names()
        else:  # only a changed list can remove selected pictures; checking each is slow for a hundred thousand
            grid.viewport().update()

    def close(self) -> None:
        super().close()
        self._suspects.close()
        self._load_timer.stop()
        self._names_request.cancel()
        self._session.review.cancel()
        self._session.label_check.cancel()
        self._page.grid.set_source(NoPictures())
        self._page.grid.clear_cards()
        self._page.set_running(None)

    # What is shown ---------------------------------------------------------------------------------

    def _on_page_shown(self) -> None:
        if self._was_shown:
            self._list.refresh()
            self._page.grid.refresh()
        else:
            self._was_shown = True
            self._list_pictures(self._list.filter, self._list.order)
        self._update_selection()
        self._request_names()

    def _request_names(self) -> None:
        """Pictures of one file name are told apart by their folders."""
        self._names_request.send(self._session.review.distinguishing_names(), self._page.grid.set_names)

    def _list_pictures(self, filter_: str, order: str) -> None:
        self._list.filter, self._list.order = filter_, order
        self._list.refresh()
        self._page.grid.empty_text = (
            "No pictures yet."
            if filter_ == "all"
            else "No picture matches this filter. Choose another one above."
        )
        self._page.grid.set_source(self._list)
        if order == "doubt" and not self._check.shares:
            self.message.emit("Check labels first; then pictures can be sorted by suspect pixels.")

    def _update_selection(self) -> None:
        self._page.set_selection(len(self._page.grid.selection), self._list.count())

    def _show_layer(self, layer: str) -> None:
        self._layer = layer
        self._suspects.show_layer(layer)
        self._render_cards()

    def _render_cards(self) -> None:
        for picture_id, preview in self._previews.items():
            self._page.grid.set_card(picture_id, self._card(preview))

    def _load_next(self) -> None:
        """Load one card at a time, the first visible one that is missing: what was scrolled past is not loaded."""
        if self._loading is not None or self.is_closed or not self._page.isVisible():
            return
        wanted = self._page.grid.next_missing()
        if wanted is None:
            return
        known = self._previews.get(wanted)
        if known is not None:  # its card was evicted from the cache
            self._page.grid.set_card(wanted, self._card(known))
            self._load_timer.start()
            return
        self._loading = wanted
        self._dispatcher.when_done(
            self._session.review.preview(wanted, CARD_PIXELS),
            partial(self._on_preview, wanted),
            lambda _problem: self._on_preview(
                wanted, None
            ),  # the canvas of the Label workspace gives the reason
        )

    def _on_preview(self, picture_id: int, preview: PicturePreview | None) -> None:
        self._loading = None
        if self.is_closed:
            return
        if preview is not None:
            self._previews[picture_id] = preview
            while len(self._previews) > CAPACITY:
                self._previews.pop(next(iter(self._previews)))
        self._page.grid.set_card(picture_id, self._card(preview) if preview else None)
        self._load_timer.start()

    def _card(self, preview: PicturePreview) -> QPixmap:
        return render_card(preview, self._layer, self._session.editing.classes)

    def caption(self, record: PictureRow) -> str:
        """Shares of labelled and suspect pixels, or the uncertainty, in one short line."""
        parts = [f"{percent_text(record.labelled_share)} labelled"] if record.labelled_share else []
        preview = self._previews.get(record.id)
        if preview is not None and preview.suspects is not None and preview.suspects.labelled:
            parts.append(f"{percent_text(preview.suspects.share, 1)} suspect")
        elif record.uncertainty is not None:
            parts.append(f"uncertainty {record.uncertainty:.2f}")
        return " · ".join(parts) or "No label and no prediction yet"

    # Edits of many pictures ---------------------------------------------------------------------

    def _selected_ids(self) -> list[int]:
        """Ids of the selected pictures, in the order of the grid."""
        rows = sorted(row for i in self._page.grid.selection if (row := self._list.row_of(i)) is not None)
        return [self._list.record(row).id for row in rows]

    def _accept(self, done: bool) -> None:
        self.about_to_change.emit()
        future = self._session.review.accept(self._selected_ids(), self._show_progress, done=done)
        self._run(future, self._on_edited)

    def _set_status(self, status: Status) -> None:
        future = self._session.review.set_status(self._selected_ids(), status, self._show_progress)
        self._run(future, self._on_edited)

    def _undo(self) -> None:
        if self._suspects.is_writing:
            self._is_undo_wanted = True  # what was said last comes first
            return
        if not self._edits or not self._page.undo.isEnabled():
            return
        edit = self._edits.pop()
        self.about_to_change.emit()
        self._show_undo()
        future = self._session.review.undo(edit, self._show_progress)
        self._run(future, partial(self._on_undone, edit), partial(self._on_not_undone, edit))

    def _undo_if_wanted(self) -> None:
        wanted, self._is_undo_wanted = self._is_undo_wanted, False
        if wanted:
            self._undo()

    def _show_undo(self) -> None:
        self._page.set_undo(self._edits[-1].name if self._edits else "")

    def _run(
        self,
        future: Future[BatchEdit],
        on_result: Callable[[BatchEdit], None],
        on_error: Callable[[MaskloopError], None] | None = None,
    ) -> None:
        self._page.set_running((0, 1))
        self._dispatcher.when_done(future, on_result, on_error or self._on_error)

    def _show_progress(self, done: int, of: int) -> None:
        """Called on a lane."""
        self._dispatcher.post(lambda: self._page.set_running((done, of)) if not self.is_closed else None)

    def _on_edited(self, edit: BatchEdit) -> None:
        if not self.is_closed:
            self._can_undo(edit)
            self._report(edit, f"{count_of(len(edit.edits), 'picture')} changed.")

    def _on_verdict(self, edit: BatchEdit, changed: frozenset[int]) -> None:
        self._can_undo(edit)
        self.labels_changed.emit(changed)

    def _can_undo(self, edit: BatchEdit) -> None:
        if edit.edits:
            self._edits = [*self._edits[-UNDO_STEPS + 1 :], edit]
        self._show_undo()

    def _on_undone(self, undone: BatchEdit, edit: BatchEdit) -> None:
        if not self.is_closed:
            self._report(edit, f"{count_of(len(edit.edits), 'picture')} reverted.")
            if edit.edits:
                self._suspects.restore(undone)

    def _on_not_undone(self, edit: BatchEdit, problem: MaskloopError) -> None:
        """The disk refused it, and may take it later."""
        self._on_error(problem)
        if not self.is_closed:
            self._can_undo(edit)

    def _report(self, edit: BatchEdit, sentence: str) -> None:
        self._page.set_running(None)
        self.labels_changed.emit(frozenset(edit.edits))
        if not edit.edits:
            sentence = "Nothing had to be changed."
        self.message.emit(" ".join([sentence, join_problems(edit.problems)]).strip())

    def _on_error(self, problem: MaskloopError) -> None:
        if not self.is_closed:
            self._page.set_running(None)
        self.message.emit(str(problem))

    # The label check ----------------------------------------------------------------------------

    def _check_labels(self) -> None:
        panel = self._page.label_check
        panel.set_running((0, 1))
        self._suspects.check_begins()
        future = self._session.label_check.check(
            lambda done, of: self._dispatcher.post(
                lambda: None if self.is_closed else panel.set_running((done, of))
            )
        )
        future.add_done_callback(
            lambda _end: self._dispatcher.post(lambda: None if self.is_closed else panel.set_running(None))
        )
        self._dispatcher.when_done(future, self._show_check)

    def _show_check(self, check: LabelCheck) -> None:
        if self.is_closed:
            return
        self._check = check
        self._list.disagreement = check.shares
        self._session.review.thresholds = check.thresholds
        self._previews.clear()  # their shares of suspect pixels
        self._page.grid.invalidate()
        classes = self._session.editing.classes
        rows = [
            ConfusionRow(
                pair,
                ClassPairText(
                    colour_and_name(classes, pair[0]),
                    colour_and_name(classes, pair[1]),
                    f"{pixels:,} pixels in {count_of(len(ids), 'picture')}",
                ),
            )
            for pair, pixels, ids in check.found[:MAX_ROWS]
        ]
        kept = f" {count_of(check.kept, 'kept label')} left out." if check.kept else ""
        if not check.compared:
            text = "There is no labelled picture with a prediction yet. Train first; it takes a minute."
        elif not rows:
            text = f"{count_of(check.compared, 'picture')} compared: no confident prediction contradicts a label.{kept}"
        else:
            text = f"{count_of(check.compared, 'picture')} compared.{kept} Label → confident prediction:"
        self._page.label_check.set_rows(rows, text)
        self._suspects.show_check(check)

    def _show_confusion(self, pair: tuple[int, int] | None) -> None:
        """Filter by the pictures in which this pair of classes is confused; None: show all pictures again."""
        self._suspects.show_pair(pair)
        if pair is None:
            self._page.filter.set_filter("all")
            self._list_pictures("all", "name")
            self._page.order.setCurrentIndex(0)
            return
        title = f"{self._session.editing.classes.name_of(pair[0])} suspect"
        self._list.found = next((ids for key, _pixels, ids in self._check.found if key == pair), frozenset())
        self._page.filter.set_filter(FOUND_PREFIX + title, title)
        self._page.order.setCurrentIndex(self._page.order.findData("doubt"))
        self._list_pictures(FOUND_PREFIX + title, "doubt")
        self._page.layer_buttons["difference"].click()
