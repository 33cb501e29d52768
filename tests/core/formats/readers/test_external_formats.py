"""Datasets in the formats of other programs are recognised and read to the same pixels; malformed ones are reported."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.base.errors import FormatError
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import ClassTarget, Dataset, LoadedMask
from core.formats.readers.registry import (
    IMPORT_FORMATS,
    importable_formats,
    open_dataset,
    other_candidates,
    recognise_all,
)
from core.labels.class_list import VOID
from core.project.project import Project
from core.project.records import Status
from core.session.loading.folder_scan import list_pictures
from core.session.transfer.excluded_masks import read_excluded
from core.session.transfer.import_plan import ClassChoice
from core.session.transfer.import_run import import_dataset
from tests import dataset_files, external_datasets
from tests.dataset_files import RIGHT
from tests.external_datasets import EXTERNAL_DATASETS, IMAGE_PAIRS, ExternalDataset
from tests.factories import picture


def names_of(dataset: Dataset, mask: LoadedMask) -> np.ndarray:
    """(H, W) class names instead of values."""
    names = np.array(
        ["(none)", *(c.name for c in dataset.classes), *["?"] * (255 - len(dataset.classes))], object
    )
    names[VOID] = "void"
    return names[mask.values]


def read(dataset: Dataset, place: int = 0) -> LoadedMask:
    reader = dataset.samples[place].read_mask
    assert reader is not None
    return reader()


@pytest.mark.parametrize(
    "form", EXTERNAL_DATASETS, ids=[f"{n}-{f.format}" for n, f in enumerate(EXTERNAL_DATASETS)]
)
def test_each_format_is_recognised_and_read(form: ExternalDataset, tmp_path: Path) -> None:
    form.write(tmp_path)
    said = recognise_all(DatasetTree(tmp_path))
    assert said[0].format == form.format
    assert 0 < said[0].confidence <= 1
    assert said[0].reason.endswith(".")
    dataset = open_dataset(tmp_path)
    assert dataset.recognition == said[0]
    np.testing.assert_array_equal(names_of(dataset, read(dataset)), np.where(RIGHT, form.right, form.left))
    sample = dataset.samples[0]
    assert (sample.split, sample.tags) == (form.split, form.tags)
    assert sample.picture.is_file()
    assert all(source.is_file() for source in sample.sources)
    assert dataset.problems == () or form.format == "oxford-pet"


def test_every_import_format_is_tested_here() -> None:
    tried = {form.format for form in (*EXTERNAL_DATASETS, IMAGE_PAIRS)} | {
        "masks",
        "cityscapes-30",
        "cityscapes-34",
    }
    assert {row.name for row in importable_formats()} == tried


def test_image_pairs_are_split_and_colours_matched(tmp_path: Path) -> None:
    IMAGE_PAIRS.write(tmp_path)
    dataset = open_dataset(tmp_path)
    assert dataset.recognition.format == "cityscapes-pairs"
    mask = read(dataset)
    assert mask.values.shape == (64, 64)
    assert 0.8 < mask.confidence < 1
    names = names_of(dataset, mask)
    assert set(np.unique(names)) == {"road", "car"}, "the smeared edge belongs to the areas beside it"
    assert (names[:, :24] == "road").all()
    with Project.open(_folder(tmp_path / "mine")) as project:
        report = import_dataset(project, dataset)
        assert report.problems == ()
        assert set(report.uncertain) == {"train/1.png", "val/1.png"}
        record = project.pictures.by_path("train/1.png")
        assert (record.width, record.height, record.split) == (64, 64, "train")
        with (
            Image.open(tmp_path / "train" / "1.jpg") as both,
            Image.open(tmp_path / "mine" / "train" / "1.png") as cut,
        ):
            np.testing.assert_array_equal(np.asarray(cut), np.asarray(both)[:, :64])


def test_image_pairs_cannot_be_imported_in_place(tmp_path: Path) -> None:
    IMAGE_PAIRS.write(tmp_path)
    with Project.open(tmp_path) as project, pytest.raises(FormatError, match="another folder"):
        import_dataset(project, open_dataset(tmp_path))


@pytest.mark.parametrize(("count", "kept"), [(19, 19), (30, 30), (34, 34)])
def test_cityscapes_has_three_class_sets(count: int, kept: int, tmp_path: Path) -> None:
    EXTERNAL_DATASETS[0].write(tmp_path)
    name = "cityscapes" if count == 19 else f"cityscapes-{count}"
    dataset = open_dataset(tmp_path, name)
    assert sum(c.target == ClassTarget.CLASS for c in dataset.classes) == kept


def test_classes_are_mapped_by_an_import(tmp_path: Path) -> None:
    next(f for f in EXTERNAL_DATASETS if f.format == "coco").write(tmp_path)
    choices = {
        "ROOF": ClassChoice(ClassTarget.CLASS, "building"),
        "everything else": ClassChoice(ClassTarget.CLASS, "ground"),
        "street": ClassChoice(ClassTarget.SKIP),
    }
    with Project.open(_folder(tmp_path / "mine")) as project:
        report = import_dataset(project, open_dataset(tmp_path), choices=choices)
        assert set(report.classes) == {"roof", "everything else"}
        classes = project.classes.read()
        assert sorted(c.name for c in classes) == ["building", "ground"]
        values = project.labels.read(1, 24, 16)
        assert {classes.name_of(int(v)) for v in np.unique(values[RIGHT])} == {"building"}
        assert {classes.name_of(int(v)) for v in np.unique(values[~RIGHT])} == {"ground"}
    with pytest.raises(FormatError, match="no class “sky”"), Project.open(tmp_path / "mine") as project:
        import_dataset(project, open_dataset(tmp_path), choices={"sky": ClassChoice(ClassTarget.VOID)})


def test_label_and_tags_are_imported_as_one_edit(tmp_path: Path) -> None:
    next(f for f in EXTERNAL_DATASETS if f.format == "labelme").write(tmp_path)
    with Project.open(_folder(tmp_path / "mine")) as project:
        import_dataset(project, open_dataset(tmp_path))
        record = project.pictures.get(1)
        assert record.tags == ("night",)
        assert record.is_labelled
        project.journal.undo(1)
        record = project.pictures.get(1)
        assert (record.tags, record.is_labelled) == ((), False)


def test_smaller_objects_cover_larger_ones(tmp_path: Path) -> None:
    dataset_files.photo(tmp_path / "a.jpg")
    small = {"label": "chimney", "shape_type": "rectangle", "points": [[14, 2], [18, 6]]}
    content = external_datasets.labelme({"shape_type": "polygon", "points": external_datasets.BOX})
    content["shapes"].insert(0, small)
    dataset_files.write_json(tmp_path / "a.json", content)
    dataset = open_dataset(tmp_path)
    names = names_of(dataset, read(dataset))
    assert (names[2:6, 14:18] == "chimney").all()
    assert (names == "chimney").sum() == 16
    assert any("smaller ones cover" in note for note in dataset.notes)


def test_hole_is_not_part_of_the_object(tmp_path: Path) -> None:
    hole = [[14, 2], [18, 2], [18, 6], [14, 6]]
    geometry = {"geometryType": "polygon", "points": {"exterior": external_datasets.BOX, "interior": [hole]}}
    external_datasets._supervisely(geometry)(tmp_path)
    names = names_of(dataset := open_dataset(tmp_path), read(dataset))
    assert (names[2:6, 14:18] == external_datasets.REST).all()
    assert (names == "roof").sum() == 12 * 16 - 16


# Pictures and masks in folders of any name


@pytest.mark.parametrize(
    ("shot", "mask"),
    [
        ("a.jpg", "a_mask.png"),
        ("img/a.jpg", "gt/a.png"),
        ("train/images/a.jpg", "train/labels/a_L.png"),
        ("JPEG/a.JPG", "Annotations/a.bmp"),
        ("train/a.jpg", "train_masks/a.tif"),
        ("data/imgs/a.jpg", "data/segmentations/a.gif"),
        ("my pictures/a.jpg", "my ground-truth/a.png"),
        ("val_img/a.jpg", "val_mask/a.png"),
    ],
)
def test_masks_are_paired_by_common_names(shot: str, mask: str, tmp_path: Path) -> None:
    dataset_files.photo(tmp_path / shot)
    dataset_files.grey(tmp_path / mask, 0, 1)
    dataset = open_dataset(tmp_path, "mask-folders")
    assert [s.picture for s in dataset.samples] == [tmp_path / shot]
    np.testing.assert_array_equal(
        names_of(dataset, read(dataset)), np.where(RIGHT, "foreground", "background")
    )
    assert "belong to pictures of the same name" in dataset.notes[0]


def test_unnamed_values_become_classes_with_the_same_index(tmp_path: Path) -> None:
    for number, (left, right) in enumerate(((10, 40000), (10, 500))):
        dataset_files.photo(tmp_path / "images" / f"{number}.jpg")
        dataset_files.grey(tmp_path / "masks" / f"{number}.png", left, right, np.uint16)
    dataset = open_dataset(tmp_path)
    assert [(c.index, c.name) for c in dataset.classes] == [
        (10, "class 10"),
        (500, "class 500"),
        (40000, "class 40000"),
    ]
    assert "10, 500, 40000" in " ".join(dataset.notes)


def test_unknown_colours_are_reported_and_stay_unlabelled(tmp_path: Path) -> None:
    external_datasets._tiles(tmp_path)
    path = tmp_path / "Tile 1" / "masks" / "image_part_001.png"
    pixels = dataset_files.colours((132, 41, 246), (60, 16, 152))
    pixels[0, 0] = (1, 2, 3)
    Image.fromarray(pixels).save(path)
    mask = read(open_dataset(tmp_path))
    assert mask.values[0, 0] == 0
    assert "#010203" in mask.notes[0]


def test_jpeg_masks_are_thresholded(tmp_path: Path) -> None:
    dataset_files.photo(tmp_path / "images" / "a.jpg")
    path = tmp_path / "masks" / "a.jpg"
    path.parent.mkdir()
    Image.fromarray(np.where(RIGHT, 255, 0).astype(np.uint8)).save(path, quality=60)
    dataset = open_dataset(tmp_path)
    names = names_of(dataset, read(dataset))
    assert set(np.unique(names)) <= {"background", "foreground", "void"}
    assert (names[:, :8] == "background").all()


def test_equal_names_in_different_folders_stay_separate(tmp_path: Path) -> None:
    external_datasets._tiles(tmp_path)
    with Project.open(_folder(tmp_path / "mine")) as project:
        report = import_dataset(project, open_dataset(tmp_path))
        assert (report.pictures, report.labels, report.problems) == (2, 2, ())


# Malicious and malformed files


@pytest.mark.parametrize("name", ["/etc/passwd", "../../secret.jpg", "..\\..\\secret.jpg", "C:/secret.jpg"])
def test_file_names_in_annotations_cannot_leave_the_folder(name: str, tmp_path: Path) -> None:
    dataset_files.photo(tmp_path / "secret.jpg")
    dataset_files.photo(tmp_path / "set" / "val2017" / "a.jpg")
    dataset_files.write_json(
        tmp_path / "set" / "instances_val2017.json",
        external_datasets.coco_table([external_datasets.FLAT], name),
    )
    with pytest.raises(FormatError, match="does not exist"):
        open_dataset(tmp_path / "set", "coco")


@pytest.mark.parametrize(
    "xml",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        + external_datasets.cvat("<tag label='&x;'/>").split("\n", 1)[1],
        '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]>'
        + external_datasets.cvat("<tag label='&y;'/>").split("\n", 1)[1],
    ],
    ids=["outside entity", "entities that grow"],
)
def test_xml_entities_are_refused(xml: str, tmp_path: Path) -> None:
    dataset_files.photo(tmp_path / "a.jpg")
    dataset_files.write_text(tmp_path / "annotations.xml", xml)
    with pytest.raises(FormatError, match="is not valid XML"):
        open_dataset(tmp_path, "cvat")


def _bad_codes() -> dict[str, ExternalDataset]:
    size = [16, 24]
    runs = {"size": size, "counts": [10, 5]}
    beyond = {"size": size, "counts": "0" + "o" * 9}
    bomb = base64_of(zlib.compress(b"\0" * (80 << 20)))
    giant = {
        "origin": [0, 0],
        "data": base64_of(zlib.compress(b"\x89PNG\r\n\x1a\n" + b"\0" * 8 + b"\x7f\xff\xff\xff" * 2)),
    }
    return {
        "runs that do not fill": ExternalDataset("coco", external_datasets._coco(runs), "", ""),
        "a code past the picture": ExternalDataset("coco", external_datasets._coco(beyond), "", ""),
        "a code of another size": ExternalDataset(
            "coco", external_datasets._coco({**dataset_files.compressed(RIGHT), "size": [24, 16]}), "", ""
        ),
        "an outline of two corners": ExternalDataset(
            "datumaro", external_datasets._datumaro({"type": "polygon", "points": [1, 2, 3, 4]}), "", ""
        ),
        "numbers that are none": ExternalDataset(
            "datumaro", external_datasets._datumaro({"type": "polygon", "points": [float("nan")] * 6}), "", ""
        ),
        "rows that do not fill": ExternalDataset(
            "cvat",
            external_datasets._cvat('<mask label="roof" rle="1,2" left="0" top="0" width="9" height="9"/>'),
            "",
            "",
        ),
        "a bitmap that unpacks for ever": ExternalDataset(
            "supervisely",
            external_datasets._supervisely(
                {"geometryType": "bitmap", "bitmap": {"origin": [0, 0], "data": bomb}}
            ),
            "",
            "",
        ),
        "a giant PNG inside": ExternalDataset(
            "supervisely", external_datasets._supervisely({"geometryType": "bitmap", "bitmap": giant}), "", ""
        ),
        "a brush cut short": ExternalDataset(
            "label-studio",
            external_datasets._label_studio("brushlabels", {"rle": external_datasets.brush_code(RIGHT)[:9]}),
            "",
            "",
        ),
    }


def base64_of(content: bytes) -> str:
    import base64

    return base64.b64encode(content).decode()


@pytest.mark.parametrize("what", _bad_codes())
def test_malformed_annotation_is_reported(what: str, tmp_path: Path) -> None:
    form = _bad_codes()[what]
    form.write(tmp_path)
    with Project.open(_folder(tmp_path / "mine")) as project:
        try:
            dataset = open_dataset(tmp_path, form.format)
        except FormatError as problem:
            told = str(problem)  # found while the dataset was opened; it was the only picture
        else:
            (told,) = import_dataset(project, dataset).problems
        assert str(tmp_path) in told
        assert told.endswith(".")


def test_deeply_nested_json_is_refused(tmp_path: Path) -> None:
    dataset_files.photo(tmp_path / "a.jpg")
    dataset_files.write_text(tmp_path / "a.json", '{"shapes": ' + "[" * 100_000 + '"imagePath"')
    with pytest.raises(FormatError):
        open_dataset(tmp_path, "labelme")


# Recognition and repeated import


def test_folder_that_is_not_a_dataset_is_refused(tmp_path: Path) -> None:
    dataset_files.photo(tmp_path / "a.jpg")
    with pytest.raises(FormatError, match="No dataset format was recognised"):
        open_dataset(tmp_path)
    with pytest.raises(FormatError, match="There is no folder"):
        open_dataset(tmp_path / "missing")


@pytest.mark.parametrize("name", [row.name for row in importable_formats()])
def test_every_reader_refuses_a_folder_of_pictures(name: str, tmp_path: Path) -> None:
    dataset_files.photo(tmp_path / "a.jpg")
    with pytest.raises(FormatError) as caught:
        open_dataset(tmp_path, name)
    assert str(caught.value).endswith((".", "pairs."))


def test_format_with_the_highest_confidence_is_used(tmp_path: Path) -> None:
    dataset_files.photo(tmp_path / "a.jpg")
    dataset_files.write_json(
        tmp_path / "a.json",
        external_datasets.labelme({"shape_type": "polygon", "points": external_datasets.BOX}),
    )
    dataset_files.write_json(tmp_path / "coco.json", external_datasets.coco_table([external_datasets.FLAT]))
    said = recognise_all(DatasetTree(tmp_path))
    assert [r.format for r in said] == ["coco", "labelme"]
    assert other_candidates(said) == "Other candidates: labelme (92 %)."


def test_repeated_import_reads_only_what_changed(tmp_path: Path) -> None:
    for number in range(3):
        dataset_files.photo(tmp_path / "set" / "images" / f"{number}.jpg", seed=number)
        dataset_files.grey(tmp_path / "set" / "masks" / f"{number}.png", 0, 1)
    with Project.open(_folder(tmp_path / "mine")) as project:
        assert import_dataset(project, open_dataset(tmp_path / "set")).labels == 3
        project.journal.undo(2)
        (tmp_path / "mine" / "images" / "2.jpg").unlink()
        again = import_dataset(project, open_dataset(tmp_path / "set"))
        assert (again.pictures, again.skipped) == (2, 1)
        assert project.pictures.get(2).is_labelled
        assert (tmp_path / "mine" / "images" / "2.jpg").exists()


def test_masks_of_a_dataset_imported_in_place_are_not_listed_as_pictures(tmp_path: Path) -> None:
    dataset_files.photo(tmp_path / "img" / "a.jpg")
    dataset_files.grey(tmp_path / "gt" / "a.png", 0, 1)
    dataset_files.grey(tmp_path / "gt" / "other.png", 0, 1)
    dataset_files.photo(tmp_path / "img" / "new.jpg")
    with Project.open(tmp_path) as project:
        (taken_for_a_picture,) = project.pictures.add(["gt/a.png"])
        import_dataset(project, open_dataset(tmp_path))
        assert list(list_pictures(tmp_path, read_excluded(project))) == ["img/a.jpg", "img/new.jpg"]
        assert project.pictures.get(taken_for_a_picture.id).status == Status.SKIPPED
        assert project.pictures.by_path("img/a.jpg").is_labelled


def test_masks_beside_pictures_are_not_listed_as_pictures(tmp_path: Path) -> None:
    dataset_files.photo(tmp_path / "a.jpg")
    dataset_files.grey(tmp_path / "a_mask.png", 0, 1)
    with Project.open(tmp_path) as project:
        import_dataset(project, open_dataset(tmp_path))
        dataset_files.photo(tmp_path / "b.jpg")
        assert list(list_pictures(tmp_path, read_excluded(project))) == ["a.jpg", "b.jpg"]
        project.set_fact("masks", "{")
        assert "a_mask.png" in list(list_pictures(tmp_path, read_excluded(project)))


def test_mask_dataset_with_colour_masks_is_recognised(tmp_path: Path) -> None:
    assert json.dumps(sorted(IMPORT_FORMATS)) == json.dumps(sorted(set(IMPORT_FORMATS)))
    dataset_files.photo(tmp_path / "images" / "a.png")
    Image.fromarray(picture(24, 16)).save(tmp_path / "images" / "a.png")
    dataset_files.coloured(tmp_path / "masks" / "a.png", (1, 2, 3), (4, 5, 6))
    rows = [
        {"index": 1, "name": "street", "color": [1, 2, 3]},
        {"index": 2, "name": "roof", "color": [4, 5, 6]},
    ]
    dataset_files.write_json(tmp_path / "classes.json", {"classes": rows})
    dataset = open_dataset(tmp_path)
    assert dataset.recognition.format == "masks"
    np.testing.assert_array_equal(names_of(dataset, read(dataset)), np.where(RIGHT, "roof", "street"))


def _folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path
