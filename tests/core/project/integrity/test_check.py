"""Integrity check and repair: every kind of damage is found, described in a sentence, and repaired without further
loss."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.errors import ProjectError
from core.base.geometry import TILE_SIZE, Box
from core.labels.codec import encode
from core.labels.label_map import LabelMap
from core.labels.prediction import PredictedMask, write_prediction
from core.project.backup import BACKUP_FOLDER
from core.project.content.picture_contents import UNKNOWN_DIGEST
from core.project.integrity.check import check_project
from core.project.integrity.findings import FindingKind, IntegrityFinding
from core.project.integrity.repair import repair_project
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.records import Status
from tests.factories import label_all, picture, picture_folder, project_in, stroke


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures; the first has two strokes and an undone one, the second its whole label."""
    folder = tmp_path_factory.mktemp("template")
    with project_in(folder) as made:
        labels = LabelMap.blank(96, 64)
        made.journal.commit(1, stroke(labels, 1, (10, 10), (60, 40)))
        made.journal.commit(1, stroke(labels, 2, (40, 10), (80, 50)))
        made.journal.commit(1, stroke(labels, 1, (5, 60), (90, 60)))
        made.journal.undo(1)
        label_all(made, made.pictures.all()[1:2])
        assert check_project(made) == []
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Iterator[Project]:
    folder = shutil.copytree(template, tmp_path / "project")
    with Project.open(folder, purpose="a test") as opened:
        yield opened


def break_it(project: Project, words: str, *values: object) -> None:
    """As another program would: without the rules."""
    with closing(sqlite3.connect(project.store.path, isolation_level=None)) as raw:
        raw.execute(words, values)


def kinds(found: list[IntegrityFinding]) -> list[FindingKind]:
    for finding in found:
        assert finding.sentence[-1] in ".!" or "maskloop " in finding.sentence
    return [finding.kind for finding in found]


def mended(project: Project) -> list[str]:
    """Repair and look again: all is well."""
    said = repair_project(project, check_project(project))
    assert check_project(project) == []
    assert repair_project(project, check_project(project)) == []
    return said


def test_undamaged_project_has_no_findings(project: Project) -> None:
    assert mended(project) == []
    assert not (project.home / BACKUP_FOLDER).exists()


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"Zgarbage",
        b"F",
        encode(np.zeros((TILE_SIZE, TILE_SIZE), np.uint8))[:2] + b"\x01",
        encode(np.eye(9, dtype=np.uint8)),
    ],
)
def test_damaged_tile_is_restored_from_the_journal(project: Project, blob: object) -> None:
    labels = LabelMap.blank(96, 64)
    stroke(labels, 1, (10, 10), (60, 40))
    stroke(labels, 2, (40, 10), (80, 50))
    whole = project.labels.read(1, 96, 64)
    break_it(project, "UPDATE tiles SET pixels = ? WHERE picture_id = 1", blob)
    found = check_project(project)
    # What cannot be read is counted as nothing.
    assert kinds(found) == [FindingKind.TILE, FindingKind.COUNTS]
    assert found[0].picture_id == 1
    with pytest.raises(ProjectError):
        project.labels.read(1, 96, 64)
    said = mended(project)
    assert "before-repair" in said[0]
    # The newest other side is that of the stroke that was undone: the label with it.
    assert "to its state after" in said[1]
    after = project.labels.read(1, 96, 64)
    np.testing.assert_array_equal(after[:50], whole[:50])
    assert (after[60] == 1).all() or (after[60, 10:80] == 1).all()
    with closing(sqlite3.connect(next((project.home / BACKUP_FOLDER).glob("*-before-repair.sqlite")))) as raw:
        assert raw.execute("SELECT pixels FROM tiles WHERE picture_id = 1").fetchone() == (blob,)


def test_damaged_saved_tile_is_not_used_for_a_repair(project: Project) -> None:
    break_it(project, "UPDATE tiles SET pixels = x'00' WHERE picture_id = 1")
    break_it(project, "UPDATE edit_tiles SET origins = x'00' WHERE edit_id = 3")
    assert kinds(check_project(project)) == [FindingKind.TILE, FindingKind.COUNTS, FindingKind.EDIT]
    assert any("to its state before “Brush stroke, class 2”" in line for line in mended(project))
    labels = LabelMap.blank(96, 64)
    stroke(labels, 1, (10, 10), (60, 40))
    np.testing.assert_array_equal(project.labels.read(1, 96, 64), labels.values)


def test_damaged_tile_without_saved_state_becomes_unlabelled(project: Project) -> None:
    break_it(project, "UPDATE tiles SET pixels = x'00' WHERE picture_id = 2")
    break_it(project, "DELETE FROM edit_tiles WHERE picture_id = 2")
    assert any("now unlabelled" in line for line in mended(project))
    assert not project.labels.read(2, 96, 64).any()
    assert project.pictures.pixels_by_class(2) == {}


