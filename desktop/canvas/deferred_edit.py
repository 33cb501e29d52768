"""What was drawn and is not painted yet: shown until it is, and finished before anything else may change the label."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QPainter

from core.labels.deferred_edit import DeferredEdit
from core.tools.tool import MaskPreview, OutlinePreview
from desktop.canvas.overlays import outlines
from desktop.canvas.overlays.mask_preview import MaskPreviewPainter
from desktop.canvas.viewport import Viewport

if TYPE_CHECKING:
    from desktop.canvas.canvas import Canvas

OnDone = Callable[[DeferredEdit], object]


class DeferredEditView:
    """Holds at most one painting. Lives on the GUI thread."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._deferred: DeferredEdit | None = None
        self._on_done: OnDone | None = None
        self._is_cancellable = False
        self._callbacks: list[Callable[[], object]] = []
        self._outline: OutlinePreview | None = None
        self._preview: MaskPreview | None = None
        self._colour = QColor()
        self._preview_painter = MaskPreviewPainter()

    def start(
        self,
        deferred: DeferredEdit,
        outline: OutlinePreview | None = None,
        preview: MaskPreview | None = None,
        on_done: OnDone | None = None,
    ) -> None:
        """Show what was drawn and have it painted. `then` is called once it is over, after its edit was handed over,
        also when Esc has thrown it away."""
        self._deferred, self._on_done, self._is_cancellable = deferred, on_done, True
        self._outline, self._preview = outline, preview
        self._colour = self._canvas.colour_of(preview)  # another class may come into the hand meanwhile
        self._canvas.update_overlays()
        self._canvas.deferred_edit_requested.emit(deferred)

    @property
    def is_cancellable(self) -> bool:
        """Whether there is something that Esc would throw away."""
        return self._is_cancellable

    def run_when_free(self, callback: Callable[[], object]) -> bool:
        """Have something done once the label is free. False, and it is not done, when it is free already."""
        if self._deferred is not None:
            self._callbacks.append(callback)
        return self._deferred is not None

    def finish_now(self) -> None:
        """Have it painted now, if there is anything: the edit is handed over before this returns."""
        while self._deferred is not None:  # what waited for it may begin another
            self._deferred.run()
            self._end(self._deferred)

    def finish(self, deferred: DeferredEdit) -> None:
        """Another thread has carried it out; nothing happens when that was seen already."""
        if deferred is self._deferred:
            self._end(deferred)

    def cancel(self) -> bool:
        """Esc: the label shall be as it was. False when there is nothing to throw away.

        Until the other thread has seen that, the label stays lent.
        """
        painting = self._deferred
        if painting is None or not self._is_cancellable:
            return False
        self._hide()
        self._canvas.deferred_edit_requested.emit(None)
        painting.cancel()
        if painting.is_done:
            self._end(painting)
        return True

    # What is seen

    def draw(self, painter: QPainter, view: Viewport) -> None:
        if self._preview is not None:
            self._preview_painter.draw(
                painter, self._preview, view, self._canvas.devicePixelRatioF(), self._colour
            )
        if self._outline is not None:
            outlines.draw_outline(painter, self._outline, self._canvas.widget_point, self._colour)

    def areas(self) -> list[QRect]:
        """The widget pixels that `draw` touches."""
        place = self._canvas.widget_point
        return [
            outlines.outline_area(self._outline, place),
            outlines.frame_area(self._preview.box if self._preview else None, place),
        ]

    # Steps of the above

    def _hide(self) -> None:
        self._is_cancellable, self._outline, self._preview = False, None, None
        self._preview_painter.clear()
        self._canvas.update_overlays()

    def _end(self, deferred: DeferredEdit) -> None:
        was_wanted, then = self._is_cancellable, self._on_done
        self._deferred = self._on_done = None
        self._hide()
        self._canvas.finish_deferred_edit(deferred)
        if was_wanted:
            self._canvas.deferred_edit_requested.emit(None)
        if then is not None:
            then(deferred)
        late, self._callbacks = self._callbacks, []
        for act in late:
            act()
        if deferred.error is not None:
            raise deferred.error
