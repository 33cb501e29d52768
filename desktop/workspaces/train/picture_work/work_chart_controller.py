"""Reads the work log for its chart in the Train workspace, and remembers what was chosen there."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal

from core.base.changes import Changes
from core.evaluation.picture_work.work_overview import WorkOverview
from core.session.session import Session
from desktop.controller import Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.timers import start_if_idle
from desktop.workspaces.train.picture_work.work_view import WorkView

FACT = "work_chart"
REFRESH_MS = 1000
"""Scores come in bursts while a network is trained; the forecast is computed at most this often."""


class WorkChartController(Controller):
    """Nothing is read while the chart is hidden. `picture_requested` carries the id of a picture to open."""

    picture_requested = Signal(int)

    def __init__(self, session: Session, dispatcher: MainThreadDispatcher, view: WorkView) -> None:
        super().__init__()
        self._session, self._dispatcher, self._view = session, dispatcher, view
        self._request = LatestRequest(dispatcher)
        self._is_stale = True
        self._timer = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._timer.timeout.connect(self._load_if_visible)
        self.connections.connect(view.shown, self._load_if_stale)
        self.connections.connect(view.choices_changed, self._store)
        self.connections.connect(view.picture_requested, self.picture_requested.emit)

    def start(self) -> None:
        self._dispatcher.when_done(self._session.fact(FACT), self._restore)
        self._load_if_visible()

    def close(self) -> None:
        super().close()
        self._timer.stop()
        self._request.cancel()
        self._view.set_overview(None)

    def on_changes(self, changes: Changes) -> None:
        if changes.work or changes.measurements or changes.classes or changes.picture_list:
            self._is_stale = True
            start_if_idle(self._timer)

    def _load_if_stale(self) -> None:
        if self._is_stale:
            self._load_if_visible()

    def _load_if_visible(self) -> None:
        self._is_stale = not self._view.isVisible()
        if not self._is_stale:
            self._request.send(self._session.work_log.overview(), self._show)

    def _show(self, overview: WorkOverview) -> None:
        if not self.is_closed:
            self._view.set_overview(overview)

    def _restore(self, text: str | None) -> None:
        measure, _, axis = (text or "").partition(" ")
        if not self.is_closed and text:
            self._view.set_choices(measure, axis)

    def _store(self) -> None:
        if not self._session.read_only_reason:
            self._session.set_fact(FACT, " ".join(self._view.choices))
