"""The colour table compared with its rules applied pixel by pixel; sampling and the hatch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.geometry import Box
from core.labels.class_list import UNLABELLED, VOID
from desktop.canvas.rendering.layer_style import (
    ColourTable,
    DiagonalHatch,
    LayerState,
    premultiplied,
    sample_nearest,
)

PALETTE = np.random.default_rng(5).integers(1, 255, (256, 3)).astype(np.uint8)
CLEAR = 0
opacities = st.sampled_from([0.0, 0.2, 0.55, 1.0])
states = st.builds(LayerState, opacities, opacities, opacities, st.booleans(), st.booleans(), st.booleans())
values = st.sampled_from([UNLABELLED, 1, 2, 17, 254, VOID])


def one(array: np.ndarray) -> int:
    return int(array.reshape(()))


def pixel(value: int) -> np.ndarray:
    return np.array([[value]], np.uint8)


def shade(value: int, opacity: float) -> int:
    return int(premultiplied(PALETTE[value : value + 1], opacity)[0])


def is_grey(colour: int) -> bool:
    return (colour & 0xFF) == (colour >> 8 & 0xFF) == (colour >> 16 & 0xFF)


@settings(max_examples=150, deadline=None)
@given(states, values, values, st.integers(0, 2))
def test_colour_of_each_label_and_prediction(state: LayerState, label: int, said: int, stripe: int) -> None:
    table = ColourTable(PALETTE, state, has_prediction=True)
    found = one(table.compose(pixel(label), pixel(said), lambda: pixel(stripe)))
    differs = label not in (UNLABELLED, VOID) and said not in (UNLABELLED, label)
    if table.is_empty:
        assert state.label_alpha == state.prediction_alpha == state.difference_alpha == 0
    elif differs and stripe and state.difference_alpha:
        assert is_grey(found)
        assert found >> 24 == round(255 * state.difference_alpha)
    elif label == VOID and state.label_alpha:
        assert is_grey(found)
        assert found >> 24 == round(255 * state.label_alpha)
    elif label != UNLABELLED and state.label_alpha:
        assert found == shade(label, state.label_alpha)
    elif said in (UNLABELLED, VOID):
        assert found == CLEAR
    else:
        assert found == shade(said, state.prediction_alpha)


@settings(max_examples=50, deadline=None)
@given(states, values, st.integers(0, 2))
def test_without_a_prediction_only_labels_are_shown(state: LayerState, label: int, stripe: int) -> None:
    table = ColourTable(PALETTE, state, has_prediction=False)
    found = one(table.compose(pixel(label), None, lambda: pixel(stripe)))
    if label == UNLABELLED or not state.label_alpha:
        assert found == CLEAR
    elif label == VOID:
        assert is_grey(found)
    else:
        assert found == shade(label, state.label_alpha)


def test_void_and_difference_are_hatched() -> None:
    table = ColourTable(PALETTE, LayerState(difference_visible=True), has_prediction=True)
    stripes = np.array([[0, 1, 2]], np.uint8)
    void = table.compose(np.full((1, 3), VOID, np.uint8), np.full((1, 3), 3, np.uint8), lambda: stripes)
    differs = table.compose(np.full((1, 3), 1, np.uint8), np.full((1, 3), 3, np.uint8), lambda: stripes)
    same = table.compose(np.full((1, 3), 1, np.uint8), np.full((1, 3), 1, np.uint8), lambda: stripes)
    assert len(np.unique(void)) == 3
    assert len(np.unique(differs)) == 3
    assert len(np.unique(same)) == 1


def test_premultiplied_colours() -> None:
    found = premultiplied(np.array([[255, 128, 0]], np.uint8), 0.5)
    assert found.tolist() == [0x80_80_40_00]
    assert premultiplied(np.array([[9, 8, 7]], np.uint8), 0).tolist() == [0]


rising = st.lists(st.integers(0, 39), min_size=1, max_size=90).map(lambda v: np.array(sorted(v), np.intp))


@settings(max_examples=60, deadline=None)
@given(rising, rising)
def test_sample_nearest_equals_indexing(rows: np.ndarray, columns: np.ndarray) -> None:
    array = np.random.default_rng(0).integers(0, 255, (40, 40)).astype(np.uint8)
    assert np.array_equal(sample_nearest(array, rows, columns), array[np.ix_(rows, columns)])


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_hatch_pans_with_the_picture_without_seams(ratio: float) -> None:
    hatch = DiagonalHatch(ratio)
    whole = hatch.cover(Box(0, 0, 90, 70), -13, 29)
    assert np.array_equal(hatch.cover(Box(31, 7, 80, 60), -13, 29), whole[7:60, 31:80])
    assert np.array_equal(hatch.cover(Box(5, -3, 95, 67), -8, 26), whole)
    assert set(np.unique(whole)) == {0, 1, 2}
    assert 0.3 < (whole == 0).mean() < 0.7
