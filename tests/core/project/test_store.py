"""The project file on failing disks, read-only media and damaged files, and while the clock is set back.

The last stored state is kept, and the error is one sentence that says what to do.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import ProjectError
from core.labels.label_map import LabelMap
from core.project.backup import BACKUP_FOLDER, list_backups, make_backup
from core.project.integrity.check import check_project
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from tests.core.project.faults import (
    LAST_GOOD,
    assert_unchanged,
    label_first,
    limit_file_size,
    message_of,
    noise_edit,
    unix,
)
from tests.factories import picture_folder, project_in, stroke

# The disk ---------------------------------------------------------------------------------------------


def test_disk_full_during_a_commit(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label = label_first(project)
        raw = project.store._connection
        pages = raw.exec_driver_sql("PRAGMA page_count").scalar_one()
        raw.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        raw.commit()
        with pytest.raises(ProjectError, match="disk is full") as problem:
            for seed in range(50):
                project.journal.commit(2, noise_edit(seed))
        assert "Free some space" in message_of(problem)
        stored = len(project.journal.history(2))
        # What was stored before it was full is whole, and what was refused has left nothing.
        assert check_project(project) == []
        assert stored < 50
        raw.exec_driver_sql("PRAGMA max_page_count = 1000000")
        raw.commit()
        project.journal.commit(2, noise_edit(99))
        np.testing.assert_array_equal(project.labels.read(LAST_GOOD, 96, 64), label)
    with Project.open(tmp_path) as project:
        assert len(project.journal.history(2)) == stored + 1


@unix
@pytest.mark.parametrize("room", [0, 40, 5000, 9000])
def test_disk_failure_while_the_wal_is_written(tmp_path: Path, room: int) -> None:
    """The transaction is whole in memory; it is the COMMIT that fails."""
    with project_in(tmp_path) as project:
        label = label_first(project)
        journal = project.store.path.with_name(PROJECT_FILE + "-wal")
        with (
            limit_file_size(journal.stat().st_size + room),
            pytest.raises(ProjectError, match="disk") as problem,
        ):
            project.journal.commit(2, noise_edit())
        assert "try again" in message_of(problem)
        assert_unchanged(project, label)
        project.journal.commit(2, noise_edit())  # the disk is well again: the same connection goes on
        assert project.labels.read(2, 96, 64).all()
    with Project.open(tmp_path) as project:
        assert project.labels.read(2, 96, 64).all()
        assert check_project(project) == []


@unix
def test_disk_failure_during_a_checkpoint(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label = label_first(project)
        size = project.store.path.stat().st_size
        journal = project.store.path.with_name(PROJECT_FILE + "-wal").stat().st_size
        assert journal > 0
        with limit_file_size(min(size, 4096)):
            project.close()
    with Project.open(tmp_path) as project:
        assert_unchanged(project, label)


@unix
def test_failed_backup_leaves_no_file(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label = label_first(project)
        folder = project.home / BACKUP_FOLDER
        with limit_file_size(8192), pytest.raises(ProjectError, match="No backup") as problem:
            make_backup(project.store.path, folder)
        assert "Check that disk" in message_of(problem)
        assert list(folder.iterdir()) == []
        assert_unchanged(project, label)


# Places that cannot be written ------------------------------------------------------------------------


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that anybody may enter; pytest's own are only for its user."""
    place = Path(tempfile.mkdtemp(prefix="maskloop"))
    place.chmod(0o755)
    yield place
    for path in (place, *place.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(place)


@contextlib.contextmanager
def read_only(place: Path) -> Iterator[None]:
    """Nothing below may be written by us; root, whom modes do not bind, becomes nobody meanwhile."""
    for path in place.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    place.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@unix
def test_project_on_a_read_only_medium_can_be_read_but_not_written(shared_folder: Path) -> None:
    with project_in(shared_folder) as project:
        label = label_first(project)
    with read_only(shared_folder):
        with Project.open_read_only(shared_folder) as project:
            assert_unchanged(project, label)
        with pytest.raises(ProjectError, match="--project DIR") as problem:
            Project.open(shared_folder)
        message_of(problem)
    assert not (shared_folder / HOME_FOLDER / (PROJECT_FILE + "-shm")).exists()


@unix
def test_error_for_a_read_only_medium_with_a_wal(shared_folder: Path, killed: Path) -> None:
    shutil.copytree(killed, shared_folder, dirs_exist_ok=True)
    (shared_folder / HOME_FOLDER / (PROJECT_FILE + "-shm")).unlink()
    with read_only(shared_folder), pytest.raises(ProjectError, match="copy it to a folder") as problem:
        Project.open_read_only(shared_folder)
    message_of(problem)
    # Nothing was lost by trying.
    with Project.open(shared_folder) as project:
        assert project.labels.read(1, 96, 64).any()


@unix
def test_file_that_becomes_read_only_while_open(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label = label_first(project)
        raw = project.store._connection
        raw.exec_driver_sql("PRAGMA query_only = ON")
        raw.commit()
        with pytest.raises(ProjectError, match="can be written to") as problem:
            project.journal.commit(2, noise_edit())
        message_of(problem)
        raw.exec_driver_sql("PRAGMA query_only = OFF")
        raw.commit()
        assert_unchanged(project, label)


# Clocks -----------------------------------------------------------------------------------------------


def test_clock_set_back_keeps_the_order_of_edits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = LabelMap.blank(96, 64)
    states = [labels.values.copy()]
    with project_in(tmp_path) as project:
        for number in range(4):
            moment = datetime(2030 - 5 * number, 1, 1).isoformat()
            monkeypatch.setattr("core.project.journal.now", lambda moment=moment: moment)
            project.journal.commit(1, stroke(labels, number % 2 + 1, (10, 10 + 10 * number), (60, 30)))
            states.append(labels.values.copy())
        times = [edit.made_at for edit in project.journal.history(1)]
        assert times == sorted(times, reverse=True)
        for state in reversed(states[:-1]):
            project.journal.undo(1)
            np.testing.assert_array_equal(project.labels.read(1, 96, 64), state)
        for state in states[1:]:
            project.journal.redo(1)
            np.testing.assert_array_equal(project.labels.read(1, 96, 64), state)


def test_backups_made_while_the_clock_is_set_back_are_kept(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        folder = project.home / BACKUP_FOLDER
        began = datetime(2024, 1, 1)
        made = [make_backup(project.store.path, folder, at=began - timedelta(hours=n)) for n in range(3)]
        made.append(make_backup(project.store.path, folder, at=began))
        assert len(set(made)) == len(list_backups(folder)) == 4


# Files that are not whole -----------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.001, 0.3, 0.7, 0.9])
def test_truncated_file_is_reported_and_restored_from_a_backup(tmp_path: Path, share: float) -> None:
    with project_in(tmp_path) as project:
        label = label_first(project)
        make_backup(project.store.path, project.home / BACKUP_FOLDER)
    path = tmp_path / HOME_FOLDER / PROJECT_FILE
    os.truncate(path, int(path.stat().st_size * share))
    before = path.read_bytes()
    with pytest.raises(ProjectError, match="maskloop restore") as problem, Project.open(tmp_path) as project:
        found = check_project(project)
        raise ProjectError(found[0].sentence)
    message_of(problem)
    assert path.read_bytes()[:100] == before[:100]
    restore_latest(tmp_path)
    with Project.open_read_only(tmp_path) as project:
        assert_unchanged(project, label)


def test_emptied_file_is_not_opened_as_a_new_project(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label = label_first(project)
        make_backup(project.store.path, project.home / BACKUP_FOLDER)
    path = tmp_path / HOME_FOLDER / PROJECT_FILE
    path.write_bytes(b"")
    for way in (Project.open, Project.open_read_only):
        with pytest.raises(ProjectError, match="has been emptied") as problem:
            way(tmp_path)
        assert "maskloop restore" in message_of(problem)
    restore_latest(tmp_path)
    with Project.open_read_only(tmp_path) as project:
        assert_unchanged(project, label)


def test_empty_file_without_history_becomes_a_new_project(tmp_path: Path) -> None:
    picture_folder(tmp_path)
    (tmp_path / HOME_FOLDER).mkdir()
    (tmp_path / HOME_FOLDER / PROJECT_FILE).touch()
    with Project.open(tmp_path) as project:
        assert check_project(project) == []


@pytest.mark.parametrize("seed", range(4))
def test_overwritten_pages_are_never_read_as_labels(tmp_path: Path, seed: int) -> None:
    with project_in(tmp_path) as project:
        label_first(project)
        for number in range(8):
            project.journal.commit(3, noise_edit(number))
        labels = {i: project.labels.read(i, 96, 64) for i in (1, 2, 3)}
        make_backup(project.store.path, project.home / BACKUP_FOLDER)
    path = tmp_path / HOME_FOLDER / PROJECT_FILE
    whole = bytearray(path.read_bytes())
    chance = np.random.default_rng(seed)
    at = int(chance.integers(4096, len(whole) - 8000))
    whole[at : at + 6000] = chance.bytes(6000)
    path.write_bytes(whole)
    said = 0
    try:
        with Project.open_read_only(tmp_path) as project:
            said += bool(check_project(project))
            for picture_id, label in labels.items():
                try:
                    found = project.labels.read(picture_id, 96, 64)
                except ProjectError:
                    said += 1
                else:
                    assert not found.any() or np.array_equal(found, label)
    except ProjectError as problem:
        assert "maskloop restore" in str(problem)
        said += 1
    assert said
    restore_latest(tmp_path)
    with Project.open_read_only(tmp_path) as project:
        assert check_project(project) == []
        np.testing.assert_array_equal(project.labels.read(3, 96, 64), labels[3])


def restore_latest(folder: Path) -> None:
    from typer.testing import CliRunner

    from core.cli.app import build_app

    result = CliRunner().invoke(build_app(), ["restore", "--project", str(folder)])
    assert result.exit_code == 0, result.output


def test_error_for_a_file_locked_by_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.project.store.BUSY_SECONDS", 0.05)
    with project_in(tmp_path) as project:
        label = label_first(project)
        with closing(sqlite3.connect(project.store.path, isolation_level=None)) as stranger:
            stranger.execute("BEGIN IMMEDIATE")
            with pytest.raises(ProjectError, match="is busy") as problem:
                project.journal.commit(2, noise_edit())
            assert "Close that program" in message_of(problem)
        assert_unchanged(project, label)
