"""A cache of pictures that were used recently, with a budget of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class PictureCache(Generic[K, V]):
    """An LRU cache that any thread may use; two threads that ask for the same key share one read.

    `read` makes a value, in the thread that asks and outside the lock; its exception reaches everyone who waits and is
    not cached. `cost` is the size of a value in bytes. The newest value is kept even if it alone exceeds the budget.
    """

    def __init__(self, read: Callable[[K], V], cost: Callable[[V], int], budget_bytes: int) -> None:
        self._read, self._cost, self._budget = read, cost, budget_bytes
        self._lock = threading.Lock()
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._pending: dict[K, Future[V]] = {}
        self._bytes = 0

    def get(self, key: K) -> V:
        """The value, read if it is not cached; waits if another thread is reading it. Raises what `read` raises."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
            other = self._pending.get(key)
            if other is None:
                own: Future[V] = Future()
                self._pending[key] = own
        if other is not None:
            return other.result()
        try:
            value = self._read(key)
            cost = self._cost(value)
        except BaseException as error:
            self._end_read(key, own)
            own.set_exception(error)
            raise
        if self._end_read(key, own):
            self._store(key, value, cost)
        own.set_result(value)
        return value

    def peek(self, key: K) -> V | None:
        """The value if it is cached; never reads, never waits."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def drop(self, key: K) -> None:
        """Remove one value. A value that is being read now goes to those who wait for it but is not cached."""
        with self._lock:
            self._pending.pop(key, None)
            _, cost = self._values.pop(key, (None, 0))
            self._bytes -= cost

    def keys(self) -> list[K]:
        """The keys of all values, the most recently used last."""
        with self._lock:
            return list(self._values)

    def clear(self) -> None:
        """Remove everything; values being read now are not cached."""
        with self._lock:
            self._pending.clear()
            self._values.clear()
            self._bytes = 0

    @property
    def bytes_used(self) -> int:
        with self._lock:
            return self._bytes

    def __len__(self) -> int:
        with self._lock:
            return len(self._values)

    def _end_read(self, key: K, own: Future[V]) -> bool:
        """End this read; False when the key was dropped, or a new read started, in the meantime."""
        with self._lock:
            if self._pending.get(key) is not own:
                return False
            del self._pending[key]
            return True

    def _store(self, key: K, value: V, cost: int) -> None:
        with self._lock:
            _, before = self._values.pop(key, (None, 0))
            self._values[key] = (value, cost)
            self._bytes += cost - before
            while self._bytes > self._budget and len(self._values) > 1:
                _, (_, freed) = self._values.popitem(last=False)
                self._bytes -= freed
