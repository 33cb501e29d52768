"""check, backup and restore: what they say, what they leave, and the right exit code."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

from core.cli.app import app
from core.project.backup import BACKUP_FOLDER, list_backups
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from tests.factories import label_all, picture_folder, project_in


def call(*words: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def asked(*words: object, code: int = 0) -> Any:
    """The one JSON object of a command."""
    found, out, errors = call(*words, "--json")
    assert (found, errors, out.count("\n")) == (code, "", 1)
    return json.loads(out)


def refused(*words: object) -> str:
    """The one plain sentence of a command that fails."""
    code, out, errors = call(*words)
    assert (code, out, errors.count("\n")) == (1, "", 1)
    return errors


def labelled(folder: Path) -> None:
    with project_in(folder) as project:
        label_all(project, project.pictures.all()[:1])


def ruin(folder: Path, words: str = "UPDATE tiles SET pixels = x'00'") -> None:
    with closing(sqlite3.connect(folder / HOME_FOLDER / PROJECT_FILE, isolation_level=None)) as raw:
        raw.execute(words)


def test_a_sound_project(tmp_path: Path) -> None:
    labelled(tmp_path)
    for words in ((), ("--repair",)):
        found = asked("check", "--project", tmp_path, *words)
        assert found == {
            "project": str(tmp_path / HOME_FOLDER),
            "sound": True,
            "repaired": [],
            "findings": [],
        }
    assert call("check", "--project", tmp_path)[1] == f"All is well in {tmp_path / HOME_FOLDER}.\n"
    assert not (tmp_path / HOME_FOLDER / BACKUP_FOLDER).exists()


def test_damage_is_said_and_mended_when_asked(tmp_path: Path) -> None:
    labelled(tmp_path)
    ruin(tmp_path)
    found = asked("check", "--project", tmp_path, code=1)
    assert not found["sound"]
    assert [f["kind"] for f in found["findings"]] == ["tile damaged", "counts wrong"]
    assert found["findings"][0]["tile"] == [0, 0]
    code, out, _ = call("check", "--project", tmp_path)
    assert code == 1
    assert "p0.png" in out
    assert out.endswith("maskloop check --repair\n")
    mended = asked("check", "--repair", "--project", tmp_path)
    assert mended["sound"]
    assert len(mended["repaired"]) >= 2
    assert asked("check", "--project", tmp_path)["sound"]


def test_what_mending_brings_to_light_is_mended_too(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label_all(project, project.pictures.all()[:1])
        project.classes.delete(2)
    ruin(tmp_path)
    assert asked("check", "--repair", "--project", tmp_path)["sound"]
    with Project.open_read_only(tmp_path) as project:
        assert [c.name for c in project.classes.read()] == ["grass", "class 2"]
        assert project.labels.read(1, 96, 64).all()


def test_what_cannot_be_mended_stays_an_error(tmp_path: Path) -> None:
    labelled(tmp_path)
    (tmp_path / "p0.png").unlink()
    found = asked("check", "--repair", "--project", tmp_path, code=1)
    assert [f["kind"] for f in found["findings"]] == ["picture missing"]
    assert found["repaired"] == []


def test_looking_and_copying_work_while_a_window_writes_and_the_rest_names_it(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label_all(project, project.pictures.all()[:1])
        assert asked("check", "--project", tmp_path)["sound"]
        made = asked("backup", "--project", tmp_path)
        assert Path(made["backup"]).stat().st_size == made["bytes"] > 0
        for words in (("check", "--repair"), ("restore",)):
            assert "a test (process" in refused(*words, "--project", tmp_path)
        label_all(project, project.pictures.all()[1:2])
    asked("restore", "--project", tmp_path)
    with Project.open_read_only(tmp_path) as project:
        assert project.pictures.counts().labelled == 1


def test_a_backup_goes_where_it_is_told(tmp_path: Path) -> None:
    labelled(tmp_path / "a")
    (tmp_path / "folder").mkdir()
    into = Path(asked("backup", tmp_path / "folder", "--project", tmp_path / "a")["backup"])
    assert into.parent == tmp_path / "folder"
    named = tmp_path / "new" / "mine.sqlite"
    code, out, _ = call("backup", named, "--project", tmp_path / "a")
    assert (code, out) == (0, f"{named}, {named.stat().st_size / 2**20:.1f} MB.\n")
    before = named.read_bytes()
    assert "already there" in refused("backup", named, "--project", tmp_path / "a")
    assert named.read_bytes() == before
    assert not (tmp_path / "a" / HOME_FOLDER / BACKUP_FOLDER).exists()
    assert "no Maskloop project" in refused("backup", "--project", tmp_path / "folder")


def test_going_back_and_forth(tmp_path: Path) -> None:
    labelled(tmp_path)
    with Project.open_read_only(tmp_path) as project:
        label = project.labels.read(1, 96, 64)
    asked("backup", "--project", tmp_path)
    ruin(tmp_path, "DELETE FROM tiles")
    code, out, _ = call("restore", "--project", tmp_path)
    assert code == 0
    assert "is the project now" in out
    assert "What was there before is" in out
    with Project.open_read_only(tmp_path) as project:
        np.testing.assert_array_equal(project.labels.read(1, 96, 64), label)
    listed = asked("restore", "--list", "--project", tmp_path)["backups"]
    assert [set(entry) for entry in listed] == [{"name", "time", "bytes"}] * 2
    replaced = next(entry["name"] for entry in listed if "replaced" in entry["name"])
    asked("restore", replaced, "--project", tmp_path)  # by its name in the list
    with Project.open_read_only(tmp_path) as project:
        assert not project.labels.read(1, 96, 64).any()
    assert len(list_backups(tmp_path / HOME_FOLDER / BACKUP_FOLDER)) == 3
    code, out, _ = call("restore", "--list", "--project", tmp_path)
    assert code == 0
    assert out.count(" MB  project-") == 3


def test_a_project_whose_file_is_gone_or_ruined_comes_back(tmp_path: Path) -> None:
    labelled(tmp_path)
    asked("backup", "--project", tmp_path)
    (tmp_path / HOME_FOLDER / PROJECT_FILE).unlink()
    assert asked("restore", "--project", tmp_path)["replaced"] is None
    (tmp_path / HOME_FOLDER / PROJECT_FILE).write_bytes(b"ruin" * 4000)
    assert "maskloop restore" in refused("check", "--project", tmp_path)
    assert asked("restore", "--project", tmp_path / HOME_FOLDER)["replaced"]
    assert asked("check", "--project", tmp_path)["sound"]


def test_nothing_to_go_back_to(tmp_path: Path) -> None:
    labelled(tmp_path / "a")
    picture_folder(tmp_path / "b")
    assert "There are no backups" in refused("restore", "--project", tmp_path / "a")
    assert "There is no backup x.sqlite" in refused("restore", "x.sqlite", "--project", tmp_path / "a")
    assert "no Maskloop project" in refused("restore", "--project", tmp_path / "b")
    assert call("restore", "--list", "--project", tmp_path / "a")[1].startswith("There are no backups")
    assert call("restore", "x", "--list", "--project", tmp_path / "a")[0] == 2
