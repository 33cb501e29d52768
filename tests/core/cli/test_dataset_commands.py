"""The commands split and duplicates, with text and JSON output."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.project.project import HOME_FOLDER, Project
from core.project.records import Split, Status
from tests.command_line import error_of, json_of, output_of, usage_error_of
from tests.factories import label_all, picture_folder, project_in


def splits_of(folder: Path) -> list[Split | None]:
    with Project.open_read_only(folder) as project:
        return [record.split for record in project.pictures.all()]


def test_split_is_planned_applied_and_kept(tmp_path: Path) -> None:
    with project_in(tmp_path, 10) as project:
        label_all(project, project.pictures.all()[:4])
        said = json_of(
            "split", "--project", tmp_path, "--dry-run", "--stratify"
        )  # while the project is open for writing
    assert (said["done"], said["changed"], said["pictures"]) == (False, 10, 10)
    assert splits_of(tmp_path) == [None] * 10
    told = json_of("split", "--project", tmp_path, "--stratify")
    assert told == {**said, "done": True}
    first = splits_of(tmp_path)
    assert {split.value: first.count(split) for split in Split} == {
        split: told["splits"][split]["pictures"] for split in ("train", "val", "test")
    }
    assert told["splits"]["train"]["classes"]["roof"]["share"] == pytest.approx(0.5)
    again = json_of("split", "--project", tmp_path, "--seed", 7, "--shares", "0,50,50")
    assert (again["changed"], again["moved"]) == (0, 0)
    assert splits_of(tmp_path) == first
    words = output_of("split", "--project", tmp_path, "--all", "--shares", "1,1,0", "--dry-run")
    assert "This would move 5 pictures from another split." in words and "roof" in words
    moved = json_of("split", "--project", tmp_path, "--all", "--shares", "1,1,0")
    assert moved["moved"] > 0 and Split.TEST not in splits_of(tmp_path)


def test_invalid_shares_are_refused(tmp_path: Path) -> None:
    assert "70,15,15" in usage_error_of("split", "--project", tmp_path, "--shares", "70,30")
    assert "70,15,15" in error_of("split", "--project", tmp_path, "--shares", "0,0,0")
    picture_folder(tmp_path)
    assert "no Maskloop project" in error_of("split", "--project", tmp_path)
    assert not (tmp_path / HOME_FOLDER).exists()


def test_status_lists_findings(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label_all(project, project.pictures.all()[:1])
        project.pictures.set_status([1, 2], Status.DONE)
        project.pictures.set_split([1], Split.VAL)
    told = json_of("status", "--project", tmp_path)
    assert told["by_split"]["val"]["classes"]["roof"] == {"pixels": 48 * 64, "share": 0.5}
    assert told["sizes"] == [{"width": 96, "height": 64, "pictures": 3}]
    (odd,) = told["worth_a_look"]
    assert (odd["kind"], odd["pictures"]) == ("empty done", 1)
    assert f"To check: {odd['sentence']}" in output_of("status", "--project", tmp_path)
