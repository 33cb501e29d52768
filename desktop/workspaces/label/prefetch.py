"""Keeps the next picture ready, with its label and its first frame rendered, so that it is shown without waiting."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from core.labels.label_map import LabelMap
from core.session.loading.picture_loader import LoadedPicture, PictureLoader
from desktop.canvas.canvas import Canvas
from desktop.canvas.rendering.offscreen_frame import FrameRequest, RenderedFrame
from desktop.dispatcher import MainThreadDispatcher

_REREAD_DELAY_MS = 60
"""Changes come in bursts, from a training above all; the next picture is read again once they pause."""


@dataclass(frozen=True, slots=True)
class PrefetchedPicture:
    """A picture ready to be shown. `labels` belongs to the receiver."""

    loaded: LoadedPicture
    labels: LabelMap
    frame: RenderedFrame


class PicturePrefetcher(QObject):
    """Keeps one picture, and drops it when anything changes it, so that no outdated label is shown.

    Lives on the GUI thread. `outdated`: the picture taken last was changed by something that was still queued for the
    document then; it has to be read again.
    """

    outdated = Signal()

    def __init__(
        self,
        loader: PictureLoader,
        dispatcher: MainThreadDispatcher,
        canvas: Canvas,
        keep_view: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._loader, self._dispatcher, self._canvas = loader, dispatcher, canvas
        self._keep_view = keep_view
        self._picture_id: int | None = None
        self._future: Future[PrefetchedPicture | None] | None = None
        self._delay = QTimer(self, singleShot=True, interval=_REREAD_DELAY_MS)
        self._delay.timeout.connect(self._request)

    def prefetch(self, picture_id: int | None) -> None:
        """Make this picture ready instead of another one."""
        if picture_id != self._picture_id:
            self._discard()
            self._picture_id = picture_id
            self._request()

    def take(self, picture_id: int) -> PrefetchedPicture | None:
        """The picture, when it is ready and unchanged since. It is given away once."""
        ready = self._result() if picture_id == self._picture_id else None
        self._discard()
        if ready is None or not self._loader.is_current(ready.loaded):
            return None
        self._dispatcher.when_done(self._loader.confirm_current(ready.loaded), self._checked)
        return ready

    def discard_outdated(self) -> None:
        """Something changed: read the picture again if that concerns it."""
        ready = self._result()
        if ready is not None and not self._loader.is_current(ready.loaded):
            self._future = None
            self._delay.start()

    def close(self) -> None:
        """The project closes."""
        self._discard()

    def _discard(self) -> None:
        self._picture_id = self._future = None
        self._delay.stop()

    def _request(self) -> None:
        if self._picture_id is not None:
            prepare = partial(_prepare, self._canvas.frame_request(self._keep_view()))
            self._future = self._loader.prefetch(self._picture_id, prepare)

    def _result(self) -> PrefetchedPicture | None:
        """None while it is being read, and for a picture that cannot be prefetched."""
        if self._future is None or not self._future.done() or self._future.cancelled():
            return None
        return None if self._future.exception() else self._future.result()

    def _checked(self, is_current: bool) -> None:
        if not is_current:
            self.outdated.emit()


def _prepare(request: FrameRequest, loaded: LoadedPicture) -> PrefetchedPicture:
    """Runs on the reading lane: renders the picture as the canvas would."""
    labels = LabelMap(loaded.labels)
    return PrefetchedPicture(loaded, labels, request.render(loaded.pyramid, labels, loaded.prediction))
