"""Project files of every older schema are migrated, with a backup of the old file; newer ones are refused."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import ProjectError
from core.labels.label_map import LabelMap
from core.project.backup import BACKUP_FOLDER
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.schema import CURRENT_REVISION, VIEWS
from tests.factories import picture_folder, stroke

KEPT = Path(__file__).resolve().parents[3] / "data"
"""Small projects with older schemas: three pictures, two strokes and one undone in the first, a run."""


def old_project(folder: Path, name: str) -> Path:
    picture_folder(folder)
    (folder / HOME_FOLDER).mkdir()
    shutil.copy(KEPT / name, folder / HOME_FOLDER / PROJECT_FILE)
    return folder


def expected() -> LabelMap:
    labels = LabelMap.blank(96, 64)
    stroke(labels, 1, (10, 10), (60, 40))
    stroke(labels, 2, (40, 10), (80, 50))
    return labels


@pytest.mark.parametrize("name", sorted(p.name for p in KEPT.glob("project-*.sqlite")))
def test_older_project_outside_the_picture_folder_is_migrated(tmp_path: Path, name: str) -> None:
    pictures, home = picture_folder(tmp_path / "pictures"), tmp_path / "project"
    home.mkdir()
    shutil.copy(KEPT / name, home / PROJECT_FILE)
    with closing(sqlite3.connect(home / PROJECT_FILE)) as raw, raw:
        raw.execute("INSERT OR REPLACE INTO facts VALUES ('pictures', '../pictures')")
    with Project.open(home) as project:
        assert (project.folder, project.home) == (pictures, home)
        assert project.store.version() == CURRENT_REVISION
        np.testing.assert_array_equal(project.labels.read(1, 96, 64), expected().values)


@pytest.mark.parametrize("name", sorted(p.name for p in KEPT.glob("project-*.sqlite")))
def test_older_project_is_migrated_with_all_its_content(tmp_path: Path, name: str) -> None:
    folder = old_project(tmp_path, name)
    with pytest.raises(ProjectError, match="older version"):
        Project.open_read_only(folder)
    with Project.open(folder) as project:
        labels = expected()
        np.testing.assert_array_equal(project.labels.read(1, 96, 64), labels.values)
        assert project.pictures.pixels_by_class(1) == {
            v: int(np.count_nonzero(labels.values == v)) for v in (1, 2)
        }
        assert [c.name for c in project.classes.read()] == ["grass", "roof"]
        assert [e.undone for e in project.journal.history(1)] == [False, False, True]
        assert project.runs.get(1).best_miou == 0.5
        assert project.runs.prediction_runs() == {2: 1}
        # What was undone before the upgrade can be redone after it, and all of it undone.
        assert project.journal.redo(1) is not None
        for _ in range(3):
            assert project.journal.undo(1) is not None
        assert not project.labels.read(1, 96, 64).any()
        assert project.journal.undo(1) is None
    copies = list((folder / HOME_FOLDER / BACKUP_FOLDER).glob("*.sqlite"))
    assert len(copies) == 1
    assert f"before-{CURRENT_REVISION}" in copies[0].name
    with sqlite3.connect(copies[0]) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == (Path(name).stem[-4:],)
    raw.close()


def test_class_mapping_survives_the_migration(tmp_path: Path) -> None:
    """Runs: before 1 became 9; after that; after 2 had become 8, which was undone then."""
    with Project.open(old_project(tmp_path, "moves-0002.sqlite")) as project:

        def heirs() -> list[list[int]]:
            moments = [project.runs.get(run).after_move_id for run in (1, 2, 3)]
            return [project.classes.mapping_since(moment)[[1, 9, 2, 8]].tolist() for moment in moments]

        assert heirs() == [[9, 9, 2, 0], [0, 9, 2, 0], [0, 9, 2, 2]]
        project.journal.redo(1)
        assert heirs() == [[9, 9, 8, 8], [0, 9, 8, 8], [0, 9, 0, 8]]


def test_migration_mends_classes_that_cannot_be_shown(tmp_path: Path) -> None:
    folder = old_project(tmp_path, "project-0003.sqlite")
    with closing(sqlite3.connect(folder / HOME_FOLDER / PROJECT_FILE)) as raw, raw:
        raw.execute("UPDATE classes SET colour = '#1000000' WHERE value = 1")
        raw.execute(
            "UPDATE classes SET name = 'ro' || char(27) || char(10) || 'of', position = 'x' WHERE value = 2"
        )
        raw.execute("INSERT INTO classes VALUES (3, 'sky', '#-1-1-1', 2)")
        raw.execute(
            "INSERT INTO edits (id, name, tool, class_value, x0, y0, x1, y1, pixels, seconds, origin_id, made_at)"
            " VALUES (99, 'Recolour grass', 'classes', 0, 0, 0, 0, 0, 0, 0, 1, '2024-01-01')"
        )
        saved = '{"name": "grass", "colour": "#1000000", "position": 0}'
        raw.execute("INSERT INTO edit_rows VALUES (99, 'classes', '1', ?)", (saved,))
    with Project.open(folder) as project:
        listed = project.classes.read()
        assert {c.value: c.name for c in listed} == {1: "grass", 2: "ro of", 3: "sky"}
        assert all(0 <= part <= 255 for c in listed for part in c.colour)
        assert project.classes.damaged() == []
        assert project.journal.undo(1) is not None  # what undo brings back fits, too
        with (
            pytest.raises(ProjectError, match="does not fit"),
            project.store.write_transaction() as connection,
        ):
            connection.exec_driver_sql("UPDATE classes SET colour = '#1000000'")
    with closing(sqlite3.connect(folder / HOME_FOLDER / PROJECT_FILE)) as raw:
        for view in VIEWS:
            raw.execute(f"SELECT * FROM {view}").fetchall()


def test_failed_migration_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = old_project(tmp_path, "project-0001.sqlite")

    def fails(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.create_index", fails)
        with pytest.raises(Exception, match="disk I/O error"):
            Project.open(folder)
    raw = sqlite3.connect(folder / HOME_FOLDER / PROJECT_FILE)
    assert raw.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    assert raw.execute("SELECT COUNT(*) FROM edit_tiles").fetchone()[0] > 0
    raw.close()
    with Project.open(folder) as project:
        np.testing.assert_array_equal(project.labels.read(1, 96, 64), expected().values)


def test_every_view_returns_rows(tmp_path: Path) -> None:
    folder = old_project(tmp_path, "project-0001.sqlite")
    Project.open(folder).close()
    raw = sqlite3.connect(folder / HOME_FOLDER / PROJECT_FILE)
    for view in VIEWS:
        assert raw.execute(f"SELECT * FROM {view}").fetchall(), view
    raw.close()
