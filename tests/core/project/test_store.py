"""What can befall the file: full and failing disks, killed programs, wrong clocks. The last good state is left, and one
sentence says what to do."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from core.base.errors import ProjectError
from core.base.geometry import Box
from core.cli.app import app
from core.labels.label_map import Edit, LabelMap
from core.project.backup import BACKUP_FOLDER, list_backups, make_backup
from core.project.integrity.check import check_project
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.records import Status
from tests.factories import label_all, picture_folder, project_in, stroke

ROOT = Path(__file__).resolve().parents[3]
unix = pytest.mark.skipif(sys.platform == "win32", reason="file limits and users of Unix")

LAST_GOOD = 1
"""The picture whose label was stored before anything went wrong."""


def noisy(seed: int = 0, size: int = 64) -> Edit:
    """An edit that takes room: noise does not compress."""
    labels = LabelMap.blank(96, 64)
    labels.begin_edit("Noise", "test", 1)
    chance = np.random.default_rng(seed).integers(1, 3, (64, 96), np.uint8)
    labels.put_values(Box(0, 0, 96, 64), chance)
    edit = labels.finish_edit()
    assert edit is not None
    return edit


def good(project: Project) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The first picture gets a label, which has to stay whatever happens."""
    label_all(project, project.pictures.all()[:1])
    return project.labels.read(LAST_GOOD, 96, 64)


