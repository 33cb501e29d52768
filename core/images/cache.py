"""Keeps the pictures used last in memory, up to a budget of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class PictureCache(Generic[K, V]):
    """Least recently used goes first. Any thread may call anything; two that ask for one key read it once.

    `read` makes a value and runs in the asking thread, outside the lock; what it raises reaches all that wait
    for it and is not kept. `cost` is the value's bytes. The newest value stays even if it alone is over budget.
    """

    def __init__(self, read: Callable[[K], V], cost: Callable[[V], int], budget_bytes: int) -> None:
        self._read, self._cost, self._budget = read, cost, budget_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._being_read: dict[K, Future[V]] = {}
        self._bytes = 0

    def get(self, key: K) -> V:
        """The value, read if need be; waits when another thread is reading it. Raises what `read` raises."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
            theirs = self._being_read.get(key)
            if theirs is None:
                mine: Future[V] = Future()
                self._being_read[key] = mine
        if theirs is not None:
            return theirs.result()
        try:
            value = self._read(key)
            cost = self._cost(value)
        except BaseException as error:
            self._finish(key, mine)
            mine.set_exception(error)
            raise
        if self._finish(key, mine):
            self._keep(key, value, cost)
        mine.set_result(value)
        return value

    def peek(self, key: K) -> V | None:
        """The value if it is in memory; never reads, never waits for a reader."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def drop(self, key: K) -> None:
        """Forgets one value; one being read now is handed to those who wait but not kept."""
        with self._lock:
            self._being_read.pop(key, None)
            _, cost = self._kept.pop(key, (None, 0))
            self._bytes -= cost

    def clear(self) -> None:
        """Forgets everything, also what is being read now."""
        with self._lock:
            self._being_read.clear()
            self._kept.clear()
            self._bytes = 0

    @property
    def bytes_used(self) -> int:
        with self._lock:
            return self._bytes

    def __len__(self) -> int:
        with self._lock:
            return len(self._kept)

    def _finish(self, key: K, mine: Future[V]) -> bool:
        """Ends this reading; False when it was dropped, or begun anew, in the meantime."""
        with self._lock:
            if self._being_read.get(key) is not mine:
                return False
            del self._being_read[key]
            return True

    def _keep(self, key: K, value: V, cost: int) -> None:
        with self._lock:
            _, before = self._kept.pop(key, (None, 0))
            self._kept[key] = (value, cost)
            self._bytes += cost - before
            while self._bytes > self._budget and len(self._kept) > 1:
                _, (_, freed) = self._kept.popitem(last=False)
                self._bytes -= freed
