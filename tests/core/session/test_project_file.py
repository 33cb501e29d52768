"""Checking, repairing, backing up and restoring an open project through its session."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from core.base.changes import Changes
from core.base.errors import Cancelled, ProjectError
from core.labels.label_map import LabelMap
from core.project.backup import list_backups, make_backup
from core.project.files.project_copy import copy_project
from core.project.integrity.findings import FindingKind
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.session.session import Session, SessionEvent
from tests.factories import MODEL, project_in, stroke

R = TypeVar("R")


def ignore(_done: int, _of: int) -> None: ...


def done(future: Future[R]) -> R:
    return future.result(60)


def painted_project(folder: Path) -> None:
    with project_in(folder) as project:
        labels = LabelMap.blank(96, 64)
        project.journal.commit(1, stroke(labels, 1, (10, 10), (60, 10)))
        project.journal.commit(1, stroke(labels, 2, (10, 40), (60, 40)))


@contextmanager
def session_of(folder: Path, events: list[SessionEvent] | None = None) -> Iterator[Session]:
    session = Session.open(folder, None, (events if events is not None else []).append)
    try:
        yield session
    finally:
        session.close()


def sql(file: Path, *statements: str) -> None:
    raw = sqlite3.connect(file)
    with raw:
        for statement in statements:
            raw.execute(statement)
    raw.close()


def test_one_finding_is_repaired_after_a_backup_and_the_others_stay(tmp_path: Path) -> None:
    painted_project(tmp_path)
    sql(
        tmp_path / HOME_FOLDER / PROJECT_FILE,
        "UPDATE class_pixels SET pixels = 7 WHERE class_value = 1",
        "UPDATE tiles SET origins = x'00'",
    )
    events: list[SessionEvent] = []
    with session_of(tmp_path, events) as session:
        found = done(session.project_file.check(ignore))
        assert {finding.kind for finding in found} == {FindingKind.COUNTS, FindingKind.ORIGINS}
        counts = next(f for f in found if f.kind == FindingKind.COUNTS)
        (repair,) = done(session.project_file.repair([counts], ignore))
        assert repair.is_done and "counted again" in repair.sentence
        assert [b.reason for b in done(session.project_file.backups())][:1] == ["before-repair"]
        (left,) = done(session.project_file.check(ignore))
        assert left.kind == FindingKind.ORIGINS
    assert any(isinstance(event, Changes) and 1 in event.labels for event in events)


def test_class_that_a_repair_adds_is_known_at_once(tmp_path: Path) -> None:
    painted_project(tmp_path)
    sql(tmp_path / HOME_FOLDER / PROJECT_FILE, "DELETE FROM classes WHERE value = 2")
    with session_of(tmp_path) as session:
        assert session.editing.classes.by_value(2) is None
        found = done(session.project_file.check(ignore))
        done(session.project_file.repair(found, ignore))
        assert session.editing.classes.by_value(2) is not None
        assert done(session.project_file.check(ignore)) == []


def test_repair_that_fails_says_why_and_the_next_goes_on(tmp_path: Path) -> None:
    painted_project(tmp_path)
    with session_of(tmp_path) as session:
        folder = session.home / "cache" / "predictions"
        (folder / "98.png").mkdir(parents=True)  # a folder cannot be deleted like a file
        (folder / "99.png").write_bytes(b"x")
        found = done(session.project_file.check(ignore))
        assert [finding.kind for finding in found] == [FindingKind.NO_ROW, FindingKind.NO_ROW]
        failed, repaired = done(session.project_file.repair(found, ignore))
        assert not failed.is_done and "cannot be deleted" in failed.sentence
        assert repaired.is_done and not (folder / "99.png").exists()


def test_check_is_cancelled_between_two_pictures(tmp_path: Path) -> None:
    painted_project(tmp_path)
    with session_of(tmp_path) as session:
        with pytest.raises(Cancelled):
            done(session.project_file.check(lambda _done, _of: session.project_file.cancel()))
        assert done(session.project_file.check(ignore)) == []


def test_cancelled_backup_and_copy_leave_nothing(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    painted_project(pictures)
    with session_of(pictures) as session:
        service, target = session.project_file, tmp_path / "beside"
        with pytest.raises(Cancelled):
            done(service.back_up(lambda _done, _of: service.cancel()))
        assert list_backups(session.home / "backups") == []
        backup = done(service.back_up(ignore))
        with pytest.raises(Cancelled):
            done(service.restore(backup, target, lambda _done, _of: service.cancel()))
        assert sorted(p.name for p in tmp_path.iterdir()) == ["pictures"]
        assert [each.path for each in done(service.backups())] == [backup]  # the list is read all the same


def test_backups_are_listed_with_what_is_in_them(tmp_path: Path) -> None:
    painted_project(tmp_path)
    with session_of(tmp_path) as session:
        backup = done(session.project_file.back_up(ignore))
        (session.home / "backups" / "project-20200101T000000Z-replaced.sqlite").write_bytes(b"damaged")
        newest, oldest = done(session.project_file.backups())
        assert (newest.path, newest.labelled, newest.reason) == (backup, 1, "")
        assert newest.size == backup.stat().st_size
        assert (oldest.labelled, oldest.reason) == (None, "replaced")
        preview = done(session.project_file.preview(backup))
        assert (preview.pictures, preview.labelled, preview.done) == (3, 1, 0)
        assert [each.name for each in preview.classes] == ["grass", "roof"]
        (thumbnail,) = preview.thumbnails
        assert thumbnail.path == "p0.png" and set(np.unique(thumbnail.values)) == {0, 1, 2}
        assert preview.pixels.keys() == {1, 2} and min(preview.pixels.values()) > 0
        with pytest.raises(ProjectError):
            done(session.project_file.preview(oldest.path))


def test_restored_backup_is_a_project_beside_and_this_one_stays(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    painted_project(pictures)
    with Project.open(pictures) as project:
        run = project.runs.start(MODEL, "{}", None, 1)
        weights = project.run_folder(run.id) / "model.safetensors"
        weights.parent.mkdir(parents=True)
        weights.write_bytes(b"weights")
        sql(project.home / PROJECT_FILE, f"UPDATE runs SET published = 1 WHERE id = {run.id}")
    with session_of(pictures) as session:
        backup = done(session.project_file.back_up(ignore))
        session.editing.commit(2, stroke(LabelMap.blank(96, 64), 1, (5, 5), (50, 5))).result(60)
        target = session.project_file.propose_home(datetime(2026, 12, 1, 14, 30, tzinfo=UTC))
        assert target.parent == tmp_path and "backup of 2026-1" in target.name
        assert done(session.project_file.restore(backup, target, ignore)) == target
        with Project.open(target) as restored:
            assert restored.folder == pictures
            assert restored.pictures.counts().labelled == 1
            assert (restored.run_folder(run.id) / "model.safetensors").read_bytes() == b"weights"
        with Project.open_read_only(pictures) as present:
            assert present.pictures.counts().labelled == 2
        with pytest.raises(ProjectError, match="not an empty folder"):
            done(session.project_file.restore(backup, target, ignore))
        with pytest.raises(ProjectError, match="taken for pictures"):
            done(session.project_file.restore(backup, pictures / "inside", ignore))


def test_backup_with_a_trigger_is_not_restored(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    painted_project(pictures)
    home = pictures / HOME_FOLDER
    backup = make_backup(home / PROJECT_FILE, home / "backups")
    sql(backup, "CREATE TRIGGER t AFTER UPDATE ON facts BEGIN DELETE FROM tiles; END")
    with pytest.raises(ProjectError, match="trigger"):
        copy_project(backup, home, pictures, tmp_path / "beside", with_predictions=False)
    assert not (tmp_path / "beside").exists()


def test_copy_of_an_open_project_has_its_predictions(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    painted_project(pictures)
    with Project.open(pictures) as project:
        run = project.runs.start(MODEL, "{}", None, 1)
        for picture_id in (1, 2):
            sql_row = f"INSERT INTO predictions VALUES ({picture_id}, {run.id}, '2026-12-01T00:00:00Z', 0.5)"
            sql(project.home / PROJECT_FILE, sql_row)
        project.prediction_path(1).parent.mkdir(parents=True)
        project.prediction_path(1).write_bytes(b"mask")
        target = tmp_path / "elsewhere" / "copy"
        copy_project(project.home / PROJECT_FILE, project.home, pictures, target, with_predictions=True)
    with Project.open(target) as copied:
        assert copied.prediction_path(1).read_bytes() == b"mask"
        assert [r.is_predicted for r in copied.pictures.all()] == [True, False, False]
    shutil.rmtree(target)


def test_progress_is_reported_from_the_lane(tmp_path: Path) -> None:
    painted_project(tmp_path)
    seen: list[tuple[int, int, str]] = []
    with session_of(tmp_path) as session:
        record = lambda done, of: seen.append((done, of, threading.current_thread().name))  # noqa: E731
        done(session.project_file.back_up(record))
    assert seen and seen[-1][0] == seen[-1][1] and {name for *_, name in seen} == {"project file-0"}