@pytest.mark.parametrize("blob", [b"Z\x00", 7, ""])
def test_damaged_origins_leave_the_label(project: Project, blob: object) -> None:
    before = project.labels.read(2, 96, 64)
    break_it(project, "UPDATE tiles SET origins = ? WHERE picture_id = 2", blob)
    assert kinds(check_project(project)) == [FindingKind.ORIGINS]
    mended(project)
    np.testing.assert_array_equal(project.labels.read(2, 96, 64), before)
    assert project.labels.origin_at(2, 5, 5, (96, 64)) is None


def test_tiles_outside_the_picture_are_deleted_only_if_blank(project: Project) -> None:
    blank = (
        encode(np.zeros((TILE_SIZE, TILE_SIZE), np.uint8)),
        encode(np.zeros((TILE_SIZE, TILE_SIZE), np.uint16)),
    )
    for column in (1, -1):
        break_it(project, "INSERT INTO tiles VALUES (1, ?, 0, ?, ?)", column, *blank)
    found = check_project(project)
    assert [(f.kind, f.repairable) for f in found] == [(FindingKind.OUTSIDE, True)] * 2
    mended(project)
    painted = encode(np.ones((TILE_SIZE, TILE_SIZE), np.uint8)), blank[1]
    break_it(project, "INSERT INTO tiles VALUES (1, 7, 0, ?, ?)", *painted)
    (found_one,) = check_project(project)
    assert not found_one.repairable
    assert "Put the larger picture back" in found_one.sentence


def test_label_of_a_picture_without_size(project: Project) -> None:
    break_it(project, "UPDATE pictures SET width = NULL WHERE id = 1")
    (found,) = check_project(project)
    assert (found.kind, found.repairable) == (FindingKind.SIZE, False)


@pytest.mark.parametrize(
    "words",
    [
        "UPDATE class_pixels SET pixels = pixels + 1 WHERE picture_id = 1 AND class_value = 2",
        "DELETE FROM class_pixels WHERE picture_id = 1",
        "INSERT INTO class_pixels VALUES (3, 2, 5)",
    ],
)
def test_wrong_pixel_counts_are_counted_again(project: Project, words: str) -> None:
    before = [project.pictures.pixels_by_class(i) for i in (1, 2, 3)]
    break_it(project, words)
    assert kinds(check_project(project)) == [FindingKind.COUNTS]
    mended(project)
    assert [project.pictures.pixels_by_class(i) for i in (1, 2, 3)] == before


def test_missing_class_of_labelled_pixels_is_added(project: Project) -> None:
    before = project.labels.read(2, 96, 64)
    project.journal.undo(1)
    journals = [project.journal.undo_names(i) for i in (1, 2, 3)]
    assert journals[0].redo_name is not None
    break_it(project, "DELETE FROM classes WHERE value = 2")
    (found,) = check_project(project)
    assert (found.kind, found.class_value) == (FindingKind.NO_CLASS, 2)
    mended(project)
    assert [(c.value, c.name) for c in project.classes.read()] == [(1, "grass"), (2, "class 2")]
    np.testing.assert_array_equal(project.labels.read(2, 96, 64), before)
    assert [project.journal.undo_names(i) for i in (1, 2, 3)] == journals


def test_rows_that_refer_to_missing_rows(project: Project) -> None:
    run = project.runs.start("{}", "{}", None, 1)
    break_it(project, "INSERT INTO class_pixels VALUES (99, 1, 5)")
    break_it(project, "INSERT INTO predictions VALUES (3, 77, '2024', 0.5)")
    break_it(project, "UPDATE runs SET base_run_id = 66 WHERE id = ?", run.id)
    break_it(project, "UPDATE edits SET origin_id = 55 WHERE id = 1")
    found = check_project(project)
    assert kinds(found).count(FindingKind.ORPHAN) == 4
    said = mended(project)
    assert sum(line.startswith("Row") and "deleted" in line for line in said) == 2
    assert project.runs.get(run.id).base_run_id is None
    assert len(project.journal.history(1)) == 3  # the journal lost nothing


def test_damaged_saved_tile_ends_undo_at_its_edit(project: Project) -> None:
    now = project.labels.read(1, 96, 64)
    break_it(project, "UPDATE edit_tiles SET pixels = x'00' WHERE edit_id = 1")
    (found,) = check_project(project)
    assert (found.kind, found.edit_id) == (FindingKind.EDIT, 1)
    mended(project)
    assert project.journal.undo(1) is not None  # the second stroke
    assert project.journal.undo(1) is None  # the first stays
    assert project.journal.redo(1) is not None
    np.testing.assert_array_equal(project.labels.read(1, 96, 64), now)
    assert project.journal.undo(2) is not None  # another picture's journal is not touched


