"""Export and re-import in every format gives the same pixels, except for the announced losses."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from core.base.errors import FormatError
from core.formats.readers.registry import IMPORT_FORMATS, open_dataset
from core.formats.writers.base import LabelStatistics
from core.formats.writers.registry import EXPORT_FORMATS
from core.labels.class_list import VOID, ClassList
from tests.exported_datasets import (
    READ_AS,
    UNLABELLED_IS_VOID,
    VOID_IS_UNLABELLED,
    announced,
    classes_of,
    hard_label,
    read_labels,
    street,
    write,
)

ROUND_TRIP_FORMATS = sorted(name for name in EXPORT_FORMATS if READ_AS.get(name, name) in IMPORT_FORMATS)


def classes_for(name: str) -> ClassList:
    return street() if name == "cityscapes" else classes_of()


def assert_round_trip(name: str, labels: list[np.ndarray], classes: ClassList) -> None:
    with tempfile.TemporaryDirectory() as place:
        root = write(name, Path(place), labels, classes)
        dataset = open_dataset(root, READ_AS.get(name, name))
        found = read_labels(dataset, classes)
        assert not dataset.problems
        for number, label in enumerate(labels):
            np.testing.assert_array_equal(found[f"p{number}"], announced(name, label))
        assert {s.split for s in dataset.samples} == {"train"}


def test_all_formats_but_arrays_and_webdataset_can_be_imported() -> None:
    assert set(EXPORT_FORMATS) - set(ROUND_TRIP_FORMATS) == {"numpy", "one-hot", "webdataset"}


@pytest.mark.parametrize("name", ROUND_TRIP_FORMATS)
def test_difficult_shapes_survive_a_round_trip(name: str) -> None:
    assert_round_trip(name, [hard_label()], classes_for(name))


noise = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(1, 14), st.integers(1, 14)),
    elements=st.sampled_from([0, 1, 1, 1, 2, 3, VOID]),
).filter(lambda label: (label % VOID).any())


@pytest.mark.parametrize("name", ROUND_TRIP_FORMATS)
def test_random_labels_survive_a_round_trip(name: str) -> None:
    @settings(max_examples=12, deadline=None)
    @given(st.lists(noise, min_size=1, max_size=2))
    def check(labels: list[np.ndarray]) -> None:
        # Formats without class lists lose classes that do not occur, so the second label has all of them.
        assert_round_trip(name, [*labels, hard_label()], classes_for(name))

    check()


@pytest.mark.parametrize(
    "name", [n for n in ROUND_TRIP_FORMATS if n not in ("cityscapes", "labelme", "cvat")]
)
def test_254_classes_survive_a_round_trip(name: str) -> None:
    # Some readers add classes: everything else, Void, background and ignored.
    count = {"coco": 253, "yolo-seg": 253, "camvid": 253, "pascal-voc": 252}.get(name, 254)
    classes = classes_of(count)
    assert_round_trip(name, [np.resize(np.arange(1, count + 1, dtype=np.uint8), (16, 16))], classes)


@pytest.mark.parametrize("name", ROUND_TRIP_FORMATS)
def test_unlabelled_picture_survives_a_round_trip(name: str, tmp_path: Path) -> None:
    classes = classes_for(name)
    root = write(name, tmp_path, [hard_label(), np.zeros((9, 7), np.uint8)], classes)
    found = read_labels(open_dataset(root, READ_AS.get(name, name)), classes)
    assert (found["p1"] == (VOID if name in UNLABELLED_IS_VOID else 0)).all()


@pytest.mark.parametrize("name", ROUND_TRIP_FORMATS)
def test_exported_format_is_recognised(name: str, tmp_path: Path) -> None:
    root = write(name, tmp_path, [hard_label()], classes_for(name))
    assert open_dataset(root).recognition.format == READ_AS.get(name, name)


@pytest.mark.parametrize("name", sorted(EXPORT_FORMATS))
def test_losses_are_announced(name: str) -> None:
    full = LabelStatistics({1: 5, VOID: 7}, {"train": 1, "unsplit": 2}, 9, 3, False, {".png": 1})
    said = " ".join(EXPORT_FORMATS[name].writer().losses(classes_for(name), full)).casefold()
    assert ("void" in said) == (name in VOID_IS_UNLABELLED | UNLABELLED_IS_VOID)
    assert ("tags" in said) == (name not in ("labelme", "cvat", "hugging-face", "webdataset"))
    clean = LabelStatistics({1: 5}, {"train": 1}, 0, 0, False, {".jpg": 1})
    said = " ".join(EXPORT_FORMATS[name].writer().losses(classes_for(name), clean))
    assert "void" not in said.casefold()


def test_numpy_files_contain_the_values(tmp_path: Path) -> None:
    root = write("numpy", tmp_path, [hard_label()], classes_of())
    found = np.load(root / "masks" / "train" / "p0.npy", allow_pickle=False)
    np.testing.assert_array_equal(found, hard_label())
    assert np.load(root / "images" / "train" / "p0.npy", allow_pickle=False).shape == (16, 24, 3)


def test_numbered_masks_and_one_hot_planes_follow_the_order_of_the_classes(tmp_path: Path) -> None:
    classes = classes_of(3)
    classes = classes.with_classes([classes.by_value(value) for value in (3, 1, 2)])
    expected = np.full_like(hard_label(), 255)
    for number, value in enumerate((3, 1, 2)):
        expected[hard_label() == value] = number
    root = write("numbered-masks", tmp_path / "a", [hard_label()], classes)
    with Image.open(root / "masks" / "train" / "p0.png") as mask:
        assert mask.mode == "L"
        np.testing.assert_array_equal(np.asarray(mask), expected)
    listed = json.loads((root / "classes.json").read_text("utf-8"))
    assert [row["index"] for row in listed["classes"]] == [0, 1, 2]
    assert [row["name"] for row in listed["classes"]] == [each.name for each in classes]
    assert listed["ignore_index"] == 255

    root = write("one-hot", tmp_path / "b", [hard_label()], classes)
    with np.load(root / "masks" / "train" / "p0.npz", allow_pickle=False) as found:
        target = found["target"]
    assert (target.shape, target.dtype) == ((16, 24, 3), np.uint8)
    np.testing.assert_array_equal(target.sum(2), expected != 255)
    np.testing.assert_array_equal(np.where(target.any(2), target.argmax(2), 255), expected)


def test_cityscapes_needs_a_class_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="No class of this project has the name"):
        write("cityscapes", tmp_path, [hard_label()], classes_of())


def test_classes_unknown_to_cityscapes_are_announced(tmp_path: Path) -> None:
    classes = street().with_changes(3, name="dragon")
    said = EXPORT_FORMATS["cityscapes"].writer().losses(classes, LabelStatistics())
    assert "dragon" in said[0]
    root = write("cityscapes", tmp_path, [hard_label()], classes)
    found = read_labels(open_dataset(root, "cityscapes"), classes)["p0"]
    np.testing.assert_array_equal(found == VOID, np.isin(hard_label(), [0, 3, VOID]))


@pytest.mark.parametrize("name", ["pascal-voc", "cityscapes", "camvid"])
def test_names_with_spaces_stay_distinct_in_lists(name: str, tmp_path: Path) -> None:
    from PIL import Image

    from core.formats.writers.base import ExportPicture, WritePlan
    from core.session.transfer.file_names import make_unique

    source = tmp_path / "a.png"
    Image.fromarray(np.zeros((16, 24, 3), np.uint8)).save(source)
    (tmp_path / "out").mkdir()
    row = EXPORT_FORMATS[name]
    assert row.safe_name is not None
    writer = row.writer()
    writer.start(WritePlan(tmp_path / "out", classes_for(name), 3))
    names = make_unique(dict(enumerate(["a b", "a_b", "a–b ü"])), row.safe_name)
    written = [
        writer.write(ExportPicture(odd, "val", source, 24, 16, hard_label())) for odd in names.values()
    ]
    writer.finish([one.entry for one in written])
    samples = open_dataset(tmp_path / "out", READ_AS.get(name, name)).samples
    assert len(samples) == 3
    assert {s.split for s in samples} == {"val"}
    assert all(s.read_mask is not None for s in samples)


def test_several_datasets_in_one_folder_are_refused(tmp_path: Path) -> None:
    """Both datasets contain the same pictures, so the reader cannot choose."""
    for name in ("coco", "coco-panoptic"):
        write(name, tmp_path / name, [hard_label()], classes_for(name))
    with pytest.raises(
        FormatError, match=r"contains 2 datasets side by side.* one by one: coco and coco-panoptic\.$"
    ):
        open_dataset(tmp_path)
