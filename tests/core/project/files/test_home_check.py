"""Links, pipes and devices in a planted project: nothing outside its folder is read, written or deleted."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.base.errors import ProjectError
from core.project.files.home_check import check_stored_folder
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from tests.command_line import error_of
from tests.core.project.faults import ROOT, unix
from tests.factories import label_all, predict, project_in

pytestmark = unix

PLACES = (
    "writer.json",
    "writer.lock",
    "cache",
    "cache/predictions",
    "cache/predictions/1.png",
    "models",
    "models/1",
    "backups",
    f"{PROJECT_FILE}-wal",
    PROJECT_FILE,
)
COMMANDS = (
    ("status",),
    ("check",),
    ("check", "--repair"),
    ("backup",),
    ("restore",),
    ("predict",),
    ("train", "--steps", "1"),
)


@pytest.fixture
def planted(tmp_path: Path) -> tuple[Path, Path]:
    """A sound project, and a folder beside it with files that are none of its business."""
    folder, outside = tmp_path / "pictures", tmp_path / "outside"
    with project_in(folder) as project:
        label_all(project, project.pictures.all()[:1])
        predict(project, 1)
        (project.run_folder(1)).mkdir(parents=True)
        (project.home / "backups").mkdir()
    outside.mkdir()
    for name in ("1.png", "99.png", "writer.json", "project-20200101T000000Z.sqlite", "model.safetensors"):
        (outside / name).write_text(f"the only copy of {name}")
    return folder, outside


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def replace_by_link(place: Path, target: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    place.symlink_to(target)


@pytest.mark.parametrize("place", PLACES)
def test_link_in_the_home_is_refused_and_its_target_left_alone(
    planted: tuple[Path, Path], place: str
) -> None:
    folder, outside = planted
    is_folder = "." not in place.rsplit("/", 1)[-1]
    target = outside if is_folder else outside / "writer.json"
    replace_by_link(folder / HOME_FOLDER / place, target)
    before = content(outside)
    for open_project in (Project.open, Project.open_read_only):
        with pytest.raises(ProjectError, match="is a link to") as problem:
            open_project(folder)
        assert str(target) in str(problem.value) and "Delete the link" in str(problem.value)
    assert content(outside) == before


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_refuse_links_with_a_sentence(planted: tuple[Path, Path], words: tuple[str, ...]) -> None:
    folder, outside = planted
    before = content(outside)
    replace_by_link(folder / HOME_FOLDER / "backups", outside)
    replace_by_link(folder / HOME_FOLDER / "cache" / "predictions", outside)
    assert "is a link to" in error_of(*words, "--project", folder)
    assert content(outside) == before


def test_linked_home_is_followed_only_when_it_is_named(planted: tuple[Path, Path], tmp_path: Path) -> None:
    folder, _ = planted
    elsewhere = tmp_path / "elsewhere"
    (folder / HOME_FOLDER).rename(elsewhere)
    (folder / HOME_FOLDER).symlink_to(elsewhere)
    before = content(elsewhere)
    for open_project in (Project.open, Project.open_read_only):
        with pytest.raises(ProjectError, match="--project"):
            open_project(folder)
    assert content(elsewhere) == before
    with Project.open(folder, elsewhere) as project:
        assert project.pictures.counts().labelled == 1


def test_linked_pictures_in_a_home_are_not_refused(tmp_path: Path) -> None:
    """The home may be the folder of the pictures itself."""
    project_in(tmp_path / "other").close()
    home = tmp_path / "both"
    home.mkdir()
    (home / "photo.png").symlink_to(tmp_path / "other" / "p0.png")
    with Project.open(home, home) as project:
        assert project.home == home


@pytest.mark.parametrize("place", ["writer.json", PROJECT_FILE, "cache/predictions/1.png"])
def test_pipe_in_the_home_does_not_block(planted: tuple[Path, Path], place: str) -> None:
    folder, _ = planted
    pipe = folder / HOME_FOLDER / place
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    script = (
        "import sys; from pathlib import Path; from core.base.errors import ProjectError\n"
        "from core.project.project import Project\n"
        "try: Project.open(Path(sys.argv[1]))\n"
        "except ProjectError as problem: print(problem)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "neither a file nor a folder" in done.stdout


@pytest.mark.parametrize("stored", ["/", "../../../../../../../../../..", "/proc", "/dev/shm/../fd"])
def test_stored_folder_of_pictures_may_not_be_the_whole_disk(
    planted: tuple[Path, Path], stored: str, tmp_path: Path
) -> None:
    folder, _ = planted
    home = tmp_path / "home"
    (folder / HOME_FOLDER).rename(home)
    with Project.open(folder, home) as project:
        project.set_fact("pictures", stored)
    opened: tuple[Callable[[Path], Project], ...] = (Project.open, Project.open_read_only)
    for open_project in opened:
        with pytest.raises(ProjectError, match="not a folder of pictures") as problem:
            open_project(home)
        assert "--project HOME" in str(problem.value)
    with Project.open(folder, home):  # the way that the sentence names
        pass
    Project.open_read_only(home).close()


@pytest.mark.parametrize(
    ("folder", "is_refused"),
    [
        ("/dev/sda", True),
        ("/developer/pictures", False),
        ("/process", False),
        ("/dev/shm/pictures", False),
        ("/sys/x", True),
    ],
)
def test_only_folders_of_the_system_are_refused(folder: str, is_refused: bool) -> None:
    """Not every folder whose name begins like one of theirs, and not a disk in memory."""
    with pytest.raises(ProjectError) if is_refused else contextlib.nullcontext():
        check_stored_folder(Path(folder))
