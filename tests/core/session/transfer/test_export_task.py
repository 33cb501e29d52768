"""Tests of exports while the project, its classes or its files change, and of unusual names."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.errors import FormatError
from core.formats.dataset_tree import DatasetTree
from core.formats.readers.masks import open_dataset
from core.formats.writers.dataset_card import CARD_FILE
from core.formats.writers.resize_and_tile import ResizeOptions
from core.project.project import Project
from core.session.transfer.export_plan import ExportOptions, plan_export
from core.session.transfer.export_run import run_export
from core.session.transfer.import_run import import_dataset, store_label
from tests.factories import label_all, picture, project_in, truth


def labelled_project(folder: Path, count: int = 3) -> Project:
    project = project_in(folder, count)
    label_all(project, project.pictures.all())
    return project


@pytest.mark.parametrize("moved_at", [None, 1], ids=["before the export", "during the export"])
def test_labels_are_never_exported_after_classes_changed(tmp_path: Path, moved_at: int | None) -> None:
    with labelled_project(tmp_path / "pictures") as project:
        plan = plan_export(project, ExportOptions(tmp_path / "out"))
        if moved_at is None:
            project.classes.change_value(2, 7)

        def renumber(done: int, _of: int) -> None:
            if done == moved_at:
                project.classes.change_value(2, 7)

        with pytest.raises(FormatError, match="The classes have changed meanwhile"):
            run_export(project, plan, renumber)
        assert not (tmp_path / "out").exists()
        assert run_export(project, plan_export(project, ExportOptions(tmp_path / "out"))).problems == ()
    (tmp_path / "again").mkdir()
    with Project.open(tmp_path / "again") as again:
        assert import_dataset(again, open_dataset(DatasetTree(tmp_path / "out"))).labels == 3
        for record in again.pictures.all():
            np.testing.assert_array_equal(
                again.labels.read(record.id, 96, 64), np.where(truth() == 2, 7, truth())
            )


def test_label_of_a_picture_that_was_missing_is_exported_or_named(tmp_path: Path) -> None:
    with labelled_project(tmp_path / "pictures") as project:
        project.pictures.set_problems(
            {1: "p0.png is not there any more.", 2: "p1.png is not there any more."}
        )
        (tmp_path / "pictures" / "p1.png").unlink()  # p0.png is back
        plan = plan_export(project, ExportOptions(tmp_path / "out"))
        report = run_export(project, plan)
    assert (plan.labelled, report.pictures, len(report.problems)) == (3, 2, 1)
    assert "p1.png" in report.problems[0]


def test_long_names_are_cut_between_characters_and_stay_unique(tmp_path: Path) -> None:
    paths = [f"{folder * 60}/{'图' * 80}.png" for folder in "甲乙"]
    with project_in(tmp_path / "pictures", 0) as project:
        for path in paths:
            (tmp_path / "pictures" / path).parent.mkdir()
            Image.fromarray(picture()).save(tmp_path / "pictures" / path)
        for record in project.pictures.add(paths):
            project.pictures.set_size(record.id, 96, 64)
        label_all(project, project.pictures.all())
        report = run_export(project, plan_export(project, ExportOptions(tmp_path / "out")))
    assert (report.pictures, report.problems) == (2, ())
    names = {p.stem for p in (tmp_path / "out" / "masks" / "unsplit").iterdir()}
    assert names == {"甲" * 50, "乙" * 50}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the names of folders are text")
def test_project_folder_with_a_name_that_is_not_utf_8_is_exported(tmp_path: Path) -> None:
    with labelled_project(tmp_path / os.fsdecode(b"caf\xe9")) as project:
        report = run_export(project, plan_export(project, ExportOptions(tmp_path / "out")))
    assert (report.pictures, report.problems) == (3, ())
    assert "caf?" in (tmp_path / "out" / CARD_FILE).read_text("utf-8")


def test_picture_named_like_a_tile_of_another_gets_its_own_name(tmp_path: Path) -> None:
    with project_in(tmp_path / "pictures", 0) as project:
        for name, side in (("a", 64), ("A_y00000_x00032", 32)):
            Image.fromarray(picture(side, side)).save(tmp_path / "pictures" / f"{name}.png")
            record = project.pictures.add([f"{name}.png"])[0]
            project.pictures.set_size(record.id, side, side)
            store_label(project, record, np.full((side, side), 1, np.uint8), "Label", "test")
        plan = plan_export(project, ExportOptions(tmp_path / "out", shape=ResizeOptions(tile=32)))
        run_export(project, plan)
    written = {p.stem for p in (tmp_path / "out" / "images" / "unsplit").iterdir()}
    tiles = {f"a_y{y:05}_x{x:05}" for y in (0, 32) for x in (0, 32)}
    assert (plan.pieces, written) == (5, tiles | {"A_y00000_x00032-1"})
