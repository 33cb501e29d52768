"""Label snapshots for other threads, and deferred edits."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.geometry import Box
from core.labels.deferred_edit import DeferredEdit
from core.labels.label_map import LabelMap

WIDTH, HEIGHT = 600, 300
TIMEOUT = 60
boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    st.integers(-20, WIDTH), st.integers(-20, HEIGHT), st.integers(1, 400), st.integers(1, 300),
)  # fmt: skip


def stroke(labels: LabelMap, box: Box, value: int) -> None:
    labels.paint(box, np.ones((box.height, box.width), bool), value)


def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4, (HEIGHT, WIDTH), np.uint8)


# Snapshots


@given(
    st.lists(boxes, max_size=4), st.lists(boxes, max_size=4), st.sampled_from(["finish_edit", "cancel_edit"])
)
def test_a_snapshot_does_not_change_with_the_label(before: list[Box], after: list[Box], end: str) -> None:
    labels = LabelMap(noise())
    labels.begin_edit("Stroke", "test", 5)
    for box in before:
        stroke(labels, box, 5)
    expected, snapshot = labels.values.copy(), labels.snapshot()  # also in the middle of a stroke
    for box in after:
        stroke(labels, box, 6)
    edit = getattr(labels, end)()
    if end == "finish_edit" and edit is not None:
        labels.replace_tiles({tile.key: tile.before for tile in edit.tiles})
    later = labels.snapshot()
    assert np.array_equal(snapshot.copy(), expected)
    assert np.array_equal(later.copy(), labels.values)


def test_a_snapshot_is_exact_however_much_is_painted_while_it_is_copied() -> None:
    labels, stop = LabelMap(np.zeros((2048, 2048), np.uint8)), threading.Event()
    copies: list[np.ndarray] = []
    snapshot = labels.snapshot()

    def copy() -> None:
        copies.append(snapshot.copy())
        stop.set()

    thread = threading.Thread(target=copy)
    thread.start()
    labels.begin_edit("Stroke", "test", 1)
    while not stop.is_set():
        stroke(labels, Box(0, 0, 2048, 2048), 1)
    thread.join(TIMEOUT)
    stroke(labels, Box(0, 0, 2048, 2048), 2)
    assert not copies[0].any()


# Lending


def deferred_edit_of() -> tuple[LabelMap, DeferredEdit, np.ndarray]:
    labels = LabelMap(noise())
    before, box = labels.values.copy(), Box(10, 10, 500, 280)
    labels.begin_edit("Square", "test", 5)

    def paint() -> Box:
        stroke(labels, box, 5)
        return box

    return labels, DeferredEdit(labels, "Square", paint), before


def test_it_is_painted_once_by_the_first_caller() -> None:
    labels, deferred, before = deferred_edit_of()
    threads = [threading.Thread(target=deferred.run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    expected = before.copy()
    expected[10:280, 10:500] = 5
    assert deferred.is_done and not labels.is_editing
    assert np.array_equal(labels.values, expected)
    assert deferred.edit is not None and deferred.edit.pixels == np.count_nonzero(expected != before)
    assert all(np.array_equal(t.after, expected[_place(t.key)]) for t in deferred.edit.tiles)
    assert all(np.array_equal(t.before, before[_place(t.key)]) for t in deferred.edit.tiles)


def test_a_deferred_edit_needs_an_open_edit() -> None:
    with pytest.raises(RuntimeError):
        DeferredEdit(LabelMap.blank(9, 9), "Nothing", Box.empty)


def test_a_cancelled_edit_is_never_painted() -> None:
    labels, deferred, before = deferred_edit_of()
    deferred.cancel()
    assert deferred.is_done and deferred.edit is None and not labels.is_editing
    deferred.run()
    assert np.array_equal(labels.values, before)


@pytest.mark.parametrize("cancels", [True, False])
def test_a_second_caller_waits_for_the_painting_thread(cancels: bool) -> None:
    labels = LabelMap(noise())
    before, box = labels.values.copy(), Box(0, 0, 300, 300)
    began, go_on = threading.Event(), threading.Event()
    labels.begin_edit("Square", "test", 5)

    def paint() -> Box:
        stroke(labels, box, 5)
        began.set()
        go_on.wait(TIMEOUT)
        return box

    deferred = DeferredEdit(labels, "Square", paint)
    thread = threading.Thread(target=deferred.run)
    thread.start()
    began.wait(TIMEOUT)
    if cancels:
        deferred.cancel()
    assert not deferred.is_done and labels.is_editing
    threading.Timer(0.05, go_on.set).start()
    deferred.run()
    assert deferred.is_done and not labels.is_editing
    assert (deferred.edit is None) == cancels == np.array_equal(labels.values, before)
    assert deferred.dirty == (Box(0, 0, 512, 300) if cancels else box)
    thread.join(TIMEOUT)


def test_a_failure_restores_the_label() -> None:
    labels = LabelMap(noise())
    before = labels.values.copy()
    labels.begin_edit("Square", "test", 5)

    def paint() -> Box:
        stroke(labels, Box(0, 0, 300, 300), 5)
        raise MemoryError

    deferred = DeferredEdit(labels, "Square", paint)
    deferred.run()
    assert isinstance(deferred.error, MemoryError) and deferred.edit is None
    assert deferred.is_done and not labels.is_editing
    assert np.array_equal(labels.values, before)


def _place(key: tuple[int, int]) -> tuple[slice, slice]:
    column, row = key
    return slice(row * 256, row * 256 + 256), slice(column * 256, column * 256 + 256)


# What edits keep


@given(st.lists(boxes, min_size=1, max_size=4))
def test_tiles_of_one_value_are_kept_exactly(painted: list[Box]) -> None:
    """Most tiles of a blank label have one value, before and often after an edit."""
    labels = LabelMap.blank(WIDTH, HEIGHT)
    before = labels.values.copy()
    labels.begin_edit("Strokes", "test", 1)
    for value, box in enumerate(painted, 1):
        stroke(labels, box, value)
    after, edit = labels.values.copy(), labels.finish_edit()
    for tile in edit.tiles if edit else ():
        assert tile.before.shape == tile.after.shape == after[_place(tile.key)].shape
        assert np.array_equal(tile.before, before[_place(tile.key)])
        assert np.array_equal(tile.after, after[_place(tile.key)])
    if edit is not None:
        labels.replace_tiles({tile.key: tile.before for tile in edit.tiles})
        assert not labels.values.any()
        labels.replace_tiles({tile.key: tile.after for tile in edit.tiles})
        assert np.array_equal(labels.values, after)
