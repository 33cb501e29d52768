"""split and duplicates as they are called by people and by scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.project.project import HOME_FOLDER, Project
from core.project.records import Split, Status
from tests.core.cli.test_app import asked, done, refused, wrong
from tests.factories import label_all, picture_folder, project_in


def splits_of(folder: Path) -> list[Split | None]:
    with Project.open_read_only(folder) as project:
        return [record.split for record in project.pictures.all()]


def test_a_split_is_shown_then_done_then_left_alone(tmp_path: Path) -> None:
    with project_in(tmp_path, 10) as project:
        label_all(project, project.pictures.all()[:4])
        said = asked("split", "--project", tmp_path, "--dry-run", "--stratify")  # while somebody writes
    assert (said["done"], said["changed"], said["pictures"]) == (False, 10, 10)
    assert splits_of(tmp_path) == [None] * 10
    told = asked("split", "--project", tmp_path, "--stratify")
    assert told == {**said, "done": True}
    first = splits_of(tmp_path)
    assert {split.value: first.count(split) for split in Split} == {
        split: told["splits"][split]["pictures"] for split in ("train", "val", "test")
    }
    assert told["splits"]["train"]["classes"]["roof"]["share"] == pytest.approx(0.5)
    again = asked("split", "--project", tmp_path, "--seed", 7, "--shares", "0,50,50")
    assert (again["changed"], again["moved"]) == (0, 0)
    assert splits_of(tmp_path) == first
    words = done("split", "--project", tmp_path, "--all", "--shares", "1,1,0", "--dry-run")
    assert "would leave the split they had" in words and "roof" in words
    moved = asked("split", "--project", tmp_path, "--all", "--shares", "1,1,0")
    assert moved["moved"] > 0 and Split.TEST not in splits_of(tmp_path)


def test_a_split_that_cannot_be(tmp_path: Path) -> None:
    assert "70,15,15" in wrong("split", "--project", tmp_path, "--shares", "70,30")
    assert "70,15,15" in refused("split", "--project", tmp_path, "--shares", "0,0,0")
    picture_folder(tmp_path)
    assert "no Maskloop project" in refused("split", "--project", tmp_path)
    assert not (tmp_path / HOME_FOLDER).exists()


def test_status_tells_what_is_worth_a_look(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label_all(project, project.pictures.all()[:1])
        project.pictures.set_status([1, 2], Status.DONE)
        project.pictures.set_split([1], Split.VAL)
    told = asked("status", "--project", tmp_path)
    assert told["by_split"]["val"]["classes"]["roof"] == {"pixels": 48 * 64, "share": 0.5}
    assert told["sizes"] == [{"width": 96, "height": 64, "pictures": 3}]
    (odd,) = told["worth_a_look"]
    assert (odd["kind"], odd["pictures"]) == ("empty done", 1)
    assert f"worth a look: {odd['sentence']}" in done("status", "--project", tmp_path)
