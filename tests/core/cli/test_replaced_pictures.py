"""Pictures that were replaced since they were labelled: no command pairs their pixels with the old label in silence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from core.project.content.file_content import observe_file
from core.project.content.picture_contents import PictureContents
from core.project.project import Project
from core.project.records import Split, Status
from tests.command_line import json_of, run_command
from tests.core.project.faults import unix
from tests.factories import label_all, picture, project_in


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four labelled pictures, looked at; then p1.png is replaced while nothing is open."""
    with project_in(tmp_path / "pictures", 4) as project:
        records = project.pictures.all()
        label_all(project, records)
        contents = PictureContents(project.store)
        seen = [observe_file(record.id, project.picture_path(record.path)) for record in records]
        contents.observe([each for each in seen if each is not None])
        project.pictures.set_split([1, 2, 3], Split.TRAIN)
        project.pictures.set_split([4], Split.VAL)
    Image.fromarray(picture(seed=70)).save(tmp_path / "pictures" / "p1.png")
    return tmp_path / "pictures"


def test_status_names_replaced_pictures(folder: Path) -> None:
    assert json_of("status", "--project", folder)["replaced"] == ["p1.png"]
    code, out, _ = run_command("status", "--project", folder)
    assert code == 0 and "p1.png has been replaced since it was labelled" in out


def test_touched_picture_is_not_replaced(folder: Path) -> None:
    Image.fromarray(picture(seed=1)).save(folder / "p1.png")  # the earlier content, at another time
    assert json_of("status", "--project", folder)["replaced"] == []


@unix
def test_picture_that_leads_out_is_not_called_replaced(folder: Path) -> None:
    shutil.move(folder / "p2.png", folder.parent / "p2.png")
    (folder / "p2.png").symlink_to(folder.parent / "p2.png")
    assert json_of("status", "--project", folder)["replaced"] == ["p1.png"]


def test_check_reports_it_and_repair_keeps_the_label_to_be_checked(folder: Path) -> None:
    found = json_of("check", "--project", folder, code=1)["findings"]
    assert [(each["kind"], each["picture_id"]) for each in found] == [("picture changed", 2)]
    assert json_of("check", "--repair", "--project", folder)["sound"]
    with Project.open(folder) as project:
        record = project.pictures.get(2)
        assert record.status == Status.TO_REVIEW and not record.is_replaced and record.is_labelled
        assert project.journal.undo(2) is not None
        assert project.pictures.get(2).is_replaced  # open again


def test_training_leaves_it_out_and_says_so(folder: Path) -> None:
    result = json_of("train", "--project", folder, "--steps", 2, "--size", 64, "--weights", "none")
    assert len(result["problems"]) == 1 and "p1.png has been replaced" in result["problems"][0]
    with Project.open_read_only(folder) as project:
        assert project.pictures.get(2).is_labelled  # nothing was changed


def test_export_leaves_it_out_and_says_so(folder: Path, tmp_path: Path) -> None:
    code, out, errors = run_command("export", "masks", tmp_path / "out", "--project", folder)
    assert "p1.png has been replaced" in out + errors, (code, out, errors)
    assert not list((tmp_path / "out").rglob("*p1*"))
    assert list((tmp_path / "out").rglob("*p2*"))


def test_check_tells_of_a_picture_that_is_labelled_twice(folder: Path) -> None:
    Image.fromarray(picture(seed=1)).save(folder / "p1.png")
    shutil.copy(folder / "p1.png", folder / "z.png")
    with Project.open(folder) as project:
        (record,) = project.pictures.add(["z.png"])
        project.pictures.set_size(record.id, 96, 64)
        label_all(project, [record])
        seen = observe_file(record.id, folder / "z.png")
        assert seen is not None
        PictureContents(project.store).observe([seen])
    (folder / "p1.png").unlink()
    (found,) = json_of("check", "--project", folder, code=1)["findings"]
    assert (found["kind"], found["path"]) == ("picture labelled twice", "z.png")
