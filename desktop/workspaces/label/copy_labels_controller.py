"""Labels of the picture before are taken over into the picture in hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal

from core.base.errors import MaskloopError, UserError
from core.labels.deferred_edit import Prepared
from core.labels.label_map import Edit, LabelMap
from core.session.copy_labels import Copying, FoundLabel, copy_labels
from desktop.canvas.canvas import CanvasView
from desktop.dispatcher import Bridge
from desktop.workspaces.label.active_picture import Hand


class Taking(QObject):
    """Asks for the other label and puts it under the hand as one edit. Lives on the GUI thread.

    `apply` is given an edit to make of the label in hand and whom to tell; it does all that an edit needs.
    """

    message = Signal(str)

    def __init__(
        self,
        copying: Copying,
        bridge: Bridge,
        canvas: CanvasView,
        hand: Hand,
        apply: Callable[[LabelMap, Prepared, Callable[[Edit | None], object]], None],
    ) -> None:
        super().__init__()
        self._copying, self._bridge, self._canvas = copying, bridge, canvas
        self._hand, self._apply = hand, apply

    def handlers(self) -> dict[str, Callable[[], object]]:
        return {
            "copy_previous": partial(self._ask, over=False),
            "copy_previous_over": partial(self._ask, over=True),
        }

    def _ask(self, *, over: bool) -> None:
        shown, labels = self._hand.shown, self._hand.labels
        if shown is None or labels is None:
            return
        self._bridge.when_done(
            self._copying.previous(shown, labels.width, labels.height),
            partial(self._take, shown, over),
            partial(self._cannot, shown),
        )

    def _take(self, picture_id: int, over: bool, found: FoundLabel) -> None:
        labels = self._hand.labels
        if picture_id != self._hand.shown or labels is None:
            return  # another picture is in hand by now
        locked = self._canvas.options.locked
        try:
            prepared = copy_labels(labels, found, locked, over=over)
        except UserError as problem:
            self.message.emit(str(problem))
            return
        self._apply(labels, prepared, partial(self._taken, found.name, over))

    def _taken(self, name: str, over: bool, edit: Edit | None) -> None:
        if edit is not None:
            self.message.emit(f"Copied {edit.pixels:,} pixels from {name}.")
        elif over:
            self.message.emit(f"Nothing to copy: this label says all that {name} says.")
        else:
            self.message.emit(
                f"Nothing to copy: every pixel that {name} labels carries a label here. With Shift it is copied over."
            )

    def _cannot(self, picture_id: int, problem: MaskloopError) -> None:
        if picture_id == self._hand.shown:
            self.message.emit(str(problem))
