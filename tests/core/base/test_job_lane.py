"""Jobs one after the other in real child processes, each of them cancelled without the others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future

import pytest

from core.base.errors import Cancelled
from core.base.job_lane import JobLane

Counts = JobLane[int]


@pytest.fixture
def lane() -> Iterator[Counts]:
    made: Counts = JobLane("counts", "tests.core.base.counting_child", int)
    yield made
    made.close()


def count(lane: Counts, up_to: int) -> tuple[Future[int], threading.Event]:
    """A job that ends with its message number `up_to`, and the event of its first one."""
    has_begun = threading.Event()

    def work(cancel: threading.Event) -> int:
        numbers: list[int] = []

        def on_message(number: int) -> bool:
            numbers.append(number)
            has_begun.set()
            return len(numbers) == up_to

        lane.run({}, on_message, cancel)
        return len(numbers)

    return lane.submit(work), has_begun


def test_cancelling_the_job_that_waits_leaves_the_one_under_way(lane: Counts) -> None:
    first, has_begun = count(lane, 5)
    second, _ = count(lane, 1)
    assert has_begun.wait(60)
    lane.cancel(second)
    with pytest.raises(CancelledError):
        second.result(1)
    assert first.result(60) == 5


def test_cancelling_the_job_under_way_leaves_the_one_that_waits(lane: Counts) -> None:
    first, has_begun = count(lane, 10_000)
    second, _ = count(lane, 2)
    assert has_begun.wait(60)
    lane.cancel(first)
    with pytest.raises(Cancelled):
        first.result(60)
    assert second.result(60) == 2
    lane.cancel(first)  # nothing: it is done
    assert count(lane, 1)[0].result(60) == 1


def test_cancelling_all_ends_what_is_under_way_and_what_waits(lane: Counts) -> None:
    first, has_begun = count(lane, 10_000)
    second, _ = count(lane, 1)
    assert has_begun.wait(60)
    lane.cancel()
    with pytest.raises(Cancelled):
        first.result(60)
    with pytest.raises(CancelledError):
        second.result(60)
