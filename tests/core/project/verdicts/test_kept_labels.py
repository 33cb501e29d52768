"""Labels called right: stored with the project, undone and redone with the picture, and gone with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete

from core.base.geometry import Box
from core.labels.label_region import LabelRegion
from core.project.project import Project
from core.project.schema import pictures
from core.project.verdicts.kept_labels import keep_row
from tests.factories import label_all, project_in

REGION = LabelRegion.of(1, Box(3, 4, 9, 8), np.arange(24).reshape(4, 6) % 3 > 0)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = project_in(tmp_path)
    label_all(made, made.pictures.all())
    yield made
    made.close()


def keep(project: Project, picture_id: int, region: LabelRegion = REGION) -> None:
    changes = project.journal.change_rows(
        picture_id, "Keep label, grass", "check", [keep_row(picture_id, region)]
    )
    assert changes.pictures == frozenset([picture_id]) and not changes.labels


def test_kept_label_is_there_in_the_next_session(project: Project) -> None:
    keep(project, 2)
    project.close()
    with Project.open(project.folder) as again:
        assert again.kept_labels.picture_ids() == frozenset([2])
        assert again.kept_labels.of_picture(2) == [REGION] and again.kept_labels.of_picture(1) == []


def test_keeping_is_undone_and_redone_with_the_edits_of_its_picture(project: Project) -> None:
    before = project.labels.read(2, 96, 64)
    keep(project, 2)
    keep(project, 3)
    assert project.journal.undo_names(2).undo_name == "Keep label, grass"
    undone = project.journal.undo(2)
    assert undone is not None and project.kept_labels.of_picture(2) == []
    assert project.kept_labels.picture_ids() == frozenset([3])
    np.testing.assert_array_equal(project.labels.read(2, 96, 64), before)
    assert project.journal.redo(2) is not None
    assert project.kept_labels.of_picture(2) == [REGION]


@pytest.mark.parametrize("is_merge", [False, True])
def test_keeping_follows_its_class_to_another_value(project: Project, is_merge: bool) -> None:
    keep(project, 2)
    new = 2 if is_merge else 7
    if is_merge:
        project.classes.merge(1, new)
    else:
        project.classes.change_value(1, new)
    assert project.kept_labels.of_picture(2) == [replace(REGION, class_value=new)]
    for again in (REGION, replace(REGION, class_value=new)):
        (project.journal.undo if again == REGION else project.journal.redo)(2)
        assert project.kept_labels.of_picture(2) == [again]


def test_keeping_of_a_deleted_class_is_back_when_that_is_undone(project: Project) -> None:
    keep(project, 2)
    project.classes.delete(1)
    project.journal.undo(2)
    assert project.kept_labels.of_picture(2) == [REGION]
    assert project.kept_labels.picture_ids() == frozenset([2])


def test_same_region_is_kept_once(project: Project) -> None:
    keep(project, 1)
    keep(project, 1)
    assert project.kept_labels.of_picture(1) == [REGION]
    project.journal.undo(1)
    assert project.kept_labels.of_picture(1) == [REGION]


def test_kept_labels_go_with_their_picture(project: Project) -> None:
    keep(project, 1)
    with project.store.write_transaction() as connection:
        connection.execute(delete(pictures).where(pictures.c.id == 1))
    assert project.kept_labels.picture_ids() == frozenset()


@pytest.mark.parametrize(
    "broken", [{"mask": "no Base64!"}, {"mask": b"\0"}, {"x0": "left"}, {"y1": 1.5}, {"class_value": "grass"}]
)
def test_rows_of_a_strangers_file_are_left_out(project: Project, broken: dict[str, object]) -> None:
    keep(project, 1)
    row = {
        "picture_id": 1,
        "digest": "x",
        "class_value": 1,
        "x0": 0,
        "y0": 0,
        "x1": 2,
        "y1": 2,
        "mask": "RgE=",
    }
    with project.store.write_transaction() as connection:
        connection.connection.driver_connection.execute(
            f"INSERT INTO kept_labels ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
            tuple((row | broken).values()),
        )
    assert project.kept_labels.of_picture(1) == [REGION]
