"""Project files of strangers with colours, names and values that do not belong there: sentences, and a repair."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.base.errors import ProjectError, UserError
from core.labels.class_list import ClassList
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from tests.command_line import error_of, json_of, run_command
from tests.core.project.faults import unix
from tests.factories import label_all, project_in

COLOURS = ("#100aabb", "#-1", "#1e24", "#zzzzzz", "", "red", "#ffffffffffffffffffffffff", 7, b"\x00\xff")
NAMES = ("a\x00b", "\x1b[31mred", "two\nlines", " \t ", "x" * 800_000, b"\x00\xff")


def change(folder: Path, statement: str, *values: object) -> None:
    """As an SQLite tool does it: without the constraints of the table."""
    with closing(sqlite3.connect(folder / HOME_FOLDER / PROJECT_FILE, isolation_level=None)) as raw:
        raw.execute("PRAGMA ignore_check_constraints = ON")
        raw.execute("PRAGMA foreign_keys = OFF")
        raw.execute(statement, values)


def repaired(folder: Path) -> None:
    json_of("check", "--project", folder, code=1)
    found = json_of("check", "--repair", "--project", folder)
    assert found["sound"] and len(found["repaired"]) >= 2
    assert json_of("check", "--project", folder)["sound"]


@pytest.mark.parametrize("colour", COLOURS, ids=repr)
def test_colour_out_of_range_is_shown_as_another_and_repaired(tmp_path: Path, colour: object) -> None:
    project_in(tmp_path).close()
    change(tmp_path, "UPDATE classes SET colour = ? WHERE value = 1", colour)
    for open_project in (Project.open, Project.open_read_only):
        with open_project(tmp_path) as project:
            listed = project.classes.read()
            assert [c.name for c in listed] == ["grass", "roof"]
            assert listed.palette().shape == (256, 3)
            assert all(0 <= part <= 255 for c in listed for part in c.colour)
    findings = json_of("check", "--project", tmp_path, code=1)["findings"]
    assert [f["kind"] for f in findings] == ["class damaged"]
    repaired(tmp_path)
    with Project.open_read_only(tmp_path) as project:
        assert project.classes.read() == listed


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:12])
def test_name_that_cannot_be_shown_is_cleaned_and_repaired(tmp_path: Path, name: object) -> None:
    project_in(tmp_path).close()
    change(tmp_path, "UPDATE classes SET name = ? WHERE value = 1", name)
    with Project.open(tmp_path) as project:
        shown = project.classes.read().name_of(1)
        assert shown.isprintable() and 1 <= len(shown) <= 80
    code, out, _ = run_command("status", "--project", tmp_path)
    assert code == 0 and "\x1b" not in out and "\x00" not in out and len(out) < 2000
    repaired(tmp_path)
    with Project.open_read_only(tmp_path) as project:
        assert project.classes.read().name_of(1) == shown


def test_name_that_is_taken_once_it_is_cleaned(tmp_path: Path) -> None:
    project_in(tmp_path).close()
    change(tmp_path, "UPDATE classes SET name = ? WHERE value = 1", "ro\x00of")
    repaired(tmp_path)
    with Project.open_read_only(tmp_path) as project:
        assert [c.name for c in project.classes.read()] == ["roof (1)", "roof"]


@pytest.mark.parametrize(
    "colour", [(256, 0, 0), (-1, 0, 0), (1e24, 0, 0), (10**24, 0, 0), (1, 2), "red", (0.5, 0, 0)]
)
def test_colour_is_checked_on_the_way_in(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    listed = ClassList().with_class("road")
    with pytest.raises(UserError, match="from 0 to 255"):
        listed.with_class("tree", colour)
    with pytest.raises(UserError, match="from 0 to 255"):
        listed.with_changes(1, colour=colour)


def test_class_names_are_cleaned_on_the_way_in() -> None:
    listed = ClassList().with_class("tr\x00ee\x1b[31m \n big\u202e\ud800")
    assert [c.name for c in listed] == ["tree[31m big"]
    with pytest.raises(UserError, match="needs a name"):
        listed.with_class("\x00\x1b")
    assert [c.name for c in ClassList().with_class("नदी\u200dx")] == ["नदी\u200dx"]  # joins letters: kept


def test_database_refuses_a_colour_out_of_range(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        for column, value in (
            ("colour", "#100aabb"),
            ("name", "x" * 81),
            ("name", b"x"),
            ("position", "first"),
        ):
            with (
                pytest.raises(ProjectError, match="does not fit"),
                project.store.write_transaction() as connection,
            ):
                connection.exec_driver_sql(f"UPDATE classes SET {column} = ? WHERE value = 1", (value,))


WRONG = (
    ("pictures", "width", "wide"),
    ("pictures", "width", -5),
    ("pictures", "height", b"\xff"),
    ("pictures", "path", b"\xff\xfe"),
    ("pictures", "status", "asleep"),
    ("pictures", "split", "none"),
    ("pictures", "note", b"\xff"),
    ("facts", "value", b"\xff"),
    ("origins", "kind", "dreamt"),
    ("runs", "best_miou", "high"),
    ("runs", "state", "flying"),
    ("runs", "started_at", b"\xff"),
    ("class_pixels", "pixels", "many"),
    ("tiles", "pixels", 5),
    ("tiles", "origins", "text"),
    ("edits", "name", b"\xff"),
    ("edits", "x0", "left"),
    ("measurements", "value", "good"),
    ("edit_tiles", "pixels", 3.5),
)


@pytest.mark.parametrize(("table", "column", "value"), WRONG, ids=[f"{t}.{c}={v!r}" for t, c, v in WRONG])
def test_value_of_a_wrong_kind_is_a_sentence_and_repaired(
    tmp_path: Path, table: str, column: str, value: object
) -> None:
    with project_in(tmp_path) as project:
        label_all(project, project.pictures.all()[:1])
        run = project.runs.start("{}", "{}", None, 1)
        with project.store.write_transaction() as connection:
            connection.exec_driver_sql(
                "INSERT INTO measurements (run_id, name, step, seconds, labelled_pictures, value)"
                f" VALUES ({run.id}, 'loss', 1, 1, 1, 0.5)"
            )
    change(tmp_path, f"UPDATE {table} SET {column} = ? WHERE rowid = (SELECT MIN(rowid) FROM {table})", value)
    for words in (("status",), ("check",)):
        code, _, errors = run_command(*words, "--project", tmp_path)  # raises for a traceback
        assert code in (0, 1) and "Traceback" not in errors
    if table in ("pictures", "facts", "origins", "runs"):
        assert "maskloop check --repair" in error_of("status", "--project", tmp_path)
        with pytest.raises(ProjectError, match="cannot be read"):
            Project.open(tmp_path)
    json_of("check", "--project", tmp_path, code=1)
    found = json_of(
        "check", "--repair", "--project", tmp_path, code=1 if column in ("path", "width", "height") else 0
    )
    assert len(found["repaired"]) >= 2 or table == "facts"  # opening the project stores its folder anew
    with Project.open(tmp_path) as project:
        assert len(project.pictures.all()) == 3


# Folders without permission ---------------------------------------------------------------------------


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that anybody may enter; pytest's own are only for its user."""
    place = Path(tempfile.mkdtemp(prefix="maskloop"))
    place.chmod(0o777)
    yield place
    for path in (place, *place.rglob("*")):
        if path.is_dir():
            path.chmod(0o777)
    shutil.rmtree(place)


@unix
@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_check_of_a_folder_without_permission_is_a_finding(public_folder: Path, mode: int) -> None:
    project_in(public_folder).close()
    (public_folder / "closed").mkdir()
    (public_folder / "p0.png").rename(public_folder / "closed" / "p0.png")
    change(public_folder, "UPDATE pictures SET path = 'closed/p0.png' WHERE id = 1")
    for path in (public_folder / HOME_FOLDER).rglob("*"):
        path.chmod(0o777)
    (public_folder / HOME_FOLDER).chmod(0o777)
    (public_folder / "closed").chmod(mode)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        found = json_of("check", "--project", public_folder, code=1)["findings"]
    finally:
        if root:
            os.seteuid(0)
    assert [f["kind"] for f in found] == ["picture missing"]
    assert "Permission denied" in found[0]["sentence"] and "closed/p0.png" in found[0]["sentence"]


@unix
def test_home_without_permission_is_a_sentence(public_folder: Path) -> None:
    project_in(public_folder).close()
    (public_folder / HOME_FOLDER).chmod(0)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        for words in (("check",), ("status",), ("check", "--repair")):
            assert "Permission denied" in error_of(*words, "--project", public_folder)
    finally:
        if root:
            os.seteuid(0)
