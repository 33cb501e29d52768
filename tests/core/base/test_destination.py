"""Destinations that are devices, pipes, links or impossible names: refused with a sentence, and left as they are."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from core.base.destination import check_output_file, check_output_folder
from core.base.errors import UserError
from tests.command_line import error_of
from tests.core.project.faults import unix
from tests.factories import label_all, predict, project_in

pytestmark = unix


def test_new_and_existing_folders_and_files_pass(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "new", tmp_path / "new" / "below"):
        check_output_folder(path)
    for path in (tmp_path / "file", tmp_path / "new"):
        check_output_file(path)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name, said in (
        ("pipe", "a pipe"),
        ("file", "a file"),
        ("link", "a link to"),
        ("x" * 300, "too long"),
    ):
        with pytest.raises(UserError, match=said) as problem:
            check_output_folder(tmp_path / name)
        assert len(str(problem.value)) < 400
    with pytest.raises(UserError, match="a device"):
        check_output_folder(Path("/dev/null"))
    for path in (Path("/dev/null"), tmp_path / "pipe", tmp_path / "real", tmp_path / "link"):
        with pytest.raises(UserError, match="Choose the name of a file"):
            check_output_file(path)
    with pytest.raises(UserError, match="not the name"):
        check_output_file(tmp_path / "a\x00b")


def test_folders_to_keep_are_found_through_links(tmp_path: Path) -> None:
    (tmp_path / "project" / "sub").mkdir(parents=True)
    (tmp_path / "alias").symlink_to(tmp_path / "project")
    for out in (tmp_path / "alias" / "sub", tmp_path / "alias" / "new", tmp_path / "project", tmp_path):
        with pytest.raises(UserError, match="outside the project"):
            check_output_folder(out, [tmp_path / "project"])
    check_output_folder(tmp_path / "other", [tmp_path / "project"])


def test_commands_leave_devices_and_links_alone(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    with project_in(folder) as project:
        label_all(project, project.pictures.all()[:1])
        predict(project, 1)
        project.run_folder(1).mkdir(parents=True)
    (tmp_path / "alias").symlink_to(folder)
    os.mkfifo(tmp_path / "pipe.onnx")
    before = names_in(folder)
    long_name = tmp_path / ("x" * 300)
    for out in (
        "/dev/null",
        tmp_path / "pipe.onnx",
        tmp_path / "alias",
        tmp_path / "alias" / "new",
        long_name,
    ):
        error_of("export", "masks", out, "--project", folder)
    for out in ("/dev/null.onnx/x.onnx", tmp_path / "pipe.onnx", tmp_path / ("x" * 300 + ".onnx")):
        error_of("model", "export", out, "--project", folder)
    error_of("backup", long_name, "--project", folder)
    assert stat.S_ISCHR(Path("/dev/null").lstat().st_mode)
    assert stat.S_ISFIFO((tmp_path / "pipe.onnx").lstat().st_mode)
    assert (tmp_path / "alias").is_symlink()
    assert names_in(folder) == before


def names_in(folder: Path) -> list[str]:
    """Without the files that SQLite makes beside an open project."""
    return sorted(path.name for path in folder.rglob("*") if not path.name.endswith(("-wal", "-shm")))
