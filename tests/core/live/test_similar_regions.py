"""Regions like a correction: which are found, which are not, on small arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.live.similar_regions import MIN_CELLS, Appearance, find_similar_regions

SHAPE = (60, 80)


def squares(*corners: tuple[int, int], side: int = 12) -> NDArray[np.bool_]:
    """(60, 80) bool, true in squares whose upper left corners are x, y."""
    found = np.zeros(SHAPE, bool)
    for x, y in corners:
        found[y : y + side, x : x + side] = True
    return found


def features(like: NDArray[np.bool_], unlike: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(4, 60, 80) float32: noise, and two things that look different from it and from each other."""
    cells = np.random.default_rng(0).normal(0, 0.3, (4, *SHAPE)).astype(np.float32)
    cells[:2, like] += 3
    cells[2:, unlike] += 3
    return cells


def test_what_was_wrong_in_the_same_way_and_looks_alike_is_found() -> None:
    like, unlike = squares((5, 5), (40, 5), (5, 40)), squares((60, 40))
    cells = features(like, unlike)
    old = np.full(SHAPE, 1, np.uint8)
    new = np.where(like | unlike, 3, 1).astype(np.uint8)
    corrected = squares((8, 8), side=4)
    appearance = Appearance.of(cells[:, corrected].T, cells)
    found = find_similar_regions(appearance, cells, old, new, (1, 3), corrected)
    assert {(each.region.box.x0, each.region.box.y0) for each in found} == {(40, 5), (5, 40)}
    assert all(each.region.mask.all() and each.region.grid == (80, 60) for each in found)
    assert [each.similarity for each in found] == sorted((each.similarity for each in found), reverse=True)
    # In another picture nothing was corrected, and the first square is one of them.
    others = find_similar_regions(appearance, cells, old, new, (1, 3))
    assert len(others) == 3


def test_another_wrong_class_an_unchanged_one_and_specks_are_left_out() -> None:
    like = squares((5, 5), (40, 5), (5, 40), (60, 40))
    cells = features(like, np.zeros(SHAPE, bool))
    old = np.full(SHAPE, 1, np.uint8)
    old[squares((40, 5))] = 2
    new = np.where(squares((5, 5), (40, 5)), 3, 1).astype(np.uint8)
    speck = squares((5, 40), side=5)
    new[speck] = 3
    assert speck.sum() < MIN_CELLS
    appearance = Appearance.of(cells[:, squares((5, 5))].T, cells)
    [found] = find_similar_regions(appearance, cells, old, new, (1, 3))
    assert (found.region.box.x0, found.region.box.y0) == (5, 5)


def test_coarse_features_are_enough() -> None:
    like = squares((8, 8), (40, 8))
    cells = features(like, np.zeros(SHAPE, bool))[:, ::4, ::4]
    old, new = np.full(SHAPE, 1, np.uint8), np.where(like, 3, 1).astype(np.uint8)
    appearance = Appearance.of(cells[:, 3:5, 3:5].reshape(4, -1).T, cells)
    assert len(find_similar_regions(appearance, cells, old, new, (1, 3))) == 2
