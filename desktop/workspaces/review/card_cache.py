"""LRU cache of the cards that a grid shows; each is current, stale or failed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from PySide6.QtGui import QPixmap

CAPACITY = 240
"""240 cards of 320 pixels are about 70 MB."""


class CardCache:
    """Cards by picture id; the least recently used are evicted first."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._cards: OrderedDict[int, QPixmap] = OrderedDict()
        self._stale: set[int] = set()
        self._failed: set[int] = set()

    def get(self, picture_id: int) -> QPixmap | None:
        card = self._cards.get(picture_id)
        if card is not None:
            self._cards.move_to_end(picture_id)
        return card

    def put(self, picture_id: int, card: QPixmap | None) -> None:
        """Store a current card; None: the picture cannot be shown."""
        self._stale.discard(picture_id)
        if card is None:
            self._failed.add(picture_id)
            self._cards.pop(picture_id, None)
            return
        self._failed.discard(picture_id)
        self._cards[picture_id] = card
        self._cards.move_to_end(picture_id)
        while len(self._cards) > self._capacity:
            self._cards.popitem(last=False)

    def invalidate(self, picture_ids: Iterable[int] | None = None) -> None:
        """Mark these cards (None: all) as stale; they stay until new ones are put."""
        known = set(self._cards) | self._failed
        self._stale |= known if picture_ids is None else known & set(picture_ids)

    def is_missing(self, picture_id: int) -> bool:
        """Whether there is no card, or a stale one."""
        return picture_id in self._stale or not (picture_id in self._cards or picture_id in self._failed)

    def is_failed(self, picture_id: int) -> bool:
        return picture_id in self._failed
