"""The picture that comes next lies ready, with its label and as it will look: going on need not wait for anything."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from core.labels.label_map import LabelMap
from core.session.loading.picture_loader import OpenedPicture
from core.session.session import Session
from desktop.canvas.canvas import CanvasView
from desktop.canvas.rendering.offscreen_frame import Draft, Drawn
from desktop.dispatcher import Bridge

_AGAIN_MS = 60
"""After a change the next picture is read anew; changes come in bursts, from a training above all."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A picture ready to be shown; its label is the receiver's own."""

    opened: OpenedPicture
    labels: LabelMap
    drawn: Drawn


class Foreseeing(QObject):
    """Keeps one picture. Whatever changes it lets go of it, so that no label is shown that is out of date.

    Lives on the GUI thread. `outdated`: what was taken last has been changed by something that was still on its way
    to the document; it is to be read again.
    """

    outdated = Signal()

    def __init__(
        self, session: Session, bridge: Bridge, canvas: CanvasView, keep_view: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._opening, self._bridge, self._canvas = session.opening, bridge, canvas
        self._keep_view = keep_view
        self._expected: int | None = None
        self._coming: Future[Foreseen | None] | None = None
        self._again = QTimer(self, singleShot=True, interval=_AGAIN_MS)
        self._again.timeout.connect(self._ask)

    def expect(self, picture_id: int | None) -> None:
        """This one will be asked for next; what lay ready of another is let go."""
        if picture_id != self._expected:
            self._let_go()
            self._expected = picture_id
            self._ask()

    def take(self, picture_id: int) -> Foreseen | None:
        """The picture, if it lies ready and nothing of it was changed meanwhile; it is given away once."""
        ready = self._ready() if picture_id == self._expected else None
        self._let_go()
        if ready is None or not self._opening.is_current(ready.opened):
            return None
        self._bridge.when_done(self._opening.confirm(ready.opened), self._confirmed)
        return ready

    def look_again(self) -> None:
        """Something was changed: perhaps also what lies ready."""
        ready = self._ready()
        if ready is not None and not self._opening.is_current(ready.opened):
            self._coming = None
            self._again.start()

    def leave(self) -> None:
        """The session ends."""
        self._let_go()

    def _let_go(self) -> None:
        self._expected = self._coming = None
        self._again.stop()

    def _ask(self) -> None:
        if self._expected is not None:
            prepare = partial(_prepared, self._canvas.draft(self._keep_view()))
            self._coming = self._opening.foresee(self._expected, prepare)

    def _ready(self) -> Foreseen | None:
        """What lies ready; None while it is on its way, and of a picture that is not read ahead."""
        if self._coming is None or not self._coming.done() or self._coming.cancelled():
            return None
        return None if self._coming.exception() else self._coming.result()

    def _confirmed(self, holds: bool) -> None:
        if not holds:
            self.outdated.emit()


def _prepared(draft: Draft, opened: OpenedPicture) -> Foreseen:
    """Reading lane: the picture as the canvas would show it."""
    labels = LabelMap(opened.labels)
    return Foreseen(opened, labels, draft.draw(opened.pyramid, labels, opened.prediction))
