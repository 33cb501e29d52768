"""From a folder to an open project: its first picture is on screen while all else is still being loaded."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer

from core.base.errors import MaskloopError
from core.base.gc_freeze import made_to_stay
from core.base.lane import Lane
from core.base.settings import Settings
from core.session.loading.first_picture import Glimpse, begin_glimpse
from desktop.canvas.canvas import CanvasView
from desktop.dispatcher import Bridge

if TYPE_CHECKING:
    from core.session.session import Session

_PATIENCE_MS = 250
"""How long the first picture may take to be painted before the rest begins all the same."""


class Arriving(QObject):
    """Lives on the GUI thread; loads and opens on the `lane`. Of several folders only the newest arrives."""

    def __init__(
        self,
        canvas: CanvasView,
        bridge: Bridge,
        lane: Lane,
        settings: Settings,
        on_mistake: Callable[[BaseException], None],
    ) -> None:
        super().__init__()
        self._canvas, self._bridge, self._lane = canvas, bridge, lane
        self._settings, self._on_mistake = settings, on_mistake
        self._asked = 0
        self._next: Callable[[], None] | None = None
        self._patience = QTimer(self, singleShot=True, interval=_PATIENCE_MS)
        self._patience.timeout.connect(self._go_on)
        # Queued: while the painting itself goes on, nothing else shall begin.
        canvas.glimpsed.connect(self._go_on, Qt.ConnectionType.QueuedConnection)

    def begin(
        self,
        folder: Path,
        home: Path | None,
        glimpse: Future[Glimpse | None] | None,
        then: Callable[[Session], None],
        otherwise: Callable[[MaskloopError], None],
    ) -> None:
        """Open the project of a folder; `glimpse` when its first picture is being read already."""
        self._asked += 1
        asked = self._asked

        def seen(picture: Glimpse | None) -> None:
            if asked != self._asked:
                return
            # What a project needs takes half a second to load, and Python does one thing at a time: picture first.
            self._next = lambda: self._when_done(self._lane.submit(_load), asked, lambda _: loaded(picture))
            if picture is None:
                self._go_on()
            else:
                self._canvas.show_glimpse(picture.pyramid)
                self._patience.start()

        def loaded(picture: Glimpse | None) -> None:
            from desktop.workspaces.train.controller import wishes_of

            wishes = wishes_of(self._settings)
            arrived = self._lane.submit(
                _open, folder, home, self._bridge.tell, self._on_mistake, wishes, picture
            )
            self._bridge.when_done(
                arrived,
                lambda session: then(session) if asked == self._asked else session.close(),
                lambda problem: otherwise(problem) if asked == self._asked else None,
            )

        self._bridge.when_done(glimpse or begin_glimpse(folder, home), seen)

    def draw_sample(
        self, folder: Path, then: Callable[[], None], otherwise: Callable[[MaskloopError], None]
    ) -> None:
        """Make the sample project if need be; whatever is asked for meanwhile stops it."""
        from core.session.sample_project import make_sample_project  # draws with much that nothing else needs

        self.leave()
        asked = self._asked

        def is_wanted() -> bool:
            return asked == self._asked

        def drawn(done: int, of: int) -> None:
            words = f"Drawing the sample pictures: {done} of {of}"
            self._bridge.post(lambda: self._canvas.clear(words) if is_wanted() else None)

        self._bridge.when_done(
            self._lane.submit(
                make_sample_project, folder, progress=drawn, should_stop=lambda: not is_wanted()
            ),
            lambda _none: then() if is_wanted() else None,
            lambda problem: otherwise(problem) if is_wanted() else None,
        )

    def leave(self) -> None:
        """Nothing that is on its way is wanted any more."""
        self._asked += 1
        self._next = None
        self._patience.stop()

    def _when_done(self, future: Future[None], asked: int, act: Callable[[None], None]) -> None:
        self._bridge.when_done(future, lambda done: act(done) if asked == self._asked else None)

    def _go_on(self) -> None:
        """The picture is on screen, or does not come: now the rest."""
        self._patience.stop()
        following, self._next = self._next, None
        if following is not None:
            following()


def _load() -> None:
    """All that an open project needs and the bare window does not."""
    with made_to_stay():
        importlib.import_module("core.session.session")
        importlib.import_module("desktop.project_context")


def _open(*asked: Any) -> Session:
    """The project; its hundred thousand records stay as long as it is open."""
    from core.session.session import Session

    with made_to_stay():
        return Session.open(*asked)
