"""Durability: which commits wait for the disk, and what a power cut may undo."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import Cancelled
from core.formats.readers.registry import open_dataset
from core.labels.label_map import LabelMap
from core.project.backup import make_backup, restore_backup
from core.project.folder_fsync import create_folder
from core.project.project import HOME_FOLDER, PROJECT_FILE, Project
from core.session.transfer.import_plan import plan_import
from core.session.transfer.import_run import import_dataset, run_import
from tests.benchmarks.disk import Call, Disk, File, calls_in
from tests.factories import picture_folder, project_in, stroke
from tests.mask_datasets import mask_dataset

NORMAL, FULL = 1, 2
"""SQLite's numbers for `PRAGMA synchronous`."""


def level(project: Project) -> int:
    """How the commit waited that has just ended."""
    raw = project.store._connection
    found = int(raw.exec_driver_sql("PRAGMA synchronous").scalar_one())
    raw.commit()
    return found


def test_edits_wait_for_the_disk_and_computed_values_do_not(tmp_path: Path) -> None:
    with project_in(tmp_path) as project:
        run = project.runs.start("{}", "{}", None, 1)
        labels = LabelMap.blank(96, 64)
        for again in range(2):
            project.pictures.set_size(1, 96, 64)
            assert level(project) == NORMAL
            project.journal.commit(1, stroke(labels, 1 + again, (10, 10), (60, 40)))
            assert level(project) == FULL
            project.runs.record_prediction(1, run.id, 0.5)
            assert level(project) == NORMAL
            project.journal.undo(1)
            assert level(project) == FULL
            project.journal.redo(1)


def test_long_operation_waits_once_whether_it_succeeds_or_not(tmp_path: Path) -> None:
    dataset = open_dataset(mask_dataset(tmp_path / "dataset"))
    seen: list[int] = []
    with project_in(tmp_path / "pictures") as project:
        journal = project.store.path.with_name(f"{PROJECT_FILE}-wal")
        plan = plan_import(project.classes.read(), project.folder, dataset)
        run_import(project, plan, on_imported=lambda _: seen.append(level(project)))
        assert set(seen) == {NORMAL}
        assert level(project) == FULL
        grown = journal.stat().st_size
        with pytest.raises(Cancelled):
            import_dataset(project, dataset, cancelled=lambda: True)
        assert level(project) == FULL
        # A commit that changes nothing would not write, and what does not write does not wait.
        assert journal.stat().st_size > grown
        assert project.fact("stored") is None


def test_process_killed_after_a_migration_loses_no_stroke(tmp_path: Path) -> None:
    """The upgrade and the stroke are in the journal only; it has to be known as the file's own."""
    folder, left = picture_folder(tmp_path / "pictures"), picture_folder(tmp_path / "left")
    for place in (folder, left):
        (place / HOME_FOLDER).mkdir()
    old = Path(__file__).resolve().parents[2] / "data" / "project-0001.sqlite"
    restore_backup(
        folder / HOME_FOLDER / PROJECT_FILE, old
    )  # a copy that was brought back has a mark of its own
    with Project.open(folder) as project:
        labels = LabelMap(project.labels.read(2, 96, 64))
        project.journal.commit(2, stroke(labels, 1, (10, 10), (60, 40)))
        for rest in ("", "-wal"):
            shutil.copy(
                folder / HOME_FOLDER / f"{PROJECT_FILE}{rest}", left / HOME_FOLDER / f"{PROJECT_FILE}{rest}"
            )
    with Project.open(left) as project:
        assert project.store.notice is None
        np.testing.assert_array_equal(project.labels.read(2, 96, 64), labels.values)


def test_folder_entries_are_flushed_where_possible(tmp_path: Path) -> None:
    create_folder(tmp_path / "a" / "b" / "c")
    create_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    with project_in(tmp_path / "pictures") as project:
        copy = make_backup(project.store.path, tmp_path / "copies")
    assert copy.is_file()


# The disk that loses its power, of the benchmark ----------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_power_cut_loses_only_unflushed_writes(seed: int) -> None:
    chance = np.random.default_rng(seed)
    file = File()
    file.pending.append((0, b"a" * 2048))
    file.flush()
    file.pending += [(512, b"b" * 1024), (2048, b"c" * 1024)]
    assert file.after_cut(chance, 512, 0.0) == b"a" * 2048
    assert file.after_cut(chance, 512, 1.0) == b"a" * 512 + b"b" * 1024 + b"a" * 512 + b"c" * 1024
    found = file.after_cut(chance, 512, 0.5)
    sectors = [found[at : at + 512] for at in range(0, len(found), 512)]
    assert [sectors[0], sectors[3]] == [b"a" * 512] * 2
    assert set(sectors[1:3]) <= {b"a" * 512, b"b" * 512}
    assert set(sectors[4:]) <= {b"c" * 512, bytes(512)}
    file.flush()
    assert file.after_cut(chance, 512, 0.0)[512:1024] == b"b" * 512


def test_power_cut_loses_unflushed_folder_entries(tmp_path: Path) -> None:
    root = tmp_path / "disk"
    disk, name = Disk(root), f"{root}/home/file-wal"
    for call in (
        Call("mkdir", f"{root}/home"),
        Call("fsync", str(root)),
        Call("openat", name, flags="O_RDWR|O_CREAT"),
        Call("pwrite64", name, number=0, content=b"kept"),
        Call("fdatasync", name),
    ):
        disk.apply(call)
    there = set()
    for seed in range(40):
        place = tmp_path / str(seed)
        place.mkdir()
        disk.after_cut(np.random.default_rng(seed), place)
        assert (place / "home").is_dir()
        there.add((place / "home" / "file-wal").exists())
    assert there == {True, False}
    disk.apply(Call("fdatasync", f"{root}/home"))
    (tmp_path / "after").mkdir()
    disk.after_cut(np.random.default_rng(0), tmp_path / "after")
    assert (tmp_path / "after" / "home" / "file-wal").read_bytes() == b"kept"


def test_strace_output_is_parsed(tmp_path: Path) -> None:
    def spelt(text: str) -> str:
        return "".join(f"\\x{byte:02x}" for byte in text.encode())

    there = f"7<{spelt('/d/f')}>"
    (tmp_path / "trace").write_text(
        f'11 openat(AT_FDCWD<{spelt("/x")}>, "{spelt("/d/f")}", O_RDWR|O_CREAT, 0644) = {there}\n'
        f'11 pwrite64({there}, "{spelt("ab")}", 2, 4096) = 2\n'
        f"11 fdatasync({there} <unfinished ...>\n"
        f'12 openat(AT_FDCWD<{spelt("/x")}>, "{spelt("/d/none")}", O_RDONLY) = -1 ENOENT (No such file)\n'
        f"11 <... fdatasync resumed>) = 0\n"
        f'11 pwrite64({there}(deleted), "{spelt("ab")}", 2, 4096) = 2\n'
        f"11 ftruncate({there}, 3) = 0\n11 +++ exited with 0 +++\n"
    )
    assert list(calls_in(tmp_path / "trace")) == [
        Call("openat", "/d/f", flags=", O_RDWR|O_CREAT, 0644"),
        Call("pwrite64", "/d/f", number=4096, content=b"ab"),
        Call("fdatasync", "/d/f"),
        Call("ftruncate", "/d/f", number=3),
    ]