def test_damaged_saved_tile_of_an_undone_edit_ends_redo(project: Project) -> None:
    now = project.labels.read(1, 96, 64)
    break_it(project, "UPDATE edit_tiles SET pixels = x'00' WHERE edit_id = 3")
    assert kinds(check_project(project)) == [FindingKind.EDIT]
    mended(project)
    assert project.journal.redo(1) is None
    np.testing.assert_array_equal(project.labels.read(1, 96, 64), now)
    assert project.journal.undo(1) is not None


def test_damaged_project_edit_ends_undo_of_every_picture_it_changed(project: Project) -> None:
    project.classes.merge(2, 1)
    break_it(project, "UPDATE edit_tiles SET pixels = x'00' WHERE picture_id = 2 AND edit_id > 4")
    now = [project.labels.read(i, 96, 64) for i in (1, 2)]
    assert kinds(check_project(project)) == [FindingKind.EDIT]
    mended(project)
    # Undone past the merge, these would bring back a class that is gone.
    assert project.journal.undo(1) is None
    assert project.journal.undo(2) is None
    for picture_id, before in zip((1, 2), now, strict=True):
        np.testing.assert_array_equal(project.labels.read(picture_id, 96, 64), before)


def test_predictions_and_their_files(project: Project) -> None:
    run = project.runs.start("{}", "{}", None, 1)
    mask = PredictedMask(np.ones((64, 96), np.uint8), np.ones((64, 96), np.uint8), run.id)
    for picture_id in (1, 2, 42):
        write_prediction(project.prediction_path(picture_id), mask)
    project.runs.record_prediction(1, run.id, 0.5)
    project.runs.record_prediction(2, run.id, 0.5)
    project.prediction_path(2).unlink()
    assert kinds(check_project(project)) == [FindingKind.NO_FILE, FindingKind.NO_ROW]
    mended(project)
    assert project.runs.prediction_runs() == {1: run.id}
    assert [p.name for p in project.prediction_path(1).parent.glob("*.png")] == ["1.png"]


def test_run_without_weights_makes_no_predictions(project: Project) -> None:
    whole, gone = (project.runs.start("{}", "{}", None, 1) for _ in range(2))
    for run in (whole, gone):
        project.runs.update(run.id, published=1)
    project.run_folder(whole.id).mkdir(parents=True)
    (project.run_folder(whole.id) / "model.safetensors").write_bytes(b"weights")
    (found,) = check_project(project)
    assert (found.kind, found.run_id) == (FindingKind.WEIGHTS, gone.id)
    mended(project)
    newest = project.runs.latest_published()
    assert newest is not None
    assert newest.id == whole.id


# Pictures ---------------------------------------------------------------------------------------------


def test_missing_picture_is_only_reported(project: Project) -> None:
    (project.folder / "p0.png").rename(project.home / "elsewhere.png")
    for read in (True, False):
        (found,) = check_project(project, read_pictures=read)
        assert (found.kind, found.repairable, found.picture_id) == (FindingKind.MISSING, False, 1)
    assert repair_project(project, [found]) == []


def test_moved_picture_is_found_by_its_content(project: Project) -> None:
    label, history = project.labels.read(1, 96, 64), project.journal.history(1)
    (project.folder / "deep").mkdir()
    (project.folder / "p0.png").rename(project.folder / "deep" / "other.png")
    # The window has listed it as a new one meanwhile.
    (fresh,) = project.pictures.add(["deep/other.png"])
    run = project.runs.start("{}", "{}", None, 1)
    ones = np.ones((64, 96), np.uint8)
    write_prediction(project.prediction_path(fresh.id), PredictedMask(ones, ones, run.id))
    project.runs.record_prediction(fresh.id, run.id, 0.5)
    (found,) = check_project(project)
    assert (found.kind, found.path) == (FindingKind.MOVED, "deep/other.png")
    mended(project)
    assert project.pictures.by_path("deep/other.png").id == 1
    assert fresh.id not in {record.id for record in project.pictures.all()}
    np.testing.assert_array_equal(project.labels.read(1, 96, 64), label)
    assert project.journal.history(1) == history


def test_moved_picture_does_not_replace_one_with_work(project: Project) -> None:
    shutil.copy(project.folder / "p0.png", project.folder / "p1.png")  # the second is labelled
    (project.folder / "p0.png").unlink()
    assert sorted(kinds(check_project(project))) == [FindingKind.CHANGED, FindingKind.MISSING]


