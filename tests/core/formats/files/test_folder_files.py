"""The listing of a dataset folder: regular files inside it, and a reason for everything else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from core.base.errors import FormatError
from core.formats.account import AccountKind
from core.formats.dataset_tree import DatasetTree
from core.formats.files import folder_files
from core.formats.files.folder_files import OUTSIDE, list_files
from core.formats.readers.registry import open_dataset
from tests.dataset_files import grey, photo, write_text

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and links of POSIX")


def reasons(root: Path) -> dict[str, str]:
    return dict(list_files(root).refused)


def test_only_regular_files_are_listed(tmp_path: Path) -> None:
    root, outside = tmp_path / "set", tmp_path / "secret"
    write_text(root / "a" / "x.txt", "x")
    write_text(outside / "key.txt", "secret")
    os.mkfifo(root / "labels.json")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "s.png"))
    for name, target in (("up", ".."), ("proc", "/proc"), ("all", "/"), ("k.txt", outside / "key.txt")):
        (root / name).symlink_to(target)
    (root / "null.json").symlink_to("/dev/null")
    (root / "gone").symlink_to("nowhere")
    (root / "loop").symlink_to("loop")
    assert list_files(root).files == ["a/x.txt"]
    found = reasons(root)
    assert found["labels.json"] == "it is a pipe, not a file"
    assert found["s.png"] == "it is a socket, not a file"
    assert {found[name] for name in ("up", "proc", "all", "k.txt", "null.json")} == {OUTSIDE}
    assert found["gone"] == found["loop"] == "it is a link that leads nowhere"


def test_links_within_the_folder_are_followed_once(tmp_path: Path) -> None:
    root = tmp_path / "set"
    write_text(root / "b" / "x.txt", "x")
    (root / "a").symlink_to("b")
    (root / "b" / "back").symlink_to(root)
    (root / "y.txt").symlink_to("b/x.txt")
    named = tmp_path / "link"
    named.symlink_to(root)
    for folder in (root, named):
        assert sorted(DatasetTree(folder).files) == ["b/x.txt", "y.txt"]
        assert DatasetTree(folder).refused == ()


def test_names_that_are_no_text_and_closed_folders_are_said(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.jpg")).write_bytes(b"")
    (tmp_path / "deep").mkdir()
    found = list_files(tmp_path)
    assert found.files == [] and found.refused == [("\\udcff.jpg", "its name is not valid text; rename it")]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_files, "MAX_FILES", 2)
    for name in "abc":
        write_text(tmp_path / name, "")
    with pytest.raises(FormatError, match="more than 2 files"):
        DatasetTree(tmp_path)


def test_what_was_refused_is_in_the_account_and_in_the_error(tmp_path: Path) -> None:
    photo(tmp_path / "images" / "a.jpg")
    os.mkfifo(tmp_path / "annotations.json")
    with pytest.raises(FormatError, match=r"annotations\.json was left out: it is a pipe"):
        open_dataset(tmp_path)
    grey(tmp_path / "masks" / "a.png", 0, 1)
    account = open_dataset(tmp_path).account
    assert ("annotations.json",) in [row.places for row in account.left_out]
    assert account.count_left_out(AccountKind.FILE) == 1


def test_recognition_does_not_wait_for_pipes(tmp_path: Path) -> None:
    for name in ("a.json", "a.xml", "a.yaml", "a.txt", "classes.csv", "ann/a.json", "meta.json", "a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        os.mkfifo(tmp_path / name)
    code = (
        "import sys, pathlib; from core.formats.readers.registry import *\n"
        "print(recognise_all(DatasetTree(pathlib.Path(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