def is_as_it_was(project: Project, label: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    np.testing.assert_array_equal(project.labels.read(LAST_GOOD, 96, 64), label)
    assert not project.labels.read(2, 96, 64).any()
    assert project.journal.history(2) == []
    assert project.pictures.get(2).status == Status.NEW
    assert check_project(project) == []


def sentence(problem: pytest.ExceptionInfo[ProjectError]) -> str:
    said = str(problem.value)
    assert "\n" not in said
    assert "sqlalche" not in said
    assert len(said) < 500
    return said


# The disk ---------------------------------------------------------------------------------------------


def test_disk_full_during_a_commit(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label = good(project)
        raw = project.store._connection
        pages = raw.exec_driver_sql("PRAGMA page_count").scalar_one()
        raw.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        raw.commit()
        with pytest.raises(ProjectError, match="disk is full") as problem:
            for seed in range(50):
                project.journal.commit(2, noisy(seed))
        assert "Free some space" in sentence(problem)
        stored = len(project.journal.history(2))
        # What was stored before it was full is whole, and what was refused has left nothing.
        assert check_project(project) == []
        assert stored < 50
        raw.exec_driver_sql("PRAGMA max_page_count = 1000000")
        raw.commit()
        project.journal.commit(2, noisy(99))
        np.testing.assert_array_equal(project.labels.read(LAST_GOOD, 96, 64), label)
    with Project.open(tmp_path) as project:
        assert len(project.journal.history(2)) == stored + 1


@contextlib.contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """The kernel refuses to write past `size` bytes, for the whole process."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@unix
@pytest.mark.parametrize("room", [0, 40, 5000, 9000])
def test_disk_failure_while_the_wal_is_written(tmp_path: Path, room: int) -> None:
    """The transaction is whole in memory; it is the COMMIT that fails."""
    with project_in(tmp_path) as project:
        label = good(project)
        journal = project.store.path.with_name(PROJECT_FILE + "-wal")
        with (
            no_file_grows_beyond(journal.stat().st_size + room),
            pytest.raises(ProjectError, match="disk") as problem,
        ):
            project.journal.commit(2, noisy())
        assert "try again" in sentence(problem)
        is_as_it_was(project, label)
        project.journal.commit(2, noisy())  # the disk is well again: the same connection goes on
        assert project.labels.read(2, 96, 64).all()
    with Project.open(tmp_path) as project:
        assert project.labels.read(2, 96, 64).all()
        assert check_project(project) == []


@unix
def test_disk_failure_during_a_checkpoint(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label = good(project)
        size = project.store.path.stat().st_size
        journal = project.store.path.with_name(PROJECT_FILE + "-wal").stat().st_size
        assert journal > 0
        with no_file_grows_beyond(min(size, 4096)):
            project.close()
    with Project.open(tmp_path) as project:
        is_as_it_was(project, label)


@unix
def test_failed_backup_leaves_no_file(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label = good(project)
        folder = project.home / BACKUP_FOLDER
        with no_file_grows_beyond(8192), pytest.raises(ProjectError, match="No backup") as problem:
            make_backup(project.store.path, folder)
        assert "Check that disk" in sentence(problem)
        assert list(folder.iterdir()) == []
        is_as_it_was(project, label)


# Places that cannot be written ------------------------------------------------------------------------


@pytest.fixture
def open_place() -> Iterator[Path]:
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
def test_project_on_a_read_only_medium_can_be_read_but_not_written(open_place: Path) -> None:
    with project_in(open_place) as project:
        label = good(project)
    with read_only(open_place):
        with Project.open_read_only(open_place) as project:
            is_as_it_was(project, label)
        with pytest.raises(ProjectError, match="--project DIR") as problem:
            Project.open(open_place)
        sentence(problem)
    assert not (open_place / HOME_FOLDER / (PROJECT_FILE + "-shm")).exists()


@unix
def test_error_for_a_read_only_medium_with_a_wal(open_place: Path, killed: Path) -> None:
    shutil.copytree(killed, open_place, dirs_exist_ok=True)
    (open_place / HOME_FOLDER / (PROJECT_FILE + "-shm")).unlink()
    with read_only(open_place), pytest.raises(ProjectError, match="copy it to a place") as problem:
        Project.open_read_only(open_place)
    sentence(problem)
    # Nothing was lost by trying.
    with Project.open(open_place) as project:
        assert project.labels.read(1, 96, 64).any()


@unix
def test_file_that_becomes_read_only_while_open(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label = good(project)
        raw = project.store._connection
        raw.exec_driver_sql("PRAGMA query_only = ON")
        raw.commit()
        with pytest.raises(ProjectError, match="can be written to") as problem:
            project.journal.commit(2, noisy())
        sentence(problem)
        raw.exec_driver_sql("PRAGMA query_only = OFF")
        raw.commit()
        is_as_it_was(project, label)


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
        label = good(project)
        make_backup(project.store.path, project.home / BACKUP_FOLDER)
    path = tmp_path / HOME_FOLDER / PROJECT_FILE
    os.truncate(path, int(path.stat().st_size * share))
    before = path.read_bytes()
    with pytest.raises(ProjectError, match="maskloop restore") as problem, Project.open(tmp_path) as project:
        found = check_project(project)
        raise ProjectError(found[0].sentence)
    sentence(problem)
    assert path.read_bytes()[:100] == before[:100]
    restored(tmp_path)
    with Project.open_read_only(tmp_path) as project:
        is_as_it_was(project, label)


def test_emptied_file_is_not_opened_as_a_new_project(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label = good(project)
        make_backup(project.store.path, project.home / BACKUP_FOLDER)
    path = tmp_path / HOME_FOLDER / PROJECT_FILE
    path.write_bytes(b"")
    for way in (Project.open, Project.open_read_only):
        with pytest.raises(ProjectError, match="has been emptied") as problem:
            way(tmp_path)
        assert "maskloop restore" in sentence(problem)
    restored(tmp_path)
    with Project.open_read_only(tmp_path) as project:
        is_as_it_was(project, label)


def test_empty_file_without_history_becomes_a_new_project(tmp_path: Path) -> None:
    picture_folder(tmp_path)
    (tmp_path / HOME_FOLDER).mkdir()
    (tmp_path / HOME_FOLDER / PROJECT_FILE).touch()
    with Project.open(tmp_path) as project:
        assert check_project(project) == []


@pytest.mark.parametrize("seed", range(4))
def test_overwritten_pages_are_never_read_as_labels(tmp_path: Path, seed: int) -> None:
    with project_in(tmp_path) as project:
        good(project)
        for number in range(8):
            project.journal.commit(3, noisy(number))
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
    restored(tmp_path)
    with Project.open_read_only(tmp_path) as project:
        assert check_project(project) == []
        np.testing.assert_array_equal(project.labels.read(3, 96, 64), labels[3])


def restored(folder: Path) -> None:
    from typer.testing import CliRunner

    from core.cli.app import app

    result = CliRunner().invoke(app, ["restore", "--project", str(folder)])
    assert result.exit_code == 0, result.output


# What a killed program leaves -------------------------------------------------------------------------


def killed_while_painting(folder: Path) -> None:
    """A process that stores three strokes and is killed: its journal and its note stay."""
    script = (
        "import os, sys; from pathlib import Path\n"
        "from core.labels.label_map import LabelMap; from tests.factories import project_in, stroke\n"
        "project = project_in(Path(sys.argv[1])); labels = LabelMap.blank(96, 64)\n"
        "for row in (10, 30, 50): project.journal.commit(1, stroke(labels, 1, (10, row), (60, row)))\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], cwd=ROOT, check=False)
    assert done.returncode != 0


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    killed_while_painting(folder)
    return folder


def copied(killed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(killed, tmp_path / "project")


def painted() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    labels = LabelMap.blank(96, 64)
    for row in (10, 30, 50):
        stroke(labels, 1, (10, row), (60, row))
    return labels.values


@pytest.mark.parametrize("without_shm", [False, True])
def test_wal_of_a_killed_process_is_recovered(killed: Path, tmp_path: Path, without_shm: bool) -> None:
    folder = copied(killed, tmp_path)
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
    folder = copied(killed, tmp_path)
    journal = folder / HOME_FOLDER / (PROJECT_FILE + "-wal")
    before = journal.read_bytes(), (folder / HOME_FOLDER / PROJECT_FILE).read_bytes()
    with Project.open_read_only(folder) as project:
        np.testing.assert_array_equal(project.labels.read(1, 96, 64), painted())
    assert (journal.read_bytes(), (folder / HOME_FOLDER / PROJECT_FILE).read_bytes()) == before


@pytest.mark.parametrize("cut", [1, 100, 4096, 30_000])
def test_truncated_wal_gives_the_last_complete_state(killed: Path, tmp_path: Path, cut: int) -> None:
    """The machine died while the journal was written: whole transactions stay, the torn one never was."""
    folder = copied(killed, tmp_path)
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
        label = good(project)
    (tmp_path / HOME_FOLDER / (PROJECT_FILE + "-wal")).write_bytes(os.urandom(50_000))
    with Project.open(tmp_path) as project:
        is_as_it_was(project, label)


def test_wal_of_another_file_is_set_aside(killed: Path, tmp_path: Path) -> None:
    """Somebody has copied a backup over the file by hand, and the journal of the killed program lay there still."""
    with project_in(tmp_path / "other", count=3) as project:
        label = good(project)
        project.pictures.add(f"{'another long name ' * 10}{n}.png" for n in range(500))
        ids = len(project.pictures.all())
    folder = copied(killed, tmp_path)
    shutil.copy(tmp_path / "other" / HOME_FOLDER / PROJECT_FILE, folder / HOME_FOLDER / PROJECT_FILE)
    said = CliRunner().invoke(
        app, ["check", "--repair", "--project", str(shutil.copytree(folder, tmp_path / "twin"))]
    )
    assert "put aside as project.sqlite-wal-" in said.stderr
    with Project.open(folder) as project:
        assert project.store.notice is not None
        assert "put aside as project.sqlite-wal-" in project.store.notice
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


def test_error_for_a_file_locked_by_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.project.store.BUSY_SECONDS", 0.05)
    with project_in(tmp_path) as project:
        label = good(project)
        with closing(sqlite3.connect(project.store.path, isolation_level=None)) as stranger:
            stranger.execute("BEGIN IMMEDIATE")
            with pytest.raises(ProjectError, match="is busy") as problem:
                project.journal.commit(2, noisy())
            assert "Close that program" in sentence(problem)
        is_as_it_was(project, label)
