"""Which of many pictures are chosen, as lists of files have taught everybody: click, Ctrl and Shift."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator


class PictureSelection:
    """Ids of the chosen ones, the one that the keys move from, and the anchor that Shift reaches from."""

    def __init__(self) -> None:
        self._ids: set[int] = set()
        self.current: int | None = None
        self.anchor: int | None = None

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, picture_id: int) -> bool:
        return picture_id in self._ids

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def select_only(self, picture_id: int) -> None:
        self._ids = {picture_id}
        self.current = self.anchor = picture_id

    def toggle(self, picture_id: int) -> None:
        self._ids ^= {picture_id}
        self.current = self.anchor = picture_id

    def extend_to(self, picture_id: int, picture_ids: Iterable[int]) -> None:
        """All from the anchor up to this one, and no others."""
        self._ids = set(picture_ids)
        self.current = picture_id
        if self.anchor is None:
            self.anchor = picture_id

    def select_all(self, picture_ids: Iterable[int]) -> None:
        self._ids = set(picture_ids)

    def clear(self) -> None:
        self._ids = set()

    def retain(self, is_there: Callable[[int], bool]) -> bool:
        """Let go of what is not there any more; whether that changed anything."""
        before = len(self._ids)
        self._ids = {i for i in self._ids if is_there(i)}
        if self.current is not None and not is_there(self.current):
            self.current = self.anchor = None
        return len(self._ids) != before
