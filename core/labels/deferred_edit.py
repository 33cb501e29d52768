"""A label lent to another thread, while something large is painted into it; and edits that are ready to be made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from core.base.geometry import Box
from core.labels.label_map import Edit, LabelMap, Origin


@dataclass(frozen=True, slots=True, eq=False)
class EditRequest:
    """An edit that is ready to be made: what `LabelMap.begin_edit` is told, and what paints.

    pixels: how many it may touch; paint: paints into the open edit of a label and returns the dirty box.
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
        """Make it, for whoever can wait. None when no pixel differs from before."""
        self.begin_edit(labels)
        self.paint(labels)
        return labels.finish_edit()


class DeferredEdit:
    """An edit that takes longer than a frame. Whoever comes first carries it out: another thread, or the GUI thread
    because it can wait no longer. Who comes second waits for the first.

    The label has its edit open for as long as it is lent, so that nobody else can begin one; it may be looked at.
    title: what is being done, for people; paint: paints into the open edit and returns the dirty box.
    """

    def __init__(self, labels: LabelMap, title: str, paint: Callable[[], Box]) -> None:
        if not labels.is_editing:
            raise RuntimeError("a label is lent with an edit open: call begin first")
        self.title = title
        self.dirty = Box.empty()
        """The pixels that look different, once it is over."""
        self.edit: Edit | None = None
        """What came of it, once it is over; None: no pixel has changed."""
        self.error: Exception | None = None
        """What went wrong; the label is then as it was before."""
        self.is_done = False
        self.is_cancelled = False
        self._labels, self._paint = labels, paint
        self._turn = threading.Lock()

    def run(self) -> None:
        """Paint, unless that is done; afterwards it is over and the label is free again. For any thread."""
        with self._turn:
            self._do()

    def cancel(self) -> None:
        """The label shall be as it was. It is at once, unless another thread is painting; then as soon as that has
        ended. Only for the GUI thread; a moment too late the edit is made and stays."""
        self.is_cancelled = True
        if self._turn.acquire(blocking=False):
            try:
                self._do()
            finally:
                self._turn.release()

    def _do(self) -> None:
        if self.is_done:
            return
        try:
            dirty = Box.empty() if self.is_cancelled else self._paint()
            if self.is_cancelled:
                dirty = dirty.union(self._labels.cancel_edit())
            else:
                self.edit = self._labels.finish_edit()
            self.dirty = dirty
        except Exception as problem:  # told by whoever asks next, on the GUI thread
            self.error = problem
            self.dirty = self._labels.cancel_edit()
        self.is_done = True
