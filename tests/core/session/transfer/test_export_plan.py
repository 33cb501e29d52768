"""Tests of export options: sizes, tiles, names, lists, both masks; and of the dataset card."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.errors import FormatError
from core.formats.readers.registry import open_dataset
from core.formats.writers.dataset_card import CARD_FILE
from core.formats.writers.registry import EXPORT_FORMATS
from core.formats.writers.resize_and_tile import ResizeOptions
from core.labels.class_list import ClassList
from core.labels.prediction import PredictedMask, write_prediction
from core.project.project import Project
from core.project.records import PictureRecord, Split
from core.session.transfer.export_plan import ExportOptions, plan_export
from core.session.transfer.export_run import ExportReport, run_export
from core.session.transfer.file_names import file_names, safe_name
from core.session.transfer.import_run import import_dataset, store_label
from tests.exported_datasets import UNLABELLED_IS_VOID, VOID_IS_UNLABELLED, hard_label, street
from tests.factories import label_all, picture, project_in, truth


def labelled(folder: Path) -> Project:
    """Three pictures, of train, val and no split; the second predicted as well."""
    project = project_in(folder)
    records = project.pictures.all()
    label_all(project, records)
    for record, split in zip(records, (Split.TRAIN, Split.VAL, None), strict=True):
        project.pictures.set_split([record.id], split)
    run = project.runs.start("{}", "{}", None, 3)
    project.runs.update(run.id, published=1)
    predicted = np.full((64, 96), 2, np.uint8)
    write_prediction(project.prediction_path(2), PredictedMask(predicted, predicted, run.id))
    project.runs.record_prediction(2, run.id, 0.5)
    return project


def odd_project(folder: Path) -> Project:
    """Odd names, a JPEG that EXIF turns, labels with void and all else that is hard; classes that Cityscapes knows."""
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    names = ["a b #1.png", "ünï–图.png", "turned.jpg", "sub/a b #1.png"]
    (folder / "sub").mkdir()
    for number, name in enumerate(names):
        if name == "turned.jpg":
            Image.fromarray(picture(16, 24)).save(folder / name, exif=exif, quality=95)
        else:
            Image.fromarray(picture(24, 16, seed=number)).save(folder / name)
    project = Project.open(folder, purpose="a test")
    project.classes.save(street())
    for record in project.pictures.add(names):
        project.pictures.set_size(record.id, 24, 16)
        store_label(project, project.pictures.get(record.id), hard_label(), "Label", "test")
        project.pictures.set_split([record.id], Split.VAL)
    return project


def exported(project: Project, options: ExportOptions) -> ExportReport:
    return run_export(project, plan_export(project, options))


def tree(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize("name", sorted(EXPORT_FORMATS))
def test_two_exports_are_identical_bytes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with odd_project(tmp_path / "pictures") as project:
        exported(project, ExportOptions(tmp_path / "a", name))
        exported(project, ExportOptions(tmp_path / "b", name))
        first = tree(tmp_path / "a")
        assert first == tree(tmp_path / "b")
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
        exported(project, ExportOptions(tmp_path / "c", name))
    assert "2001-09-09T01:46:40+00:00" in (tmp_path / "c" / CARD_FILE).read_text("utf-8")
    assert {n for n, content in tree(tmp_path / "c").items() if content != first[n]} == {CARD_FILE}


@pytest.mark.parametrize("name", sorted(set(EXPORT_FORMATS) - {"numpy", "one-hot", "webdataset"}))
def test_unusual_names_and_rotated_pictures_keep_their_masks(name: str, tmp_path: Path) -> None:
    with odd_project(tmp_path / "pictures") as project:
        report = exported(project, ExportOptions(tmp_path / "out", name))
    assert (report.pictures, report.problems) == (4, ())
    (tmp_path / "again").mkdir()
    with Project.open(tmp_path / "again") as again:
        back = import_dataset(again, open_dataset(tmp_path / "out"))
        assert (back.pictures, back.labels, back.problems) == (4, 4, ())
        classes = again.classes.read()
        table = np.arange(256, dtype=np.uint8)
        for c in street():
            found = classes.by_name(c.name)
            assert found is not None
            table[c.value] = found.value
        table[255] = 0 if name in VOID_IS_UNLABELLED else 255
        table[0] = 255 if name in UNLABELLED_IS_VOID else 0
        for record in again.pictures.all():
            assert record.split == Split.VAL
            with Image.open(again.picture_path(record.path)) as image:
                assert image.size == (24, 16)
            np.testing.assert_array_equal(again.labels.read(record.id, 24, 16), table[hard_label()])


def test_unusual_names_stay_unique_in_shards(tmp_path: Path) -> None:
    with odd_project(tmp_path / "pictures") as project:
        report = exported(project, ExportOptions(tmp_path / "out", "webdataset"))
    assert (report.pictures, report.problems) == (4, ())
    with tarfile.open(tmp_path / "out" / "val-000000.tar") as shard:
        names = shard.getnames()
        masks = [name for name in names if name.endswith(".mask.png")]
        assert len(set(names)) == len(names) == 12 and len(masks) == 4
        for name in masks:
            content = shard.extractfile(name)
            assert content is not None
            with Image.open(content) as mask:
                np.testing.assert_array_equal(np.asarray(mask), hard_label())
    assert {name.partition(".")[2] for name in names} <= {"png", "jpg", "mask.png", "json"}


def test_tiles_cover_the_picture_and_carry_their_part_of_the_mask(tmp_path: Path) -> None:
    with labelled(tmp_path / "pictures") as project:
        options = ExportOptions(
            tmp_path / "out", shape=ResizeOptions(tile=40, overlap=10), splits=frozenset(["train"])
        )
        plan = plan_export(project, options)
        assert plan.pieces == 6
        report = run_export(project, plan)
    assert (report.pictures, report.pairs) == (1, 1)
    whole, seen = pixels(tmp_path / "pictures" / "p0.png"), np.zeros((64, 96), bool)
    for mask in sorted((tmp_path / "out" / "masks" / "train").iterdir()):
        _, y, x = mask.stem.split("_")
        place = slice(int(y[1:]), int(y[1:]) + 40), slice(int(x[1:]), int(x[1:]) + 40)
        seen[place] = True
        np.testing.assert_array_equal(pixels(mask), truth()[place])
        np.testing.assert_array_equal(pixels(tmp_path / "out" / "images" / "train" / mask.name), whole[place])
    assert seen.all()


def test_unlabelled_tiles_are_left_out_unless_wanted(tmp_path: Path) -> None:
    values = np.zeros((64, 96), np.uint8)
    values[:10, :10] = 1
    with project_in(tmp_path / "pictures", 1) as project:
        store_label(project, project.pictures.all()[0], values, "Label", "test")
        for drop, count in ((True, 1), (False, 6)):
            options = ExportOptions(tmp_path / f"out{count}", shape=ResizeOptions(tile=32, drop_blank=drop))
            exported(project, options)
            assert len(list((tmp_path / f"out{count}" / "masks").rglob("*.png"))) == count


def test_resized_masks_use_nearest_neighbour(tmp_path: Path) -> None:
    with labelled(tmp_path / "pictures") as project:
        exported(project, ExportOptions(tmp_path / "out", shape=ResizeOptions(longest=48)))
    assert pixels(tmp_path / "out" / "images" / "train" / "p0.png").shape == (32, 48, 3)
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "masks" / "train" / "p0.png"), truth(48, 32))


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        (ResizeOptions(tile=4), "at least 16"),
        (ResizeOptions(longest=0), "at least 16"),
        (ResizeOptions(tile=32, overlap=20), "half"),
    ],
)
def test_impossible_sizes_are_refused(shape: ResizeOptions, why: str, tmp_path: Path) -> None:
    with labelled(tmp_path / "pictures") as project, pytest.raises(FormatError, match=why):
        plan_export(project, ExportOptions(tmp_path / "out", shape=shape))


def test_split_lists_replace_split_folders(tmp_path: Path) -> None:
    with labelled(tmp_path / "pictures") as project:
        exported(project, ExportOptions(tmp_path / "out", lists=True))
    assert {p.name for p in (tmp_path / "out" / "masks").iterdir()} == {"p0.png", "p1.png", "p2.png"}
    predicted = {p.stem: p.read_text().split() for p in (tmp_path / "out" / "splits").iterdir()}
    assert predicted == {"train": ["p0"], "val": ["p1"], "unsplit": ["p2"]}


def test_a_format_for_one_mask_gets_two_datasets_for_labels_and_predictions(tmp_path: Path) -> None:
    with labelled(tmp_path / "pictures") as project:
        report = exported(project, ExportOptions(tmp_path / "both", "coco", predictions=True))
        assert (report.pictures, report.pairs, report.predictions) == (3, 3, 1)
        exported(project, ExportOptions(tmp_path / "one", "coco", labels=False, predictions=True))
    both = {p.name for p in (tmp_path / "both").iterdir()}
    assert both == {"labels", "predictions", CARD_FILE, "maskloop-export.json"}
    assert len(list((tmp_path / "both" / "labels" / "images").rglob("*.png"))) == 3
    assert (tmp_path / "one" / "annotations" / "instances_val.json").read_bytes() == (
        tmp_path / "both" / "predictions" / "annotations" / "instances_val.json"
    ).read_bytes()


def test_numpy_files_hold_the_confidence(tmp_path: Path) -> None:
    with labelled(tmp_path / "pictures") as project:
        exported(project, ExportOptions(tmp_path / "out", "numpy", predictions=True))
    for folder in ("predictions", "confidence"):
        assert (np.load(tmp_path / "out" / folder / "val" / "p1.npy", allow_pickle=False) == 2).all()


def test_the_card_counts_what_was_written(tmp_path: Path) -> None:
    with labelled(tmp_path / "pictures") as project:
        exported(project, ExportOptions(tmp_path / "out", "pascal-voc", only_done=False))
        newest = project.journal.latest_edit_time()
    card = (tmp_path / "out" / CARD_FILE).read_text("utf-8")
    assert f"state of {newest}" in card
    for line in (
        "| train | 1 | 1 |",
        "| unsplit | 1 | 1 |",
        "| 1 | grass | #e66e28 | 9,216 | 50.00 % | 3 |",
        "| 255 | (void) |  | 0 | 0.00 % | 0 |",
        "Who labelled the pixels: painted 100.0 %.",
        "- 3 pictures are not JPEGs",
    ):
        assert line in card


def test_plan_reports_losses_and_pixels(tmp_path: Path) -> None:
    with odd_project(tmp_path / "pictures") as project:
        plan = plan_export(project, ExportOptions(tmp_path / "out", "coco"))
    assert plan.pixels == {int(v): 4 * int((hard_label() == v).sum()) for v in np.unique(hard_label()) if v}
    assert plan.losses == (
        "32 void pixels are left out: the format does not distinguish them from unlabelled ones.",
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{split}-{index:04}", ["train-0000", "unsplit-0001"]),
        ("{name}", ["a", "b"]),
        ("x:{name}/y", ["x_a_y", "x_b_y"]),
    ],
)
def test_files_are_named_by_the_pattern(pattern: str, expected: list[str]) -> None:
    records = [PictureRecord(3, "z/a.png", split=Split.TRAIN), PictureRecord(9, "b.png")]
    assert list(file_names(records, pattern).values()) == expected


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("same", "more than one"),
        ("{split}", "more than one"),
        ("{name", "cannot be understood"),
        ("{path}", "may only contain"),
        ("{name.__class__}", "may only contain"),
        ("{index:99999999}", "may only contain"),
        ("{0}", "may only contain"),
    ],
)
def test_patterns_that_cannot_name_files_are_refused(pattern: str, why: str) -> None:
    records = [PictureRecord(1, "a.png"), PictureRecord(2, "b.png")]
    with pytest.raises(FormatError, match=why):
        file_names(records, pattern)


def test_names_are_valid_on_every_file_system() -> None:
    odd = {"CON": "_CON", "nul.x": "_nul.x", 'a<b>|"?': "a_b____", "...": "picture", " a. ": "a", "ü": "ü"}
    assert {name: safe_name(name) for name in odd} == odd


def test_classes_of_one_colour_are_reported() -> None:
    twins = ClassList().with_class("a", (9, 9, 9)).with_class("b", (9, 9, 9))
    from core.formats.writers.base import LabelStatistics

    for name in ("colour-masks", "camvid"):
        assert "same colour" in " ".join(EXPORT_FORMATS[name].writer().losses(twins, LabelStatistics()))
