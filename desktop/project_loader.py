"""Opens a folder as a project: its first picture is on screen while everything else is still being loaded."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer

from core.base.errors import MaskloopError
from core.base.gc_freeze import freeze_gc, pause_gc
from core.base.lane import Lane
from core.base.settings import Settings
from core.session.access import Access
from core.session.loading.first_picture import FirstPicture, prefetch_first_picture
from desktop.canvas.canvas import Canvas
from desktop.dispatcher import LatestRequest, MainThreadDispatcher

if TYPE_CHECKING:
    from core.session.session import Session
    from core.session.training.training_state import TrainingPreferences

_PAINT_TIMEOUT_MS = 250
"""How long painting the first picture may take before the project is loaded all the same."""

_PROJECT_MODULES = ("core.session.session", "desktop.project_context")


class ProjectLoader(QObject):
    """Lives on the GUI thread; imports and opens on the `lane`. Of several folders only the newest is opened."""

    def __init__(
        self,
        canvas: Canvas,
        dispatcher: MainThreadDispatcher,
        lane: Lane,
        settings: Settings,
        on_unexpected_error: Callable[[BaseException], None],
    ) -> None:
        super().__init__()
        self._canvas, self._dispatcher, self._lane = canvas, dispatcher, lane
        self._settings, self._on_unexpected_error = settings, on_unexpected_error
        self._request = LatestRequest(dispatcher)
        self._next: Callable[[], None] | None = None
        self._paint_timeout = QTimer(self, singleShot=True, interval=_PAINT_TIMEOUT_MS)
        self._paint_timeout.timeout.connect(self._continue)
        # Queued: the import must not start before painting has ended.
        canvas.preview_painted.connect(self._continue, Qt.ConnectionType.QueuedConnection)

    def load(
        self,
        folder: Path,
        home: Path | None,
        first_picture: Future[FirstPicture | None] | None,
        on_opened: Callable[[Session], None],
        on_error: Callable[[MaskloopError], None],
        access: Access = Access.WRITE,
    ) -> None:
        """Open the project of a folder; `first_picture` when that is being read already."""
        self.cancel()  # a folder whose first picture is being painted must not go on

        def show(picture: FirstPicture | None) -> None:
            # The import takes half a second and holds the interpreter lock, so that painting would wait for it.
            self._next = lambda: import_modules(picture)
            if picture is None:
                self._continue()
            else:
                self._canvas.show_preview(picture.pyramid)
                self._paint_timeout.start()

        def import_modules(picture: FirstPicture | None) -> None:
            self._request.send(self._lane.submit(_import_project_modules), lambda _: open_session(picture))

        def open_session(picture: FirstPicture | None) -> None:
            from desktop.workspaces.train.controller import training_preferences

            is_latest = self._request.renew()
            preferences = training_preferences(self._settings)
            self._dispatcher.when_done(
                self._lane.submit(self._open_session, folder, home, preferences, picture, access),
                lambda session: on_opened(session) if is_latest() else session.close(),
                lambda problem: on_error(problem) if is_latest() else None,
            )

        self._request.send(first_picture or prefetch_first_picture(folder, home), show)

    def create_sample(
        self, folder: Path, on_created: Callable[[], None], on_error: Callable[[MaskloopError], None]
    ) -> None:
        """Create the sample project unless it exists; opening another folder stops that."""
        from core.session.sample_project import make_sample_project  # imports what only the sample needs

        self.cancel()
        is_latest = self._request.renew()

        def show_progress(done: int, of: int) -> None:
            text = f"Creating the sample pictures: {done} of {of}"
            self._dispatcher.post(lambda: self._canvas.clear(text) if is_latest() else None)

        future = self._lane.submit(
            make_sample_project, folder, progress=show_progress, should_stop=lambda: not is_latest()
        )
        self._dispatcher.when_done(
            future,
            lambda _none: on_created() if is_latest() else None,
            lambda problem: on_error(problem) if is_latest() else None,
        )

    def cancel(self) -> None:
        """Do not open what is being loaded."""
        self._request.cancel()
        self._next = None
        self._paint_timeout.stop()

    def _continue(self) -> None:
        """The first picture is painted, or there is none, or painting takes too long."""
        self._paint_timeout.stop()
        act, self._next = self._next, None
        if act is not None:
            act()

    def _open_session(
        self,
        folder: Path,
        home: Path | None,
        preferences: TrainingPreferences,
        picture: FirstPicture | None,
        access: Access,
    ) -> Session:
        """On the lane."""
        from core.session.session import Session

        with pause_gc():
            return Session.open(
                folder,
                home,
                self._dispatcher.dispatch,
                self._on_unexpected_error,
                preferences,
                picture,
                access,
            )


def _import_project_modules() -> None:
    """Import what an open project needs and the bare window does not.

    Only the first call freezes: later ones would freeze what is left of a project that was closed.
    """
    if not all(name in sys.modules for name in _PROJECT_MODULES):
        with freeze_gc():
            for name in _PROJECT_MODULES:
                importlib.import_module(name)
