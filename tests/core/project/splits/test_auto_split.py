"""Automatic splits: sequences stay together, val exists from three labels on, and splits never change."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.labels.class_list import ClassList
from core.project.picture_repository import SEQUENCE_WARNING
from core.project.project import Project
from core.project.records import Split
from core.project.row_changes import RowChange
from core.project.splits.auto_split import assign_splits, sequence_groups
from tests.factories import label_all, picture

TRAIN, VAL, TEST = Split.TRAIN, Split.VAL, Split.TEST


def groups(*names: str) -> list[set[str]]:
    """The names that belong together, largest first."""
    found: dict[str, set[str]] = {}
    for number, group in sequence_groups(dict(enumerate(names))).items():
        found.setdefault(group, set()).add(names[number])
    return sorted(found.values(), key=lambda some: (-len(some), sorted(some)))


def test_frames_of_a_video_are_one_group() -> None:
    one = {f"0001TP_{n:06}.png" for n in range(6690, 7000, 30)}
    other = {f"Seq05VD_f{n:05}.png" for n in range(0, 300, 30)}
    assert groups(*one, *other) == [one, other]
    # A frame that is missing, or one added by hand, ends no sequence.
    assert groups(*sorted(one)[:3], *sorted(one)[5:], "0001TP_006699.png")[0] >= one - set(sorted(one)[3:5])


def test_equal_names_in_other_folders_are_other_groups() -> None:
    assert len(groups("a/1.png", "a/2.png", "b/1.png", "b/2.png")) == 2


@pytest.mark.parametrize(
    "names",
    [
        ("cat.png", "dog.png", "cow.png"),
        ("a1b2.png", "ff03.png", "c9d1.png"),
        ("20240101_101500.jpg", "20240101_113000.jpg", "20240101_180102.jpg"),
        ("aachen_000000_000019_leftImg8bit.png", "aachen_000001_000019_leftImg8bit.png"),
        ("same.png", "x/same.png"),
    ],
)
def test_other_names_are_groups_of_their_own(names: tuple[str, ...]) -> None:
    assert len(groups(*names)) == len(names)


def sides(rows: list[tuple[str, Split | None]]) -> list[Split]:
    """The split of each picture afterwards; rows are (group, split) in order of id."""
    found = assign_splits(
        [(n, split) for n, (_, split) in enumerate(rows)], {n: g for n, (g, _) in enumerate(rows)}
    )
    assert found.keys() == {n for n, (_, split) in enumerate(rows) if split is None}
    return [split or found[n] for n, (_, split) in enumerate(rows)]


def test_smaller_of_two_sequences_goes_to_val() -> None:
    assert sides([("a", None)] * 4 + [("b", None)] * 2) == [TRAIN] * 4 + [VAL] * 2
    assert sides([("a", None)] * 2 + [("b", None)] * 4) == [VAL] * 2 + [TRAIN] * 4


def test_new_frame_gets_the_split_of_its_sequence() -> None:
    assert sides([("a", TRAIN), ("a", TRAIN), ("b", VAL), ("a", None), ("b", None)])[3:] == [TRAIN, VAL]
    assert sides([("a", TRAIN), ("t", TEST), ("b", VAL), ("t", None)])[3] == TEST


def test_single_sequence_is_divided() -> None:
    assert sides([("a", None)] * 3) == [TRAIN, TRAIN, VAL]
    found = sides([("a", None)] * 20)
    assert found[:3] == [TRAIN, TRAIN, VAL]
    assert found.count(VAL) in (4, 5)
    assert sides([("a", TRAIN), ("a", TEST), ("a", VAL)] + [("a", None)] * 17).count(VAL) >= 3


def test_val_is_filled_when_all_sequences_are_in_train() -> None:
    assert VAL in sides([("a", TRAIN), ("b", TRAIN), ("a", None)])


def test_val_larger_than_train_stops_growing() -> None:
    """Somebody labels the sequence that was to judge: what they label must teach."""
    rows: list[tuple[str, Split | None]] = [("a", TRAIN), ("a", TRAIN), ("b", VAL)]
    for _ in range(40):
        rows = [(g, s) for (g, _), s in zip([*rows, ("b", None)], sides([*rows, ("b", None)]), strict=True)]
    found = [split for _, split in rows]
    assert found.count(TRAIN) > found.count(VAL)


@given(st.lists(st.sampled_from("abcde"), min_size=3, max_size=40))
def test_three_labels_give_a_val_and_groups_stay_whole(names: list[str]) -> None:
    found = sides([(name, None) for name in names])
    assert found.count(TRAIN) >= 1
    several = len(set(names)) > 1
    if several:
        assert all(len({s for n, s in zip(names, found, strict=True) if n == g}) == 1 for g in set(names))
    assert VAL in found or (several and len(set(names)) == len(names) == 2)


def test_project_keeps_sequences_together_or_warns(tmp_path: Path) -> None:
    names = [f"{clip}_{n:04}.png" for clip in ("yard", "road") for n in range(0, 180, 30)]
    for name in names:
        Image.fromarray(picture()).save(tmp_path / name)
    with Project.open(tmp_path, purpose="a test") as project:
        project.classes.save(ClassList().with_class("grass").with_class("roof"))
        records = project.pictures.add(names)
        for record in records:
            project.pictures.set_size(record.id, 96, 64)
        label_all(project, records[:3])
        project.pictures.assign_missing_splits()
        assert project.pictures.split_warning() == SEQUENCE_WARNING
        first = {r.id: r.split for r in project.pictures.labelled()}
        assert list(first.values()) == [TRAIN, TRAIN, VAL]
        label_all(project, records[6:])
        project.pictures.assign_missing_splits()
        road = {r.split for r in project.pictures.all()[6:]}
        assert len(road) == 1
        assert {r.id: r.split for r in project.pictures.all()[:3]} == first

        # A tag says what the names do not.
        project.pictures.set_split([r.id for r in records], None)
        for record in records[:3]:
            tag = RowChange("picture_tags", f"{record.id}:group:north", {})
            project.journal.change_rows(record.id, "Change tags", "mark", [tag])
        assert project.pictures.assign_missing_splits().pictures
        by_id = {r.id: r.split for r in project.pictures.labelled()}
        assert len({by_id[r.id] for r in records[:3]}) == 1
        assert project.pictures.split_warning() == ""
