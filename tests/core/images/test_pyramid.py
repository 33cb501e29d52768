"""The image pyramid: levels, the choice of a level, memory."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.images.pyramid import SMALLEST_SIDE, Pyramid


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 1700), st.integers(1, 1700), st.integers(0, 99))
def test_each_level_is_the_mean_of_two_by_two(height: int, width: int, seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    levels = Pyramid.build(picture).levels
    assert levels[0] is picture
    assert max(levels[-1].shape[:2]) <= max(SMALLEST_SIDE, 1)
    for large, small in pairwise(levels):
        assert max(large.shape[:2]) > SMALLEST_SIDE
        rows, columns = (large.shape[0] + 1) // 2, (large.shape[1] + 1) // 2
        assert small.shape == (rows, columns, 3)
        padding = ((0, rows * 2 - large.shape[0]), (0, columns * 2 - large.shape[1]), (0, 0))
        even = np.pad(large, padding, mode="edge").astype(float)
        mean = even.reshape(rows, 2, columns, 2, 3).mean(axis=(1, 3))
        assert np.abs(small - mean).max() <= 1


def test_the_chosen_level_has_a_pixel_for_each_screen_pixel() -> None:
    pyramid = Pyramid.build(np.zeros((3000, 4000, 3), np.uint8))
    assert [level.shape[1] for level in pyramid.levels] == [4000, 2000, 1000, 500]
    assert [pyramid.level_for(zoom) for zoom in (8, 1, 0.51, 0.5, 0.26, 0.25, 0.01, 0)] == [
        0,
        0,
        0,
        1,
        1,
        2,
        3,
        3,
    ]


def test_memory_bytes_counts_every_level() -> None:
    pyramid = Pyramid.build(np.zeros((1024, 1024, 3), np.uint8))
    assert pyramid.memory_bytes == 3 * (1024**2 + 512**2)
