"""The lane: order of work, urgent work, errors, shutdown, and what it keeps alive."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor

import numpy as np
import pytest

from core.base.errors import UserError
from core.base.lane import Lane

TIMEOUT = 10


@pytest.fixture
def lane() -> Iterator[Lane]:
    made = Lane("test")
    yield made
    made.shutdown()


def block(lane: Lane) -> threading.Event:
    """Keep the lane busy until the event is set."""
    gate, started = threading.Event(), threading.Event()

    def wait() -> None:
        started.set()
        assert gate.wait(TIMEOUT)

    lane.submit(wait)
    assert started.wait(TIMEOUT)
    return gate


def test_work_runs_in_order(lane: Lane) -> None:
    seen: list[int] = []
    futures = [lane.submit(seen.append, n) for n in range(50)]
    futures[-1].result(TIMEOUT)
    assert seen == list(range(50))


def test_submit_first_puts_work_at_the_front(lane: Lane) -> None:
    seen: list[str] = []
    gate = block(lane)
    last = [lane.submit(seen.append, "thumbnail"), lane.submit(seen.append, "another")][-1]
    lane.submit_first(seen.append, "picture")
    lane.submit_first(seen.append, "newer picture")
    gate.set()
    last.result(TIMEOUT)
    assert seen == ["newer picture", "picture", "thumbnail", "another"]


def test_arguments_and_results_are_passed_on(lane: Lane) -> None:
    assert lane.submit(sorted, [1, 3, 2], reverse=True).result(TIMEOUT) == [3, 2, 1]


def test_a_lane_is_an_executor() -> None:
    with Lane("executor") as lane:
        assert isinstance(lane, Executor)
        assert list(lane.map(abs, [-1, 2, -3], timeout=TIMEOUT)) == [1, 2, 3]
    with pytest.raises(RuntimeError, match="shut down"):
        lane.submit(abs, 1)


def test_owns_current_thread(lane: Lane) -> None:
    assert lane.submit(lane.owns_current_thread).result(TIMEOUT)
    assert not lane.owns_current_thread()


def test_two_threads_run_at_the_same_time() -> None:
    lane = Lane("pair", threads=2)
    meeting = threading.Barrier(2, timeout=TIMEOUT)
    futures = [lane.submit(meeting.wait) for _ in range(2)]
    assert {future.result(TIMEOUT) for future in futures} == {0, 1}
    lane.shutdown()


def test_an_exception_is_set_on_the_future_and_the_lane_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    mistakes: list[BaseException] = []
    lane = Lane("test", on_unexpected_error=mistakes.append)

    def fail(problem: BaseException) -> None:
        raise problem

    expected, ours = UserError("The disk is full."), ZeroDivisionError("ours")
    with caplog.at_level(logging.CRITICAL):
        for problem in (expected, ours):
            assert lane.submit(fail, problem).exception(TIMEOUT) is problem
        assert lane.submit(lambda: 1).result(TIMEOUT) == 1
    lane.shutdown()
    assert mistakes == [ours]


def test_shutdown_finishes_queued_work(lane: Lane) -> None:
    seen: list[int] = []
    gate = block(lane)
    for number in range(5):
        lane.submit(seen.append, number)
    gate.set()
    lane.shutdown()
    assert seen == list(range(5))


def test_shutdown_can_cancel_queued_work(lane: Lane) -> None:
    seen: list[int] = []
    gate = block(lane)
    waiting = lane.submit(seen.append, 1)
    closer = threading.Thread(target=lane.shutdown, kwargs={"cancel_futures": True})
    closer.start()
    with pytest.raises(CancelledError):
        waiting.result(TIMEOUT)
    gate.set()
    closer.join(TIMEOUT)
    assert not closer.is_alive()
    assert seen == []


def test_a_cancelled_future_is_skipped(lane: Lane) -> None:
    seen: list[int] = []
    gate = block(lane)
    lane.submit(seen.append, 1).cancel()
    last = lane.submit(seen.append, 2)
    gate.set()
    last.result(TIMEOUT)
    assert seen == [2]


def test_submit_after_shutdown_raises(lane: Lane) -> None:
    lane.shutdown()
    lane.shutdown()
    for submit in (lane.submit, lane.submit_first):
        with pytest.raises(RuntimeError, match="shut down"):
            submit(lambda: None)


def test_an_idle_lane_keeps_no_argument_alive(lane: Lane) -> None:
    def picture() -> Callable[[], np.ndarray | None]:
        pixels = np.zeros((4, 4))
        lane.submit(lambda kept: kept, pixels).result(TIMEOUT)
        return weakref.ref(pixels)

    alive = picture()
    lane.submit(lambda: None).result(TIMEOUT)  # the lane released it when it took this
    gc.collect()
    assert alive() is None


def test_an_unused_result_is_released(lane: Lane) -> None:
    done = threading.Event()
    seen: list[weakref.ref[np.ndarray]] = []

    def picture() -> np.ndarray:
        pixels = np.zeros((4, 4))
        seen.append(weakref.ref(pixels))
        return pixels

    future = lane.submit(picture)
    future.add_done_callback(lambda _: done.set())
    del future
    assert done.wait(TIMEOUT)
    end = threading.Event()
    for _ in range(500):  # the lane needs a moment to come back to its queue
        if seen[0]() is None:
            return
        end.wait(0.01)
    pytest.fail("the idle lane still holds the picture")
