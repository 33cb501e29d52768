"""Edits that are prepared in one place and painted in another: later, or on another thread while the label is
locked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from core.base.geometry import Box
from core.labels.label_map import Edit, LabelMap, Origin


@dataclass(frozen=True, slots=True, eq=False)
class EditRequest:
    """An edit that is ready to be painted: the arguments of `LabelMap.begin_edit`, and a function that paints.

    pixels: how many it may change; paint: paints into the open edit of a label and returns the dirty box
    """

    name: str
    tool: str
    class_value: int
    pixels: int
    paint: Callable[[LabelMap], Box]
    origin: Origin = Origin.PAINTED
    run_id: int | None = None

    def begin_edit(self, labels: LabelMap) -> None:
        labels.begin_edit(self.name, self.tool, self.class_value, self.origin, self.run_id)

    def apply(self, labels: LabelMap) -> Edit | None:
        """Begin, paint and finish the edit on this thread. None when no pixel differs from before."""
        self.begin_edit(labels)
        self.paint(labels)
        return labels.finish_edit()


class DeferredEdit:
    """An edit that takes longer than a frame. It is painted once, by whoever calls `run` first: another thread, or the
    GUI thread when it can wait no longer. A second caller waits for the first.

    The label has the edit open until it is done, so that no other edit can begin; it may be read for display.
    title: name of the edit for people; paint: paints into the open edit and returns the dirty box
    """

    def __init__(self, labels: LabelMap, title: str, paint: Callable[[], Box]) -> None:
        if not labels.is_editing:
            raise RuntimeError("a deferred edit needs an open edit: call begin_edit first")
        self.title = title
        self.dirty = Box.empty()
        """The changed pixels, once it is done."""
        self.edit: Edit | None = None
        """The finished edit, once it is done; None when no pixel has changed."""
        self.error: Exception | None = None
        """What failed; the label is then as it was before."""
        self.is_done = False
        self.is_cancelled = False
        self._labels, self._paint = labels, paint
        self._lock = threading.Lock()

    def run(self) -> None:
        """Paint unless that is done; then it is done and the label is free again. Any thread."""
        with self._lock:
            self._run_locked()

    def cancel(self) -> None:
        """Restore the label: at once, or as soon as another thread that is painting has ended. Only for the GUI
        thread; when painting has just finished, the edit stays."""
        self.is_cancelled = True
        if self._lock.acquire(blocking=False):
            try:
                self._run_locked()
            finally:
                self._lock.release()

    def _run_locked(self) -> None:
        if self.is_done:
            return
        try:
            dirty = Box.empty() if self.is_cancelled else self._paint()
            if self.is_cancelled:
                dirty = dirty.union(self._labels.cancel_edit())
            else:
                self.edit = self._labels.finish_edit()
            self.dirty = dirty
        except Exception as error:  # reported later, by the GUI thread
            self.error = error
            self.dirty = self._labels.cancel_edit()
        self.is_done = True
