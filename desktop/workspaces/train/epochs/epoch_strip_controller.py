"""Shows what runs predicted at each of their checkpoints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.evaluation.run_summary import RunSummary
from core.session.models.epoch_strips import LABEL, StripHistory
from core.session.session import Session
from desktop.controller import Actions, Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.theme.theme import Theme
from desktop.timers import start_if_idle
from desktop.workspaces.train.epochs.epoch_strip_view import (
    DEFAULT_PICTURES,
    MAX_PICTURES,
    NO_STRIP,
    NOTHING,
    EpochStripView,
)
from desktop.workspaces.train.epochs.strip_moments import checkpoint_at, spread
from desktop.workspaces.train.page import TrainPage
from desktop.workspaces.train.runs.run_titles import left_out_text, runs_with_weights

CHOSEN_FACT = "strip_pictures"
"""Name of the fact with the ids of the pictures chosen by hand, a JSON list."""
LOAD_MS = 15
"""While the slider is dragged, frames are asked for once in this time."""
RELOAD_MS = 1000
MAX_FRAMES = 400

Frame = tuple[int, int, int]
"""Run or LABEL, step, picture."""


class EpochStripController(Controller):
    """The view is made when it is first needed, and lives as long as the project is open."""

    def __init__(
        self, session: Session, dispatcher: MainThreadDispatcher, page: TrainPage, theme: Theme
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._page, self._theme = session, dispatcher, page, theme
        self.view: EpochStripView | None = None
        self._runs: Sequence[RunSummary] = ()
        self._histories: dict[int, StripHistory] = {}
        self._chosen: list[int] | None = None
        self._frames: dict[Frame, NDArray[np.uint8] | None] = {}
        self._asked: set[Frame] = set()
        self._request = LatestRequest(dispatcher)
        self._load_timer = QTimer(self, singleShot=True, interval=LOAD_MS)
        self._load_timer.timeout.connect(self._load_frames)
        self._reload_timer = QTimer(self, singleShot=True, interval=RELOAD_MS)
        self._reload_timer.timeout.connect(self._reload)
        self.connections.connect(page.strip_requested, self.open)

    def actions(self) -> Actions:
        return {"epoch_strip": self._page.strip.click}

    def close(self) -> None:
        super().close()
        self._request.cancel()
        self._load_timer.stop()
        self._reload_timer.stop()
        if self.view is not None:
            self._page.close_part(self.view)
            self.view.deleteLater()
            self.view = None

    def on_changes(self, changes: Changes) -> None:
        if self.view is None:
            return
        if changes.labels or changes.classes:
            self._frames = {} if changes.classes else {f: a for f, a in self._frames.items() if f[0] != LABEL}
        if changes.runs or changes.measurements or changes.labels or changes.classes:
            start_if_idle(self._reload_timer)

    def set_runs(self, runs: Sequence[RunSummary]) -> None:
        """All runs, of which those with weights and stored predictions are offered."""
        self._runs = runs

    def open(self, run: int) -> None:
        """Show the strip of a run."""
        view = self.view = self.view or self._new_view()
        self._page.show_part(view)
        if self._chosen is None:
            self._dispatcher.when_done(self._session.fact(CHOSEN_FACT), self._set_chosen)
        self._list_runs(run)

    def _new_view(self) -> EpochStripView:
        view = EpochStripView(self._theme)
        view.closed.connect(lambda: self._page.close_part(view))
        view.run_changed.connect(self._load_histories)
        view.changed.connect(partial(start_if_idle, self._load_timer))
        view.pictures_chosen.connect(self._choose)
        return view

    def _set_chosen(self, text: str | None) -> None:
        try:
            found = json.loads(text or "[]")
        except (ValueError, RecursionError):
            found = []
        self._chosen = [each for each in found if isinstance(each, int)] if isinstance(found, list) else []
        self._show()

    def _choose(self, chosen: list[int]) -> None:
        self._chosen = chosen[:MAX_PICTURES]
        if not self._session.read_only_reason:
            self._session.set_fact(CHOSEN_FACT, json.dumps(self._chosen))
        self._show()

    def _reload(self) -> None:
        if self.view is not None and self.view.isVisible():
            self._list_runs(None)

    def _list_runs(self, run: int | None) -> None:
        """Read which runs have a strip; `run`: the one to show, None for that shown now."""

        def listed(numbers: list[int]) -> None:
            if self.view is None:
                return
            offered = [each for each in runs_with_weights(self._runs) if each[0] in numbers]
            self.view.set_runs(offered, left_out_text(self._runs))
            if run is not None:
                self.view.choose_run(run)
                self.view.message.setText(NO_STRIP if run not in numbers else "")
            self._load_histories(expected=run)

        self._dispatcher.when_done(self._session.epoch_strips.runs(), listed)

    def _load_histories(self, *, expected: int | None = None) -> None:
        """Of both sides. expected: a run without a strip shows none of another."""
        view = self.view
        if view is None:
            return
        if expected is not None and view.sides[0] != expected:
            view.set_histories([], [])
            return
        wanted = [number for number in view.sides if number > LABEL]
        is_latest = self._request.renew()
        found: dict[int, StripHistory] = {}

        def arrived(history: StripHistory) -> None:
            found[history.run_id] = history
            if is_latest() and len(found) == len(set(wanted)):
                self._histories = found
                self._show()

        for number in set(wanted):
            self._dispatcher.when_done(self._session.epoch_strips.history(number), arrived)

    def _show(self) -> None:
        view = self.view
        if view is None or view.sides[0] not in self._histories:
            return
        histories = [
            self._histories[number] for number in dict.fromkeys(view.sides) if number in self._histories
        ]
        known = list(histories[0].pictures)
        chosen = [number for number in self._chosen or () if number in known] or spread(
            known, DEFAULT_PICTURES
        )
        view.set_histories(histories, chosen)

    def _wanted(self) -> list[tuple[int, Frame]]:
        """Side and frame of everything that is to be seen now."""
        view = self.view
        if view is None:
            return []
        wanted: list[tuple[int, Frame]] = []
        for side, run in enumerate(view.sides):
            if run == LABEL:
                wanted += [(side, (LABEL, 0, number)) for number in view.tiles]
            elif run != NOTHING and run in self._histories:
                found = checkpoint_at(self._histories[run], view.seconds)
                if found is not None:
                    wanted += [(side, (run, found[1].step, number)) for number in view.tiles]
        return wanted

    def _load_frames(self) -> None:
        """Show the frames that are there, and ask for the others; the ones before stay meanwhile."""
        view = self.view
        if view is None:
            return
        palette = self._session.editing.classes.palette()
        for side, frame in self._wanted():
            if frame in self._frames:
                view.tiles[frame[2]].set_side(side, self._frames[frame])
            elif frame not in self._asked:
                self._asked.add(frame)
                self._dispatcher.when_done(
                    self._session.epoch_strips.frame(*frame, palette),
                    partial(self._on_frame, frame),
                    partial(self._on_missing, frame),
                )

    def _on_missing(self, frame: Frame, _problem: MaskloopError) -> None:
        self._on_frame(frame, None)

    def _on_frame(self, frame: Frame, pixels: NDArray[np.uint8] | None) -> None:
        self._asked.discard(frame)
        if len(self._frames) >= MAX_FRAMES:
            self._frames.clear()
        self._frames[frame] = pixels
        if self.view is not None:
            for side, wanted in self._wanted():
                if wanted == frame:
                    self.view.tiles[frame[2]].set_side(side, pixels)
