"""Stores shapes that are not finished yet with their pictures."""

from __future__ import annotations

import logging
from concurrent.futures import Future

from core.base.lane import Lane
from core.project.project import Project
from core.tools.shape_draft import ShapeDraft, decode_drafts, encode_drafts

log = logging.getLogger(__name__)

MAX_DRAFTS = 20
"""Shapes left unfinished in one picture; the oldest are dropped."""


class DraftService:
    """Called from the GUI thread; reads and writes on the document lane, in order with the edits.

    A picture has the shapes that were left, and the one that is under way. The futures raise ProjectError when the disk
    refuses.
    """

    def __init__(self, project: Project, document: Lane) -> None:
        self._project, self._document = project, document

    def read(self, picture_id: int) -> Future[list[ShapeDraft]]:
        """The shapes of a picture, oldest first; the one under way is the last."""
        return self._document.submit(self._read_all, picture_id)

    def open(self, picture_id: int) -> Future[list[ShapeDraft]]:
        """The same when a picture is shown: what was under way when the program ended is one that was left.

        An empty list where the project is open for reading alone.
        """
        return self._document.submit(self._open, picture_id)

    def store(self, picture_id: int, draft: ShapeDraft | None) -> Future[None]:
        """The shape under way is this one now, or there is none."""
        return self._document.submit(self._write, _under_way(picture_id), [draft] if draft else [])

    def leave(self, picture_id: int, draft: ShapeDraft) -> Future[None]:
        """The shape under way was left unfinished."""
        return self._document.submit(self._leave, picture_id, draft)

    def remove(self, picture_id: int, draft: ShapeDraft) -> Future[None]:
        """A shape that was left is under way again, or is discarded."""
        return self._document.submit(self._remove, picture_id, draft)

    # Document lane

    def _open(self, picture_id: int) -> list[ShapeDraft]:
        if not self._project.is_writing:
            return []
        found = self._read_all(picture_id)
        if self._read(_under_way(picture_id)):
            self._write(_left(picture_id), found)
            self._write(_under_way(picture_id), [])
        return found

    def _leave(self, picture_id: int, draft: ShapeDraft) -> None:
        self._write(_left(picture_id), [*self._read(_left(picture_id)), draft])
        self._write(_under_way(picture_id), [])

    def _remove(self, picture_id: int, draft: ShapeDraft) -> None:
        left = self._read(_left(picture_id))
        if draft in left:
            left.reverse()
            left.remove(draft)
            left.reverse()
            self._write(_left(picture_id), left)

    def _read_all(self, picture_id: int) -> list[ShapeDraft]:
        left, under_way = self._read(_left(picture_id)), self._read(_under_way(picture_id))
        # The program may have ended between the two writes of `_leave`.
        return left if under_way and under_way == left[-1:] else left + under_way

    def _read(self, fact: str) -> list[ShapeDraft]:
        stored = self._project.fact(fact)
        if stored is None:
            return []
        try:
            return decode_drafts(stored)
        except ValueError as error:
            log.warning("%s cannot be read: %s", fact, error)
            return []

    def _write(self, fact: str, drafts: list[ShapeDraft]) -> None:
        if drafts:
            self._project.set_fact(fact, encode_drafts(drafts[-MAX_DRAFTS:]))
        else:
            self._project.remove_fact(fact)


def _left(picture_id: int) -> str:
    return f"shapes_left_in_picture_{picture_id}"


def _under_way(picture_id: int) -> str:
    return f"shape_under_way_in_picture_{picture_id}"
