"""The commands check, backup and restore: output, files and exit codes."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.project.backup import BACKUP_FOLDER, list_backups
from core.project.locks.lock_holder import SILENCE_SECONDS, LockHolder
from core.project.locks.process_identity import own_identity
from core.project.locks.writer_lock import NOTE_FILE
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from tests.command_line import error_of, json_of, run_command
from tests.factories import label_all, picture_folder, project_in


def make_labelled_project(folder: Path) -> None:
    with project_in(folder) as project:
        label_all(project, project.pictures.all()[:1])


def damage(folder: Path, words: str = "UPDATE tiles SET pixels = x'00'") -> None:
    with closing(sqlite3.connect(folder / HOME_FOLDER / PROJECT_FILE, isolation_level=None)) as raw:
        raw.execute(words)


def test_check_of_an_intact_project(tmp_path: Path) -> None:
    make_labelled_project(tmp_path)
    for words in ((), ("--repair",)):
        found = json_of("check", "--project", tmp_path, *words)
        assert found == {
            "project": str(tmp_path / HOME_FOLDER),
            "sound": True,
            "repaired": [],
            "findings": [],
        }
    assert (
        run_command("check", "--project", tmp_path)[1]
        == f"No problems were found in {tmp_path / HOME_FOLDER}.\n"
    )
    assert not (tmp_path / HOME_FOLDER / BACKUP_FOLDER).exists()


def test_check_reports_and_repairs_damage(tmp_path: Path) -> None:
    make_labelled_project(tmp_path)
    damage(tmp_path)
    found = json_of("check", "--project", tmp_path, code=1)
    assert not found["sound"]
    assert [f["kind"] for f in found["findings"]] == ["tile damaged", "counts wrong"]
    assert found["findings"][0]["tile"] == [0, 0]
    code, out, _ = run_command("check", "--project", tmp_path)
    assert code == 1
    assert "p0.png" in out
    assert out.endswith("maskloop check --repair\n")
    repaired = json_of("check", "--repair", "--project", tmp_path)
    assert repaired["sound"]
    assert len(repaired["repaired"]) >= 2
    assert json_of("check", "--project", tmp_path)["sound"]


def test_repair_also_repairs_what_it_reveals(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label_all(project, project.pictures.all()[:1])
        project.classes.delete(2)
    damage(tmp_path)
    assert json_of("check", "--repair", "--project", tmp_path)["sound"]
    with Project.open_read_only(tmp_path) as project:
        assert [c.name for c in project.classes.read()] == ["grass", "class 2"]
        assert project.labels.read(1, 96, 64).all()


def test_unrepairable_finding_stays_an_error(tmp_path: Path) -> None:
    make_labelled_project(tmp_path)
    (tmp_path / "p0.png").unlink()
    found = json_of("check", "--repair", "--project", tmp_path, code=1)
    assert [f["kind"] for f in found["findings"]] == ["picture missing"]
    assert found["repaired"] == []


def test_check_and_backup_work_while_a_writer_is_open(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label_all(project, project.pictures.all()[:1])
        assert json_of("check", "--project", tmp_path)["sound"]
        made = json_of("backup", "--project", tmp_path)
        assert Path(made["backup"]).stat().st_size == made["bytes"] > 0
        for words in (("check", "--repair"), ("restore",)):
            assert "a test (process" in error_of(*words, "--project", tmp_path)
        label_all(project, project.pictures.all()[1:2])
    json_of("restore", "--project", tmp_path)
    with Project.open_read_only(tmp_path) as project:
        assert project.pictures.counts().labelled == 1


def test_backup_to_a_file_or_folder(tmp_path: Path) -> None:
    make_labelled_project(tmp_path / "a")
    (tmp_path / "folder").mkdir()
    into = Path(json_of("backup", tmp_path / "folder", "--project", tmp_path / "a")["backup"])
    assert into.parent == tmp_path / "folder"
    named = tmp_path / "new" / "mine.sqlite"
    code, out, _ = run_command("backup", named, "--project", tmp_path / "a")
    assert (code, out) == (0, f"The backup {named} was written ({named.stat().st_size / 2**20:.1f} MB).\n")
    before = named.read_bytes()
    assert "already exists" in error_of("backup", named, "--project", tmp_path / "a")
    assert named.read_bytes() == before
    assert not (tmp_path / "a" / HOME_FOLDER / BACKUP_FOLDER).exists()
    assert "no Maskloop project" in error_of("backup", "--project", tmp_path / "folder")


def test_restore_swaps_project_file_and_backup(tmp_path: Path) -> None:
    make_labelled_project(tmp_path)
    with Project.open_read_only(tmp_path) as project:
        label = project.labels.read(1, 96, 64)
    json_of("backup", "--project", tmp_path)
    damage(tmp_path, "DELETE FROM tiles")
    code, out, _ = run_command("restore", "--project", tmp_path)
    assert code == 0
    assert "was restored" in out
    assert "The previous project file is now" in out
    with Project.open_read_only(tmp_path) as project:
        np.testing.assert_array_equal(project.labels.read(1, 96, 64), label)
    listed = json_of("restore", "--list", "--project", tmp_path)["backups"]
    assert [set(entry) for entry in listed] == [{"name", "time", "bytes"}] * 2
    replaced = next(entry["name"] for entry in listed if "replaced" in entry["name"])
    json_of("restore", replaced, "--project", tmp_path)  # by its name in the list
    with Project.open_read_only(tmp_path) as project:
        assert not project.labels.read(1, 96, 64).any()
    assert len(list_backups(tmp_path / HOME_FOLDER / BACKUP_FOLDER)) == 3
    code, out, _ = run_command("restore", "--list", "--project", tmp_path)
    assert code == 0
    assert out.count(" MB  project-") == 3


def test_missing_or_damaged_project_file_is_restored(tmp_path: Path) -> None:
    make_labelled_project(tmp_path)
    json_of("backup", "--project", tmp_path)
    (tmp_path / HOME_FOLDER / PROJECT_FILE).unlink()
    assert json_of("restore", "--project", tmp_path)["replaced"] is None
    (tmp_path / HOME_FOLDER / PROJECT_FILE).write_bytes(b"ruin" * 4000)
    assert "maskloop restore" in error_of("check", "--project", tmp_path)
    assert json_of("restore", "--project", tmp_path / HOME_FOLDER)["replaced"]
    assert json_of("check", "--project", tmp_path)["sound"]


def test_restore_without_backup_is_refused(tmp_path: Path) -> None:
    make_labelled_project(tmp_path / "a")
    picture_folder(tmp_path / "b")
    assert "There are no backups" in error_of("restore", "--project", tmp_path / "a")
    assert "There is no backup x.sqlite" in error_of("restore", "x.sqlite", "--project", tmp_path / "a")
    assert "no Maskloop project" in error_of("restore", "--project", tmp_path / "b")
    assert run_command("restore", "--list", "--project", tmp_path / "a")[1].startswith("There are no backups")
    assert run_command("restore", "x", "--list", "--project", tmp_path / "a")[0] == 2


def test_lock_of_a_computer_that_is_gone_is_removed(tmp_path: Path) -> None:
    make_labelled_project(tmp_path)
    json_of("backup", "--project", tmp_path)
    note = tmp_path / HOME_FOLDER / NOTE_FILE
    identity = replace(own_identity(), machine="another", boot="another")
    note.write_text(LockHolder("the Maskloop window", "attic", identity, by_note=True).to_json())
    long_ago = time.time() - 10 * SILENCE_SECONDS
    assert "Close it there" in error_of("unlock", "--project", tmp_path), "it was touched just now"
    os.utime(note, (long_ago, long_ago))
    for words in (("check", "--repair"), ("restore",)):
        said = error_of(*words, "--project", tmp_path)
        assert "attic" in said and f"maskloop unlock --project {tmp_path / HOME_FOLDER}" in said
    found = run_command("unlock", "--project", tmp_path / HOME_FOLDER)
    assert found[0] == 0 and "attic" in found[1] and "was removed" in found[1]
    assert not note.exists()
    assert json_of("check", "--repair", "--project", tmp_path)["sound"]
    assert json_of("unlock", "--project", tmp_path) == {"removed": False}


def test_lock_of_a_program_that_runs_is_not_removed(tmp_path: Path) -> None:
    with project_in(tmp_path):
        said = error_of("unlock", "--project", tmp_path)
        assert "a test (process" in said and "maskloop unlock" not in said
