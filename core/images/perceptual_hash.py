"""Finds near-copies among very many pictures: a hash narrows the search, a small grey copy decides.

The hash is the perceptual hash in wide use (C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash
Functions", 2010): the signs of the lowest frequencies of a discrete cosine transform against their median.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.errors import Cancelled
from core.images.thumbnail import read_thumbnail

GREY_SIDE = 16
"""Side of the grey copy that decides."""
_SIDE = 32
_READ = 128
MAX_HASH_DISTANCE = 11
"""Hashes of near-copies differ in at most so many of 64 bits: four bands of 16 then hold one with at most two."""
MIN_CORRELATION = 0.95
"""Correlation of the grey copies from which on two pictures are near-copies."""
MIN_CONTRAST = 2.0
"""Standard deviation, in grey levels, below which a picture shows nothing by which it could be recognised."""
NOISE_AMPLITUDE = 15.0
"""Height of a wave, in grey levels summed up as the transform does, that noise and re-encoding reach."""
MAX_NEIGHBOURS = 24
"""Neighbours looked at among pictures of one band: thousands of equal frames still hang together as a chain."""

_PIECE = 100_000

Hashes = NDArray[np.uint64]
Greys = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of a picture: a hash of 64 bits, and a grey copy, (SMALL, SMALL) uint8."""

    bits: int
    grey: Greys


@dataclass(frozen=True, slots=True)
class SimilarPairs:
    """Places in the list that was searched, `one` (n,) before `two` (n,), and their `likeness` (n,), ALIKE..1."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    similarity: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.first)


def fingerprint_file(path: Path) -> Fingerprint:
    """Read a picture as small as its format allows. Raises ImageError."""
    return fingerprint(read_thumbnail(path, _READ))


def fingerprint(picture: NDArray[np.uint8]) -> Fingerprint:
    """Of an RGB picture, (H, W, 3) uint8."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small.astype(np.float32))[:8, :8].ravel()
    # The first is the mean: brightness says nothing. Waves as weak as noise must not turn bits at random.
    signs = waves > max(np.median(waves[1:]), 0) + NOISE_AMPLITUDE
    bits = int.from_bytes(np.packbits(signs).tobytes(), "big")
    return Fingerprint(
        bits, np.asarray(cv2.resize(small, (GREY_SIDE, GREY_SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    )


def find_similar_pairs(
    bits: Hashes, greys: Greys, cancelled: Callable[[], bool] = lambda: False
) -> SimilarPairs:
    """All pairs that are near-copies, in order. `bits` (n,) uint64, `greys` (n, SMALL, SMALL) uint8.

    Pictures without any contrast are never near-copies of anything. Raises Cancelled.
    """
    flat = greys.reshape(len(greys), GREY_SIDE * GREY_SIDE).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat[flat.std(axis=1) <= MIN_CONTRAST] = 0
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    found: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
    for one, two in _candidates(bits) if len(bits) > 1 else ():
        if cancelled():
            raise Cancelled
        for start in range(0, len(one), _PIECE):
            a, b = one[start : start + _PIECE], two[start : start + _PIECE]
            near = np.einsum("ij,ij->i", flat[a], flat[b])
            good = near >= MIN_CORRELATION
            keys = np.minimum(a[good], b[good]) * len(bits) + np.maximum(a[good], b[good])
            found.append((keys, np.minimum(near[good], 1)))
    if not found:
        return SimilarPairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    keys, first = np.unique(np.concatenate([k for k, _ in found]), return_index=True)
    return SimilarPairs(keys // len(bits), keys % len(bits), np.concatenate([n for _, n in found])[first])


def connected_groups(pairs: SimilarPairs) -> list[list[int]]:
    """What hangs together by pairs, each in order, the largest first."""
    top: dict[int, int] = {}

    def find(place: int) -> int:
        while top.setdefault(place, place) != place:
            top[place] = top[top[place]]
            place = top[place]
        return place

    for one, two in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
        top[find(two)] = find(one)
    groups: dict[int, list[int]] = {}
    for place in sorted(top):
        groups.setdefault(find(place), []).append(place)
    return sorted(groups.values(), key=lambda group: (-len(group), group))


def _candidates(bits: Hashes) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Pairs of places whose hashes differ in at most BITS_APART bits, piece by piece; some come more than once.

    By pigeonhole one of four bands of 16 bits differs in at most two (M. Norouzi et al., "Fast Search in Hamming Space
    with Multi-Index Hashing", CVPR 2012): every band is looked up as it is, and with one or two bits turned.
    """
    flips = [0, *(1 << n for n in range(16)), *((1 << n) | (1 << m) for n, m in combinations(range(16), 2))]
    for band in range(4):
        keys = ((bits >> np.uint64(16 * band)) & np.uint64(0xFFFF)).astype(np.uint16)
        # Equal hashes side by side, so that the nearest are looked at first where there are too many.
        order = np.lexsort((bits, keys))
        edges = np.searchsorted(keys[order], np.arange(0x10001))
        for flip in flips:
            one, two = _joined(keys, order, edges, flip)
            apart = _ones(bits[one] ^ bits[two]) <= MAX_HASH_DISTANCE
            if apart.any():
                yield one[apart], two[apart]


def _joined(
    keys: NDArray[np.uint16], order: NDArray[np.intp], edges: NDArray[np.intp], flip: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Every picture with those whose band is its own with some bits turned."""
    sorted_keys = keys[order].astype(np.intp)
    places = np.arange(len(order))
    other = sorted_keys ^ flip
    start, end = edges[other], edges[other + 1]
    if flip == 0:
        start = places + 1  # only those behind it
    else:
        end = np.where(other > sorted_keys, end, start)  # each pair from one side
    count = np.clip(end - start, 0, MAX_NEIGHBOURS)
    one = np.repeat(places, count)
    within = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
    return order[one], order[np.repeat(start, count) + within]


def _ones(values: Hashes) -> NDArray[Any]:
    """How many bits are set: as numpy 2 has it, for those before as well."""
    if hasattr(np, "bitwise_count"):
        return np.asarray(np.bitwise_count(values))
    return np.asarray(np.unpackbits(values.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1))
