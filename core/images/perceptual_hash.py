"""Finds near-duplicates among many pictures: a perceptual hash narrows the search, a small grey copy decides.

The hash is the DCT hash of C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010: the
signs of the lowest frequencies of a discrete cosine transform against their median.
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
_HASH_SIDE = 32
_READ_SIDE = 128
MAX_HASH_DISTANCE = 11
"""Largest Hamming distance, of 64 bits, of near-duplicates: one of four bands of 16 bits then differs in at most
two."""
MIN_CORRELATION = 0.95
"""Correlation of the grey copies from which two pictures are near-duplicates."""
MIN_CONTRAST = 2.0
"""Standard deviation in grey levels below which a picture has too little content to be recognised."""
NOISE_AMPLITUDE = 15.0
"""DCT coefficient, in grey levels summed by the transform, that noise and re-encoding reach."""
MAX_NEIGHBOURS = 24
"""Neighbours compared among pictures with equal bands: thousands of equal frames are still connected as a chain."""

_CHUNK = 100_000

Hashes = NDArray[np.uint64]
Greys = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """bits: hash of 64 bits; grey: (GREY_SIDE, GREY_SIDE) uint8 copy of the picture."""

    bits: int
    grey: Greys


@dataclass(frozen=True, slots=True)
class SimilarPairs:
    """Indices into the searched list, `first` (n,) < `second` (n,), and their `similarity` (n,), MIN_CORRELATION..1."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    similarity: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.first)


def fingerprint_file(path: Path) -> Fingerprint:
    """Read a picture as small as its format allows. Raises ImageError."""
    return fingerprint(read_thumbnail(path, _READ_SIDE))


def fingerprint(picture: NDArray[np.uint8]) -> Fingerprint:
    """Of an (H, W, 3) uint8 RGB picture."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_HASH_SIDE, _HASH_SIDE), interpolation=cv2.INTER_AREA)
    frequencies = cv2.dct(small.astype(np.float32))[:8, :8].ravel()
    # The first coefficient is the mean brightness. Coefficients as weak as noise must not set bits at random.
    signs = frequencies > max(np.median(frequencies[1:]), 0) + NOISE_AMPLITUDE
    bits = int.from_bytes(np.packbits(signs).tobytes(), "big")
    return Fingerprint(
        bits, np.asarray(cv2.resize(small, (GREY_SIDE, GREY_SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    )


def find_similar_pairs(
    bits: Hashes, greys: Greys, cancelled: Callable[[], bool] = lambda: False
) -> SimilarPairs:
    """All pairs of near-duplicates, in order. bits: (n,) uint64; greys: (n, GREY_SIDE, GREY_SIDE) uint8.

    Pictures without contrast are never near-duplicates. Raises Cancelled.
    """
    flat = greys.reshape(len(greys), GREY_SIDE * GREY_SIDE).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat[flat.std(axis=1) <= MIN_CONTRAST] = 0
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    found: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
    for one, two in _candidates(bits) if len(bits) > 1 else ():
        if cancelled():
            raise Cancelled
        for start in range(0, len(one), _CHUNK):
            a, b = one[start : start + _CHUNK], two[start : start + _CHUNK]
            near = np.einsum("ij,ij->i", flat[a], flat[b])
            good = near >= MIN_CORRELATION
            keys = np.minimum(a[good], b[good]) * len(bits) + np.maximum(a[good], b[good])
            found.append((keys, np.minimum(near[good], 1)))
    if not found:
        return SimilarPairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    keys, first = np.unique(np.concatenate([k for k, _ in found]), return_index=True)
    return SimilarPairs(keys // len(bits), keys % len(bits), np.concatenate([n for _, n in found])[first])


def connected_groups(pairs: SimilarPairs) -> list[list[int]]:
    """Connected components of the pairs, each sorted, the largest first."""
    parent: dict[int, int] = {}

    def find(place: int) -> int:
        while parent.setdefault(place, place) != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for one, two in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
        parent[find(two)] = find(one)
    groups: dict[int, list[int]] = {}
    for place in sorted(parent):
        groups.setdefault(find(place), []).append(place)
    return sorted(groups.values(), key=lambda group: (-len(group), group))


def _candidates(bits: Hashes) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Pairs of indices whose hashes differ in at most MAX_HASH_DISTANCE bits, in chunks; some pairs come more than
    once.

    By the pigeonhole principle one of four bands of 16 bits differs in at most two (M. Norouzi et al., "Fast Search in
    Hamming Space with Multi-Index Hashing", CVPR 2012): each band is looked up as it is, and with one or two bits
    flipped.
    """
    flips = [0, *(1 << n for n in range(16)), *((1 << n) | (1 << m) for n, m in combinations(range(16), 2))]
    for band in range(4):
        keys = ((bits >> np.uint64(16 * band)) & np.uint64(0xFFFF)).astype(np.uint16)
        # Sorted by hash too, so that the nearest are compared first where there are too many.
        order = np.lexsort((bits, keys))
        edges = np.searchsorted(keys[order], np.arange(0x10001))
        for flip in flips:
            one, two = _pairs_of_band(keys, order, edges, flip)
            apart = _bit_count(bits[one] ^ bits[two]) <= MAX_HASH_DISTANCE
            if apart.any():
                yield one[apart], two[apart]


def _pairs_of_band(
    keys: NDArray[np.uint16], order: NDArray[np.intp], edges: NDArray[np.intp], flip: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Each picture with those whose band equals its own with the bits of `flip` flipped."""
    sorted_keys = keys[order].astype(np.intp)
    places = np.arange(len(order))
    other = sorted_keys ^ flip
    start, end = edges[other], edges[other + 1]
    if flip == 0:
        start = places + 1  # only later ones
    else:
        end = np.where(other > sorted_keys, end, start)  # each pair once
    count = np.clip(end - start, 0, MAX_NEIGHBOURS)
    one = np.repeat(places, count)
    within = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
    return order[one], order[np.repeat(start, count) + within]


def _bit_count(values: Hashes) -> NDArray[Any]:
    """Number of set bits; `np.bitwise_count` exists from numpy 2 on."""
    if hasattr(np, "bitwise_count"):
        return np.asarray(np.bitwise_count(values))
    return np.asarray(np.unpackbits(values.view(np.uint8).reshape(-1, 8), axis=1).sum(axis=1))
