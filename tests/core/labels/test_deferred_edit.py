"""Labels that other threads see as they were, and labels that are lent to them."""

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
PATIENCE_S = 60
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
def test_a_snapshot_is_the_label_of_that_moment(before: list[Box], after: list[Box], end: str) -> None:
    labels = LabelMap(noise())
    labels.begin_edit("Stroke", "test", 5)
    for box in before:
        stroke(labels, box, 5)
    wanted, taken = labels.values.copy(), labels.snapshot()  # also in the middle of a stroke
    for box in after:
        stroke(labels, box, 6)
    edit = getattr(labels, end)()
    if end == "finish_edit" and edit is not None:
        labels.replace_tiles({tile.key: tile.before for tile in edit.tiles})
    later = labels.snapshot()
    assert np.array_equal(taken.copy(), wanted)
    assert np.array_equal(later.copy(), labels.values)


def test_a_snapshot_is_exact_however_much_is_painted_while_it_is_copied() -> None:
    labels, stop = LabelMap(np.zeros((2048, 2048), np.uint8)), threading.Event()
    copies: list[np.ndarray] = []
    taken = labels.snapshot()

    def copy() -> None:
        copies.append(taken.copy())
        stop.set()

    thread = threading.Thread(target=copy)
    thread.start()
    labels.begin_edit("Stroke", "test", 1)
    while not stop.is_set():
        stroke(labels, Box(0, 0, 2048, 2048), 1)
    thread.join(PATIENCE_S)
    stroke(labels, Box(0, 0, 2048, 2048), 2)
    assert not copies[0].any()


# Lending


def lent() -> tuple[LabelMap, DeferredEdit, np.ndarray]:
    labels = LabelMap(noise())
    before, box = labels.values.copy(), Box(10, 10, 500, 280)
    labels.begin_edit("Square", "test", 5)

    def paint() -> Box:
        stroke(labels, box, 5)
        return box

    return labels, DeferredEdit(labels, "Square", paint), before


def test_whoever_comes_first_paints_and_only_once() -> None:
    labels, painting, before = lent()
    threads = [threading.Thread(target=painting.run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    wanted = before.copy()
    wanted[10:280, 10:500] = 5
    assert painting.is_done and not labels.is_editing
    assert np.array_equal(labels.values, wanted)
    assert painting.edit is not None and painting.edit.pixels == np.count_nonzero(wanted != before)
    assert all(np.array_equal(t.after, wanted[_place(t.key)]) for t in painting.edit.tiles)
    assert all(np.array_equal(t.before, before[_place(t.key)]) for t in painting.edit.tiles)


def test_a_label_is_lent_only_with_an_edit_open() -> None:
    with pytest.raises(RuntimeError):
        DeferredEdit(LabelMap.blank(9, 9), "Nothing", Box.empty)


def test_what_is_given_up_before_anybody_began_is_never_painted() -> None:
    labels, painting, before = lent()
    painting.cancel()
    assert painting.is_done and painting.edit is None and not labels.is_editing
    painting.run()
    assert np.array_equal(labels.values, before)


@pytest.mark.parametrize("gives_up", [True, False])
def test_what_another_thread_is_painting_is_waited_for(gives_up: bool) -> None:
    labels = LabelMap(noise())
    before, box = labels.values.copy(), Box(0, 0, 300, 300)
    began, go_on = threading.Event(), threading.Event()
    labels.begin_edit("Square", "test", 5)

    def paint() -> Box:
        stroke(labels, box, 5)
        began.set()
        go_on.wait(PATIENCE_S)
        return box

    painting = DeferredEdit(labels, "Square", paint)
    thread = threading.Thread(target=painting.run)
    thread.start()
    began.wait(PATIENCE_S)
    if gives_up:
        painting.cancel()
    assert not painting.is_done and labels.is_editing
    threading.Timer(0.05, go_on.set).start()
    painting.run()
    assert painting.is_done and not labels.is_editing
    assert (painting.edit is None) == gives_up == np.array_equal(labels.values, before)
    assert painting.dirty == (Box(0, 0, 512, 300) if gives_up else box)
    thread.join(PATIENCE_S)


def test_what_goes_wrong_leaves_the_label_as_it_was() -> None:
    labels = LabelMap(noise())
    before = labels.values.copy()
    labels.begin_edit("Square", "test", 5)

    def paint() -> Box:
        stroke(labels, Box(0, 0, 300, 300), 5)
        raise MemoryError

    painting = DeferredEdit(labels, "Square", paint)
    painting.run()
    assert isinstance(painting.error, MemoryError) and painting.edit is None
    assert painting.is_done and not labels.is_editing
    assert np.array_equal(labels.values, before)


def _place(key: tuple[int, int]) -> tuple[slice, slice]:
    column, row = key
    return slice(row * 256, row * 256 + 256), slice(column * 256, column * 256 + 256)


# What edits keep


@given(st.lists(boxes, min_size=1, max_size=4))
def test_tiles_of_one_value_are_kept_as_exactly_as_others(painted: list[Box]) -> None:
    """Most tiles of a blank label hold one value throughout, before and often after."""
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
