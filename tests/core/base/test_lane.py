"""Lanes: work is done in order, by its own threads, and nothing gets lost or stays alive unseen."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError

import numpy as np
import pytest

from core.base.errors import UserError
from core.base.lane import Lane

PATIENCE = 10


@pytest.fixture
def lane() -> Iterator[Lane]:
    made = Lane("test")
    yield made
    made.shutdown()


def held(lane: Lane) -> threading.Event:
    """Keep the lane busy until the event is set."""
    gate, began = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        assert gate.wait(PATIENCE)

    lane.submit(wait)
    assert began.wait(PATIENCE)
    return gate


def test_work_is_done_in_order_of_arrival(lane: Lane) -> None:
    seen: list[int] = []
    futures = [lane.submit(seen.append, n) for n in range(50)]
    futures[-1].result(PATIENCE)
    assert seen == list(range(50))


def test_urgent_work_goes_before_all_that_waits(lane: Lane) -> None:
    seen: list[str] = []
    gate = held(lane)
    last = [lane.submit(seen.append, "thumbnail"), lane.submit(seen.append, "another")][-1]
    lane.submit_first(seen.append, "picture")
    lane.submit_first(seen.append, "newer picture")
    gate.set()
    last.result(PATIENCE)
    assert seen == ["newer picture", "picture", "thumbnail", "another"]


def test_results_and_keywords_go_through(lane: Lane) -> None:
    assert lane.submit(sorted, [1, 3, 2], reverse=True).result(PATIENCE) == [3, 2, 1]


def test_work_knows_that_it_is_on_its_lane(lane: Lane) -> None:
    assert lane.submit(lane.owns_current_thread).result(PATIENCE)
    assert not lane.owns_current_thread()


def test_two_threads_serve_at_the_same_time() -> None:
    lane = Lane("pair", threads=2)
    meeting = threading.Barrier(2, timeout=PATIENCE)
    futures = [lane.submit(meeting.wait) for _ in range(2)]
    assert {future.result(PATIENCE) for future in futures} == {0, 1}
    lane.shutdown()


def test_an_error_reaches_who_asks_and_the_lane_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    mistakes: list[BaseException] = []
    lane = Lane("test", on_unexpected_error=mistakes.append)

    def fail(problem: BaseException) -> None:
        raise problem

    expected, ours = UserError("The disk is full."), ZeroDivisionError("ours")
    with caplog.at_level(logging.CRITICAL):
        for problem in (expected, ours):
            assert lane.submit(fail, problem).exception(PATIENCE) is problem
        assert lane.submit(lambda: 1).result(PATIENCE) == 1
    lane.shutdown()
    assert mistakes == [ours]


def test_closing_finishes_what_is_queued(lane: Lane) -> None:
    seen: list[int] = []
    gate = held(lane)
    for number in range(5):
        lane.submit(seen.append, number)
    gate.set()
    lane.shutdown()
    assert seen == list(range(5))


def test_closing_may_drop_what_waits(lane: Lane) -> None:
    seen: list[int] = []
    gate = held(lane)
    waiting = lane.submit(seen.append, 1)
    closer = threading.Thread(target=lane.shutdown, kwargs={"drop_waiting": True})
    closer.start()
    with pytest.raises(CancelledError):
        waiting.result(PATIENCE)
    gate.set()
    closer.join(PATIENCE)
    assert not closer.is_alive()
    assert seen == []


def test_a_cancelled_future_is_passed_over(lane: Lane) -> None:
    seen: list[int] = []
    gate = held(lane)
    lane.submit(seen.append, 1).cancel()
    last = lane.submit(seen.append, 2)
    gate.set()
    last.result(PATIENCE)
    assert seen == [2]


def test_a_closed_lane_takes_nothing(lane: Lane) -> None:
    lane.shutdown()
    lane.shutdown()
    for submit in (lane.submit, lane.submit_first):
        with pytest.raises(RuntimeError, match="closed"):
            submit(lambda: None)


def test_a_waiting_lane_keeps_no_picture_alive(lane: Lane) -> None:
    def picture() -> Callable[[], np.ndarray | None]:
        pixels = np.zeros((4, 4))
        lane.submit(lambda kept: kept, pixels).result(PATIENCE)
        return weakref.ref(pixels)

    alive = picture()
    lane.submit(lambda: None).result(PATIENCE)  # the lane has let go once it does something else
    gc.collect()
    assert alive() is None


def test_a_result_that_nobody_wants_is_let_go(lane: Lane) -> None:
    done = threading.Event()
    seen: list[weakref.ref[np.ndarray]] = []

    def picture() -> np.ndarray:
        pixels = np.zeros((4, 4))
        seen.append(weakref.ref(pixels))
        return pixels

    future = lane.submit(picture)
    future.add_done_callback(lambda _: done.set())
    del future
    assert done.wait(PATIENCE)
    end = threading.Event()
    for _ in range(500):  # the lane needs a moment to come back to its queue
        if seen[0]() is None:
            return
        end.wait(0.01)
    pytest.fail("the lane still holds the picture while it waits")