def test_two_pictures_with_equal_content_do_not_get_one_path(tmp_path: Path) -> None:
    picture_folder(tmp_path, 1)
    shutil.copy(tmp_path / "p0.png", tmp_path / "p1.png")
    with Project.open(tmp_path) as project:
        project.pictures.add(["p0.png", "p1.png"])
        assert check_project(project) == []
        (tmp_path / "p0.png").rename(tmp_path / "q.png")
        (tmp_path / "p1.png").unlink()
        assert sorted(kinds(check_project(project))) == [FindingKind.MISSING, FindingKind.MOVED]


def test_missing_picture_of_unknown_content_is_not_taken_for_a_file_that_cannot_be_read(
    project: Project,
) -> None:
    break_it(project, "UPDATE pictures SET digest = ? WHERE id = 1", UNKNOWN_DIGEST)
    (project.folder / "p0.png").unlink()
    (project.folder / "x.png").symlink_to("not-there.png")
    (found,) = check_project(project)
    assert (found.kind, found.picture_id) == (FindingKind.MISSING, 1)


def test_changed_picture_is_reported_and_can_be_accepted(project: Project) -> None:
    Image.fromarray(picture(seed=9)).save(project.folder / "p1.png")
    Image.fromarray(picture(seed=9)).save(project.folder / "p2.png")  # not labelled: nobody minds
    (found,) = check_project(project)
    assert (found.kind, found.picture_id) == (FindingKind.CHANGED, 2)
    mended(project)
    assert project.pictures.get(2).status == Status.TO_REVIEW
    assert project.journal.undo(2) is not None
    assert project.pictures.get(2).status == Status.IN_PROGRESS


def test_changed_picture_of_another_size_is_not_repairable(project: Project) -> None:
    Image.fromarray(picture(50, 40)).save(project.folder / "p1.png")
    (found,) = check_project(project)
    assert (found.kind, found.repairable) == (FindingKind.CHANGED, False)
    assert "put the old picture back" in found.sentence


def test_check_changes_nothing_while_another_process_writes(project: Project) -> None:
    break_it(project, "UPDATE pictures SET digest = NULL")
    break_it(project, "UPDATE tiles SET pixels = x'00' WHERE picture_id = 1")
    with Project.open_read_only(project.folder) as reader:
        assert kinds(check_project(reader)) == [FindingKind.TILE, FindingKind.COUNTS]
    assert project.pictures.digests() == {}
    check_project(project)
    assert len(project.pictures.digests()) == 3


# The file itself --------------------------------------------------------------------------------------


def test_damaged_index_is_rebuilt(tmp_path: Path) -> None:
    project_in(tmp_path).close()
    path = tmp_path / HOME_FOLDER / PROJECT_FILE
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        (sql,) = raw.execute("SELECT sql FROM sqlite_master WHERE name = 'ix_picture_tags_tag'").fetchone()
        raw.execute("PRAGMA writable_schema = ON")
        # A row that the index does not hold: made while SQLite did not know of the index.
        raw.execute(
            "UPDATE sqlite_master SET sql = ? WHERE name = 'ix_picture_tags_tag'", (sql + " WHERE 0",)
        )
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("INSERT INTO picture_tags VALUES (1, 'night')")
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'ix_picture_tags_tag'", (sql,))
    with Project.open(tmp_path) as project:
        assert kinds(check_project(project)) == [FindingKind.INDEX]
        mended(project)


def test_damaged_file_is_reported_and_not_repaired(tmp_path: Path) -> None:
    with project_in(tmp_path, count=3) as project:
        project.pictures.add(f"{'long name ' * 20}{n}.png" for n in range(300))
    path = tmp_path / HOME_FOLDER / PROJECT_FILE
    whole = bytearray(path.read_bytes())
    for page in range(len(whole) // 4096 // 2, len(whole) // 4096):
        whole[page * 4096 : page * 4096 + 600] = b"\xa5" * 600
    path.write_bytes(whole)
    with Project.open_read_only(tmp_path) as project:
        (found,) = check_project(project)
    assert (found.kind, found.repairable) == (FindingKind.FILE, False)
    assert "maskloop restore" in found.sentence


def test_progress_and_large_labels(tmp_path: Path) -> None:
    with project_in(tmp_path, count=2) as project:
        project.pictures.set_size(1, 2 * TILE_SIZE + 10, TILE_SIZE + 3)
        labels = LabelMap.blank(2 * TILE_SIZE + 10, TILE_SIZE + 3)
        labels.begin_edit("Label", "test", 1)
        labels.put_values(Box(0, 0, labels.width, labels.height), np.ones(labels.values.shape, np.uint8))
        edit = labels.finish_edit()
        assert edit is not None
        project.journal.commit(1, edit)
        steps: list[tuple[int, int]] = []
        assert check_project(project, progress=lambda done, of: steps.append((done, of))) == []
        assert steps == [(0, 2), (1, 2), *((n, 6) for n in range(6)), (0, 2), (1, 2)]
