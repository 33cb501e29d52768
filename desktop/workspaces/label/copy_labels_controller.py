"""Labels of the picture before are taken over into the picture in hand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal

from core.base.errors import MaskloopError, UserError
from core.labels.deferred_edit import EditRequest
from core.labels.label_map import Edit, LabelMap
from core.session.copy_labels import LabelCopier, SourceLabel, copy_labels
from desktop.canvas.canvas import Canvas
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture


class CopyLabelsController(QObject):
    """Asks for the other label and puts it under the hand as one edit. Lives on the GUI thread.

    `apply` is given an edit to make of the label in hand and whom to tell; it does all that an edit needs.
    """

    message = Signal(str)

    def __init__(
        self,
        copying: LabelCopier,
        bridge: MainThreadDispatcher,
        canvas: Canvas,
        picture: ActivePicture,
        apply: Callable[[LabelMap, EditRequest, Callable[[Edit | None], object]], None],
    ) -> None:
        super().__init__()
        self._copier, self._bridge, self._canvas = copying, bridge, canvas
        self._picture, self._apply = picture, apply

    def actions(self) -> dict[str, Callable[[], object]]:
        return {
            "copy_previous": partial(self._find_previous, overwrite=False),
            "copy_previous_over": partial(self._find_previous, overwrite=True),
        }

    def _find_previous(self, *, overwrite: bool) -> None:
        shown, labels = self._picture.id, self._picture.labels
        if shown is None or labels is None:
            return
        self._bridge.when_done(
            self._copier.previous(shown, labels.width, labels.height),
            partial(self._copy, shown, overwrite),
            partial(self._not_found, shown),
        )

    def _copy(self, picture_id: int, overwrite: bool, found: SourceLabel) -> None:
        labels = self._picture.labels
        if picture_id != self._picture.id or labels is None:
            return  # another picture is in hand by now
        locked = self._canvas.options.locked
        try:
            prepared = copy_labels(labels, found, locked, overwrite=overwrite)
        except UserError as problem:
            self.message.emit(str(problem))
            return
        self._apply(labels, prepared, partial(self._report, found.name, overwrite))

    def _report(self, name: str, overwrite: bool, edit: Edit | None) -> None:
        if edit is not None:
            self.message.emit(f"Copied {edit.pixels:,} pixels from {name}.")
        elif overwrite:
            self.message.emit(f"Nothing to copy: this label says all that {name} says.")
        else:
            self.message.emit(
                f"Nothing to copy: every pixel that {name} labels carries a label here. With Shift it is copied over."
            )

    def _not_found(self, picture_id: int, problem: MaskloopError) -> None:
        if picture_id == self._picture.id:
            self.message.emit(str(problem))
