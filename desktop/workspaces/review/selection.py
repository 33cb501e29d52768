"""Multiple selection of pictures with the usual meaning of click, Ctrl+click and Shift+click."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator


class PictureSelection:
    """Selected ids; `current`: the one the arrow keys move from; `anchor`: the one a Shift range starts at."""

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
        """Select exactly `picture_ids`, the range from the anchor to this one."""
        self._ids = set(picture_ids)
        self.current = picture_id
        if self.anchor is None:
            self.anchor = picture_id

    def select_all(self, picture_ids: Iterable[int]) -> None:
        self._ids = set(picture_ids)

    def clear(self) -> None:
        self._ids = set()

    def retain(self, is_listed: Callable[[int], bool]) -> bool:
        """Deselect what is not listed any more; whether that changed the selection."""
        before = len(self._ids)
        self._ids = {i for i in self._ids if is_listed(i)}
        if self.current is not None and not is_listed(self.current):
            self.current = self.anchor = None
        return len(self._ids) != before
