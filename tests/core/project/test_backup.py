"""Backups: consistent while others write, thinned by age, and restored without losing the replaced file."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.changes import Changes, Notice
from core.base.errors import Cancelled, ProjectError
from core.base.lane import Lane
from core.labels.label_map import LabelMap
from core.project import backup as backup_module
from core.project.backup import (
    BACKUP_FOLDER,
    BACKUP_INTERVAL,
    expired_backups,
    is_backup_due,
    latest_backup,
    list_backups,
    make_backup,
    restore_backup,
    thin_backups,
)
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.session import maintenance as keeping_module
from core.session.maintenance import CHECK_SECONDS, MaintenanceService
from core.session.session import Session, SessionEvent
from core.session.training.training_state import TrainingPreferences
from tests.factories import label_all, picture_folder, project_in, stroke

NOW = datetime(2024, 5, 17, 12, 30, tzinfo=UTC)
PATIENCE = 10

moments = st.lists(
    st.one_of(
        st.integers(-3 * 86400, 400 * 86400).map(lambda s: NOW - timedelta(seconds=s)),
        st.integers(0, 500).map(lambda n: NOW - timedelta(minutes=30 * n)),
    ),
    unique=True,
    max_size=60,
)


@given(moments)
def test_thinning_keeps_the_newest_and_one_of_every_period(times: list[datetime]) -> None:
    gone = expired_backups(times, NOW)
    kept = sorted(set(times) - set(gone), reverse=True)
    assert len(gone) == len(set(gone))
    assert set(gone) <= set(times)
    assert kept[:3] == sorted(times, reverse=True)[:3]
    for limit, step in ((1, 3600), (14, 86400), (182, 7 * 86400)):
        young = [t for t in times if NOW - t <= timedelta(days=limit)]
        older = {1: 0, 14: 1, 182: 14}[limit]
        slots = {t.timestamp() // step for t in young if not older or NOW - t > timedelta(days=older)}
        assert slots <= {t.timestamp() // step for t in kept}
    # Doing it again changes nothing.
    assert expired_backups(kept, NOW) == []


@given(moments, st.integers(1, 40))
def test_one_backup_a_week_is_left_however_often_they_are_thinned(times: list[datetime], rounds: int) -> None:
    kept, now = list(times), NOW
    for _ in range(rounds):
        now += timedelta(hours=37)
        kept = [t for t in kept if t not in expired_backups(kept, now)]
    for t in times:
        if now - t <= timedelta(days=181):
            assert any(abs(t - other) <= timedelta(days=7) for other in kept), t


def test_half_a_year_of_work_leaves_few_backups() -> None:
    times = [NOW - timedelta(minutes=30 * n) for n in range(48 * 200)]
    kept = len(times) - len(expired_backups(times, NOW))
    assert 24 + 13 + 24 <= kept <= 3 + 26 + 15 + 27


def test_backup_is_consistent_during_writes(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        label_all(project, project.pictures.all()[:1])
        first = make_backup(project.store.path, project.home / BACKUP_FOLDER)
        second = make_backup(project.store.path, project.home / BACKUP_FOLDER)
        assert first != second  # within a second, and none is lost
        assert [path for _, path in list_backups(project.home / BACKUP_FOLDER)] == [second, first]
        label = project.labels.read(1, 96, 64)
        assert sorted(path.name for path in first.parent.iterdir()) == [first.name, second.name]
    (tmp_path / "other").mkdir()
    first.replace(tmp_path / "other" / PROJECT_FILE)
    with Project.open_read_only(tmp_path / "other") as copy:
        np.testing.assert_array_equal(copy.labels.read(1, 96, 64), label)


def test_strokes_during_a_backup_do_not_restart_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between any two steps of the copy something is stored; it still ends, and holds what was there at its start."""
    with project_in(tmp_path) as project:
        project.pictures.add(f"{'a long name ' * 30}{n}.png" for n in range(2000))
        names = iter(range(10_000))
        steps = 0

        def write_meanwhile() -> bool:
            nonlocal steps
            steps += 1
            assert steps < 1000, "the copy never ends"
            project.set_fact(f"written {next(names)}", "x" * 5000)
            return False

        monkeypatch.setattr(backup_module, "PAGES_PER_STEP", 20)
        copy = make_backup(project.store.path, tmp_path / "copies", should_stop=write_meanwhile)
        with closing(sqlite3.connect(copy)) as raw:
            assert raw.execute("SELECT COUNT(*) FROM facts WHERE name LIKE 'written%'").fetchone() == (0,)
            assert raw.execute("SELECT COUNT(*) FROM pictures").fetchone() == (2003,)
        assert steps > 5


