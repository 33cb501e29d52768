"""The values of a mask found by its runs are those that NumPy finds by sorting all pixels."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from core.formats.mask_values import pack_rgb
from core.formats.value_runs import ValueRuns

masks = arrays.arrays(
    st.sampled_from((np.uint8, np.uint16, np.uint32, np.int32)),
    arrays.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=9),
    elements=st.integers(0, 5),
)


@given(masks)
def test_the_same_values_and_counts(values: np.ndarray) -> None:  # type: ignore[type-arg]
    found, counts = np.unique(values, return_counts=True)
    runs = ValueRuns.of(values)
    assert np.array_equal(runs.found, found) and np.array_equal(runs.counts, counts)
    assert runs.found.dtype == values.dtype
    assert np.array_equal(runs.replaced(runs.found), values)


def test_values_are_replaced_in_place() -> None:
    values = np.array([[7, 7, 2], [2, 9, 7]], np.uint16)
    replaced = ValueRuns.of(values).replaced(np.array([1, 5, 0], np.uint8))
    assert replaced.tolist() == [[5, 5, 1], [1, 0, 5]] and replaced.dtype == np.uint8


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(3))))
def test_colours_are_packed_into_one_number(pixels: np.ndarray) -> None:  # type: ignore[type-arg]
    red, green, blue = (pixels[..., n].astype(np.uint32) for n in range(3))
    assert np.array_equal(pack_rgb(pixels), red << 16 | green << 8 | blue)
    assert np.array_equal(pack_rgb(pixels, is_red_low=True), blue << 16 | green << 8 | red)
