"""What was drawn and is not painted yet: shown until it is, and finished before anything else may change the label."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QPainter

from core.labels.deferred_edit import Painting
from core.tools.tool import Ghost, Outline
from desktop.canvas.overlays import outlines
from desktop.canvas.overlays.mask_preview import GhostSheet
from desktop.canvas.viewport import Viewport

if TYPE_CHECKING:
    from desktop.canvas.canvas import CanvasView

Then = Callable[[Painting], object]


class Pending:
    """Holds at most one painting. Lives on the GUI thread."""

    def __init__(self, canvas: CanvasView) -> None:
        self._canvas = canvas
        self._painting: Painting | None = None
        self._then: Then | None = None
        self._is_wanted = False
        self._late: list[Callable[[], object]] = []
        self._outline: Outline | None = None
        self._ghost: Ghost | None = None
        self._shade = QColor()
        self._ghosts = GhostSheet()

    def begin(
        self,
        painting: Painting,
        outline: Outline | None = None,
        ghost: Ghost | None = None,
        then: Then | None = None,
    ) -> None:
        """Show what was drawn and have it painted. `then` is called once it is over, after its edit was handed over,
        also when Esc has thrown it away."""
        self._painting, self._then, self._is_wanted = painting, then, True
        self._outline, self._ghost = outline, ghost
        self._shade = self._canvas.shade_of(ghost)  # another class may come into the hand meanwhile
        self._canvas.mark_again()
        self._canvas.painting_wanted.emit(painting)

    @property
    def is_wanted(self) -> bool:
        """Whether there is something that Esc would throw away."""
        return self._is_wanted

    def afterwards(self, act: Callable[[], object]) -> bool:
        """Have something done once the label is free. False, and it is not done, when it is free already."""
        if self._painting is not None:
            self._late.append(act)
        return self._painting is not None

    def settle(self) -> None:
        """Have it painted now, if there is anything: the edit is handed over before this returns."""
        while self._painting is not None:  # what waited for it may begin another
            self._painting.carry_out()
            self._conclude(self._painting)

    def take(self, painting: Painting) -> None:
        """Another thread has carried it out; nothing happens when that was seen already."""
        if painting is self._painting:
            self._conclude(painting)

    def give_up(self) -> bool:
        """Esc: the label shall be as it was. False when there is nothing to throw away.

        Until the other thread has seen that, the label stays lent.
        """
        painting = self._painting
        if painting is None or not self._is_wanted:
            return False
        self._hide()
        self._canvas.painting_wanted.emit(None)
        painting.give_up()
        if painting.is_over:
            self._conclude(painting)
        return True

    # What is seen

    def draw(self, painter: QPainter, view: Viewport) -> None:
        if self._ghost is not None:
            self._ghosts.draw(painter, self._ghost, view, self._canvas.devicePixelRatioF(), self._shade)
        if self._outline is not None:
            outlines.draw_outline(painter, self._outline, self._canvas.widget_point, self._shade)

    def areas(self) -> list[QRect]:
        """The widget pixels that `draw` touches."""
        place = self._canvas.widget_point
        return [
            outlines.outline_area(self._outline, place),
            outlines.frame_area(self._ghost.box if self._ghost else None, place),
        ]

    # Steps of the above

    def _hide(self) -> None:
        self._is_wanted, self._outline, self._ghost = False, None, None
        self._ghosts.forget()
        self._canvas.mark_again()

    def _conclude(self, painting: Painting) -> None:
        was_wanted, then = self._is_wanted, self._then
        self._painting = self._then = None
        self._hide()
        self._canvas.take_painted(painting)
        if was_wanted:
            self._canvas.painting_wanted.emit(None)
        if then is not None:
            then(painting)
        late, self._late = self._late, []
        for act in late:
            act()
        if painting.problem is not None:
            raise painting.problem
