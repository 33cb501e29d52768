"""From a folder to an open project: its first picture is on screen while all else is still being loaded."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer

from core.base.errors import MaskloopError
from core.base.gc_freeze import freeze_gc
from core.base.lane import Lane
from core.base.settings import Settings
from core.session.loading.first_picture import FirstPicture, prefetch_first_picture
from desktop.canvas.canvas import Canvas
from desktop.dispatcher import MainThreadDispatcher

if TYPE_CHECKING:
    from core.session.session import Session

_PAINT_TIMEOUT_MS = 250
"""How long the first picture may take to be painted before the rest begins all the same."""


class ProjectLoader(QObject):
    """Lives on the GUI thread; loads and opens on the `lane`. Of several folders only the newest arrives."""

    def __init__(
        self,
        canvas: Canvas,
        bridge: MainThreadDispatcher,
        lane: Lane,
        settings: Settings,
        on_mistake: Callable[[BaseException], None],
    ) -> None:
        super().__init__()
        self._canvas, self._bridge, self._lane = canvas, bridge, lane
        self._settings, self._on_mistake = settings, on_mistake
        self._request = 0
        self._next: Callable[[], None] | None = None
        self._paint_timeout = QTimer(self, singleShot=True, interval=_PAINT_TIMEOUT_MS)
        self._paint_timeout.timeout.connect(self._continue)
        # Queued: while the painting itself goes on, nothing else shall begin.
        canvas.preview_painted.connect(self._continue, Qt.ConnectionType.QueuedConnection)

    def load(
        self,
        folder: Path,
        home: Path | None,
        first_picture: Future[FirstPicture | None] | None,
        on_opened: Callable[[Session], None],
        on_error: Callable[[MaskloopError], None],
    ) -> None:
        """Open the project of a folder; `glimpse` when its first picture is being read already."""
        self._request += 1
        asked = self._request

        def seen(picture: FirstPicture | None) -> None:
            if asked != self._request:
                return
            # What a project needs takes half a second to load, and Python does one thing at a time: picture first.
            self._next = lambda: self._when_done(
                self._lane.submit(_import_project_modules), asked, lambda _: loaded(picture)
            )
            if picture is None:
                self._continue()
            else:
                self._canvas.show_preview(picture.pyramid)
                self._paint_timeout.start()

        def loaded(picture: FirstPicture | None) -> None:
            from desktop.workspaces.train.controller import training_preferences

            wishes = training_preferences(self._settings)
            arrived = self._lane.submit(
                _open_session, folder, home, self._bridge.dispatch, self._on_mistake, wishes, picture
            )
            self._bridge.when_done(
                arrived,
                lambda session: on_opened(session) if asked == self._request else session.close(),
                lambda problem: on_error(problem) if asked == self._request else None,
            )

        self._bridge.when_done(first_picture or prefetch_first_picture(folder, home), seen)

    def create_sample(
        self, folder: Path, on_created: Callable[[], None], on_error: Callable[[MaskloopError], None]
    ) -> None:
        """Make the sample project if need be; whatever is asked for meanwhile stops it."""
        from core.session.sample_project import make_sample_project  # draws with much that nothing else needs

        self.cancel()
        asked = self._request

        def is_wanted() -> bool:
            return asked == self._request

        def drawn(done: int, of: int) -> None:
            words = f"Drawing the sample pictures: {done} of {of}"
            self._bridge.post(lambda: self._canvas.clear(words) if is_wanted() else None)

        self._bridge.when_done(
            self._lane.submit(
                make_sample_project, folder, progress=drawn, should_stop=lambda: not is_wanted()
            ),
            lambda _none: on_created() if is_wanted() else None,
            lambda problem: on_error(problem) if is_wanted() else None,
        )

    def cancel(self) -> None:
        """Nothing that is on its way is wanted any more."""
        self._request += 1
        self._next = None
        self._paint_timeout.stop()

    def _when_done(self, future: Future[None], asked: int, act: Callable[[None], None]) -> None:
        self._bridge.when_done(future, lambda done: act(done) if asked == self._request else None)

    def _continue(self) -> None:
        """The picture is on screen, or does not come: now the rest."""
        self._paint_timeout.stop()
        following, self._next = self._next, None
        if following is not None:
            following()


def _import_project_modules() -> None:
    """All that an open project needs and the bare window does not."""
    with freeze_gc():
        importlib.import_module("core.session.session")
        importlib.import_module("desktop.project_context")


def _open_session(*asked: Any) -> Session:
    """The project; its hundred thousand records stay as long as it is open."""
    from core.session.session import Session

    with freeze_gc():
        return Session.open(*asked)
