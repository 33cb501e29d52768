"""What vanishes from labels that are scaled, and the size that keeps it."""

from __future__ import annotations

import numpy as np

from core.training.data.small_regions import ScaledRegions, advise_size, regions_of


def spotted(side: int, spots: int, spot: int) -> np.ndarray:
    """(side, side) uint8: class 1 with `spots` squares of class 2, `spot` pixels wide."""
    values = np.ones((side, side), np.uint8)
    for number in range(spots):
        y, x = divmod(number, 10)
        values[y * 30 + 5 : y * 30 + 5 + spot, x * 30 + 5 : x * 30 + 5 + spot] = 2
    return values


def test_regions_are_counted_by_class_and_size() -> None:
    values = spotted(320, 3, 4)
    values[300:, 300:] = 0
    values[200:204, 200:204] = 255
    found = {value: [(n, p) for v, _, n, p in regions_of(values) if v == value] for value in (0, 1, 2, 255)}
    assert found[2] == [(3, 48)]
    assert found[1] == [(1, 320 * 320 - 48 - 400 - 16)]
    assert found[0] == found[255] == []


def test_what_vanishes_is_named_with_the_size_that_keeps_it() -> None:
    picture = ScaledRegions(3200, regions_of(spotted(3200, 20, 6)))
    advice = advise_size([picture], 480)
    assert set(advice.lost) == {2} and advice.lost[2] == 1.0
    assert advice.better == 1088, "where 6 pixels become 2"
    assert not advise_size([picture], advice.better).lost
    assert advise_size([picture], 480, 960).better == 960, "as much as is allowed"


def test_large_things_and_pictures_that_are_not_shrunk_need_nothing() -> None:
    large = ScaledRegions(3200, regions_of(spotted(3200, 20, 25)))
    assert advise_size([large], 480).better == 480 and not advise_size([large], 480).lost
    small = ScaledRegions(400, regions_of(spotted(400, 20, 1)))
    assert not advise_size([small], 480).lost
    assert not advise_size([], 480).lost


def test_specks_are_no_reason() -> None:
    """Thousands of single pixels beside what they are specks of, as in masks that were stored as JPEG."""
    values = np.ones((3200, 3200), np.uint8)
    values[500:2500, 500:2500] = 2
    values[::40, ::40] = np.where(values[::40, ::40] == 1, 2, 1)
    assert not advise_size([ScaledRegions(3200, regions_of(values))], 480).lost


def test_a_few_small_regions_among_many_large_ones_are_no_reason() -> None:
    values = spotted(3200, 40, 25)
    values[3100, 100:300:50] = 2  # four of 44 regions
    assert not advise_size([ScaledRegions(3200, regions_of(values))], 480).lost
