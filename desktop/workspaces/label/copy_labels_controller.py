"""Copies the label of an earlier picture into the active one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from core.base.errors import MaskloopError, UserError
from core.base.text import count_of
from core.labels.deferred_edit import EditRequest
from core.labels.label_map import Edit, LabelMap
from core.session.copy_labels import LabelCopier, SourceLabel, copy_labels
from desktop.canvas.canvas import Canvas
from desktop.controller import Actions, Controller
from desktop.dispatcher import MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture


class CopyLabelsController(Controller):
    """Lives on the GUI thread. `apply_edit` is `LabelController`'s way to make an edit without a tool."""

    def __init__(
        self,
        copier: LabelCopier,
        dispatcher: MainThreadDispatcher,
        canvas: Canvas,
        picture: ActivePicture,
        apply_edit: Callable[[LabelMap, EditRequest, Callable[[Edit | None], object]], None],
    ) -> None:
        super().__init__()
        self._copier, self._dispatcher, self._canvas = copier, dispatcher, canvas
        self._picture, self._apply_edit = picture, apply_edit

    def actions(self) -> Actions:
        return {
            "copy_previous": partial(self._find_previous, overwrite=False),
            "copy_previous_over": partial(self._find_previous, overwrite=True),
        }

    def _find_previous(self, *, overwrite: bool) -> None:
        shown, labels = self._picture.id, self._picture.labels
        if shown is None or labels is None:
            return
        self._dispatcher.when_done(
            self._copier.previous(shown, labels.width, labels.height),
            partial(self._copy, shown, overwrite),
            partial(self._not_found, shown),
        )

    def _copy(self, picture_id: int, overwrite: bool, source: SourceLabel) -> None:
        labels = self._picture.labels
        if picture_id != self._picture.id or labels is None:
            return  # another picture is active by now
        try:
            request = copy_labels(labels, source, self._canvas.tools.options.locked, overwrite=overwrite)
        except UserError as error:
            self.message.emit(str(error))
            return
        self._apply_edit(labels, request, partial(self._report, source.name, overwrite))

    def _report(self, name: str, overwrite: bool, edit: Edit | None) -> None:
        if edit is not None:
            self.message.emit(f"Copied {count_of(edit.pixels, 'pixel')} from {name}.")
        elif overwrite:
            self.message.emit(f"Nothing to copy: every labelled pixel of {name} has the same class here.")
        else:
            self.message.emit(
                f"Nothing to copy: every pixel that {name} labels has a label here. With Shift it is overwritten."
            )

    def _not_found(self, picture_id: int, error: MaskloopError) -> None:
        if picture_id == self._picture.id:
            self.message.emit(str(error))
