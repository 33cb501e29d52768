"""Bulk insert stores labelled pictures exactly as inserting one by one would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.labels.class_list import VOID, ClassList
from core.labels.label_map import Origin
from core.project.bulk_insert import insert_pictures
from core.project.packed_picture import PackedPicture, pack_label
from core.project.project import Project
from core.project.records import Split, Status

LABEL = np.zeros((300, 520), np.uint8)
LABEL[40:200, 30:500], LABEL[250:, :9] = 1, VOID


@pytest.fixture
def project(tmp_path: Path) -> Project:
    with Project.open(tmp_path) as opened:
        opened.classes.save(ClassList().with_class("road").with_class("roof"))
        yield opened


def test_each_picture_is_one_undoable_edit(project: Project) -> None:
    several = [
        PackedPicture("a.png", 520, 300, "abc", Split.VAL, ("night", "rain"), pack_label(LABEL)),
        PackedPicture("b.png", 4, 4, tags=("night",)),
        PackedPicture("c.png", 4, 4),
    ]
    ids = insert_pictures(project.store, several)
    a, b, c = (project.pictures.get(ids[name]) for name in ("a.png", "b.png", "c.png"))
    assert (a.width, a.height, a.split, a.status) == (520, 300, Split.VAL, Status.DONE)
    assert a.tags == ("night", "rain") and b.tags == ("night",) and c.tags == ()
    assert (b.status, c.status) == (Status.NEW, Status.NEW)
    assert project.pictures.digest(a.id) == "abc"
    assert project.pictures.pixels_by_class(a.id) == {1: 160 * 470, VOID: 50 * 9}
    np.testing.assert_array_equal(project.labels.read(a.id, 520, 300), LABEL)
    who, meaning = project.labels.provenance(a.id, 520, 300)
    assert {meaning[int(n)][0] for n in np.unique(who[LABEL > 0])} == {Origin.IMPORTED}
    assert not who[LABEL == 0].any()

    assert [project.journal.undo_names(n).undo_name for n in (a.id, b.id, c.id)] == [
        "Import masks",
        "Import tags",
        None,
    ]
    project.journal.undo(a.id)
    assert not project.labels.read(a.id, 520, 300).any()
    assert not project.pictures.get(a.id).tags and project.pictures.get(b.id).tags
    project.journal.redo(a.id)
    np.testing.assert_array_equal(project.labels.read(a.id, 520, 300), LABEL)
    assert project.pictures.get(a.id).tags == ("night", "rain")


def test_existing_pictures_and_missing_classes_are_left_to_the_caller(project: Project) -> None:
    project.pictures.add(["known.png"])
    gone = LABEL.copy()
    gone[0, 0] = 7
    label = pack_label(LABEL)
    ids = insert_pictures(
        project.store,
        [
            PackedPicture("known.png", 520, 300, label=label),
            PackedPicture("gone.png", 520, 300, label=pack_label(gone)),
            PackedPicture("fine.png", 520, 300, label=label),
        ],
    )
    assert set(ids) == {"fine.png"}
    assert [record.path for record in project.pictures.all()] == ["known.png", "fine.png"]
    assert not project.pictures.by_path("known.png").is_labelled


def test_nothing_is_inserted_when_no_picture_fits(project: Project) -> None:
    assert (
        insert_pictures(
            project.store, [PackedPicture("x.png", 520, 300, label=pack_label(np.full_like(LABEL, 9)))]
        )
        == {}
    )
    assert project.pictures.all() == []
