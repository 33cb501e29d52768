"""init and status: creating projects, statistics, and projects that cannot be opened."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from core.project.locks.writer_lock import is_being_written
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.records import Split
from tests.command_line import error_of, json_of, output_of
from tests.core.project.faults import ROOT
from tests.factories import label_all, picture, picture_folder, project_in
from tests.mask_datasets import mask_dataset


def test_init_creates_a_project(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    made = json_of("init", folder, "--classes", "road, tree,traffic light,")
    assert made == {
        "project": str(folder / HOME_FOLDER),
        "pictures": 3,
        "classes": {"road": 1, "tree": 2, "traffic light": 3},
    }
    assert "already contains a project" in error_of("init", folder)
    assert json_of("status", "--project", folder)["pictures"] == 3


def test_init_stores_the_project_elsewhere(tmp_path: Path) -> None:
    folder, home = picture_folder(tmp_path / "pictures"), tmp_path / "home"
    out = output_of("init", folder, "--classes", "a,b", "--project", home)
    assert out == f"The project {home} was created with 3 pictures and 2 classes.\n"
    assert not (folder / HOME_FOLDER).exists()
    assert json_of("status", "--project", home)["classes"] == {
        "a": {"value": 1, "pixels": 0, "pictures": 0},
        "b": {"value": 2, "pixels": 0, "pictures": 0},
    }


def test_init_refuses_folders_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("")
    Image.fromarray(picture()).save(tmp_path / "a.png")
    assert "There is no folder" in error_of("init", tmp_path / "missing")
    assert "no pictures" in error_of("init", tmp_path / "empty")
    assert "no pictures" in error_of("init", tmp_path / "notes")
    assert "is a file" in error_of("init", tmp_path / "a.png")
    assert list(tmp_path.rglob(HOME_FOLDER)) == []


@pytest.mark.parametrize("classes", ["road,Road", "x" * 81, ",".join(map(str, range(255)))])
def test_init_refuses_invalid_class_lists(classes: str, tmp_path: Path) -> None:
    assert error_of("init", picture_folder(tmp_path), "--classes", classes)
    assert not (tmp_path / HOME_FOLDER).exists()


@pytest.mark.parametrize("command", ["status", "train", "predict", "evaluate"])
def test_commands_do_not_create_a_project(command: str, tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "pictures")
    for place in (folder, folder / "p0.png", tmp_path / "missing"):
        said = error_of(command, "--project", place)
        assert "no Maskloop project" in said
        assert "maskloop init" in said
    assert not (folder / HOME_FOLDER).exists()


def test_status_works_while_the_project_is_open_for_writing(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label_all(project, project.pictures.all()[:2])
        project.pictures.set_split([1], Split.TEST)
        found = json_of("status", "--project", tmp_path)
        words = output_of("status", "--project", tmp_path)
    assert (found["pictures"], found["labelled"], found["edits"], found["splits"]) == (3, 2, 2, {"test": 1})
    half = 2 * 64 * 48
    assert found["classes"]["roof"] == {"value": 2, "pixels": half, "pictures": 2}
    assert "Pictures: 3, of them 2 labelled, 0 done" in words
    assert "Splits: test 1" in words
    assert "roof" in words
    assert "50.0 %" in words


def test_second_writer_is_refused_with_the_first_ones_name(tmp_path: Path) -> None:
    dataset = mask_dataset(tmp_path / "set")
    with project_in(tmp_path / "pictures"):
        said = error_of("import", "masks", dataset, "--into", tmp_path / "pictures")
    assert "already open for writing: a test (process" in said


def test_project_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    project_in(tmp_path).close()
    raw = sqlite3.connect(tmp_path / HOME_FOLDER / PROJECT_FILE)
    with raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    for words in (("status",), ("train", "--steps", 1), ("export", "masks", tmp_path / "out")):
        assert "newer Maskloop" in error_of(*words, "--project", tmp_path)


def test_damaged_project_is_reported(tmp_path: Path) -> None:
    (tmp_path / HOME_FOLDER).mkdir()
    (tmp_path / HOME_FOLDER / PROJECT_FILE).write_bytes(b"this is not SQLite" * 100)
    assert "is damaged" in error_of("status", "--project", tmp_path)


def start_run(folder: Path) -> subprocess.Popen[str]:
    """A process that says when its run has started, and trains until it is killed."""
    script = (
        "import sys, time; from pathlib import Path; from core.project.project import Project\n"
        "project = Project.open(Path(sys.argv[1]))\n"
        "project.runs.start('{}', '{}', None, 1); print('started', flush=True); time.sleep(600)"
    )
    trainer = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert trainer.stdout is not None and trainer.stdout.readline() == "started\n"
    return trainer


def test_status_does_not_call_a_killed_training_running(tmp_path: Path) -> None:
    project_in(tmp_path).close()
    trainer = start_run(tmp_path)
    try:
        assert [run["state"] for run in json_of("status", "--project", tmp_path)["runs"]] == ["running"]
        assert is_being_written(tmp_path / HOME_FOLDER)
    finally:
        trainer.kill()
        trainer.wait()
        assert trainer.stdout is not None
        trainer.stdout.close()
    assert [run["state"] for run in json_of("status", "--project", tmp_path)["runs"]] == ["stopped"]
    assert "Run 1: stopped" in output_of("status", "--project", tmp_path)
    assert not is_being_written(tmp_path / HOME_FOLDER)
    Project.open(tmp_path).close()  # asking has not locked anybody out
