"""Shapes under way: stored with their picture at every corner, kept when they are left, and offered again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from PySide6.QtGui import QColor

from core.base.settings import Settings
from core.labels.class_list import UNLABELLED, VOID
from core.session.session import Session
from core.tools.shape_draft import ShapeDraft
from core.tools.tool import OutlinePreview, Scribble
from desktop.controller import Actions, Controller
from desktop.dispatcher import LatestRequest, MainThreadDispatcher
from desktop.workspaces.label.active_picture import ActivePicture
from desktop.workspaces.label.classes.controller import ClassController
from desktop.workspaces.label.page import LabelPage
from desktop.workspaces.label.tool_controller import ToolController

SETTING = "unfinished_shapes"


class DraftController(Controller):
    """Lives on the GUI thread."""

    def __init__(
        self,
        session: Session,
        dispatcher: MainThreadDispatcher,
        page: LabelPage,
        picture: ActivePicture,
        tools: ToolController,
        classes: ClassController,
        settings: Settings,
    ) -> None:
        super().__init__()
        self._session, self._dispatcher, self._picture = session, dispatcher, picture
        self._tools, self._classes, self._settings = tools, classes, settings
        self._canvas, self._offer = page.canvas, page.draft_offer
        self._left: list[ShapeDraft] = []
        self._request = LatestRequest(dispatcher)
        self._canvas.tools.fills_left_shapes = lambda: self._choice == "fill"
        connect = self.connections.connect
        connect(self._canvas.tools.draft_changed, self._draft_changed)
        connect(self._canvas.tools.shape_left, self._shape_left)
        connect(self._offer.continue_requested, self.continue_shape)
        connect(self._offer.fill_requested, self._fill)
        connect(self._offer.discard_requested, self._discard)
        connect(self._offer.choice_made, partial(settings.set, SETTING))

    def close(self) -> None:
        super().close()
        self._request.cancel()
        self._canvas.tools.fills_left_shapes = lambda: True
        self._offer.show_draft(None)
        self._show_outline(None)

    def actions(self) -> Actions:
        return {"continue_shape": self.continue_shape}

    def picture_changed(self) -> None:
        """Another picture is active: read what was left unfinished in it."""
        self._left = []
        self._show_offer()
        self._request.cancel()
        if self._picture.id is not None and self._picture.labels is not None:
            self._request.send(self._session.drafts.open(self._picture.id), self._loaded)

    def continue_shape(self) -> bool:
        """Go on with the shape that was left last, in its tool and class. False without one."""
        if not self._left:
            self.message.emit("No shape was left unfinished in this picture.")
            return False
        draft, key = self._left[-1], f"tool_{self._left[-1].tool}"
        if not self._tools.has_tool(key):
            self.message.emit("The shape was drawn with a tool that this version of Maskloop does not have.")
            return False
        self._left.pop()
        self._canvas.finish_all()  # a shape that is under way now is left in its turn
        self._tools.select_tool(key)
        self._choose_class(draft)
        self._canvas.tools.restore(draft)  # stored as the shape under way, then no more as one that was left
        self._send(self._session.drafts.remove, draft)
        self._canvas.setFocus()
        self._show_offer()
        return True

    @property
    def _choice(self) -> str:
        return str(self._settings.get(SETTING))

    def _loaded(self, drafts: list[ShapeDraft]) -> None:
        self._left = [*drafts, *self._left]
        self._show_offer()

    def _draft_changed(self, draft: ShapeDraft | None) -> None:
        store = partial(self._send, self._session.drafts.store, draft)
        # A filled shape stays stored until its edit is on the way to the disk.
        if draft is not None or not self._canvas.tools.pending_edit.run_when_free(store):
            store()

    def _shape_left(self, draft: ShapeDraft) -> None:
        if self._choice == "discard":
            self.message.emit(f"The unfinished {draft.title} was discarded.")
            self._send(self._session.drafts.store, None)
        else:
            self.message.emit(f"The unfinished {draft.title} was kept with its picture.")
            self._left.append(draft)
            self._send(self._session.drafts.leave, draft)
        self._show_offer()

    def _fill(self) -> None:
        if self.continue_shape():
            self._canvas.tools.finish()

    def _discard(self) -> None:
        if self._left:
            draft = self._left.pop()
            self.message.emit(f"The unfinished {draft.title} was discarded.")
            self._send(self._session.drafts.remove, draft)
            self._show_offer()
            self._canvas.setFocus()

    def _show_offer(self) -> None:
        last = self._left[-1] if self._left else None
        self._offer.show_draft(last, len(self._left) - 1, self._choice)
        self._show_outline(last)

    def _show_outline(self, draft: ShapeDraft | None) -> None:
        name = draft.class_name if draft is not None else ""
        found = [one.colour for one in self._session.editing.classes.classes if one.name == name]
        colour = QColor(*found[0]) if found else QColor("white")
        self._canvas.set_left_shape(None if draft is None else _outline_of(draft), colour)

    def _send(self, operation: Callable[[int, Any], Future[None]], draft: ShapeDraft | None) -> None:
        """Carry out an operation of the DraftService for the picture on screen."""
        if self._picture.id is not None:
            self._dispatcher.when_done(operation(self._picture.id, draft), lambda _none: None)

    def _choose_class(self, draft: ShapeDraft) -> None:
        """The class by its name: its value may belong to another one since."""
        if draft.class_value in (UNLABELLED, VOID):
            self._classes.choose_class(draft.class_value)
            return
        found = [one for one in self._session.editing.classes.classes if one.name == draft.class_name]
        if found:
            self._classes.choose_class(found[0].value)
        else:
            self.message.emit(
                f"There is no class “{draft.class_name}” any more; the shape gets the class that is active."
            )


def _outline_of(draft: ShapeDraft) -> OutlinePreview:
    """Its lines, without handles."""
    paths = (point for path in draft.paths for point in path)
    line = (*draft.line[:1], *paths) if draft.paths else draft.line
    rings = (*draft.rings, *(draft.region.rings if draft.region else ()))
    scribbles = tuple(Scribble(stroke.points, stroke.is_background) for stroke in draft.strokes)
    return OutlinePreview(line, handles=False, rings=rings, scribbles=scribbles)
