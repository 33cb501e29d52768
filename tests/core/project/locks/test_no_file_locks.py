"""Projects on a file system that refuses file locks: the system calls themselves fail, in processes of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.project.project import HOME_FOLDER

ROOT = Path(__file__).resolve().parents[4]
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
int flock(int fd, int operation) { errno = ENOLCK; return -1; }
static int call(int fd, int command, void *argument) {
    int (*real)(int, int, ...) = dlsym(RTLD_NEXT, "fcntl64");
    int locks = command == F_SETLK || command == F_SETLKW || command == F_GETLK;
    if (locks && getenv("NO_RECORD_LOCKS")) { errno = ENOLCK; return -1; }
    return real(fd, command, argument);
}
int fcntl(int fd, int command, ...) {
    va_list rest; va_start(rest, command); return call(fd, command, va_arg(rest, void *));
}
int fcntl64(int fd, int command, ...) {
    va_list rest; va_start(rest, command); return call(fd, command, va_arg(rest, void *));
}
"""
OPEN = """
import os, sys
from pathlib import Path
from core.base.errors import MaskloopError
from core.project.project import Project
try:
    project = Project.open(Path(sys.argv[1]), purpose="the Maskloop window")
except MaskloopError as problem:
    print(type(problem).__name__, problem)
    sys.exit()
print("open", project.store.notice)
sys.stdout.flush()
if sys.argv[2] == "crash":
    os.kill(os.getpid(), 9)
project.close()
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None,
    reason="replaces functions of the C library of Linux",
)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shim")
    (folder / "no_locks.c").write_text(SHIM)
    words = ["cc", "-shared", "-fPIC", "-o", "no_locks.so", "no_locks.c", "-ldl"]
    subprocess.run(words, cwd=folder, check=True)
    return folder / "no_locks.so"


def open_project(shim: Path, folder: Path, end: str, **settings: str) -> str:
    """What a process prints that opens the project, and then closes it or crashes."""
    words = [sys.executable, "-c", OPEN, str(folder), end]
    environment = {**os.environ, "LD_PRELOAD": str(shim), **settings}
    return subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    ).stdout


def test_lock_of_a_crashed_program_is_taken_over(shim: Path, tmp_path: Path) -> None:
    assert open_project(shim, tmp_path, "crash") == "open None\n"
    assert (tmp_path / HOME_FOLDER / "writer.json").exists()
    said = open_project(shim, tmp_path, "close")
    assert said.startswith("open The project was left locked by the Maskloop window (process ")
    assert not (tmp_path / HOME_FOLDER / "writer.json").exists()
    assert open_project(shim, tmp_path, "close") == "open None\n"


def test_where_not_even_sqlite_can_lock_another_folder_is_asked_for(shim: Path, tmp_path: Path) -> None:
    said = open_project(shim, tmp_path, "close", NO_RECORD_LOCKS="1")
    assert said.startswith("ProjectFolderError") and "without file locks" in said
    assert "Choose another folder" in said
    assert sorted(path.name for path in (tmp_path / HOME_FOLDER).iterdir()) == ["writer.lock"]
