"""Opens a picture at a place, which is framed until another picture is shown."""

from __future__ import annotations

from PySide6.QtCore import Signal

from core.base.geometry import Box
from desktop.canvas.canvas import Canvas
from desktop.controller import Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture

FRAME_MARGIN = 4
"""Image pixels around the place that is framed."""


class PlaceOpener(Controller):
    """Lives on the GUI thread. `picture_requested` carries the id of the picture to show in the Label workspace."""

    picture_requested = Signal(int)

    def __init__(self, dispatcher: MainThreadDispatcher, canvas: Canvas, picture: ActivePicture) -> None:
        super().__init__()
        self._dispatcher, self._canvas, self._picture = dispatcher, canvas, picture
        self._wanted: tuple[int, Box] | None = None
        self._is_framed = False
        self.connections.connect(canvas.picture_changed, self._on_picture_changed)

    def open(self, picture_id: int, box: Box) -> None:
        """Show a picture, zoomed to a box of image pixels."""
        self._wanted = picture_id, box
        self.picture_requested.emit(picture_id)
        self._dispatcher.post(self._frame)  # shown already; else it is framed when it comes

    def _on_picture_changed(self) -> None:
        if self._is_framed:
            self._is_framed = False
            self._canvas.highlight(None)
        wanted = self._wanted
        self._dispatcher.post(lambda: self._on_view_set(wanted))  # the view is set after this signal

    def _on_view_set(self, wanted: tuple[int, Box] | None) -> None:
        self._frame()
        if self._canvas.has_picture and self._wanted is wanted:
            self._wanted = None  # another picture was asked for meanwhile

    def _frame(self) -> None:
        if self.is_closed or self._wanted is None or not self._canvas.has_picture:
            return
        picture_id, box = self._wanted
        if picture_id == self._picture.id:
            self._wanted, self._is_framed = None, True
            self._canvas.show_box(box.grown(max(box.width, box.height)))
            self._canvas.highlight(box.grown(FRAME_MARGIN))
