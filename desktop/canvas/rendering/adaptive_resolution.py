"""While every frame is another, as in zooming: fewer pixels, so that each frame is there in time, and all at rest."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QPainter

from core.base.geometry import Box
from desktop.canvas.rendering.compositor import Screen
from desktop.canvas.rendering.low_res_renderer import Coarse

_REST_MS = 120
"""How long after its last step a motion is over."""

_SLICE = 0.006
"""Seconds of the GUI thread that are taken at once for what nobody waits for."""


class Motion(QObject):
    """Draws a screen as coarsely as it takes to draw it in time. GUI thread."""

    rested = Signal()
    """All pixels are ready to be drawn."""

    def __init__(self, screen: Screen, parent: QObject) -> None:
        super().__init__(parent)
        self._screen = screen
        self._coarse = Coarse()
        self._step = 1  # device pixels in each direction that share one
        self._pause = QTimer(self, singleShot=True)
        self._pause.timeout.connect(self._come_to_rest)

    @property
    def is_coarse(self) -> bool:
        return self._step > 1

    def begin(self) -> None:
        """Every frame will be another for a while."""
        view = self._screen.view
        # Within one motion it does not become finer again: that would flicker.
        self._step = max(self._step, self._screen.pace.step(view.width * view.height))
        if self.is_coarse:
            self._pause.start(_REST_MS)

    def end(self) -> None:
        """Draw all pixels from now on, ready or not."""
        self._step = 1
        self._pause.stop()

    def paint(self, painter: QPainter, exposed: list[Box]) -> None:
        """Draw the exposed boxes coarsely; the painter counts device pixels."""
        self._coarse.paint(self._screen, self._step, painter, exposed)

    def _come_to_rest(self) -> None:
        """Work out all pixels, a little at a time: whoever begins to paint now need not wait for it."""
        if self._screen.freshen_for(_SLICE):
            self.end()
            self.rested.emit()
        else:
            self._pause.start(0)
