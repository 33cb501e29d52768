"""The picture that comes next lies ready, with its label and as it will look: going on need not wait for anything."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from core.labels.label_map import LabelMap
from core.session.loading.picture_loader import LoadedPicture
from core.session.session import Session
from desktop.canvas.canvas import Canvas
from desktop.canvas.rendering.offscreen_frame import FrameRequest, RenderedFrame
from desktop.dispatcher import MainThreadDispatcher

_REREAD_DELAY_MS = 60
"""After a change the next picture is read anew; changes come in bursts, from a training above all."""


@dataclass(frozen=True, slots=True)
class PrefetchedPicture:
    """A picture ready to be shown; its label is the receiver's own."""

    loaded: LoadedPicture
    labels: LabelMap
    frame: RenderedFrame


class PicturePrefetcher(QObject):
    """Keeps one picture. Whatever changes it lets go of it, so that no label is shown that is out of date.

    Lives on the GUI thread. `outdated`: what was taken last has been changed by something that was still on its way
    to the document; it is to be read again.
    """

    outdated = Signal()

    def __init__(
        self, session: Session, bridge: MainThreadDispatcher, canvas: Canvas, keep_view: Callable[[], bool]
    ) -> None:
        super().__init__()
        self._loader, self._bridge, self._canvas = session.loader, bridge, canvas
        self._keep_view = keep_view
        self._picture_id: int | None = None
        self._future: Future[PrefetchedPicture | None] | None = None
        self._delay = QTimer(self, singleShot=True, interval=_REREAD_DELAY_MS)
        self._delay.timeout.connect(self._request)

    def prefetch(self, picture_id: int | None) -> None:
        """This one will be asked for next; what lay ready of another is let go."""
        if picture_id != self._picture_id:
            self._discard()
            self._picture_id = picture_id
            self._request()

    def take(self, picture_id: int) -> PrefetchedPicture | None:
        """The picture, if it lies ready and nothing of it was changed meanwhile; it is given away once."""
        ready = self._result() if picture_id == self._picture_id else None
        self._discard()
        if ready is None or not self._loader.is_current(ready.loaded):
            return None
        self._bridge.when_done(self._loader.confirm_current(ready.loaded), self._checked)
        return ready

    def discard_outdated(self) -> None:
        """Something was changed: perhaps also what lies ready."""
        ready = self._result()
        if ready is not None and not self._loader.is_current(ready.loaded):
            self._future = None
            self._delay.start()

    def close(self) -> None:
        """The session ends."""
        self._discard()

    def _discard(self) -> None:
        self._picture_id = self._future = None
        self._delay.stop()

    def _request(self) -> None:
        if self._picture_id is not None:
            prepare = partial(_prepare, self._canvas.frame_request(self._keep_view()))
            self._future = self._loader.prefetch(self._picture_id, prepare)

    def _result(self) -> PrefetchedPicture | None:
        """What lies ready; None while it is on its way, and of a picture that is not read ahead."""
        if self._future is None or not self._future.done() or self._future.cancelled():
            return None
        return None if self._future.exception() else self._future.result()

    def _checked(self, is_current: bool) -> None:
        if not is_current:
            self.outdated.emit()


def _prepare(draft: FrameRequest, opened: LoadedPicture) -> PrefetchedPicture:
    """Reading lane: the picture as the canvas would show it."""
    labels = LabelMap(opened.labels)
    return PrefetchedPicture(opened, labels, draft.render(opened.pyramid, labels, opened.prediction))
