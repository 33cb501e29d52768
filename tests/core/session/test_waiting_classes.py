"""Changes of the class list while the disk refuses: kept, and stored before what is painted with them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import DiskError, ProjectFileGoneError
from core.formats.readers.registry import open_dataset
from core.labels.label_map import Edit
from core.project.files.rescue_file import SUFFIX, read_head
from core.project.integrity.check import check_project
from core.project.project import PROJECT_FILE, Project
from core.session.transfer.import_run import import_dataset
from tests.command_line import json_of
from tests.core.project.faults import limit_file_size, unix
from tests.core.session.conftest import TIMEOUT, Painter
from tests.external_datasets import EXTERNAL_DATASETS
from tests.factories import project_in, stroke

pytestmark = unix


def move_away(painter: Painter) -> Path:
    """Returns the folder to put back."""
    parent = painter.folder.parent
    return parent.rename(parent.with_name("renamed"))


def change_classes_and_paint(painter: Painter) -> Edit:
    """While nothing can be stored: a class is added, renamed and recoloured, and a stroke painted with it."""
    for change in (
        painter.editing.add_classes(["tree"]),
        painter.editing.change_class(3, name="oak"),
        painter.editing.change_class(1, colour=(1, 2, 3)),
        painter.editing.change_class(2, name="house"),
        painter.editing.order_classes([3, 1, 2]),
    ):
        with pytest.raises(DiskError, match="Your edits since then are kept"):
            change.result(TIMEOUT)
    assert [c.name for c in painter.editing.classes] == ["oak", "grass", "house"]
    return stroke(painter.labels, 3, (10, 40), (80, 40), 3)


def test_classes_changed_while_the_file_is_gone_are_stored_when_it_is_back(painter: Painter) -> None:
    away = move_away(painter)
    edit = change_classes_and_paint(painter)
    painter.refused(edit)
    away.rename(painter.folder.parent)
    painter.editing.commit(1, edit).result(TIMEOUT)
    assert painter.editing.waiting == 0
    stored = painter.project.classes.read()
    assert [(c.value, c.name) for c in stored] == [(3, "oak"), (1, "grass"), (2, "house")]
    assert stored == painter.editing.classes and stored.by_value(1).colour == (1, 2, 3)
    np.testing.assert_array_equal(painter.project.labels.read(1, 96, 64), painter.labels.values)
    assert (painter.labels.values == 3).any()
    assert not list(painter.folder.parent.parent.rglob(f"*{SUFFIX}"))


def test_what_starts_from_the_class_list_finds_the_class_that_waited(
    painter: Painter, tmp_path: Path
) -> None:
    """Each reads the list that is stored, then writes it whole with its own change."""
    EXTERNAL_DATASETS[0].write(tmp_path / "theirs")
    dataset = open_dataset(tmp_path / "theirs")
    operations: tuple[Callable[[], Future[object]], ...] = (
        lambda: painter.editing.split_class(1, "lawn", [1]),
        lambda: painter.editing.merge_class(1, 2),
        lambda: painter.editing.delete_class(2),
        lambda: painter.document.submit(import_dataset, painter.project, dataset),
    )
    for number, operation in enumerate(operations):
        away = move_away(painter)
        with pytest.raises(DiskError):
            painter.editing.add_classes([f"tree {number}"]).result(TIMEOUT)
        away.rename(painter.folder.parent)
        operation().result(TIMEOUT)
        assert painter.project.classes.read().by_name(f"tree {number}") is not None, number
        assert painter.editing.waiting == 0


def test_whatever_is_written_first_brings_what_waits(painter: Painter) -> None:
    """Here a fact, as a training or an import would: nothing takes the value of a class that waits."""
    away = move_away(painter)
    edit = change_classes_and_paint(painter)
    away.rename(painter.folder.parent)
    painter.document.submit(painter.project.set_fact, "a", "b").result(TIMEOUT)
    assert painter.project.classes.read().by_name("oak").value == 3
    painter.editing.commit(1, edit).result(TIMEOUT)
    painter.editing.store_waiting().result(TIMEOUT)
    assert painter.editing.waiting == 0


def test_classes_changed_on_a_full_disk_are_stored_before_the_stroke(painter: Painter) -> None:
    painter.editing.commit(1, painter.stroke(3)).result(TIMEOUT)
    log = painter.project.store.path.with_name(f"{PROJECT_FILE}-wal")
    with limit_file_size(log.stat().st_size):
        edit = change_classes_and_paint(painter)
        for refused in (painter.editing.set_note(1, "full"), painter.editing.commit(1, edit)):
            with pytest.raises(DiskError, match="disk"):
                refused.result(TIMEOUT)
    painter.editing.commit(1, edit).result(TIMEOUT)
    np.testing.assert_array_equal(painter.project.labels.read(1, 96, 64), painter.labels.values)
    assert painter.project.classes.read().name_of(3) == "oak"
    assert painter.project.pictures.get(1).note == "full"


def test_classes_are_in_the_rescue_file_and_in_the_saved_project(painter: Painter, tmp_path: Path) -> None:
    shutil.rmtree(painter.project.home)
    edit = change_classes_and_paint(painter)
    painter.refused(edit)
    [path] = painter.rescue_files()
    assert [each[:2] for each in read_head(path).classes] == [(1, "grass"), (2, "roof")]
    other = tmp_path / "other"
    project_in(other, classes=("water", "roof", "grass")).close()
    found = json_of("rescue", path, "--project", other)
    assert (found["edits"], found["problems"]) == (5, [])  # the order of another list is left as it is
    with Project.open_read_only(other) as project:
        listed = project.classes.read()
        assert [c.name for c in listed] == ["water", "house", "grass", "oak"]
        assert listed.by_name("grass").colour == (1, 2, 3)
        values = project.labels.read(1, 96, 64)
        assert ((values == listed.by_name("oak").value) == (painter.labels.values == 3)).all()
    chosen = tmp_path / "elsewhere"
    chosen.mkdir()
    home = painter.editing.save_project(chosen, [(1, edit)]).result(TIMEOUT)
    with Project.open_read_only(home) as saved:
        assert [c.name for c in saved.classes.read()] == ["oak", "grass", "house"]
        np.testing.assert_array_equal(saved.labels.read(1, 96, 64), painter.labels.values)


def test_class_that_comes_after_a_stroke_in_the_rescue_file(painter: Painter, tmp_path: Path) -> None:
    """A user's own file has the classes first, whatever the order was."""
    shutil.rmtree(painter.project.home)
    first = painter.stroke(10)
    painter.refused(first)
    later = change_classes_and_paint(painter)
    painter.editing.keep(1, later).result(TIMEOUT)
    waiting = [(1, first), (1, later)]
    chosen = painter.editing.write_rescue_file(tmp_path / "mine", waiting).result(TIMEOUT)
    for number, path in enumerate((chosen, *painter.rescue_files())):
        folder = tmp_path / str(number)
        project_in(folder).close()
        assert json_of("rescue", path, "--project", folder)["problems"] == []
        with Project.open_read_only(folder) as project:
            np.testing.assert_array_equal(project.labels.read(1, 96, 64), painter.labels.values)
            assert {c.name for c in project.classes.read()} == {"grass", "house", "oak"}


