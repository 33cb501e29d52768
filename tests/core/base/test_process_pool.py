"""Several processes give the same results as one, in order, and survive the death of a worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.base import process_pool


@pytest.fixture(autouse=True)
def _several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_pool, "MIN_ITEMS", 1)
    monkeypatch.setattr(process_pool, "available_cores", lambda: 2)


def in_order(work: object, things: object, weight: int = 1) -> Iterator[object]:
    return process_pool.map_in_order(work, things, 50, lambda _: weight)  # type: ignore[arg-type]


def test_results_come_in_order() -> None:
    assert list(in_order(abs, range(-50, 0))) == list(range(50, 0, -1))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="nothing here tells a process who it is")
def test_items_are_processed_in_other_processes() -> None:
    answers = {Path(str(path)).name for path in in_order(os.path.realpath, ["/proc/self"] * 9)}
    assert answers and str(os.getpid()) not in answers


def test_an_exception_is_raised_at_the_place_of_its_result() -> None:
    going = in_order(int, ["1", "2", "no", "4"])
    assert [next(going), next(going)] == [1, 2]
    with pytest.raises(ValueError, match="no"):
        next(going)


def test_what_cannot_be_pickled_is_processed_in_this_process() -> None:
    assert list(in_order(lambda n: (n, os.getpid()), range(5))) == [(n, os.getpid()) for n in range(5)]


def test_items_of_a_dead_worker_are_processed_in_this_process() -> None:
    """The first item ends every process but ours."""
    me = os.getpid()
    found = list(in_order(_Deadly(me), range(6)))
    assert found == list(range(6))


class _Deadly:
    """Ends the process that unpickles it."""

    def __init__(self, me: int) -> None:
        self.me = me

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return os._exit, (3,)

    def __call__(self, thing: int) -> int:
        assert os.getpid() == self.me
        return thing


def test_the_weight_in_progress_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    things = (taken.append(n) or n for n in range(-20, 0))
    for done, _ in enumerate(in_order(abs, things, process_pool.MAX_WEIGHT), 1):
        assert len(taken) <= done + 1
    assert done == 20


def test_closing_the_generator_ends_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[process_pool._Worker] = []
    begin = process_pool._Worker.__init__
    monkeypatch.setattr(
        process_pool._Worker, "__init__", lambda self, work: (made.append(self), begin(self, work))[1]
    )
    going = in_order(abs, range(-50, 0))
    assert next(going) == 50
    processes = [worker._process for worker in made]
    going.close()  # type: ignore[attr-defined]
    assert processes and all(process is not None and process.returncode == 0 for process in processes)
