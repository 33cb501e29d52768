"""A project file that is deleted, replaced or moved while it is open: no commit succeeds that would be lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import ProjectError, ProjectFileGoneError
from core.project.backup import wal_path
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from tests.core.project.faults import label_first, noise_edit, unix
from tests.factories import project_in

pytestmark = unix


def delete_file(folder: Path) -> None:
    (folder / HOME_FOLDER / PROJECT_FILE).unlink()


def delete_home(folder: Path) -> None:
    shutil.rmtree(folder / HOME_FOLDER)


def delete_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def rename_parent(folder: Path) -> None:
    folder.parent.rename(folder.parent.with_name("renamed"))


def replace_file(folder: Path) -> None:
    path = folder / HOME_FOLDER / PROJECT_FILE
    shutil.copy(path, folder / "copy")
    (folder / "copy").replace(path)


def link_file(folder: Path) -> None:
    """The same file by another name is not the same: whoever swaps the link decides what is written."""
    path = folder / HOME_FOLDER / PROJECT_FILE
    path.rename(folder / "moved")
    path.symlink_to(folder / "moved")


def delete_log(folder: Path) -> None:
    wal_path(folder / HOME_FOLDER / PROJECT_FILE).unlink()


@pytest.mark.parametrize(
    "fault", [delete_file, delete_home, delete_folder, rename_parent, replace_file, link_file, delete_log]
)
def test_no_commit_succeeds_into_a_file_that_is_gone(tmp_path: Path, fault: Callable[[Path], None]) -> None:
    folder = tmp_path / "parent" / "pictures"
    with project_in(folder) as project:
        label_first(project)
        fault(folder)
        for act in (
            lambda: project.journal.commit(2, noise_edit()),
            lambda: project.set_fact("a", "b"),
            lambda: project.pictures.set_size(3, 10, 10),
        ):
            with pytest.raises(ProjectFileGoneError) as problem:
                act()
            assert str(folder / HOME_FOLDER / PROJECT_FILE) in str(problem.value)
        assert project.journal.history(2) == []  # what is stored can still be read


def test_commits_go_on_when_the_file_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "parent" / "pictures"
    with project_in(folder) as project:
        label = label_first(project)
        rename_parent(folder)
        with pytest.raises(ProjectFileGoneError):
            project.journal.commit(2, noise_edit())
        (tmp_path / "renamed").rename(tmp_path / "parent")
        project.journal.commit(2, noise_edit())
        assert len(project.journal.history(2)) == 1
    with Project.open(folder) as project:
        np.testing.assert_array_equal(project.labels.read(1, 96, 64), label)
        assert project.labels.read(2, 96, 64).all()


def test_file_that_disappears_during_the_transaction_leaves_nothing_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "parent" / "pictures"
    with project_in(folder) as project:
        with pytest.raises(ProjectFileGoneError), project.store.write_transaction() as connection:
            connection.exec_driver_sql("INSERT INTO facts VALUES ('a', 'b')")
            rename_parent(folder)
        (tmp_path / "renamed").rename(tmp_path / "parent")
        assert project.fact("a") is None


def test_deleted_log_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    """What it held is brought into the file at once: a crash afterwards loses nothing of it."""
    with project_in(tmp_path) as project:
        label = label_first(project)
        delete_log(tmp_path)
        with pytest.raises(ProjectError, match="open it again"):
            project.journal.commit(2, noise_edit())
        shutil.copytree(
            tmp_path, tmp_path / "copy", ignore=shutil.ignore_patterns("*-wal", "*-shm", "writer.*")
        )
        with Project.open(tmp_path / "copy") as copied:
            np.testing.assert_array_equal(copied.labels.read(1, 96, 64), label)
