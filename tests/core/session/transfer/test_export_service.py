"""Tests of exports: a dataset is published whole or not at all, and other files are never touched."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from core.base.errors import Cancelled, FormatError
from core.formats.dataset_tree import DatasetTree
from core.formats.readers.masks import open_dataset
from core.formats.writers.base import NO_SPLIT
from core.formats.writers.dataset_card import CARD_FILE
from core.labels.class_list import ClassList
from core.project.project import Project
from core.project.records import PictureRecord, Split, Status
from core.session.transfer.export_destination import MARKER
from core.session.transfer.export_plan import ExportOptions, plan_export
from core.session.transfer.export_run import ExportReport, run_export
from core.session.transfer.export_service import ExportService
from core.session.transfer.file_names import file_names
from core.session.transfer.import_run import import_dataset, store_label
from tests.factories import label_all, picture, predict, project_in, truth


def labelled_project(folder: Path, count: int = 3) -> Project:
    project = project_in(folder, count)
    records = project.pictures.all()
    label_all(project, records)
    for record, split in zip(records, (Split.TRAIN, Split.VAL, None), strict=False):
        project.pictures.set_split([record.id], split)
    return project


def exported(project: Project, options: ExportOptions) -> ExportReport:
    return run_export(project, plan_export(project, options))


def files(root: Path) -> dict[str, bytes]:
    """All files but the marker and the card that every export carries."""
    return {
        p.relative_to(root).as_posix(): p.read_bytes()
        for p in root.rglob("*")
        if p.is_file() and p.name not in (MARKER, CARD_FILE)
    }


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_pictures_and_masks_are_side_by_side(tmp_path: Path) -> None:
    with labelled_project(tmp_path / "pictures") as project:
        heard: list[tuple[int, int]] = []
        plan = plan_export(project, ExportOptions(tmp_path / "deep" / "out"))
        assert (len(plan.records), plan.labelled, plan.predicted) == (3, 3, 0)
        assert not (tmp_path / "deep").exists()
        report = run_export(project, plan, lambda done, of: heard.append((done, of)))
        assert report == ExportReport(tmp_path / "deep" / "out", 3, 3, 0, ())
        assert heard == [(1, 3), (2, 3), (3, 3)]
    assert set(files(report.out)) == {
        "classes.json",
        *(
            f"{kind}/{name}.png"
            for kind in ("images", "masks")
            for name in ("train/p0", "val/p1", "unsplit/p2")
        ),
    }
    assert [p.name for p in report.out.parent.iterdir()] == ["out"]
    original = (tmp_path / "pictures" / "p1.png").read_bytes()
    assert (report.out / "images" / "val" / "p1.png").read_bytes() == original
    np.testing.assert_array_equal(pixels(report.out / "masks" / "train" / "p0.png"), truth())
    rows = json.loads((report.out / "classes.json").read_text("utf-8"))["classes"]
    assert [(row["index"], row["name"]) for row in rows] == [(1, "grass"), (2, "roof")]


labels = arrays.arrays(
    np.uint8, st.tuples(st.integers(1, 300), st.integers(1, 40)), elements=st.integers(0, 255)
)


@settings(max_examples=12, deadline=None)
@given(st.lists(labels, min_size=1, max_size=3))
def test_exported_masks_are_read_back_unchanged(masks: list[np.ndarray]) -> None:
    everything = ClassList()
    for value in range(1, 255):
        everything = everything.with_class(f"class {value}", value=value)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        (root / "one").mkdir()
        (root / "two").mkdir()
        with Project.open(root / "one") as project:
            project.classes.save(everything)
            for number, mask in enumerate(masks):
                height, width = mask.shape
                Image.fromarray(picture(width, height)).save(root / "one" / f"{number}.png")
                record = project.pictures.add([f"{number}.png"])[0]
                project.pictures.set_size(record.id, width, height)
                store_label(project, project.pictures.get(record.id), mask, "Label", "test")
            if not any(mask.any() for mask in masks):
                with pytest.raises(FormatError, match="nothing to export"):
                    plan_export(project, ExportOptions(root / "out"))
                return
            exported(project, ExportOptions(root / "out"))
        with Project.open(root / "two") as again:
            report = import_dataset(again, open_dataset(DatasetTree(root / "out")))
            assert report.problems == ()
            assert again.classes.read() == everything
            for number, mask in enumerate(masks):
                if mask.any():
                    record = again.pictures.by_path(f"unsplit/{number}.png")
                    found = again.labels.read(record.id, mask.shape[1], mask.shape[0])
                    np.testing.assert_array_equal(found, mask)


def test_masks_have_the_colours_of_the_classes(tmp_path: Path) -> None:
    with labelled_project(tmp_path / "pictures", 1) as project:
        report = exported(project, ExportOptions(tmp_path / "out", "colour-masks"))
        palette = project.classes.read().palette()
    np.testing.assert_array_equal(pixels(report.out / "masks" / "train" / "p0.png"), palette[truth()])


def test_only_chosen_pictures_are_exported(tmp_path: Path) -> None:
    with labelled_project(tmp_path / "pictures") as project:
        project.pictures.set_status([1], Status.DONE)
        predict(project, 2)
        for options, expected in (
            (
                ExportOptions(tmp_path / "a", splits=frozenset(["val", NO_SPLIT])),
                {"masks/val/p1", "masks/unsplit/p2"},
            ),
            (ExportOptions(tmp_path / "b", only_done=True), {"masks/train/p0"}),
            (ExportOptions(tmp_path / "c", labels=False, predictions=True), {"predictions/val/p1"}),
            (
                ExportOptions(tmp_path / "d", predictions=True, splits=frozenset(["val"])),
                {"masks/val/p1", "predictions/val/p1"},
            ),
        ):
            report = exported(project, options)
            found = {name for name in files(report.out) if not name.startswith("images")} - {"classes.json"}
            assert found == {f"{name}.png" for name in expected}
            assert report.pictures == len({Path(name).name for name in expected})
    assert (pixels(tmp_path / "d" / "predictions" / "val" / "p1.png") == 2).all()


def test_nothing_to_export_is_refused(tmp_path: Path) -> None:
    with project_in(tmp_path / "pictures") as project:
        with pytest.raises(FormatError, match="none of the pictures has a label"):
            plan_export(project, ExportOptions(tmp_path / "out"))
        with pytest.raises(FormatError, match="none of the pictures has a prediction"):
            plan_export(project, ExportOptions(tmp_path / "out", labels=False, predictions=True))
    assert not (tmp_path / "out").exists()


def test_folder_with_other_files_is_refused_and_unchanged(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    (out / "classes.json").write_text('{"classes": []}')
    before = files(out)
    with labelled_project(tmp_path / "pictures") as project, pytest.raises(FormatError, match="not empty"):
        exported(project, ExportOptions(out))
    assert files(out) == before


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with labelled_project(tmp_path / "pictures") as project:
        with pytest.raises(FormatError, match="is a file"):
            plan_export(project, ExportOptions(tmp_path / "out"))
        with pytest.raises(FormatError, match="could not be written"):
            exported(project, ExportOptions(tmp_path / "out" / "below"))
    assert (tmp_path / "out").read_text() == "a file"


@pytest.mark.parametrize(
    "place", [".", "..", "out", ".maskloop", ".maskloop/out", "../pictures", "../x/../pictures/y"]
)
def test_project_folder_is_refused(place: str, tmp_path: Path) -> None:
    with (
        labelled_project(tmp_path / "pictures") as project,
        pytest.raises(FormatError, match="of the project"),
    ):
        plan_export(project, ExportOptions(tmp_path / "pictures" / place))
    assert not (tmp_path / "pictures" / "out").exists()


def test_empty_folder_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with labelled_project(tmp_path / "pictures") as project:
        assert exported(project, ExportOptions(tmp_path / "out")).pairs == 3


def test_a_second_export_replaces_the_first_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with labelled_project(tmp_path / "pictures") as project:
        exported(project, ExportOptions(out))
        (out / ".DS_Store").write_bytes(b"a desktop was here")
        exported(project, ExportOptions(out, splits=frozenset(["val"])))
    assert set(files(out)) == {"classes.json", "images/val/p1.png", "masks/val/p1.png"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "pictures"]


def test_export_with_added_files_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with labelled_project(tmp_path / "pictures") as project:
        exported(project, ExportOptions(out))
        Project.open(out).close()
        before = files(out)
        with pytest.raises(FormatError, match="more than an export"):
            plan_export(project, ExportOptions(out))
    assert files(out) == before


def test_an_export_that_is_cancelled_at_once_leaves_nothing(tmp_path: Path) -> None:
    with labelled_project(tmp_path / "pictures") as project:
        plan = plan_export(project, ExportOptions(tmp_path / "new" / "folders" / "out"))
        with pytest.raises(Cancelled):
            run_export(project, plan, cancelled=lambda: True)
        assert [p.name for p in tmp_path.iterdir()] == ["pictures"]


def test_a_cancelled_export_leaves_the_earlier_one(tmp_path: Path) -> None:
    with labelled_project(tmp_path / "pictures") as project:
        exported(project, ExportOptions(tmp_path / "out"))
        before = files(tmp_path / "out")
        with pytest.raises(Cancelled):
            run_export(project, plan_export(project, ExportOptions(tmp_path / "out")), cancelled=lambda: True)
    assert files(tmp_path / "out") == before


def test_picture_rotated_by_exif_is_upright_and_fits_its_mask(tmp_path: Path) -> None:
    lying = picture(96, 64)
    exif = Image.Exif()
    exif[0x0112] = 6
    with project_in(tmp_path / "pictures", 0) as project:
        Image.fromarray(lying).save(tmp_path / "pictures" / "t.jpg", exif=exif, quality=95)
        record = project.pictures.add(["t.jpg"])[0]
        project.pictures.set_size(record.id, 64, 96)
        store_label(project, project.pictures.get(record.id), truth(64, 96), "Label", "test")
        report = exported(project, ExportOptions(tmp_path / "out"))
    shown = pixels(report.out / "images" / "unsplit" / "t.png")
    mask = pixels(report.out / "masks" / "unsplit" / "t.png")
    assert shown.shape == (96, 64, 3)
    assert mask.shape == (96, 64)
    upright = np.rot90(lying, -1)
    assert np.abs(shown.astype(int) - upright).mean() < 12
    np.testing.assert_array_equal(mask, truth(64, 96))


def test_pictures_of_one_name_get_unique_names(tmp_path: Path) -> None:
    paths = ["east/a.png", "west/a.png", "b.png", "b.bmp", "west__a.png", "c.png"]
    with project_in(tmp_path / "pictures", 0, tuple("abcdef")) as project:
        for number, path in enumerate(paths):
            place = tmp_path / "pictures" / path
            place.parent.mkdir(exist_ok=True)
            Image.fromarray(picture(seed=number)).save(place)
        for number, record in enumerate(project.pictures.add(paths)):
            project.pictures.set_size(record.id, 96, 64)
            values = np.full((64, 96), number + 1, np.uint8)
            store_label(project, project.pictures.get(record.id), values, "Label", "test")
        report = exported(project, ExportOptions(tmp_path / "out"))
    assert (report.pictures, report.pairs) == (6, 6)
    masks = {p.stem: int(pixels(p)[0, 0]) for p in (report.out / "masks" / "unsplit").iterdir()}
    assert sorted(masks.values()) == [1, 2, 3, 4, 5, 6]
    for image in (report.out / "images" / "unsplit").iterdir():
        original = tmp_path / "pictures" / paths[masks[image.stem] - 1]
        assert image.read_bytes() == original.read_bytes()
    assert masks["c"] == 6
    assert masks["east__a"] == 1


parts = st.text("aA1_-.", min_size=1, max_size=3).filter(lambda part: part.strip("."))
paths_of_pictures = st.builds(
    lambda folders, stem, suffix: "/".join([*folders, stem]) + suffix,
    st.lists(parts, max_size=2),
    parts,
    st.sampled_from([".png", ".jpg"]),
)


@given(st.lists(paths_of_pictures, unique=True, max_size=8))
def test_names_are_unique(paths: list[str]) -> None:
    records = tuple(PictureRecord(number + 1, path) for number, path in enumerate(paths))
    names = file_names(records)
    assert set(names) == {r.id for r in records}
    assert len({name.casefold() for name in names.values()}) == len(records)
    assert not any("/" in name for name in names.values())


def test_pictures_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with labelled_project(tmp_path / "pictures") as project:
        (tmp_path / "pictures" / "p0.png").unlink()
        Image.fromarray(picture(48, 32)).save(tmp_path / "pictures" / "p1.png")
        report = exported(project, ExportOptions(tmp_path / "out"))
    assert (report.pictures, report.pairs, len(report.problems)) == (1, 1, 2)
    assert "p0.png" in report.problems[0]
    assert "now 48 x 32 pixels, but it was 96 x 64" in report.problems[1]
    assert set(files(report.out)) == {"classes.json", "images/unsplit/p2.png", "masks/unsplit/p2.png"}


def test_failed_export_keeps_the_earlier_one(tmp_path: Path) -> None:
    with labelled_project(tmp_path / "pictures") as project:
        exported(project, ExportOptions(tmp_path / "out"))
        before = files(tmp_path / "out")
        for number in range(3):
            (tmp_path / "pictures" / f"p{number}.png").unlink()
        with pytest.raises(FormatError, match=r"left as it is.*p0\.png"):
            exported(project, ExportOptions(tmp_path / "out"))
    assert files(tmp_path / "out") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "pictures"]


@pytest.mark.parametrize("loss", ["emptied", "damaged", "other size"])
def test_label_is_exported_without_a_lost_prediction(loss: str, tmp_path: Path) -> None:
    with labelled_project(tmp_path / "pictures") as project:
        predict(project, 1, np.full((10, 10), 1, np.uint8) if loss == "other size" else None)
        if loss == "emptied":
            project.prediction_path(1).unlink()
        if loss == "damaged":
            project.prediction_path(1).write_bytes(b"\x89PNG\r\n\x1a\n")
        report = exported(project, ExportOptions(tmp_path / "out", predictions=True))
        assert (report.pictures, report.pairs, report.predictions) == (3, 3, 0)
        assert len(report.problems) == 1
        with pytest.raises(FormatError, match="Nothing could be exported"):
            exported(project, ExportOptions(tmp_path / "other", labels=False, predictions=True))
    assert not (tmp_path / "other").exists()


def test_prediction_of_a_picture_of_unknown_size_is_exported(tmp_path: Path) -> None:
    with project_in(tmp_path / "pictures", 1) as project:
        Image.fromarray(picture()).save(tmp_path / "pictures" / "new.png")
        record = project.pictures.add(["new.png"])[0]
        predict(project, record.id)
        report = exported(project, ExportOptions(tmp_path / "out", labels=False, predictions=True))
    assert (report.pictures, report.predictions, report.problems) == (1, 1, ())


def test_service_exports_in_the_background(tmp_path: Path) -> None:
    with labelled_project(tmp_path / "pictures") as project:
        exporting = ExportService(project.home)
        try:
            plan = exporting.plan(ExportOptions(tmp_path / "out")).result(10)
            project.pictures.set_status([1], Status.DONE)  # the writer is not held up by the reader
            assert exporting.run(plan, lambda done, of: None).result(10).pairs == 3
            stopped = exporting.run(
                replace(plan, options=ExportOptions(tmp_path / "two")), lambda *_: exporting.cancel()
            )
            with pytest.raises(Cancelled):
                stopped.result(10)
            assert sorted(p.name for p in tmp_path.iterdir()) == [".two.unfinished", "out", "pictures"]
            exporting.discard(tmp_path / "two").result(10)
        finally:
            exporting.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "pictures"]
