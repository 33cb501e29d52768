"""Controller of the Learn workspace: the open picture in the layer card, the network in use in its card."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from core.base.changes import Changes
from core.base.errors import MaskloopError
from core.base.geometry import Box
from core.base.settings import Settings
from core.images.tiled_pyramid import AnyPyramid
from core.models.spec import ModelSpec, default_spec
from core.models.summary_types import NetworkSummary
from core.project.records import RunRecord
from core.session.session import Session
from core.session.training.next_run import spec_of
from core.training.device_probe import likely_device
from desktop.canvas.canvas import Canvas
from desktop.controller import Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.learn.page import LearnPage


class LearnController(Controller):
    """Does nothing until the workspace is visible."""

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: LearnPage,
        canvas: Canvas,
        settings: Settings,
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._page = session, dispatcher, page
        self._canvas, self._settings = canvas, settings
        self._shown_pyramid: AnyPyramid | None = None
        self._has_sample = False
        self._requested: ModelSpec | None = None
        self._in_use: RunRecord | None = None
        self.connections.connect(page.shown, self._on_page_shown)
        self.connections.connect(canvas.picture_changed, self._on_picture_changed)

    def on_changes(self, changes: Changes) -> None:
        if (changes.runs or changes.classes) and self._is_visible():
            self._load_runs()

    def close(self) -> None:
        super().close()
        self._shown_pyramid = None
        if self._page.is_ready:
            self._page.network.set_waiting()

    def _is_visible(self) -> bool:
        return self._page.isVisible() and self._page.is_ready

    def _on_page_shown(self) -> None:
        self._show_picture()
        self._load_runs()

    def _on_picture_changed(self) -> None:
        if self._is_visible():
            self._show_picture()

    # The picture -----------------------------------------------------------------------------------

    def _show_picture(self) -> None:
        """Put the open picture in the layer card, a drawn one without; the same picture again keeps its patch."""
        pyramid = self._canvas.pyramid
        if pyramid is None:
            if not self._has_sample:
                from core.lessons.patch import practice_picture

                self._page.layer_card.set_picture(practice_picture())
            self._shown_pyramid, self._has_sample = None, True
        elif pyramid is not self._shown_pyramid:
            self._shown_pyramid, self._has_sample = pyramid, False
            self._page.layer_card.set_picture(coarsest_level(pyramid))

    # The network -----------------------------------------------------------------------------------

    def _load_runs(self) -> None:
        self._dispatcher.when_done(self._session.run_in_use(), self._set_in_use)
        self._dispatcher.when_done(self._session.runs(), self._on_runs)

    def _set_in_use(self, run: RunRecord | None) -> None:
        self._in_use = run

    def _on_runs(self, runs: list[RunRecord]) -> None:
        if self.is_closed or not self._is_visible():
            return
        spec, origin = self._spec(runs)
        if spec != self._requested:
            self._page.network.set_waiting()
            self._requested = spec
            self._dispatcher.when_done(
                self._session.network_summaries.request(spec),
                partial(self._on_summary, spec, origin),
                partial(self._on_summary_error, spec),
            )

    def _spec(self, runs: list[RunRecord]) -> tuple[ModelSpec, str]:
        """The network in use, of the newest run that can be read, or the default; and a sentence that says which."""
        for run in ([self._in_use] if self._in_use else []) + runs:
            try:
                return spec_of(run), f"The network of run {run.id}."
            except MaskloopError:
                continue
        values = self._session.editing.classes.values or (1, 2)
        kind = likely_device(self._settings.get("device"))
        return default_spec(kind, values), "The default network, as nothing has been trained yet."

    def _on_summary(self, spec: ModelSpec, origin: str, summary: NetworkSummary) -> None:
        if not self.is_closed and spec == self._requested:
            self._page.network.set_summary(summary, origin)

    def _on_summary_error(self, spec: ModelSpec, problem: MaskloopError) -> None:
        if not self.is_closed and spec == self._requested:
            self._requested = None  # opening the workspace again retries
            self._page.network.set_waiting(str(problem))


def coarsest_level(pyramid: AnyPyramid) -> NDArray[np.uint8]:
    """The smallest level of the pyramid, (h, w, 3) uint8 RGB: about the size of a network's input."""
    level = pyramid.level_count - 1
    width, height = pyramid.level_size(level)
    return pyramid.part(level, Box(0, 0, width, height)).copy()
