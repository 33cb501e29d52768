"""The shape that another thread is still painting: its preview, and what has to wait until the label is free."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QColor

from core.labels.deferred_edit import DeferredEdit
from core.tools.tool import MaskPreview, OutlinePreview

OnDone = Callable[[DeferredEdit], object]


class PendingEdit:
    """Holds at most one deferred edit. Lives on the GUI thread.

    While there is one, the label belongs to it: whatever else would change the label first calls `finish_now`.
    """

    def __init__(
        self,
        on_change: Callable[[], None],
        request: Callable[[DeferredEdit | None], object],
        on_finished: OnDone,
    ) -> None:
        """on_change: the preview is another; request: run this edit on another thread, None: no edit any more;
        on_finished: take over what the edit changed."""
        self._on_change, self._request, self._on_finished = on_change, request, on_finished
        self._deferred: DeferredEdit | None = None
        self._on_done: OnDone | None = None
        self._is_cancellable = False
        self._callbacks: list[Callable[[], object]] = []
        self.outline: OutlinePreview | None = None
        self.preview: MaskPreview | None = None
        self.colour = QColor()
        """Of outline and preview: the active class may change meanwhile."""

    def start(
        self,
        deferred: DeferredEdit,
        outline: OutlinePreview | None = None,
        preview: MaskPreview | None = None,
        colour: QColor | None = None,
        on_done: OnDone | None = None,
    ) -> None:
        """Show a preview of the edit and have it run on another thread. `on_done` is called once it is over and handed
        over, also when Esc has discarded it."""
        self._deferred, self._on_done, self._is_cancellable = deferred, on_done, True
        self.outline, self.preview, self.colour = outline, preview, colour or QColor()
        self._on_change()
        self._request(deferred)

    @property
    def is_cancellable(self) -> bool:
        """Whether there is an edit that Esc would discard."""
        return self._is_cancellable

    def run_when_free(self, callback: Callable[[], object]) -> bool:
        """Call back once the label is free. False, and the callback is not called, when it is free already."""
        if self._deferred is not None:
            self._callbacks.append(callback)
        return self._deferred is not None

    def finish_now(self) -> None:
        """Run the edit on this thread, if there is one: it is handed over before this returns."""
        while self._deferred is not None:  # a callback may start another
            self._deferred.run()
            self._end(self._deferred)

    def finish(self, deferred: DeferredEdit) -> None:
        """Another thread has run the edit; nothing happens when that was noticed already."""
        if deferred is self._deferred:
            self._end(deferred)

    def cancel(self) -> bool:
        """Discard the edit: the label stays as it was. False when there is nothing to discard.

        Until the other thread has noticed, the label still belongs to the edit.
        """
        deferred = self._deferred
        if deferred is None or not self._is_cancellable:
            return False
        self._hide()
        self._request(None)
        deferred.cancel()
        if deferred.is_done:
            self._end(deferred)
        return True

    def _hide(self) -> None:
        self._is_cancellable, self.outline, self.preview = False, None, None
        self._on_change()

    def _end(self, deferred: DeferredEdit) -> None:
        """Raises what went wrong in the edit, after everybody has been told that it is over."""
        was_cancellable, on_done = self._is_cancellable, self._on_done
        self._deferred = self._on_done = None
        self._hide()
        self._on_finished(deferred)
        if was_cancellable:
            self._request(None)
        if on_done is not None:
            on_done(deferred)
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
        if deferred.error is not None:
            raise deferred.error
