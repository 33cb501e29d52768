"""Whether what was read of a picture is still what the project says of it."""

from __future__ import annotations

from core.base.changes import Changes

Version = tuple[int, int]
"""How often all pictures at once, and this one alone, were changed so far."""
OUTDATED: Version = (-1, -1)
"""Of what was out of date before it was read to the end."""


class PictureVersions:
    """Written on the document lane, in order with what changes the pictures; read on any thread."""

    def __init__(self) -> None:
        self._all = 0
        self._each: dict[int, int] = {}

    def on_changes(self, changes: Changes) -> None:
        """Document lane: this has changed. Which class is which concerns the label of every picture."""
        self._all += changes.classes
        for picture_id in changes.pictures | changes.labels | changes.predictions:
            self._each[picture_id] = self._each.get(picture_id, 0) + 1

    def of(self, picture_id: int) -> Version:
        """Another one as soon as anything of the picture is another."""
        return self._all, self._each.get(picture_id, 0)
