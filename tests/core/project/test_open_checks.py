"""What a killed process leaves: its write-ahead log is recovered, and one of another file is set aside."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from core.cli.app import build_app
from core.labels.label_map import LabelMap
from core.project.backup import BACKUP_FOLDER, list_backups, make_backup
from core.project.integrity.check import check_project
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from tests.core.project.faults import (
    LAST_GOOD,
    ROOT,
    assert_unchanged,
    label_first,
    unix,
)
from tests.factories import project_in, stroke


def copy_of(killed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(killed, tmp_path / "project")


def painted() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    labels = LabelMap.blank(96, 64)
    for row in (10, 30, 50):
        stroke(labels, 1, (10, row), (60, row))
    return labels.values


@pytest.mark.parametrize("without_shm", [False, True])
def test_wal_of_a_killed_process_is_recovered(killed: Path, tmp_path: Path, without_shm: bool) -> None:
    folder = copy_of(killed, tmp_path)
    assert (folder / HOME_FOLDER / (PROJECT_FILE + "-wal")).stat().st_size > 0
    note = json.loads((folder / HOME_FOLDER / "writer.json").read_text("utf-8"))
    assert note["purpose"] == "a test"  # a stale note, of a process that is dead
    if without_shm:
        (folder / HOME_FOLDER / (PROJECT_FILE + "-shm")).unlink()
    with Project.open(folder) as project:
        np.testing.assert_array_equal(project.labels.read(1, 96, 64), painted())
        assert check_project(project) == []
        assert project.store.notice is None
        for _ in range(3):
            assert project.journal.undo(1) is not None


def test_reader_reads_a_wal_and_leaves_it_to_the_writer(killed: Path, tmp_path: Path) -> None:
    folder = copy_of(killed, tmp_path)
    journal = folder / HOME_FOLDER / (PROJECT_FILE + "-wal")
    before = journal.read_bytes(), (folder / HOME_FOLDER / PROJECT_FILE).read_bytes()
    with Project.open_read_only(folder) as project:
        np.testing.assert_array_equal(project.labels.read(1, 96, 64), painted())
    assert (journal.read_bytes(), (folder / HOME_FOLDER / PROJECT_FILE).read_bytes()) == before


@pytest.mark.parametrize("cut", [1, 100, 4096, 30_000])
def test_truncated_wal_gives_the_last_complete_state(killed: Path, tmp_path: Path, cut: int) -> None:
    """The machine died while the journal was written: whole transactions stay, the torn one never was."""
    folder = copy_of(killed, tmp_path)
    journal = folder / HOME_FOLDER / (PROJECT_FILE + "-wal")
    os.truncate(journal, journal.stat().st_size - cut)
    with Project.open(folder) as project:
        labels = LabelMap.blank(96, 64)
        states = [labels.values.copy()]
        for row in (10, 30, 50):
            stroke(labels, 1, (10, row), (60, row))
            states.append(labels.values.copy())
        found = project.labels.read(1, 96, 64)
        assert any(np.array_equal(found, state) for state in states)
        assert check_project(project) == []


def test_invalid_wal_is_ignored(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label = label_first(project)
    (tmp_path / HOME_FOLDER / (PROJECT_FILE + "-wal")).write_bytes(os.urandom(50_000))
    with Project.open(tmp_path) as project:
        assert_unchanged(project, label)


def test_wal_of_another_file_is_set_aside(killed: Path, tmp_path: Path) -> None:
    """Somebody has copied a backup over the file by hand, and the journal of the killed program lay there still."""
    with project_in(tmp_path / "other", count=3) as project:
        label = label_first(project)
        project.pictures.add(f"{'another long name ' * 10}{n}.png" for n in range(500))
        ids = len(project.pictures.all())
    folder = copy_of(killed, tmp_path)
    shutil.copy(tmp_path / "other" / HOME_FOLDER / PROJECT_FILE, folder / HOME_FOLDER / PROJECT_FILE)
    said = CliRunner().invoke(
        build_app(), ["check", "--repair", "--project", str(shutil.copytree(folder, tmp_path / "twin"))]
    )
    assert "renamed to project.sqlite-wal-" in said.stderr
    with Project.open(folder) as project:
        assert project.store.notice is not None
        assert "renamed to project.sqlite-wal-" in project.store.notice
        np.testing.assert_array_equal(project.labels.read(LAST_GOOD, 96, 64), label)
        assert len(project.pictures.all()) == ids
        assert {finding.kind.value for finding in check_project(project)} == {"picture missing"}
    assert len(list((folder / HOME_FOLDER).glob(PROJECT_FILE + "-wal-*"))) == 1
    with Project.open(folder) as project:
        assert project.store.notice is None


@unix
def test_process_killed_during_a_backup_leaves_no_partial_backup(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        project.pictures.add(f"{'long name ' * 20}{n}.png" for n in range(2000))
    script = (
        "import sys, time; from pathlib import Path; from core.project import backup\n"
        "backup.PAGES_PER_STEP = 5; home = Path(sys.argv[1])\n"
        "def slow():\n    print('copying', flush=True); time.sleep(0.01); return False\n"
        "backup.make_backup(home / 'project.sqlite', home / 'backups', should_stop=slow)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / HOME_FOLDER)], cwd=ROOT, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        for _ in range(3):
            assert child.stdout.readline() == b"copying\n"
        child.send_signal(signal.SIGKILL)
    assert list_backups(tmp_path / HOME_FOLDER / BACKUP_FOLDER) == []
    with Project.open(tmp_path) as project:
        assert make_backup(project.store.path, project.home / BACKUP_FOLDER).is_file()
        assert len(list_backups(project.home / BACKUP_FOLDER)) == 1
