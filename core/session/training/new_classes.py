"""Restarts a training when a class is labelled that its network does not know."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from core.labels.class_list import UNLABELLED, VOID, ClassList
from core.training.data.snapshot import SnapshotEntry

RESTART_DELAY = 10.0
"""Seconds from the first label of a new class to the restart: classes are often added several at a time."""


class RestartRule:
    """Lives on the training lane, one for each training. class_values: of its network."""

    def __init__(self, class_values: Sequence[int] = ()) -> None:
        self._known = frozenset(class_values)
        self._announced: frozenset[int] = frozenset()
        self._due_at: float | None = None

    @property
    def is_due(self) -> bool:
        """Whether to end the training now, so that the next one learns the new classes."""
        return self._due_at is not None and time.monotonic() >= self._due_at

    def take(self) -> bool:
        """Whether the training that has just ended is to be followed by another one; asked once."""
        found, self._due_at = self._due_at is not None, None
        return found

    def note_labels(self, entries: Iterable[SnapshotEntry], classes: ClassList) -> str:
        """Look for classes that the network does not know. Returns a sentence about those seen for the first time.

        A class that is labelled in val only cannot be learned and restarts nothing.
        """
        in_train: set[int] = set()
        in_val: set[int] = set()
        for entry in entries:
            (in_train if entry.split == "train" else in_val).update(value for value, _ in entry.counts)
        new = {value for value in in_train | in_val if value in classes.values} - self._known
        new -= {UNLABELLED, VOID}
        first_seen = new - self._announced
        self._announced |= first_seen
        if new & in_train and self._due_at is None:
            self._due_at = time.monotonic() + RESTART_DELAY
        if not first_seen:
            return ""
        names = ", ".join(f"“{classes.name_of(value)}”" for value in sorted(first_seen))
        if first_seen & in_train:
            return f"{names} is new: training starts again in a moment to learn it."
        return f"{names} is new, but labelled in val pictures only. Label it in another picture too."
