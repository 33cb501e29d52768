"""Tests of resumed exports: their bytes equal those of an export that was never stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.errors import Cancelled, FormatError
from core.base.json_process import child_environment
from core.cli.app import build_app
from core.cli.terminal import run
from core.formats.writers.base import ExportPicture, WriteResult
from core.formats.writers.masks import MaskWriter
from core.formats.writers.registry import EXPORT_FORMATS
from core.formats.writers.resize_and_tile import ResizeOptions
from core.project.project import Project
from core.project.records import Split
from core.session.transfer.export_plan import ExportOptions, plan_export
from core.session.transfer.export_resume import ResumableExport, discard, resume_folder
from core.session.transfer.export_run import ExportReport, run_export
from core.session.transfer.import_run import store_label
from tests.exported_datasets import hard_label, street
from tests.factories import picture

COUNT = 6


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Six pictures in all splits, a blank and letters in their names; the labels are hard ones, each another."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    names = [f"p{number} é.png" for number in range(COUNT)]
    for number, name in enumerate(names):
        Image.fromarray(picture(24, 16, seed=number)).save(folder / name)
    with Project.open(folder, purpose="a test") as opened:
        opened.classes.save(street())
        for record, split in zip(opened.pictures.add(names), [*Split, None, *Split], strict=False):
            opened.pictures.set_size(record.id, 24, 16)
            store_label(opened, record, np.roll(hard_label(), record.id, axis=1), "Label", "test")
            if split:
                opened.pictures.set_split([record.id], split)
        yield opened


def export(
    project: Project, options: ExportOptions, stop_after: int | None = None, **more: bool
) -> ExportReport:
    """Stopped once so many pictures are done."""
    done: list[int] = []
    return run_export(
        project,
        plan_export(project, options),
        lambda so_far, _: done.append(so_far),
        lambda: stop_after is not None and len(done) >= stop_after,
        **more,
    )


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def beside(out: Path) -> list[str]:
    return sorted(path.name for path in out.parent.iterdir() if path != out)


def change(project: Project, picture_id: int) -> None:
    """Paint the label of a picture over."""
    project.journal.undo(picture_id)
    values = np.full((16, 24), 2, np.uint8)
    store_label(project, project.pictures.get(picture_id), values, "Label", "test")


@pytest.mark.parametrize("stop", [1, 4, COUNT])
@pytest.mark.parametrize("name", sorted(EXPORT_FORMATS))
def test_resumed_export_has_the_bytes_of_an_uninterrupted_one(
    name: str, stop: int, project: Project, tmp_path: Path
) -> None:
    """A label changes meanwhile, a picture too, one loses its label, one moves to another split."""
    options = ExportOptions(tmp_path / "out" / "set", name)
    with pytest.raises(Cancelled):
        export(project, options, stop)
    assert not options.out.exists() and beside(options.out) == [".set.unfinished"]
    assert plan_export(project, options).finished == stop
    change(project, 1)
    if stop > 1:
        Image.fromarray(picture(24, 16, seed=99)).save(project.picture_path(project.pictures.get(2).path))
        project.journal.undo(3)
        project.pictures.set_split([4], Split.TEST)
    report = export(project, options)
    assert report.reused == {1: 0, 4: 0, COUNT: 2}[stop]
    assert report.problems == ()
    assert beside(options.out) == []
    export(project, ExportOptions(tmp_path / "fresh" / "set", name))
    assert tree(options.out) == tree(tmp_path / "fresh" / "set")


@pytest.mark.parametrize("name", ["coco", "masks", "webdataset"])
def test_unchanged_pictures_are_not_written_again(name: str, project: Project, tmp_path: Path) -> None:
    options = ExportOptions(tmp_path / "set", name, labels=True, shape=ResizeOptions(tile=16, overlap=4))
    with pytest.raises(Cancelled):
        export(project, options, 4)
    plan = plan_export(project, options)
    assert (
        plan.resume_notice
        == "An export to this folder was interrupted after 4 of 6 pictures; this one resumes it."
    )
    kept = {p: p.stat().st_ino for p in resume_folder(options.out).rglob("*.png")}
    assert kept
    (tmp_path / "seen").mkdir()
    for number, path in enumerate(kept):
        os.link(path, tmp_path / "seen" / str(number))
    assert export(project, options).reused == 4
    if name != "webdataset":  # whose files end in a tar
        inodes = {p.stat().st_ino for p in options.out.rglob("*.png")}
        assert set(kept.values()) <= inodes


_CHILD = """
import os, signal, sys
from pathlib import Path
from core.project.project import Project
from core.session.transfer.export_plan import ExportOptions, plan_export
from core.session.transfer.export_run import run_export

def heard(done, of):
    if done == 3:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

with Project.open_read_only(Path(sys.argv[1])) as project:
    run_export(project, plan_export(project, ExportOptions(Path(sys.argv[2]), sys.argv[3])), heard)
