"""Near-duplicates of a project: pairs, leaks between splits, and the cache of fingerprints."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from core.base.errors import Cancelled
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status
from core.session.dataset.fingerprint_cache import FINGERPRINT_FILE
from core.session.dataset.near_duplicates import (
    DuplicatePair,
    find_near_duplicates,
    leaks,
    list_pairs,
    sequences_across_splits,
)
from tests.command_line import json_of, output_of
from tests.near_duplicate_scenes import jpeg, scene


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
    assert ", 1 pair between splits" in words and "broken.png" in words and "“clip7_”" in words


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
