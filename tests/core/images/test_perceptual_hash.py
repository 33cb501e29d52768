"""Perceptual hashes: re-encoded, cropped and brightened copies are found, other scenes are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import Cancelled
from core.images import perceptual_hash
from core.images.perceptual_hash import (
    GREY_SIDE,
    MAX_HASH_DISTANCE,
    MIN_CORRELATION,
    connected_groups,
    find_similar_pairs,
    fingerprint,
)
from tests.near_duplicate_scenes import Picture, jpeg, scene

CHANGED = {
    "as JPEG": jpeg,
    "cropped": lambda p: np.ascontiguousarray(p[3:-3, 4:-4]),
    "brighter": lambda p: np.clip(p * 1.15 + 10.0, 0, 255).astype(np.uint8),
    "darker": lambda p: (p * 0.7).astype(np.uint8),
    "smaller": lambda p: np.asarray(cv2.resize(p, (120, 80), interpolation=cv2.INTER_AREA)),
}


def found(*pictures: Picture) -> set[tuple[int, int]]:
    prints = [fingerprint(p) for p in pictures]
    pairs = find_similar_pairs(
        np.array([f.bits for f in prints], np.uint64),
        np.array([f.grey for f in prints], np.uint8).reshape(-1, GREY_SIDE, GREY_SIDE),
    )
    return set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


@pytest.mark.parametrize("how", CHANGED)
def test_edited_copies_are_near_duplicates(how: str) -> None:
    for seed in range(12):
        picture = scene(seed)
        assert found(picture, CHANGED[how](picture)) == {(0, 1)}, (how, seed)


def test_other_scenes_and_blank_pictures_are_no_near_duplicates() -> None:
    assert found(*[scene(seed) for seed in range(150)]) == set()
    blank = np.full((40, 60, 3), 90, np.uint8)
    assert found(blank, blank + 1, blank) == set()
    assert found(scene(1), np.ascontiguousarray(scene(1)[:, ::-1])) == set()
    assert found(scene(1)) == found() == set()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 60))
def test_the_search_agrees_with_brute_force(seed: int, count: int) -> None:
    chance = np.random.default_rng(seed)
    heads = chance.integers(0, 2**64, 4, dtype=np.uint64)
    bits = heads[chance.integers(0, 4, count)].copy()
    for n in range(count):
        for turned in chance.integers(0, 64, chance.integers(0, 9)):
            bits[n] ^= np.uint64(1) << np.uint64(turned)
    base = chance.integers(0, 256, (GREY_SIDE, GREY_SIDE))
    greys = np.clip(base + chance.integers(-60, 61, (count, GREY_SIDE, GREY_SIDE)), 0, 255).astype(np.uint8)
    flat = np.corrcoef(greys.reshape(count, -1))
    apart = np.array([[(int(a) ^ int(b)).bit_count() for b in bits] for a in bits])
    edge = np.abs(flat - MIN_CORRELATION) < 1e-5  # rounding may decide either way
    near = (apart <= MAX_HASH_DISTANCE) & (flat >= MIN_CORRELATION)
    pairs = find_similar_pairs(bits, greys)
    told = np.zeros_like(near)
    told[pairs.first, pairs.second] = True
    upper = np.triu(np.ones_like(near), 1)
    if count <= perceptual_hash.MAX_NEIGHBOURS:
        assert np.array_equal((told & upper)[~edge], (near & upper)[~edge])
    assert not (told & ~near)[~edge].any()


def test_thousands_of_equal_frames_are_one_group() -> None:
    grey = fingerprint(scene(3)).grey
    pairs = find_similar_pairs(np.full(3000, 7, np.uint64), np.repeat(grey[None], 3000, axis=0))
    assert connected_groups(pairs) == [list(range(3000))]
    assert len(pairs) < 3000 * perceptual_hash.MAX_NEIGHBOURS + 1
    with pytest.raises(Cancelled):
        find_similar_pairs(np.full(3, 7, np.uint64), np.repeat(grey[None], 3, axis=0), lambda: True)