def test_hostile_class_lists_in_a_rescue_file(painter: Painter, tmp_path: Path) -> None:
    shutil.rmtree(painter.project.home)
    painter.refused(change_classes_and_paint(painter))
    [path] = painter.rescue_files()
    whole = path.read_bytes()
    for number, (old, new) in enumerate(
        (
            (b'[3,"oak"', b'[300000,"oak"'),
            (b'[3,"oak"', b'[-1,"oak"'),
            (b'"oak"', b'"\\u0000\\u001b[2J"'),
            (b'"oak"', b'"' + b"o" * 5000 + b'"'),
            (b'"house"', b'"grass"'),
            (b'"#010203"', b'"#zz0203"'),
        )
    ):
        assert old in whole
        folder = tmp_path / str(number)
        project_in(folder).close()
        bad = tmp_path / f"{number}{SUFFIX}"
        bad.write_bytes(whole.replace(old, new))
        json_of("rescue", bad, "--project", folder)
        with Project.open(folder) as project:
            assert check_project(project) == []
            assert all(c.name.isprintable() and len(c.name) <= 80 for c in project.classes.read())


def test_what_needs_all_that_is_stored_is_refused_whole(painter: Painter) -> None:
    """Deleting, merging, another value, splitting: nothing changes, no stroke goes to another class."""
    painter.editing.commit(1, painter.stroke(3)).result(TIMEOUT)
    away = move_away(painter)
    edit = painter.stroke(10)
    operations = (
        lambda: painter.editing.delete_class(1),
        lambda: painter.editing.merge_class(1, 2),
        lambda: painter.editing.change_class_value(1, 9),
        lambda: painter.editing.split_class(1, "lawn", [1]),
    )
    for operation in operations:
        with pytest.raises(ProjectFileGoneError, match=r"nothing was changed.*Save the project here"):
            operation().result(TIMEOUT)
    painter.refused(edit)
    away.rename(painter.folder.parent)
    for operation in operations:  # the stroke is not among the pixels that would change
        with pytest.raises(ProjectFileGoneError, match="nothing was changed"):
            operation().result(TIMEOUT)
    painter.editing.commit(1, edit).result(TIMEOUT)
    np.testing.assert_array_equal(painter.project.labels.read(1, 96, 64), painter.labels.values)
    assert [c.name for c in painter.editing.classes] == ["grass", "roof"]
    painter.editing.delete_class(1).result(TIMEOUT)
    assert not (painter.project.labels.read(1, 96, 64) == 1).any()
