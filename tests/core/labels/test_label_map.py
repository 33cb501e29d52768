"""The label map: edits, undo and redo."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.geometry import TILE_SIZE, Box, tile_box
from core.labels.label_map import Edit, LabelMap, Origin

WIDTH, HEIGHT = TILE_SIZE + 90, TILE_SIZE * 2 + 17


def filled(seed: int) -> LabelMap:
    """A label with a few values everywhere."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 5, (HEIGHT // 16 + 1, WIDTH // 16 + 1)).astype(np.uint8)
    return LabelMap(coarse.repeat(16, axis=0).repeat(16, axis=1)[:HEIGHT, :WIDTH].copy())


boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    st.integers(-60, WIDTH),
    st.integers(-60, HEIGHT),
    st.integers(0, 300),
    st.integers(0, 300),
)
dabs = st.lists(st.tuples(boxes, st.integers(0, 255), st.integers(0, 99)), min_size=1, max_size=5)


def paint(labels: LabelMap, box: Box, value: int, seed: int) -> np.ndarray:
    """One edit step in the map, and the expected array by plain indexing."""
    mask = np.random.default_rng(seed).random((box.height, box.width)) < 0.5
    expected = labels.values.copy()
    for y, x in zip(*np.nonzero(mask), strict=True):
        if 0 <= x + box.x0 < WIDTH and 0 <= y + box.y0 < HEIGHT:
            expected[y + box.y0, x + box.x0] = value
    assert labels.paint(box, mask, value) == box.clipped(WIDTH, HEIGHT)
    return expected


def undone(edit: Edit) -> dict:
    return {change.key: change.before for change in edit.tiles}


def redone(edit: Edit) -> dict:
    return {change.key: change.after for change in edit.tiles}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9), dabs)
def test_an_edit_can_be_undone_and_redone(seed: int, strokes: list) -> None:
    labels = filled(seed)
    before = labels.values.copy()
    labels.begin_edit("Brush stroke, road", "brush", 1)
    for box, value, noise in strokes:
        expected = paint(labels, box, value, noise)
        assert np.array_equal(labels.values, expected)
    after = labels.values.copy()
    edit = labels.finish_edit()
    changed = before != after
    if edit is None:
        assert not changed.any()
        return
    assert edit.pixels == changed.sum()
    rows, columns = np.nonzero(changed)
    assert edit.box == Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert {change.key for change in edit.tiles} == {
        key for key in Box(0, 0, WIDTH, HEIGHT).tiles() if changed[tile_box(key, WIDTH, HEIGHT).slices].any()
    }
    dirty = labels.replace_tiles(undone(edit))
    assert np.array_equal(labels.values, before)
    assert dirty.intersection(edit.box) == edit.box
    labels.replace_tiles(redone(edit))
    assert np.array_equal(labels.values, after)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 9), dabs)
def test_cancel_restores_the_label(seed: int, strokes: list) -> None:
    labels = filled(seed)
    before = labels.values.copy()
    labels.begin_edit("Brush stroke, road", "brush", 1)
    for box, value, noise in strokes:
        paint(labels, box, value, noise)
    touched = labels.values != before
    dirty = labels.cancel_edit()
    assert np.array_equal(labels.values, before)
    outside = touched.copy()
    outside[dirty.slices] = False
    assert not outside.any()
    assert not labels.is_editing


def test_put_values_copies_where_the_mask_is_true() -> None:
    labels = filled(1)
    expected = labels.values.copy()
    box = Box(-2, 5, 3, 9)
    values = np.arange(20, dtype=np.uint8).reshape(4, 5)
    mask = values % 2 == 0
    labels.begin_edit("Accept", "accept", 0, Origin.ACCEPTED, run_id=7)
    assert labels.put_values(box, values, mask) == Box(0, 5, 3, 9)
    expected[5:9, 0:3] = np.where(mask[:, 2:], values[:, 2:], expected[5:9, 0:3])
    assert np.array_equal(labels.values, expected)
    labels.put_values(Box(0, 0, 5, 4), values)
    expected[0:4, 0:5] = values
    assert np.array_equal(labels.values, expected)
    edit = labels.finish_edit()
    assert edit is not None
    assert (edit.origin, edit.run_id) == (Origin.ACCEPTED, 7)


def test_tiles_of_an_edit_do_not_change_with_the_label() -> None:
    labels = LabelMap.blank(40, 30)
    labels.begin_edit("Brush stroke, road", "brush", 1)
    labels.paint(Box(3, 3, 6, 6), np.ones((3, 3), bool), 1)
    edit = labels.finish_edit()
    assert edit is not None
    labels.begin_edit("Brush stroke, tree", "brush", 2)
    labels.paint(Box(0, 0, 40, 30), np.ones((30, 40), bool), 2)
    labels.finish_edit()
    (change,) = edit.tiles
    assert not change.before.any()
    assert change.after.sum() == 9


def test_painting_the_same_values_is_no_edit() -> None:
    labels = LabelMap.blank(20, 20)
    labels.begin_edit("Erase", "eraser", 0)
    labels.paint(Box(2, 2, 9, 9), np.ones((7, 7), bool), 0)
    assert labels.finish_edit() is None


def test_edits_must_be_opened_and_closed() -> None:
    labels = LabelMap.blank(20, 20)
    with pytest.raises(RuntimeError, match="begin"):
        labels.paint(Box(2, 2, 9, 9), np.ones((7, 7), bool), 1)
    with pytest.raises(RuntimeError, match="no edit"):
        labels.finish_edit()
    labels.begin_edit("Erase", "eraser", 0)
    with pytest.raises(RuntimeError, match="already open"):
        labels.begin_edit("Erase", "eraser", 0)
    with pytest.raises(RuntimeError, match="is open"):
        labels.replace_tiles({})
