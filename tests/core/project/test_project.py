"""Projects: what is stored is read back, edits can be undone, and only one process writes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.base.errors import ImageError, ProjectError, ProjectLockedError, ProjectTooNewError
from core.base.geometry import Box
from core.labels.class_list import ClassList
from core.labels.label_map import LabelMap, Origin
from core.project import store as store_module
from core.project.picture_repository import PictureRepository
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.records import Measurement, Split, Status, UndoNames
from core.project.schema import CURRENT_REVISION, metadata
from core.project.schema_script import SCHEMA_FILE, schema_of
from tests.factories import label_all, picture_folder, project_in, steps_of, stroke


def test_stroke_is_stored(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        labels = LabelMap.blank(96, 64)
        project.journal.commit(1, stroke(labels, 2, (10, 10), (60, 40)))
    with Project.open(tmp_path) as project:
        np.testing.assert_array_equal(project.labels.read(1, 96, 64), labels.values)
        record = project.pictures.get(1)
        assert record.status == Status.IN_PROGRESS
        assert record.labelled_pixels == np.count_nonzero(labels.values)


def test_undo_and_redo_survive_a_restart(tmp_path: Path) -> None:
    labels = LabelMap.blank(96, 64)
    states = [labels.values.copy()]
    with project_in(tmp_path) as project:
        for number in range(5):
            project.journal.commit(1, stroke(labels, number % 2 + 1, (10 + 9 * number, 10), (40, 50)))
            states.append(labels.values.copy())
    with Project.open(tmp_path) as project:
        for state in reversed(states[:-1]):
            assert project.journal.undo(1) is not None
            np.testing.assert_array_equal(project.labels.read(1, 96, 64), state)
        assert project.journal.undo(1) is None
    with Project.open(tmp_path) as project:
        for state in states[1:]:
            reverted = project.journal.redo(1)
            assert reverted is not None
            labels.replace_tiles(reverted.tiles)
            np.testing.assert_array_equal(project.labels.read(1, 96, 64), state)
        assert project.journal.redo(1) is None
        np.testing.assert_array_equal(project.labels.read(1, 96, 64), states[-1])


def test_new_edit_discards_undone_edits(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        labels = LabelMap.blank(96, 64)
        project.journal.commit(1, stroke(labels, 1, (10, 10), (20, 10)))
        reverted = project.journal.undo(1)
        assert reverted is not None
        labels.replace_tiles(reverted.tiles)
        project.journal.commit(1, stroke(labels, 2, (40, 40), (50, 40)))
        assert project.journal.undo_names(1) == UndoNames("Brush stroke, class 2", None)
        assert [edit.class_value for edit in project.journal.history(1)] == [2]


def test_pixel_counts_follow_edits_and_undo(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        labels = LabelMap.blank(96, 64)
        project.journal.commit(1, stroke(labels, 1, (10, 10), (60, 10)))
        project.journal.commit(1, stroke(labels, 2, (30, 10), (80, 10)))

        def counted() -> dict[int, int]:
            found = np.bincount(project.labels.read(1, 96, 64).ravel(), minlength=256)
            return {value: int(n) for value, n in enumerate(found) if value and n}

        assert project.pictures.pixels_by_class(1) == counted()
        project.journal.undo(1)
        assert project.pictures.pixels_by_class(1) == counted()
        project.journal.undo(1)
        assert project.pictures.pixels_by_class(1) == {}


def test_every_pixel_has_its_origin(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        run = project.runs.start("{}", "{}", None, 3)
        labels = LabelMap.blank(96, 64)
        project.journal.commit(1, stroke(labels, 1, (10, 10), (20, 10)))
        labels.begin_edit("Accept", "accept", 2, Origin.ACCEPTED, run.id)
        labels.put_values(Box(0, 0, 96, 64), np.full((64, 96), 2, np.uint8), labels.values == 0)
        edit = labels.finish_edit()
        assert edit is not None
        project.journal.commit(1, edit)
        assert project.labels.origin_at(1, 12, 10, (96, 64)) == (Origin.PAINTED, None)
        assert project.labels.origin_at(1, 80, 50, (96, 64)) == (Origin.ACCEPTED, run.id)
        plane, meaning = project.labels.provenance(1, 96, 64)
        painted = next(i for i, who in meaning.items() if who[0] == Origin.PAINTED)
        np.testing.assert_array_equal(plane == painted, labels.values == 1)
        project.journal.undo(1)
        assert project.labels.origin_at(1, 80, 50, (96, 64)) is None


def test_second_writer_is_refused_and_told_the_holder(tmp_path: Path) -> None:
    with project_in(tmp_path), pytest.raises(ProjectLockedError, match="a test"):
        Project.open(tmp_path)


def test_reader_reads_during_writes(tmp_path: Path) -> None:
    with project_in(tmp_path) as writer, Project.open_read_only(tmp_path) as reader:
        writer.journal.commit(1, stroke(LabelMap.blank(96, 64), 1, (10, 10), (20, 10)))
        assert reader.pictures.counts().labelled == 1
        with pytest.raises(ProjectError):
            reader.pictures.set_status([1], Status.DONE)


def test_lock_of_a_killed_process_is_released(tmp_path: Path) -> None:
    picture_folder(tmp_path)
    script = (
        "import os, sys; from pathlib import Path; from core.project.project import Project\n"
        "Project.write(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    root = Path(__file__).resolve().parents[3]
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=root, check=False)
    assert killed.returncode != 0
    Project.open(tmp_path).close()


def test_project_with_newer_schema_is_left_untouched(tmp_path: Path) -> None:
    project_in(tmp_path).close()
    path = tmp_path / HOME_FOLDER / PROJECT_FILE
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    before = path.read_bytes()
    for way in (Project.open, Project.open_read_only):
        with pytest.raises(ProjectTooNewError, match="Update Maskloop"):
            way(tmp_path)
    assert path.read_bytes() == before


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / HOME_FOLDER).mkdir()
    (tmp_path / HOME_FOLDER / PROJECT_FILE).write_bytes(b"this is not SQLite" * 100)
    with pytest.raises(ProjectError, match=r"project\.sqlite"):
        Project.open(tmp_path)


def test_error_for_a_home_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / HOME_FOLDER).write_text("a file is in the way")
    with pytest.raises(ProjectError, match="--project"):
        Project.open(tmp_path)


def test_home_outside_the_picture_folder(tmp_path: Path) -> None:
    pictures, home = picture_folder(tmp_path / "pictures"), tmp_path / "projects" / "one"
    Project.open(pictures, home).close()
    assert not (pictures / HOME_FOLDER).exists()
    with Project.open_read_only(home) as project:
        assert project.folder == pictures
    with Project.open(home) as project:
        assert project.folder == pictures


def test_stored_path_cannot_leave_the_folder(tmp_path: Path) -> None:
    with project_in(tmp_path) as project, pytest.raises(ImageError, match="outside"):
        project.picture_path("../../secret.png")


def test_migrations_create_the_described_tables(tmp_path: Path) -> None:
    project_in(tmp_path).close()
    engine = sa.create_engine(f"sqlite:///{tmp_path / HOME_FOLDER / PROJECT_FILE}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []
    scripts = ScriptDirectory(str(Path(store_module.__file__).parent / "migrations"))
    assert scripts.get_current_head() == CURRENT_REVISION


def test_schema_script_equals_the_migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "schema_statements", list)
    store = store_module.Store(tmp_path / PROJECT_FILE, writing=True)
    store.upgrade()
    store.close()
    assert told(schema_of(tmp_path / PROJECT_FILE)) == told(SCHEMA_FILE.read_text("utf-8")), (
        "run: python -m core.project.migrations.write_schema"
    )


def told(form: str) -> list[list[str]]:
    """Each statement by its lines: columns in their order, then constraints, whose order Alembic leaves to chance."""
    statements = [[line.strip().rstrip(",") for line in text.splitlines()] for text in form.split(";")]
    return [sorted(lines, key=lambda line: line * line.startswith("CONSTRAINT")) for lines in statements]


def test_failed_operation_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with project_in(tmp_path) as project:
        labels = LabelMap.blank(96, 64)
        project.journal.commit(1, stroke(labels, 1, (10, 10), (20, 10)))
        before = project.labels.read(1, 96, 64)

        def full(*_: object) -> None:
            raise sa.exc.OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

        with monkeypatch.context() as patch:
            patch.setattr("core.project.journal.update_pixel_counts", full)
            with pytest.raises(ProjectError, match="disk is full"):
                project.journal.commit(1, stroke(labels, 2, (40, 40), (60, 40)))
        np.testing.assert_array_equal(project.labels.read(1, 96, 64), before)
        assert len(project.journal.history(1)) == 1


def test_splits_are_assigned_once_and_kept(tmp_path: Path) -> None:
    with project_in(tmp_path, count=12) as project:
        records = project.pictures.all()
        seen: dict[int, str] = {}
        for count in range(1, 13):
            label_all(project, records[count - 1 : count])
            project.pictures.assign_missing_splits()
            now = {r.id: str(r.split) for r in project.pictures.all() if r.split}
            assert seen.items() <= now.items()
            seen = now
        splits = [seen[r.id] for r in records]
        assert splits[:3] == ["train", "train", "val"]
        assert splits.count("val") in (2, 3)
        project.pictures.set_split([records[0].id], Split.TEST)
        project.pictures.assign_missing_splits()
        assert project.pictures.get(records[0].id).split == Split.TEST


def test_splits_of_many_pictures_are_written_in_one_statement(tmp_path: Path) -> None:
    """A dataset of a hundred thousand labels must not hold the document for half a minute."""
    written: list[bool] = []

    def note(_connection: object, _cursor: object, words: str, *more: object) -> None:
        if words.startswith("UPDATE pictures"):
            written.append(more[-1] is True)  # whether it is said of many rows

    with project_in(tmp_path, count=6) as project:
        label_all(project, project.pictures.all())
        with project.store.read_transaction() as connection:
            sa.event.listen(connection, "before_cursor_execute", note)
        assert len(project.pictures.assign_missing_splits().pictures) == 6
        assert written == [True]
        assert all(record.split for record in project.pictures.all())


@pytest.mark.parametrize(
    "look",
    [lambda d: d.get(2), lambda d: d.by_path("p1.png"), lambda d: d.get_many([1, 2])],
    ids=["by id", "by path", "many"],
)
def test_reading_some_pictures_scans_no_table(
    tmp_path: Path, look: Callable[[PictureRepository], object]
) -> None:
    """However many there are: it is done after every stroke and for every prediction."""
    with project_in(tmp_path) as project:
        steps = steps_of(project, lambda: look(project.pictures))
    assert any(step.startswith("SEARCH") for step in steps)
    assert [step for step in steps if step.startswith("SCAN")] == []


def test_class_lists_are_stored(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        listed = ClassList().with_class("a", (1, 2, 3)).with_class("b", value=254).with_class("ünï – 图")
        project.classes.save(listed)
        assert project.classes.read() == listed


def test_runs_and_measurements_are_stored(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        run = project.runs.start(json.dumps({"a": 1}), "{}", None, 4)
        point = Measurement(run.id, "iou", 2, 10, 1.5, 4, 0.25)
        project.runs.add_measurements([point])
        assert project.runs.measurements(run.id) == [point]
        assert project.runs.latest_published() is None
        project.runs.update(run.id, published=1, best_miou=0.5)
        newest = project.runs.latest_published()
        assert newest is not None
        assert newest.best_miou == 0.5
        project.runs.record_prediction(1, run.id, 0.75)
        assert project.runs.prediction_runs() == {1: run.id}
        assert project.pictures.get(1).mean_confidence == 0.75
    with Project.open(tmp_path) as project:
        assert project.runs.get(run.id).state == "stopped"
