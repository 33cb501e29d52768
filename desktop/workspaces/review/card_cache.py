"""The cards of pictures that a grid keeps: so many, each true, out of date, or known to be impossible."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from PySide6.QtGui import QPixmap

CAPACITY = 240
"""240 cards of 320 pixels are about 70 MB; those looked at longest ago make room first."""


class CardCache:
    """By picture id."""

    def __init__(self, kept: int = CAPACITY) -> None:
        self._kept = kept
        self._cards: OrderedDict[int, QPixmap] = OrderedDict()
        self._stale: set[int] = set()
        self._failed: set[int] = set()

    def get(self, picture_id: int) -> QPixmap | None:
        card = self._cards.get(picture_id)
        if card is not None:
            self._cards.move_to_end(picture_id)
        return card

    def put(self, picture_id: int, card: QPixmap | None) -> None:
        """The picture as it shall look; None: it cannot be shown."""
        self._stale.discard(picture_id)
        if card is None:
            self._failed.add(picture_id)
            self._cards.pop(picture_id, None)
            return
        self._failed.discard(picture_id)
        self._cards[picture_id] = card
        self._cards.move_to_end(picture_id)
        while len(self._cards) > self._kept:
            self._cards.popitem(last=False)

    def invalidate(self, picture_ids: Iterable[int] | None = None) -> None:
        """These (None: all) are no longer true; they stay until others come."""
        known = set(self._cards) | self._failed
        self._stale |= known if picture_ids is None else known & set(picture_ids)

    def is_missing(self, picture_id: int) -> bool:
        """Whether there is none, or none that is true."""
        return picture_id in self._stale or not (picture_id in self._cards or picture_id in self._failed)

    def is_failed(self, picture_id: int) -> bool:
        return picture_id in self._failed
