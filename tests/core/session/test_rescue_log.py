"""Edits of a project whose file is gone: kept in memory and in a rescue file, and brought back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import ProjectError, ProjectFileGoneError
from core.labels.label_map import Edit
from core.project.files.rescue_file import SUFFIX, read_edits, read_head
from core.project.files.rescue_import import bring_back
from core.project.integrity.check import check_project
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.project.records import Split, Status
from tests.command_line import error_of, json_of
from tests.core.project.faults import unix
from tests.core.session.conftest import TIMEOUT, Painter
from tests.factories import picture_folder, project_in

pytestmark = unix


def test_strokes_into_a_deleted_project_are_in_a_rescue_file_and_come_back(painter: Painter) -> None:
    first = painter.stroke(3)
    painter.editing.commit(1, first).result(TIMEOUT)
    shutil.rmtree(painter.project.home)
    edits = [painter.stroke(row) for row in range(10, 60, 2)]
    said = painter.refused(edits[0])
    for edit in edits[1:]:
        painter.editing.keep(1, edit).result(TIMEOUT)
    [path] = painter.rescue_files()
    assert str(path) in said and "maskloop rescue" in said
    assert read_head(path).project == "pictures"
    assert len(list(read_edits(path))) == 25
    painter.refused(edits[0])  # tried again: written once
    assert len(list(read_edits(path))) == 25

    # A new project over the same pictures, as after a deletion.
    project_in(painter.folder).close()
    found = json_of("rescue", path, "--project", painter.folder)
    assert (found["edits"], found["pictures"], found["problems"]) == (25, ["p0.png"], [])
    expected = painter.labels.values.copy()
    expected[(expected != 0) & only(first, expected.shape)] = 0
    with Project.open_read_only(painter.folder) as project:
        np.testing.assert_array_equal(project.labels.read(1, 96, 64), expected)
        assert len(project.journal.history(1)) == 25
    again = json_of("rescue", path, "--project", painter.folder)
    assert (again["edits"], again["already"]) == (0, 25)
    with Project.open_read_only(painter.folder) as project:
        assert len(project.journal.history(1)) == 25


def only(edit: Edit, shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """The pixels that one edit changed."""
    changed = np.zeros(shape, bool)
    for tile in edit.tiles:
        changed[: tile.after.shape[0], : tile.after.shape[1]] |= tile.before != tile.after
    return changed


def test_strokes_are_stored_and_the_rescue_file_deleted_when_the_folder_is_back(painter: Painter) -> None:
    parent = painter.folder.parent
    parent.rename(parent.with_name("renamed"))
    edits = [painter.stroke(row) for row in range(10, 40, 5)]
    said = painter.refused(edits[0])
    for edit in edits[1:]:
        painter.refused(edit)
    [path] = (parent.parent / "data").rglob(f"*{SUFFIX}")
    assert str(path) in said
    parent.with_name("renamed").rename(parent)
    for edit in edits:
        painter.editing.commit(1, edit).result(TIMEOUT)
    assert not path.exists()
    np.testing.assert_array_equal(painter.project.labels.read(1, 96, 64), painter.labels.values)
    assert len(painter.project.journal.history(1)) == len(edits)


def test_folder_that_is_gone_puts_the_rescue_file_into_the_users_data(
    painter: Painter, tmp_path: Path
) -> None:
    shutil.rmtree(painter.folder.parent)
    edit = painter.stroke(10)
    said = painter.refused(edit)
    [path] = (tmp_path / "data").rglob(f"*{SUFFIX}")
    assert str(path) in said
    chosen = painter.editing.write_rescue_file(tmp_path / "mine", [(1, edit)]).result(TIMEOUT)
    assert chosen == tmp_path / f"mine{SUFFIX}"
    assert len(list(read_edits(chosen))) == 1
    with pytest.raises(ProjectError, match="cannot be written"):
        painter.editing.write_rescue_file(tmp_path / "no" / "where", [(1, edit)]).result(TIMEOUT)


def test_a_rescue_file_of_earlier_edits_is_never_replaced(painter: Painter, tmp_path: Path) -> None:
    edits = [painter.stroke(row) for row in (10, 20)]
    write = painter.editing.write_rescue_file
    first = write(tmp_path / "mine", [(1, edits[0])]).result(TIMEOUT)
    content = first.read_bytes()
    second = write(first, [(1, edits[1])]).result(TIMEOUT)
    third = write(tmp_path / "mine", [(1, edits[1])]).result(TIMEOUT)
    assert [path.name for path in (second, third)] == [f"mine-2{SUFFIX}", f"mine-3{SUFFIX}"]
    assert first.read_bytes() == content and len(list(read_edits(second))) == 1


def test_a_rescue_file_that_had_to_be_begun_again_leaves_no_other_behind(painter: Painter) -> None:
    shutil.rmtree(painter.project.home)
    painter.refused(painter.stroke(10))
    [first] = painter.rescue_files()
    aside = painter.folder.rename(painter.folder.with_name("away"))
    painter.editing.keep(1, painter.stroke(20)).result(TIMEOUT)  # cannot be appended to the first
    aside.rename(painter.folder)
    assert painter.rescue_files() == [first], "the second one is in the user's data"
    painter.editing._rescue.clear()
    assert painter.rescue_files() == []


def delete_file(painter: Painter) -> None:
    (painter.project.home / PROJECT_FILE).unlink()


def delete_home(painter: Painter) -> None:
    shutil.rmtree(painter.project.home)


def delete_folder(painter: Painter) -> None:
    shutil.rmtree(painter.folder.parent)


def rename_parent(painter: Painter) -> None:
    painter.folder.parent.rename(painter.folder.parent.with_name("renamed"))


def replace_file(painter: Painter) -> None:
    delete_home(painter)
    project_in(painter.folder, classes=("water",)).close()


@pytest.mark.parametrize("lose", [delete_file, delete_home, delete_folder, rename_parent, replace_file])
def test_the_whole_project_is_saved_although_its_file_is_gone(
    painter: Painter, tmp_path: Path, lose: Callable[[Painter], None]
) -> None:
    """Strokes and tags from before, and those that were refused since, each as an edit that can be undone."""
    for row in (3, 7):
        painter.editing.commit(1, painter.stroke(row)).result(TIMEOUT)
    painter.editing.add_tags(2, ["before"]).result(TIMEOUT)
    lose(painter)
    waiting = [(1, painter.stroke(row)) for row in (20, 30, 40)]
    painter.refused(waiting[0][1])
    with pytest.raises(ProjectFileGoneError, match="maskloop rescue"):
        painter.editing.set_note(3, "since then").result(TIMEOUT)
    chosen = tmp_path / "elsewhere"
    chosen.mkdir()
    home = painter.editing.save_project(chosen, waiting).result(TIMEOUT)
    assert home == chosen / "pictures (project)"
    with pytest.raises(ProjectError, match="already"):
        painter.editing.save_project(chosen, waiting).result(TIMEOUT)
    assert [path.name for path in home.iterdir()] == [PROJECT_FILE]
    assert not list(tmp_path.rglob(f"*{SUFFIX}"))
    with Project.open_read_only(home) as saved:
        np.testing.assert_array_equal(saved.labels.read(1, 96, 64), painter.labels.values)
        assert len(saved.journal.history(1)) == 5
        assert (saved.pictures.get(2).tags, saved.pictures.get(3).note) == (("before",), "since then")
        assert [each.name for each in saved.classes.read()] == ["grass", "roof"]
        assert saved.folder == painter.folder
    assert check_project_file(home) == []


def check_project_file(home: Path) -> list[str]:
    with Project.open_read_only(home) as saved:
        return [
            finding.sentence
            for finding in check_project(saved, read_pictures=False)
            if not finding.picture_id
        ]


def test_a_deleted_home_is_written_again_in_its_place(painter: Painter) -> None:
    painter.editing.commit(1, painter.stroke(3)).result(TIMEOUT)
    shutil.rmtree(painter.project.home)
    edit = painter.stroke(20)
    painter.refused(edit)
    assert painter.editing.save_project(painter.folder, [(1, edit)]).result(TIMEOUT) == painter.project.home
    painter.refused(painter.stroke(50))  # the old session never writes into the new file
    with Project.open_read_only(painter.folder) as saved:
        assert len(saved.journal.history(1)) == 2


def test_status_tags_and_notes_are_rescued_and_come_back(painter: Painter) -> None:
    shutil.rmtree(painter.project.home)
    for change in (
        painter.editing.set_status(1, Status.DONE),
        painter.editing.set_split(1, Split.VAL),
        painter.editing.add_tags(2, ["night", "rain"]),
        painter.editing.remove_tag(2, "rain"),
        painter.editing.set_note(2, "a\nnote"),
    ):
        with pytest.raises(ProjectFileGoneError, match="kept in"):
            change.result(TIMEOUT)
    [path] = painter.rescue_files()
    project_in(painter.folder).close()
    found = json_of("rescue", path, "--project", painter.folder)
    assert (found["edits"], found["pictures"], found["problems"]) == (5, ["p0.png", "p1.png"], [])
    with Project.open_read_only(painter.folder) as project:
        one, two = project.pictures.get(1), project.pictures.get(2)
        assert (one.status, one.split) == (Status.DONE, Split.VAL)
        assert (two.tags, two.note) == (("night",), "a\nnote")


def test_status_is_stored_when_the_folder_is_back(painter: Painter) -> None:
    parent = painter.folder.parent
    parent.rename(parent.with_name("renamed"))
    with pytest.raises(ProjectFileGoneError, match="kept in"):
        painter.editing.set_status(1, Status.DONE).result(TIMEOUT)
    [path] = (parent.parent / "data").rglob(f"*{SUFFIX}")
    parent.with_name("renamed").rename(parent)
    painter.editing.set_note(2, "later").result(TIMEOUT)
    assert painter.project.pictures.get(1).status == Status.DONE
    assert not path.exists()


def test_hostile_changes_in_a_rescue_file_are_left_out(painter: Painter, tmp_path: Path) -> None:
    shutil.rmtree(painter.project.home)
    with pytest.raises(ProjectFileGoneError):
        painter.editing.set_status(1, Status.DONE).result(TIMEOUT)
    [path] = painter.rescue_files()
    whole = path.read_bytes()
    folder = tmp_path / "other"
    project_in(folder).close()
    for number, (old, new) in enumerate(
        (
            (b'"status":"done"', b'"status":"finished"'),
            (b'"status":"done"', b'"path":"../../etc/passwd"'),
            (b'"status":"done"', b'"note":null'),
            (b'"picture":"p0.png"', b'"picture":"../p0.png"'),
        )
    ):
        assert old in whole
        bad = tmp_path / f"{number}{SUFFIX}"
        bad.write_bytes(whole.replace(old, new).replace(b'"id":"', b'"id":"%d' % number))
        found = json_of("rescue", bad, "--project", folder)
        assert (found["edits"], len(found["problems"])) == (0, 1)
    with Project.open_read_only(folder) as project:
        assert next((r.path, r.status) for r in project.pictures.all()) == ("p0.png", Status.NEW)


def test_edits_go_to_the_class_of_the_same_name(painter: Painter, tmp_path: Path) -> None:
    (painter.project.home / PROJECT_FILE).unlink()
    painter.refused(painter.stroke(10))  # class 1, grass
    painter.refused(painter.stroke(21))  # class 2, roof
    [path] = painter.rescue_files()
    folder = tmp_path / "other"
    with project_in(folder, classes=("water", "roof", "grass")) as project:
        report = bring_back(project, path)
        values = project.labels.read(1, 96, 64)
        assert (report.edits, values[10, 50], values[21, 50]) == (2, 3, 2)
        assert [c.name for c in project.classes.read()] == ["water", "roof", "grass"]
    picture_folder(tmp_path / "blank")
    with Project.open(tmp_path / "blank") as project:  # without classes, and no picture is known yet
        report = bring_back(project, path)
        assert report.edits == 2
        assert {c.name for c in project.classes.read()} == {"grass", "roof"}
        project.journal.undo(report.pictures[0].id)


def test_edit_of_another_picture_is_left_out_and_said(painter: Painter, tmp_path: Path) -> None:
    (painter.project.home / PROJECT_FILE).unlink()
    painter.refused(painter.stroke(10))
    [path] = painter.rescue_files()
    picture_folder(tmp_path / "larger", width=200, height=100)
    with Project.open(tmp_path / "larger") as project:
        (record,) = project.pictures.add(["p0.png"])
        project.pictures.set_size(record.id, 200, 100)
        report = bring_back(project, path)
        assert report.edits == 0 and "another size" in report.problems[0]
    (tmp_path / "none").mkdir()
    with Project.open(tmp_path / "none") as project:
        assert "not in the project" in bring_back(project, path).problems[0]


def test_cut_off_and_hostile_rescue_files(painter: Painter, tmp_path: Path) -> None:
    (painter.project.home / PROJECT_FILE).unlink()
    painter.refused(painter.stroke(10))
    painter.refused(painter.stroke(21))
    [path] = painter.rescue_files()
    whole = path.read_bytes()
    folder = tmp_path / "other"
    project_in(folder).close()
    cut = tmp_path / f"cut{SUFFIX}"
    cut.write_bytes(whole[:-40])
    assert json_of("rescue", cut, "--project", folder)["edits"] == 1
    for number, text in enumerate(
        [
            b"",
            b"\x00" * 4000,
            b"[" * 100_000,
            b'{"kind":"edit"}',
            whole.replace(b'"format":1', b'"format":2'),
            whole.split(b"\n")[0] + b'\n{"kind":"tile","column":0,"row":0,"before":"","after":""}\n',
            whole.split(b"\n")[0] + b"\n" + b"9" * 3_000_000,
        ]
    ):
        bad = tmp_path / f"{number}{SUFFIX}"
        bad.write_bytes(text)
        assert "rescue file" in error_of("rescue", bad, "--project", folder)
    for old, new in (
        (b'"column":0', b'"column":-1'),
        (b'"column":0', b'"column":99999'),
        (b'"row":0', b'"row":7'),
    ):
        bad = tmp_path / f"bad{SUFFIX}"
        bad.write_bytes(whole.replace(old, new).replace(b'"id":"', b'"id":"x'))
        found = json_of("rescue", bad, "--project", folder)
        assert all("damaged" in problem for problem in found["problems"])
    assert "cannot be read" in error_of("rescue", tmp_path / "missing", "--project", folder)
    assert (folder / HOME_FOLDER).is_dir()


def test_edits_of_a_picture_that_was_set_aside_are_saved_with_the_one_that_has_its_file(
    painter: Painter, tmp_path: Path
) -> None:
    """The new name of a renamed picture was on screen when the missing one got its file."""
    stroke_before = painter.stroke(3)
    painter.editing.commit(1, stroke_before).result(TIMEOUT)
    edit = painter.stroke(20)
    shutil.rmtree(painter.project.home)
    painter.editing._current_id = lambda picture_id: 1 if picture_id == 2 else picture_id
    with pytest.raises(ProjectFileGoneError):
        painter.editing.set_note(2, "since then").result(TIMEOUT)
    chosen = tmp_path / "elsewhere"
    chosen.mkdir()
    home = painter.editing.save_project(chosen, [(2, edit)]).result(TIMEOUT)
    with Project.open_read_only(home) as saved:
        assert len(saved.journal.history(1)) >= 2 and not saved.journal.history(2)
        np.testing.assert_array_equal(saved.labels.read(1, 96, 64), painter.labels.values)
        assert (saved.pictures.get(1).note, saved.pictures.get(2).note) == ("since then", "")