def test_cancelled_backup_leaves_no_file(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        with pytest.raises(Cancelled):
            make_backup(project.store.path, project.home / BACKUP_FOLDER, should_stop=lambda: True)
        assert list((project.home / BACKUP_FOLDER).iterdir()) == []


def test_damaged_file_is_not_backed_up_and_deletes_no_backup(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        path, folder = project.store.path, project.home / BACKUP_FOLDER
        sound = make_backup(path, folder)
    whole = bytearray(path.read_bytes())
    whole[4096 * 3 : 4096 * 5] = os.urandom(4096 * 2)
    path.write_bytes(whole)
    with pytest.raises(ProjectError, match="No backup"):
        make_backup(path, folder)
    assert list(folder.iterdir()) == [sound]


def test_no_backup_on_an_almost_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with project_in(tmp_path) as project:
        monkeypatch.setattr(backup_module, "FREE_SPACE_RESERVE", 1 << 60)
        with pytest.raises(ProjectError, match="almost full"):
            make_backup(project.store.path, project.home / BACKUP_FOLDER)


def test_thinning_deletes_no_labelled_backups(tmp_path: Path) -> None:
    for hours in range(60):
        for label in ("", "-before-0002", "-replaced"):
            stamp = (NOW - timedelta(hours=hours, minutes=20)).strftime("%Y%m%dT%H%M%SZ")
            (tmp_path / f"project-{stamp}{label}.sqlite").touch()
    for name in ("project-mine.sqlite", "notes.txt", ".project-x.sqlite.1.tmp", ".project-y.sqlite.1.tmp"):
        (tmp_path / name).touch()
    os.utime(tmp_path / ".project-y.sqlite.1.tmp", (0, 0))
    removed = thin_backups(tmp_path, NOW)
    left = {path.name for path in tmp_path.iterdir()}
    assert 60 - len(removed) in range(24, 29)
    assert sum("before" in name for name in left) == sum("replaced" in name for name in left) == 60
    assert {"project-mine.sqlite", "notes.txt", ".project-x.sqlite.1.tmp"} <= left
    assert ".project-y.sqlite.1.tmp" not in left


def test_clock_set_back_neither_stops_nor_repeats_backups(tmp_path: Path) -> None:
    def copied(moment: datetime) -> None:
        (tmp_path / f"project-{moment.strftime('%Y%m%dT%H%M%SZ')}.sqlite").touch()

    assert is_backup_due(tmp_path, NOW)
    copied(NOW)
    assert not is_backup_due(tmp_path, NOW + BACKUP_INTERVAL - timedelta(seconds=1))
    assert is_backup_due(tmp_path, NOW + BACKUP_INTERVAL)
    # A copy from the future: the clock was wrong then, or is now.
    copied(NOW + timedelta(days=3650))
    early = NOW - timedelta(days=2)
    assert is_backup_due(tmp_path, early)
    copied(early)
    assert not is_backup_due(tmp_path, early + timedelta(minutes=1))


@pytest.mark.parametrize("ahead", [timedelta(days=3650), timedelta(days=200)])
def test_clock_that_is_ahead_once_deletes_hardly_any_backup(tmp_path: Path, ahead: timedelta) -> None:
    times = [NOW - timedelta(minutes=30 * n) for n in range(48 * 200)]
    for moment in set(times) - set(expired_backups(times, NOW)):
        (tmp_path / f"project-{moment.strftime('%Y%m%dT%H%M%SZ')}.sqlite").touch()
    wrong = NOW + ahead
    (tmp_path / f"project-{wrong.strftime('%Y%m%dT%H%M%SZ')}.sqlite").touch()
    removed = thin_backups(tmp_path, wrong)
    assert len(removed) <= 12
    left = [moment for moment, _ in list_backups(tmp_path)]
    assert wrong in left
    for age in (timedelta(hours=20), timedelta(days=12), timedelta(days=160)):
        assert any(age <= NOW - moment <= age + timedelta(days=8) for moment in left), age
    # Once the clock is right again, what was made in the future is not what a restore takes.
    newest = latest_backup(tmp_path, NOW + timedelta(days=1))
    assert newest is not None and newest.name == f"project-{NOW.strftime('%Y%m%dT%H%M%SZ')}.sqlite"


def test_backup_from_the_future_is_restored_when_there_is_no_other(tmp_path: Path) -> None:
    (tmp_path / "project-20400101T000000Z.sqlite").touch()
    assert latest_backup(tmp_path, NOW) == tmp_path / "project-20400101T000000Z.sqlite"


def test_thinning_deletes_only_names_that_it_made(tmp_path: Path) -> None:
    strangers = ("project-20200101T000000Z mine.sqlite", ".project-notes.tmp", ".project-notes.tmp.txt")
    for name in strangers:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    for hours in range(60):
        stamp = (NOW - timedelta(days=hours)).strftime("%Y%m%dT%H%M%SZ")
        (tmp_path / f"project-{stamp}.sqlite").touch()
    assert thin_backups(tmp_path, NOW)
    assert set(strangers) <= {path.name for path in tmp_path.iterdir()}


# Going back -------------------------------------------------------------------------------------------


def labelled_backup(folder: Path) -> tuple[Path, Path]:
    """A project with a label that was made after its backup: its file and the backup."""
    with project_in(folder) as project:
        copy = make_backup(project.store.path, project.home / BACKUP_FOLDER, at=NOW)
        label_all(project, project.pictures.all()[:1])
        return project.store.path, copy


def labelled_in(folder: Path) -> int:
    with Project.open(folder) as project:
        return project.pictures.counts().labelled


def test_restore_keeps_the_replaced_file_and_can_be_reverted(tmp_path: Path) -> None:
    path, copy = labelled_backup(tmp_path)
    replaced = restore_backup(path, copy)
    assert labelled_in(tmp_path) == 0
    assert replaced is not None
    # The newest copy to go back to is not what has just been put aside.
    assert latest_backup(path.parent / BACKUP_FOLDER) == copy
    restore_backup(path, replaced)
    assert labelled_in(tmp_path) == 1
    assert len(list_backups(path.parent / BACKUP_FOLDER)) == 3


def test_restore_of_a_missing_project_file(tmp_path: Path) -> None:
    path, copy = labelled_backup(tmp_path)
    path.unlink()
    assert restore_backup(path, copy) is None
    assert labelled_in(tmp_path) == 0


def test_restore_keeps_an_unreadable_file_as_it_is(tmp_path: Path) -> None:
    path, copy = labelled_backup(tmp_path)
    path.write_bytes(b"ruin" * 5000)
    path.with_name(PROJECT_FILE + "-wal").write_bytes(b"its journal")
    replaced = restore_backup(path, copy)
    assert replaced is not None
    assert replaced.read_bytes() == b"ruin" * 5000
    assert replaced.with_name(replaced.name + "-wal").read_bytes() == b"its journal"
    assert labelled_in(tmp_path) == 0


@pytest.mark.parametrize("what", ["garbage", "another database", "nothing"])
def test_restore_of_a_file_that_is_no_backup_changes_nothing(tmp_path: Path, what: str) -> None:
    path, _ = labelled_backup(tmp_path)
    bad = tmp_path / "bad.sqlite"
    if what == "garbage":
        bad.write_bytes(b"garbage" * 1000)
    elif what == "another database":
        with closing(sqlite3.connect(bad)) as raw:
            raw.execute("CREATE TABLE cookies (name)")
    before = path.read_bytes()
    with pytest.raises(ProjectError, match="was left as it was"):
        restore_backup(path, bad)
    assert path.read_bytes() == before
    assert labelled_in(tmp_path) == 1
    assert sorted(p.suffix for p in path.parent.glob(".*")) == []


def test_restore_is_refused_while_another_process_reads(tmp_path: Path) -> None:
    path, copy = labelled_backup(tmp_path)
    with Project.open_read_only(tmp_path) as reader:
        with pytest.raises(ProjectError, match="locked"):
            restore_backup(path, copy)
        assert reader.pictures.counts().labelled == 1
    assert len(list_backups(path.parent / BACKUP_FOLDER)) == 1
    restore_backup(path, copy)
    assert labelled_in(tmp_path) == 0


def test_restore_keeps_the_wal_of_a_killed_writer(tmp_path: Path) -> None:
    path, copy = labelled_backup(tmp_path)
    with Project.open(tmp_path) as project:
        label_all(project, project.pictures.all()[1:2])
        left = [(p.name, p.read_bytes()) for p in (path, path.with_name(PROJECT_FILE + "-wal"))]
    for name, content in left:
        (path.parent / name).write_bytes(content)
    replaced = restore_backup(path, copy)
    assert replaced is not None
    restore_backup(path, replaced)
    assert labelled_in(tmp_path) == 2


# While a window is open -------------------------------------------------------------------------------


def test_backup_is_made_when_due_and_checked_once_a_minute(tmp_path: Path) -> None:
    seconds = 0.0
    news: list[Notice] = []
    document = Lane("document")
    with project_in(tmp_path) as project:
        folder = project.home / BACKUP_FOLDER
        keeping = MaintenanceService(project, document, news.append, clock=lambda: seconds)
        keeping.start()
        keeping.on_changed()
        keeping.on_changed()
        keeping._lane.submit(lambda: None).result(PATIENCE)
        assert len(list_backups(folder)) == 1
        for path in folder.iterdir():
            path.rename(path.with_name("project-20200101T000000Z.sqlite"))
        keeping.on_changed()  # not even looked for
        keeping._lane.submit(lambda: None).result(PATIENCE)
        assert len(list_backups(folder)) == 1
        seconds += BACKUP_INTERVAL.total_seconds() + 1
        keeping.on_changed()
        keeping._lane.submit(lambda: None).result(PATIENCE)
        assert len(list_backups(folder)) == 2
        seconds += CHECK_SECONDS + 1
        keeping.on_changed()  # it is not due
        document.shutdown()
        keeping.close()
        assert len(list_backups(folder)) == 2
    assert news == []


def test_failed_backup_is_reported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 0.0
    news: list[Notice] = []
    document = Lane("document")
    with project_in(tmp_path) as project:
        (project.home / BACKUP_FOLDER).write_text("a file is in the way")
        keeping = MaintenanceService(project, document, news.append, clock=lambda: seconds)
        for _ in range(3):
            keeping.on_changed()
            seconds += BACKUP_INTERVAL.total_seconds() + 1
        keeping._lane.submit(lambda: None).result(PATIENCE)
        assert len(news) == 1
        assert "No backup" in news[0].message
        document.shutdown()
        keeping.close()


def test_thinning_the_journal_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    news: list[Notice] = []
    document = Lane("document")
    with project_in(tmp_path) as project:
        labels = LabelMap.blank(96, 64)
        for row in range(10, 50, 10):
            project.journal.commit(1, stroke(labels, 1, (10, row), (60, row)))
        monkeypatch.setattr(project.journal, "thin", lambda real=project.journal.thin: real(1, 0))
        keeping = MaintenanceService(project, document, news.append)
        keeping.start()
        document.shutdown()
        keeping.close()
        assert [edit.thinned for edit in project.journal.history(1)] == [True, True, True, False]
    assert len(news) == 1
    assert "3 oldest steps" in news[0].message


def test_window_makes_a_backup_after_the_first_stroke(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = threading.Event()
    folder = picture_folder(tmp_path, 1)
    project_in(tmp_path, 1).close()

    def listen(news: SessionEvent) -> None:
        if isinstance(news, Changes) and news.labels:
            heard.set()

    monkeypatch.setattr(keeping_module, "CHECK_SECONDS", 0.0)
    session = Session.open(folder, None, listen, preferences=TrainingPreferences(automatic=False))
    try:
        edit = stroke(LabelMap.blank(96, 64), 1, (10, 10), (60, 40))
        session.editing.commit(1, edit).result(PATIENCE)
        assert heard.wait(PATIENCE)
        session.wait_until_saved()
        session.maintenance._lane.submit(lambda: None).result(PATIENCE)
        ((_, copy),) = list_backups(folder / HOME_FOLDER / BACKUP_FOLDER)
    finally:
        session.close()
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("SELECT COUNT(*) FROM pictures").fetchone() == (1,)
