"""Project files of strangers: views, triggers and queries without end, and a damaged version table."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from core.base.errors import ProjectError
from core.project.backup import BACKUP_FOLDER, make_backup
from core.project.files import sqlite_defences
from core.project.integrity.check import check_project
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.project_files import first_picture_path
from tests.command_line import error_of, json_of
from tests.core.project.faults import ROOT
from tests.factories import label_all, project_in

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
PLANTED = {
    "endless view": (
        "DROP TABLE pictures",
        f"CREATE VIEW pictures AS {ENDLESS} SELECT i AS id, 'x' AS path, 1 AS width, 1 AS height, 'new' AS status,"
        " NULL AS split, NULL AS problem, '' AS note, NULL AS digest FROM n WHERE i < 0",
    ),
    "stranger's view": ("CREATE VIEW mine AS SELECT 1",),
    "trigger": ("CREATE TRIGGER t AFTER INSERT ON edits BEGIN DELETE FROM tiles; END",),
    "virtual table": ("CREATE VIRTUAL TABLE ft USING fts5(x)",),
}


def plant(folder: Path, *statements: str) -> Path:
    project_in(folder).close()
    home = folder / HOME_FOLDER
    with closing(sqlite3.connect(home / PROJECT_FILE, isolation_level=None)) as raw:
        raw.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            raw.execute(statement)
        raw.execute("PRAGMA journal_mode = DELETE")
    return home


@pytest.mark.parametrize("kind", PLANTED)
def test_foreign_object_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    home = plant(tmp_path, *PLANTED[kind])
    before = (home / PROJECT_FILE).read_bytes()[100:]  # the header says WAL afterwards
    since = time.monotonic()
    for open_project in (Project.open, Project.open_read_only):
        with pytest.raises(ProjectError, match="did not make"):
            open_project(tmp_path)
    for words in ("status", "check"):
        assert "did not make" in error_of(words, "--project", tmp_path)
    assert time.monotonic() - since < 20
    assert (home / PROJECT_FILE).read_bytes()[100:] == before


def test_first_picture_is_not_looked_up_in_an_endless_view(tmp_path: Path) -> None:
    """In a process of its own: without the defence it never ends."""
    home = plant(tmp_path, *PLANTED["endless view"])
    assert first_picture_path_of_a_process(home) == "None"


def test_sound_project_has_a_first_picture(tmp_path: Path) -> None:
    home = plant(tmp_path)
    assert first_picture_path(home) == "p0.png"


def first_picture_path_of_a_process(home: Path) -> str:
    script = (
        "import sys; from pathlib import Path; from core.project.project_files import first_picture_path\n"
        "print(first_picture_path(Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(home)],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def test_endless_query_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with project_in(tmp_path) as project:
        with (
            pytest.raises(ProjectError, match="took too long") as problem,
            project.store.read_transaction(seconds=0.2) as connection,
        ):
            connection.exec_driver_sql(f"{ENDLESS} SELECT COUNT(*) FROM n").all()
        assert "maskloop check" in str(problem.value)
        assert project.pictures.counts().pictures == 3  # the connection goes on
        project.set_fact("a", "b")


def test_value_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_defences, "_LONGEST_VALUE", 100_000)
    with (
        project_in(tmp_path) as project,
        pytest.raises(ProjectError, match="big"),
        project.store.read_transaction() as connection,
    ):
        connection.exec_driver_sql("SELECT length(randomblob(200000))").all()


@pytest.mark.parametrize(
    "statements",
    [
        ("DELETE FROM alembic_version",),
        ("INSERT INTO alembic_version VALUES ('0002')",),
        ("UPDATE alembic_version SET version_num = x'00ff'",),
        ("UPDATE alembic_version SET version_num = 'newest'",),
        ("UPDATE alembic_version SET version_num = ''",),
    ],
    ids=["none", "two", "bytes", "word", "empty"],
)
def test_damaged_version_is_a_sentence(tmp_path: Path, statements: tuple[str, ...]) -> None:
    home = plant(tmp_path, *statements)
    for open_project in (Project.open, Project.open_read_only):
        with pytest.raises(ProjectError, match="maskloop restore") as problem:
            open_project(tmp_path)
        assert "alembic_version" in str(problem.value)
    for words in (("status",), ("check",), ("check", "--repair")):
        assert "alembic_version" in error_of(*words, "--project", tmp_path)
    assert (home / PROJECT_FILE).is_file()


def test_damaged_version_is_mended_by_a_backup(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        make_backup(project.store.path, project.home / BACKUP_FOLDER)
    with closing(sqlite3.connect(tmp_path / HOME_FOLDER / PROJECT_FILE, isolation_level=None)) as raw:
        raw.execute("DELETE FROM alembic_version")
    json_of("restore", "--project", tmp_path)
    with Project.open(tmp_path) as project:
        assert project.pictures.counts().pictures == 3


def test_a_name_that_is_no_text_is_a_damaged_file(tmp_path: Path) -> None:
    """sqlite3 cannot even say so: the name is part of its message."""
    file = plant(tmp_path) / PROJECT_FILE
    content = file.read_bytes()
    assert b"CREATE TABLE facts" in content
    file.write_bytes(content.replace(b"CREATE TABLE facts", b"CREATE TABLE f\xffcts"))
    for open_project in (Project.open, Project.open_read_only):
        with pytest.raises(ProjectError, match="damaged"):
            open_project(tmp_path)


@pytest.mark.parametrize("value", [5, 1 << 40, 2.5, "text"])
@pytest.mark.parametrize("column", ["pixels", "origins"])
def test_tiles_that_are_not_bytes_are_damaged(tmp_path: Path, value: object, column: str) -> None:
    with project_in(tmp_path) as project:
        label_all(project, project.pictures.all()[:1])
    with closing(sqlite3.connect(tmp_path / HOME_FOLDER / PROJECT_FILE)) as raw, raw:
        raw.execute(f"UPDATE tiles SET {column} = ?", (value,))
    with Project.open(tmp_path) as project:
        assert any(finding.picture_id == 1 for finding in check_project(project, read_pictures=False))
        if column == "origins":  # the class values are intact: the edit can be undone
            project.journal.undo(1)
            return
        with pytest.raises(ProjectError, match="damaged"):
            project.journal.undo(1)
        with pytest.raises(ProjectError, match="damaged"):
            project.labels.read(1, 96, 64)
