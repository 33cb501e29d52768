"""The cache of recently used pictures."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.images.cache import PictureCache


@given(st.lists(st.integers(0, 9)), st.integers(1, 30))
def test_least_recently_used_leaves_first(asked: list[int], budget: int) -> None:
    reads: list[int] = []
    cache = PictureCache[int, int](lambda key: reads.append(key) or key, lambda value: value + 1, budget)
    expected: list[int] = []  # a plain model: keys from long ago to just now
    for key in asked:
        known = key in expected
        before = len(reads)
        assert cache.get(key) == key
        assert len(reads) == before + (not known)
        expected = [k for k in expected if k != key] + [key]
        while sum(k + 1 for k in expected) > budget and len(expected) > 1:
            expected.pop(0)
        assert len(cache) == len(expected)
        assert cache.bytes_used == sum(k + 1 for k in expected)


def test_peek_never_reads() -> None:
    cache = PictureCache[str, str](str.upper, len, 100)
    assert cache.peek("a") is None
    cache.get("a")
    assert cache.peek("a") == "A"


def test_two_threads_share_one_read() -> None:
    reads: list[str] = []
    started, go_on = threading.Event(), threading.Event()

    def read(key: str) -> list[str]:
        reads.append(key)
        started.set()
        assert go_on.wait(10)
        return [key]

    cache = PictureCache[str, list[str]](read, len, 100)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "a")
        assert started.wait(10)
        second = pool.submit(cache.get, "a")
        go_on.set()
        assert first.result(10) is second.result(10)
    assert reads == ["a"]


def test_a_value_dropped_while_it_is_read_is_not_cached() -> None:
    started, go_on = threading.Event(), threading.Event()

    def read(key: str) -> str:
        started.set()
        assert go_on.wait(10)
        return key

    cache = PictureCache[str, str](read, len, 100)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(cache.get, "a")
        assert started.wait(10)
        cache.drop("a")
        go_on.set()
        assert reading.result(10) == "a"
    assert cache.peek("a") is None


def test_an_exception_is_raised_and_not_cached() -> None:
    answers = iter([ValueError("no"), "yes"])

    def read(key: str) -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    cache = PictureCache[str, str](read, len, 100)
    with pytest.raises(ValueError, match="no"):
        cache.get("a")
    assert cache.get("a") == "yes"


def test_clear() -> None:
    cache = PictureCache[int, int](lambda key: key, lambda value: 1, 10)
    for key in range(5):
        cache.get(key)
    cache.clear()
    assert (len(cache), cache.bytes_used, cache.peek(3)) == (0, 0, None)
