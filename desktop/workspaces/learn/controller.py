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
from core.models.summary_types import Stages
from core.project.records import RunRecord
from core.session.session import Session
from core.session.training.next_run import spec_of
from core.training.device_probe import likely_device
from desktop.canvas.canvas import CanvasView
from desktop.connections import Wires
from desktop.dispatcher import Bridge
from desktop.workspaces.learn.page import LearnPage


class Teaching(QObject):
    """Lives on the GUI thread. Nothing is done before the workspace is in sight."""

    def __init__(
        self, session: Session, bridge: Bridge, page: LearnPage, canvas: CanvasView, settings: Settings
    ) -> None:
        super().__init__()
        self._session, self._bridge, self._page = session, bridge, page
        self._canvas, self._settings = canvas, settings
        self._left = False
        self._laid: AnyPyramid | None = None
        self._has_sample = False
        self._asked: ModelSpec | None = None
        self._wires = Wires()
        self._wires.join(page.shown, self._come)
        self._wires.join(canvas.picture_changed, self._look_again)

    def hear(self, changes: Changes) -> None:
        """Something changed: there may be a new run, with another network."""
        if (changes.runs or changes.classes) and self._in_sight():
            self._ask_runs()

    def leave(self) -> None:
        """The session ends, and its network is nobody's any more."""
        self._left = True
        self._laid = None
        self._wires.cut()
        if self._page.is_furnished:
            self._page.network.set_waiting()

    def _in_sight(self) -> bool:
        return self._page.isVisible() and self._page.is_furnished

    def _come(self) -> None:
        self._lay()
        self._ask_runs()

    def _look_again(self) -> None:
        if self._in_sight():
            self._lay()

    # The picture -----------------------------------------------------------------------------------

    def _lay(self) -> None:
        """Put the picture in hand on the bench; one that lies there already keeps its patch."""
        pyramid = self._canvas.pyramid
        if pyramid is None:
            if not self._has_sample:
                from core.lessons.patch import drawn

                self._page.bench.set_picture(drawn())
            self._laid, self._has_sample = None, True
        elif pyramid is not self._laid:
            self._laid, self._has_sample = pyramid, False
            self._page.bench.set_picture(small(pyramid))

    # The network -----------------------------------------------------------------------------------

    def _ask_runs(self) -> None:
        self._bridge.when_done(self._session.runs(), self._take_runs)

    def _take_runs(self, runs: list[RunRecord]) -> None:
        if self._left or not self._in_sight():
            return
        spec, origin = self._spec(runs)
        if spec != self._asked:
            self._page.network.set_waiting()
            self._asked = spec
            self._bridge.when_done(
                self._session.describing.ask(spec),
                partial(self._take_stages, spec, origin),
                partial(self._refused, spec),
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

    def _take_stages(self, spec: ModelSpec, origin: str, stages: Stages) -> None:
        if not self._left and spec == self._asked:
            self._page.network.set_stages(stages, origin)

    def _refused(self, spec: ModelSpec, problem: MaskloopError) -> None:
        if not self._left and spec == self._asked:
            self._asked = None  # coming back tries again
            self._page.network.set_waiting(str(problem))


def small(pyramid: AnyPyramid) -> NDArray[np.uint8]:
    """The picture at its coarsest, (h, w, 3) uint8: about the size at which a network looks at it."""
    level = pyramid.count - 1
    width, height = pyramid.level_size(level)
    return pyramid.part(level, Box(0, 0, width, height)).copy()