"""


@pytest.mark.parametrize("name", ["coco", "hugging-face"])
def test_killed_process_leaves_its_finished_pictures(name: str, project: Project, tmp_path: Path) -> None:
    options = ExportOptions(tmp_path / "set", name)
    words = [sys.executable, "-c", _CHILD, str(project.folder), str(options.out), name]
    assert subprocess.run(words, env=child_environment(), check=False).returncode != 0
    # Half a picture and half a line, as a kill between two writes leaves them.
    root = resume_folder(options.out)
    (root / "dataset" / "half.png").write_bytes(b"half")
    with (root / "pictures.jsonl").open("ab") as lines:
        lines.write(b'{"id": 4, "signat')
    assert export(project, options).reused == 3
    export(project, ExportOptions(tmp_path / "fresh", name))
    assert tree(options.out) == tree(tmp_path / "fresh")


def test_export_resumes_after_a_full_disk(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, write, written = ExportOptions(tmp_path / "set"), MaskWriter.write, []

    def full(self: MaskWriter, leaving: ExportPicture) -> WriteResult:
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        written.append(leaving)
        return write(self, leaving)

    monkeypatch.setattr(MaskWriter, "write", full)
    with pytest.raises(FormatError, match=r"No space left on device.*resumes here"):
        export(project, options)
    monkeypatch.undo()
    assert export(project, options).reused == 2
    export(project, ExportOptions(tmp_path / "fresh"))
    assert tree(options.out) == tree(tmp_path / "fresh")


@pytest.mark.parametrize("name", ["coco", "cvat", "webdataset"])
def test_interrupted_end_is_repeated(name: str, project: Project, tmp_path: Path) -> None:
    options = ExportOptions(tmp_path / "set", name)
    asked: list[int] = []
    with pytest.raises(Cancelled):  # six times before the pictures, twice in the end
        run_export(
            project, plan_export(project, options), cancelled=lambda: len(asked) > 8 or asked.append(0)
        )
    assert export(project, options).reused == COUNT
    export(project, ExportOptions(tmp_path / "fresh", name))
    assert tree(options.out) == tree(tmp_path / "fresh")


def _damage_file(left: Path) -> None:
    next(left.rglob("*.png")).write_bytes(b"other")


def _damage_line(left: Path) -> None:
    lines = (left / "pictures.jsonl").read_bytes().splitlines(keepends=True)
    (left / "pictures.jsonl").write_bytes(b"{}\n" + b"".join(lines[1:]))


@pytest.mark.parametrize("damage", [_damage_file, _damage_line])
def test_damaged_files_are_written_again(
    damage: Callable[[Path], None], project: Project, tmp_path: Path
) -> None:
    options = ExportOptions(tmp_path / "set")
    with pytest.raises(Cancelled):
        export(project, options, 4)
    damage(resume_folder(options.out))
    assert export(project, options).reused == 3
    export(project, ExportOptions(tmp_path / "fresh"))
    assert tree(options.out) == tree(tmp_path / "fresh")


def test_other_options_or_restart_begin_from_scratch(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "set"
    with pytest.raises(Cancelled):
        export(project, ExportOptions(out), 4)
    plan = plan_export(project, ExportOptions(out, "numpy"))
    assert (plan.finished, plan.discards) == (0, 4) and "discarded" in str(plan.resume_notice)
    with pytest.raises(Cancelled):
        export(project, ExportOptions(out, "numpy"), 2)
    assert export(project, ExportOptions(out, "numpy"), restart=True).reused == 0
    assert not list(out.rglob("*.png"))
    project.classes.save(street().with_class("kerb", (1, 2, 3), 9))
    with pytest.raises(Cancelled):
        export(project, ExportOptions(out), 2)
    project.classes.save(street())
    assert export(project, ExportOptions(out)).reused == 0


def test_unfinished_export_can_be_discarded(project: Project, tmp_path: Path) -> None:
    options = ExportOptions(tmp_path / "set")
    discard(options.out)
    with pytest.raises(Cancelled):
        export(project, options, 2)
    discard(options.out)
    assert beside(options.out) == ["pictures"] and plan_export(project, options).resume_notice is None


def test_two_exports_to_one_folder_are_refused_and_other_files_kept(project: Project, tmp_path: Path) -> None:
    options = ExportOptions(tmp_path / "set")
    held = ResumableExport(options.out, {})
    with pytest.raises(FormatError, match="is running"):
        export(project, options)
    held.close(keep=False)
    resume_folder(options.out).mkdir()
    (resume_folder(options.out) / "mine.txt").write_text("mine")
    with pytest.raises(FormatError, match="not from an interrupted export"):
        export(project, options)
    assert (resume_folder(options.out) / "mine.txt").read_text() == "mine"


def test_command_reports_an_interruption_and_resumes(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["export", "masks", str(tmp_path / "set"), "--project", str(project.folder)]
    write, written = MaskWriter.write, []

    def interrupted(self: MaskWriter, leaving: ExportPicture) -> WriteResult:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(leaving)
        return write(self, leaving)

    monkeypatch.setattr(MaskWriter, "write", interrupted)
    assert run(build_app(), words) == 1
    assert "Stopped after 2 of 6 pictures. The same command resumes the export" in capsys.readouterr().err
    monkeypatch.undo()
    assert run(build_app(), [*words, "--dry-run"]) == 0
    assert "interrupted after 2 of 6 pictures; this one resumes it" in capsys.readouterr().out
    assert run(build_app(), words) == 0
    said = capsys.readouterr()
    assert "--anew" in said.err and "2 pictures had been written before" in said.out
    assert run(build_app(), [*words, "--anew", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reused"] == 0
