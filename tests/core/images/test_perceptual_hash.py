"""Near-duplicates: re-encoded, cropped and brightened copies are found, other scenes are not; fingerprints are
cached."""

from __future__ import annotations

import io
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

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
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status
from core.session.dataset.fingerprints import FINGERPRINT_FILE
from core.session.dataset.near_duplicates import (
    DuplicatePair,
    find_near_duplicates,
    leaks,
    list_pairs,
    sequences_across_splits,
)
from tests.command_line import json_of, output_of

Picture = NDArray[np.uint8]


def scene(seed: int) -> Picture:
    """Soft blobs of colour with objects in front, 240 x 160."""
    chance = np.random.default_rng(seed)
    ground = chance.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    picture = cv2.resize(ground, (240, 160), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        x, y, w, h = chance.integers(0, 200), chance.integers(0, 130), *chance.integers(8, 70, 2)
        cv2.rectangle(
            picture, (int(x), int(y)), (int(x + w), int(y + h)), chance.integers(0, 256, 3).tolist(), -1
        )
    noise = chance.integers(-12, 13, picture.shape)
    return np.clip(picture.astype(int) + noise, 0, 255).astype(np.uint8)


def jpeg(picture: Picture, quality: int = 30) -> Picture:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two near-duplicates in two splits, two other pictures, and a file that is no picture."""
    for n, picture in enumerate([scene(1), jpeg(scene(1)), scene(2), scene(3)]):
        Image.fromarray(picture).save(tmp_path / f"clip7_{n}.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with Project.open(tmp_path, purpose="a test") as project:
        project.pictures.add([*(f"clip7_{n}.png" for n in range(4)), "broken.png"])
        project.pictures.set_split([1], Split.TRAIN)
        project.pictures.set_split([2], Split.VAL)
    return tmp_path


def test_split_leaks_are_listed_with_their_pictures(folder: Path) -> None:
    told = json_of("duplicates", "--project", folder)
    assert told["looked"] == 4 and told["unreadable"] == ["broken.png"]
    assert told["groups"] == [["clip7_0.png", "clip7_1.png"]]
    (leak,) = told["leaks"]
    assert (leak["one"], leak["one_split"], leak["two"], leak["two_split"]) == (
        "clip7_0.png",
        "train",
        "clip7_1.png",
        "val",
    )
    assert told["sequences_in_several_splits"] == {"clip7_": {"train": 1, "val": 1}}
    words = output_of("duplicates", "--project", folder)
    assert "; 1 pair between splits" in words and "broken.png" in words and "“clip7_”" in words


def test_the_fingerprint_cache_may_be_missing_or_damaged(folder: Path) -> None:
    with Project.open_read_only(folder) as project:
        first = find_near_duplicates(project)
        file = project.cache_folder / FINGERPRINT_FILE
        os.utime(folder / "clip7_2.png", ns=(1, 1))
        Image.fromarray(scene(1)).save(folder / "clip7_3.png")  # another picture under the old name
        told: list[tuple[int, int]] = []
        assert {(p.one, p.two) for p in find_near_duplicates(project, lambda *t: told.append(t)).pairs} == {
            (1, 2),
            (1, 4),
            (2, 4),
        }
        assert told[-1] == (5, 5)
        Image.fromarray(scene(3)).save(folder / "clip7_3.png")
        whole = file.read_bytes()
        for spoiled in (b"", b"\0" * 999, whole[:-100], whole[:40], whole + b"x" * 50):
            file.write_bytes(spoiled)
            assert find_near_duplicates(project) == first
        file.unlink()
        assert find_near_duplicates(project) == first
        with pytest.raises(Cancelled):
            find_near_duplicates(project, cancelled=lambda: True)


def test_pairs_are_sorted_by_their_splits() -> None:
    records = {
        n: PictureRecord(n, f"{where}/s1_{n}.png", split=split, status=status)
        for n, (where, split, status) in enumerate(
            [
                ("a", Split.TRAIN, Status.NEW),
                ("b", Split.VAL, Status.NEW),
                ("b", None, Status.NEW),
                ("b", Split.TEST, Status.SKIPPED),
                ("b", Split.TRAIN, Status.DONE),
            ]
        )
    }
    pairs = [DuplicatePair(a, b, 0.9 + b / 100) for a in range(5) for b in range(a + 1, 5)]
    assert [(p.one, p.two) for p in leaks(pairs, records)] == [(1, 4), (0, 1)]
    told = list_pairs(pairs, records, 4)
    assert (told.leak_count, told.other_count, len(told.pairs)) == (
        2,
        4,
        4,
    )  # six of ten are without the skipped one
    assert told.pairs[:2] == tuple(leaks(pairs, records))
    assert sequences_across_splits(list(records.values())) == {"s1_": {Split.TRAIN: 2, Split.VAL: 1}}
