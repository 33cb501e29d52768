"""Walks through the uncertain regions of the active picture: finds them, shows one after another, takes verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial

import numpy as np
from PySide6.QtCore import QRectF, QTimer, Signal
from PySide6.QtGui import QAction

from core.base.changes import Changes
from core.base.errors import UserError
from core.base.geometry import Point
from core.base.lane import Lane
from core.base.number_text import percent_text
from core.labels.accept import accept_confident, accept_uncertain, correct_uncertain
from core.labels.class_list import UNLABELLED
from core.labels.deferred_edit import EditRequest
from core.labels.label_map import Edit, LabelMap, LabelSnapshot
from core.labels.prediction import PredictedMask
from core.labels.region_walk import RegionWalk
from core.labels.uncertain_regions import DEFAULT_LIMIT, UncertainRegion, Uncertainty, find_uncertainty
from core.session.session import Session
from core.tools.tool import MaskPreview
from desktop.controller import Actions, Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.prediction_controller import NO_PREDICTION
from desktop.workspaces.label.walk.region_focus import RegionFocus, can_confine
from desktop.workspaces.label.walk.walk_bar import HIGHEST, LOWEST
from desktop.workspaces.label.walk.walk_keys import WalkKeys

SEARCH_DELAY_MS = 60
"""Regions are searched again so long after a change: a live prediction and a verdict come close together."""
STORE_MS = 400
"""The limit is stored so long after the slider was moved last."""
LIMIT_STEP = 5
"""Percent, by key."""
MIN_LENGTH = 24
"""Widget pixels; a region that is shorter on the screen is zoomed in on."""
_FACT = "sure_percent"

ApplyEdit = Callable[[LabelMap, EditRequest, Callable[[Edit | None], object]], None]


class WalkController(Controller):
    """Lives on the GUI thread; a lane of its own searches. The walk ends with another picture, and with Esc.

    region_left: a live prediction that was confined to a region shall be shown whole.
    apply_edit: `LabelController`'s way to make an edit without a tool
    """

    region_left = Signal()

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: LabelPage,
        picture: ActivePicture,
        actions: Mapping[str, QAction],
        apply_edit: ApplyEdit,
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._picture = session, dispatcher, picture
        self._canvas, self._bar, self._actions, self._apply_edit = (
            page.canvas,
            page.walk_bar,
            actions,
            apply_edit,
        )
        self._lane = Lane("regions")
        self._request = LatestRequest(dispatcher)
        self._search_delay = QTimer(self, singleShot=True, interval=SEARCH_DELAY_MS)
        self._search_delay.timeout.connect(self._search)
        self._store_delay = QTimer(self, singleShot=True, interval=STORE_MS)
        self._store_delay.timeout.connect(self._store_limit)
        self._searching: Future[tuple[Uncertainty, RegionWalk]] | None = None
        self._is_active = False
        self._walk: RegionWalk | None = None
        self._found: Uncertainty | None = None
        self._percent = round(100 * DEFAULT_LIMIT / 255)
        self._focus = RegionFocus(self.region_left.emit)
        self._keys = WalkKeys(
            self._canvas, actions, lambda: picture.prediction is not None, lambda: self._is_active
        )
        self.connections.connect(self._bar.class_chosen, self._judge)
        self.connections.connect(self._bar.limit_changed, self._limit_changed)
        self.connections.connect(self._bar.only_here.toggled, self._confine_strokes)

    def start(self) -> None:
        self._bar.set_classes(self._session.editing.classes)
        self._dispatcher.when_done(self._session.fact(_FACT), self._restore_limit)
        self._focus.switch(self._bar.only_here.isChecked(), None)
        self.leave()

    def close(self) -> None:
        super().close()
        if self._store_delay.isActive():
            self._store_delay.stop()
            self._store_limit()
        self.leave()
        self._keys.close()
        self._lane.shutdown(cancel_futures=True, wait=False)

    def on_changes(self, changes: Changes) -> None:
        if changes.classes:
            self._bar.set_classes(self._session.editing.classes)
            self._refresh()  # names

    def actions(self) -> Actions:
        return {
            "next_region": partial(self._move, 1),
            "previous_region": partial(self._move, -1),
            "region_right": self._judge,
            "accept_surer": self._accept_confident,
            "raise_limit": partial(self._step_limit, LIMIT_STEP),
            "lower_limit": partial(self._step_limit, -LIMIT_STEP),
            "leave_regions": self.leave,
        }

    @property
    def region(self) -> UncertainRegion | None:
        """The region that is shown."""
        return self._walk.current if self._walk is not None else None

    def takes_class(self, value: int) -> bool:
        """A class was chosen by its key: it is the verdict about the region that is shown. False when there is none,
        or while a shape is drawn."""
        if self.region is None or value == UNLABELLED or self._canvas.is_busy or not self._canvas.isVisible():
            return False
        self._judge(value)
        return True

    def confine(self, newest: PredictedMask) -> PredictedMask:
        """What a live prediction may change on the screen now."""
        return self._focus.confine(newest)

    def search_again(self) -> None:
        """Label or prediction of the active picture are other ones."""
        if self._is_active:
            self._search_delay.start()

    def leave(self) -> None:
        """End the walk: Esc, or another picture."""
        self._is_active = False
        self._search_delay.stop()
        self._request.cancel()
        self._walk = self._found = None
        self._focus.release()
        self._canvas.set_region(None)
        self._bar.hide()
        self._enable_actions()

    # Moving

    def _move(self, step: int) -> None:
        if self._picture.labels is None:
            return
        if self._picture.prediction is None:
            self.message.emit(NO_PREDICTION)
        elif not self._is_active:
            self._is_active = True
            self._bar.set_can_confine(can_confine(self._picture.labels.values.size))
            self._bar.show_limit(self._percent, None)
            self._search()
        elif self._walk is not None:
            self._show(self._walk.moved(step))

    def _show(self, walk: RegionWalk) -> None:
        before, self._walk = self.region, walk
        region = walk.current
        if region is None:
            self._focus.release()
            self._canvas.set_region(None)
        elif region is not before:
            # The mask is that of the whole box: what belongs to the region is looked up for the pixels on screen.
            shape = region.box.height, region.box.width
            preview = MaskPreview(
                region.box,
                np.broadcast_to(np.True_, shape),
                region.value,
                filled=False,
                allowed=region.pixels_at,
            )
            self._canvas.set_region(preview)
            if before is None or not _is_same_place(before, region):
                self._focus.release()
                self._focus.hold(region, self._picture.prediction)
                self._canvas.reveal(region.box, MIN_LENGTH)
        self._refresh()

    def _refresh(self) -> None:
        """Show the region that the walk is at, by its name now."""
        self._enable_actions()
        if self._walk is None:
            return
        region = self.region
        if region is None or self._walk.index is None:
            self._bar.show_end(len(self._walk), self._walk.judged_count)
            return
        name = self._session.editing.classes.name_of(region.value)
        self._bar.show_region(self._walk.index + 1, len(self._walk), name, region.mean_confidence)
        box, to_widget = region.box, self._canvas.widget_point
        corners = QRectF(to_widget(Point(box.x0, box.y0)), to_widget(Point(box.x1, box.y1)))
        self._bar.move_away_from(corners.toAlignedRect())

    def _confine_strokes(self, is_on: bool) -> None:
        self._focus.switch(is_on, self._picture.prediction)

    def _enable_actions(self) -> None:
        self._actions["leave_regions"].setEnabled(self._is_active)
        for key in ("previous_region", "region_right"):
            self._actions[key].setEnabled(self.region is not None)
        self._bar.class_button.setEnabled(self.region is not None)

    # Searching

    def _search(self) -> None:
        labels, prediction = self._picture.labels, self._picture.prediction
        if not self._is_active or labels is None:
            return
        if prediction is None or prediction.values.shape != labels.values.shape:
            self.leave()
            return
        if self._searching is not None:
            self._searching.cancel()
        self._searching = self._lane.submit(_search, labels.snapshot(), prediction, self._limit, self._walk)
        self._request.send(self._searching, partial(self._searched, self._walk, prediction))

    def _searched(
        self, base: RegionWalk | None, prediction: PredictedMask, result: tuple[Uncertainty, RegionWalk]
    ) -> None:
        if base is not self._walk or prediction is not self._picture.prediction:
            self.search_again()  # somebody has gone on meanwhile
            return
        self._found, walk = result
        self._bar.show_limit(self._percent, self._found.share_above(self._limit))
        self._show(walk)

    # Verdicts

    def _judge(self, value: int | None = None) -> None:
        """Make the region an edit: with this class, or (None) with the predicted one."""
        region, labels, prediction = self.region, self._picture.labels, self._picture.prediction
        if region is None or labels is None or prediction is None:
            return
        name = self._session.editing.classes.name_of(region.value if value is None else value)
        try:
            if value is None or value == region.value:
                request = accept_uncertain(labels, prediction, region, name)
            else:
                request = correct_uncertain(labels, region, value, name)
        except UserError as error:
            self.message.emit(str(error))
            return
        self._apply_edit(labels, request, partial(self._judged, region))

    def _judged(self, region: UncertainRegion, _edit: Edit | None) -> None:
        if self._walk is not None and self._walk.current is region:
            self._show(self._walk.judged())

    # The surer pixels

    @property
    def _limit(self) -> int:
        """Confidence, 0..255."""
        return math.ceil(self._percent * 255 / 100)

    def _restore_limit(self, text: str | None) -> None:
        if text is not None and text.isdecimal() and LOWEST <= int(text) <= HIGHEST:
            self._percent = int(text)
            self._bar.show_limit(self._percent, None)

    def _limit_changed(self, percent: int) -> None:
        """While the slider is dragged: the share comes from a histogram, the regions follow."""
        self._percent = percent
        self._bar.show_limit(percent, self._found.share_above(self._limit) if self._found else None)
        self._store_delay.start()
        self.search_again()

    def _step_limit(self, by: int) -> None:
        self._limit_changed(min(HIGHEST, max(LOWEST, self._percent + by)))
        self.message.emit(f"What is less than {self._percent} % sure is asked about.")

    def _store_limit(self) -> None:
        if not self._session.read_only_reason:
            self._session.set_fact(_FACT, str(self._percent))

    def _accept_confident(self) -> None:
        labels, prediction = self._picture.labels, self._picture.prediction
        if labels is None:
            return
        if prediction is None:
            self.message.emit(NO_PREDICTION)
            return
        try:
            request = accept_confident(labels, prediction, self._limit, self._percent)
        except UserError as error:
            self.message.emit(str(error))
            return
        self._apply_edit(labels, request, partial(self._surer_accepted, labels.values.size, self._percent))

    def _surer_accepted(self, pixels: int, percent: int, edit: Edit | None) -> None:
        if edit is None:
            self.message.emit(f"Nothing to accept: no pixel without a label is at least {percent} % sure.")
        else:
            share = percent_text(edit.pixels / pixels)
            self.message.emit(f"Accepted {share} of the picture: what is at least {percent} % sure.")


def _is_same_place(before: UncertainRegion, now: UncertainRegion) -> bool:
    """Whether it is the same region in another shape: under another prediction, or partly labelled."""
    return now.covers(*before.anchor) or before.covers(*now.anchor)


def _search(
    snapshot: LabelSnapshot, prediction: PredictedMask, limit: int, walk: RegionWalk | None
) -> tuple[Uncertainty, RegionWalk]:
    """On the lane: the regions now, and the walk over them."""
    found = find_uncertainty(prediction, snapshot, limit)
    return found, RegionWalk.over(found.regions) if walk is None else walk.updated(found, prediction)
