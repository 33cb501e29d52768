"""Brings the Learn workspace to life: the picture in hand on the bench, the network of the newest run in its card."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

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
from desktop.connections import ConnectionGroup
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.learn.page import LearnPage


class LearnController(QObject):
    """Lives on the GUI thread. Nothing is done before the workspace is in sight."""

    def __init__(
        self,
        session: Session,
        bridge: MainThreadDispatcher,
        page: LearnPage,
        canvas: Canvas,
        settings: Settings,
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._page = session, bridge, page
        self._canvas, self._settings = canvas, settings
        self._closed = False
        self._shown_pyramid: AnyPyramid | None = None
        self._has_sample = False
        self._requested: ModelSpec | None = None
        self._wires = ConnectionGroup()
        self._wires.connect(page.shown, self._on_page_shown)
        self._wires.connect(canvas.picture_changed, self._on_picture_changed)

    def on_changes(self, changes: Changes) -> None:
        """Something changed: there may be a new run, with another network."""
        if (changes.runs or changes.classes) and self._is_visible():
            self._load_runs()

    def close(self) -> None:
        """The session ends, and its network is nobody's any more."""
        self._closed = True
        self._shown_pyramid = None
        self._wires.disconnect_all()
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
        """Put the picture in hand on the bench; one that lies there already keeps its patch."""
        pyramid = self._canvas.pyramid
        if pyramid is None:
            if not self._has_sample:
                from core.lessons.patch import practice_picture

                self._page.bench.set_picture(practice_picture())
            self._shown_pyramid, self._has_sample = None, True
        elif pyramid is not self._shown_pyramid:
            self._shown_pyramid, self._has_sample = pyramid, False
            self._page.bench.set_picture(coarsest_level(pyramid))

    # The network -----------------------------------------------------------------------------------

    def _load_runs(self) -> None:
        self._bridge.when_done(self._session.runs(), self._on_runs)

    def _on_runs(self, runs: list[RunRecord]) -> None:
        if self._closed or not self._is_visible():
            return
        spec, origin = self._spec(runs)
        if spec != self._requested:
            self._page.network.set_waiting()
            self._requested = spec
            self._bridge.when_done(
                self._session.network_summaries.request(spec),
                partial(self._on_summary, spec, origin),
                partial(self._on_summary_error, spec),
            )

    def _spec(self, runs: list[RunRecord]) -> tuple[ModelSpec, str]:
        """The network of the newest run that can be read, else the usual one, and words about where it is from."""
        for run in runs:
            try:
                return spec_of(run), f"that of run {run.id}"
            except MaskloopError:
                continue
        values = self._session.editing.classes.values or (1, 2)
        kind = likely_device(self._settings.get("device"))
        return default_spec(kind, values), "the usual one, as nothing has been trained yet"

    def _on_summary(self, spec: ModelSpec, origin: str, stages: NetworkSummary) -> None:
        if not self._closed and spec == self._requested:
            self._page.network.set_stages(stages, origin)

    def _on_summary_error(self, spec: ModelSpec, problem: MaskloopError) -> None:
        if not self._closed and spec == self._requested:
            self._requested = None  # coming back tries again
            self._page.network.set_waiting(str(problem))


def coarsest_level(pyramid: AnyPyramid) -> NDArray[np.uint8]:
    """The picture at its coarsest, (h, w, 3) uint8: about the size at which a network looks at it."""
    level = pyramid.level_count - 1
    width, height = pyramid.level_size(level)
    return pyramid.part(level, Box(0, 0, width, height)).copy()
