"""Which masks belong to which pictures, and how several masks of one picture become one label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset
from core.formats.doubt import ValueReading
from core.formats.mask_reader import MaskReader
from core.formats.mask_sets.mask_union import UnitedMasks
from core.formats.mask_sets.pairing import SEVERAL_PICTURES, pair_masks
from core.formats.readers.registry import open_dataset
from core.formats.sample_label import read_label
from core.images.image_reader import read_size
from core.session.transfer.dataset_survey import survey_dataset
from tests.dataset_files import HEIGHT, WIDTH, photo, write_text

LEFT, RIGHT, SMALL = np.s_[2:14, 1:9], np.s_[3:12, 14:22], np.s_[5:8, 15:18]
"""Areas of objects in pictures of 24 x 16 pixels."""


def stencil(path: Path, *areas: tuple[slice, slice], white: int = 255) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for area in areas:
        mask[area] = white
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def shown(dataset: Dataset, picture: str) -> np.ndarray:
    """(H, W) class names of the label of a picture; "" is unlabelled."""
    (sample,) = (s for s in dataset.samples if s.target_path == picture)
    label = read_label(sample, read_size(sample.picture), dataset.root)
    assert label.values is not None
    return np.array(["", *(c.name for c in dataset.classes), *["void"] * 255], object)[label.values]


def drawn(**areas: tuple[slice, slice] | list[tuple[slice, slice]]) -> np.ndarray:
    names = np.full((HEIGHT, WIDTH), "background", object)
    for name, parts in areas.items():
        for part in parts if isinstance(parts, list) else [parts]:
            names[part] = name
    return names


def check_account(dataset: Dataset) -> None:
    """Every file is counted once, after the masks were read."""
    account = survey_dataset(dataset).account.as_json()["files"]
    assert sum(account.values()) == len(DatasetTree(dataset.root).files)


# Pairs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("picture", "mask"),
    [
        ("images/image_001.jpg", "masks/mask_001.png"),
        ("images/img7.jpg", "labels/label7.png"),
        ("image-3.jpg", "mask-3.png"),
        ("a.jpg", "a_Simple Segmentation.png"),
        ("a.jpg", "a_cp_masks.png"),
        ("a_image.jpg", "a_masks.png"),
        ("12_sat.jpg", "12_mask.png"),
        ("images/12_sat.jpg", "gt/12.png"),
        ("images/Grün.jpg", "masks/GRU\u0308N.png"),
        ("images/train/a.jpg", "masks/train/a.png"),
        ("train/images/a.jpg", "train_masks/a.png"),
        ("images/21_training.tif", "1st_manual_masks/21_manual1.png"),
        ("case 4/image.jpg", "case 4/mask.png"),
        ("p/images/p.jpg", "p/masks/0a93.png"),
        ("images/p.jpg", "masks/p/1.png"),
        ("images/scan (3).jpg", "masks/scan (3).png"),
    ],
)
def test_names_that_belong_together(picture: str, mask: str, tmp_path: Path) -> None:
    write_text(tmp_path / picture, "")
    write_text(tmp_path / mask, "")
    pairing = pair_masks(DatasetTree(tmp_path))
    assert pairing.pictures == (picture,)
    assert [dict(group.pairs) for group in pairing.groups] == [{picture: (mask,)}]


@given(
    st.lists(st.integers(0, 9999), min_size=2, max_size=6, unique=True),
    st.sampled_from(["image_", "img", "frame-", "scan_", ""]),
    st.sampled_from(["mask_", "label", "gt-", "seg_", ""]),
    st.sampled_from(["", "_mask", "_gt", "-labels"]),
)
@settings(deadline=None, max_examples=30)
def test_each_picture_gets_the_mask_of_its_number(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], before: str, mask_before: str, behind: str
) -> None:
    root = tmp_path_factory.mktemp("set")
    for number in numbers:
        write_text(root / f"images/{before}{number:05}.jpg", "")
        write_text(root / f"masks/{mask_before}{number:05}{behind}.png", "")
    pairing = pair_masks(DatasetTree(root))
    (group,) = pairing.groups
    assert group.pairs == {
        f"images/{before}{n:05}.jpg": (f"masks/{mask_before}{n:05}{behind}.png",) for n in numbers
    }
    assert not pairing.unpaired


def test_names_with_only_the_number_in_common_are_paired_with_a_doubt(tmp_path: Path) -> None:
    for number in range(3):
        photo(tmp_path / f"images/cat_{number}.jpg", seed=number)
        stencil(tmp_path / f"masks/seg_{number}.png", LEFT)
    dataset = open_dataset(tmp_path)
    assert [doubt.key for doubt in dataset.doubts] == ["paired-by-number"]
    assert all(sample.read_mask for sample in dataset.samples)


def test_a_mask_whose_picture_is_missing_is_not_given_to_another(tmp_path: Path) -> None:
    for name in "abcdef":
        photo(tmp_path / f"images/{name}.jpg")
        stencil(tmp_path / f"masks/{name}.png", LEFT)
    stencil(tmp_path / "masks/a_house.png", RIGHT)
    stencil(tmp_path / "masks/z.png", RIGHT)
    dataset = open_dataset(tmp_path)
    np.testing.assert_array_equal(shown(dataset, "images/a.jpg"), drawn(foreground=LEFT))
    (row,) = dataset.account.left_out
    assert set(row.places) == {"masks/a_house.png", "masks/z.png"}
    check_account(dataset)


def test_an_orphan_beside_other_masks_is_no_picture(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    stencil(tmp_path / "a_mask.png", LEFT)
    stencil(tmp_path / "b_mask.png", LEFT)
    dataset = open_dataset(tmp_path)
    assert [s.target_path for s in dataset.samples] == ["a.png"]
    assert dataset.account.left_out[0].places == ("b_mask.png",)


def test_two_pictures_of_one_name_have_no_mask_and_the_reason_is_said(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "b.jpg"):
        photo(tmp_path / "images" / name)
    stencil(tmp_path / "masks/a.png", LEFT)
    stencil(tmp_path / "masks/b.png", LEFT)
    (row,) = open_dataset(tmp_path).account.left_out
    assert (row.reason, row.places) == (SEVERAL_PICTURES, ("masks/a.png",))


# Several masks of one picture -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("picture", "first", "second"),
    [
        ("a (1).png", "a (1)_mask.png", "a (1)_mask_1.png"),
        ("a (1).png", "a (1)_mask_1.png", "a (1)_mask_2.png"),
        ("images/a.jpg", "masks/a_1.png", "masks/a_2.png"),
        ("images/a.jpg", "masks/a_object0.png", "masks/a_object1.png"),
        ("images/a.jpg", "masks/a/one1.png", "masks/a/two2.png"),
        ("stage/a/images/a.png", "stage/a/masks/07c4.png", "stage/a/masks/e81b.png"),
    ],
)
def test_masks_of_parts_are_united(picture: str, first: str, second: str, tmp_path: Path) -> None:
    photo(tmp_path / picture)
    stencil(tmp_path / first, LEFT)
    stencil(tmp_path / second, RIGHT)
    dataset = open_dataset(tmp_path)
    assert len(dataset.samples) == 1
    np.testing.assert_array_equal(shown(dataset, picture), drawn(foreground=[LEFT, RIGHT]))
    assert any("united" in note for note in dataset.notes)
    check_account(dataset)


@pytest.mark.parametrize(
    "pattern",
    [
        "masks/{0}/{1}.png",
        "{0}_masks/{1}.png",
        "masks/{1}_{0}.png",
        "masks/{1}/{0}.png",
        "masks/{1}_class_{0}.png",
        "masks/7. {0}/{1}_XY.png",
        "images/{1}_mask_{0}.png",
        "{0}/{1}.png",
    ],
)
@pytest.mark.parametrize("white", [1, 255])
def test_a_mask_for_each_class_gives_the_classes(pattern: str, white: int, tmp_path: Path) -> None:
    for name in ("a", "b"):
        photo(tmp_path / f"images/{name}.jpg", seed=ord(name))
        stencil(tmp_path / pattern.format("wall", name), LEFT, white=white)
        stencil(tmp_path / pattern.format("roof", name), RIGHT, white=white)
    photo(tmp_path / "images/c.jpg")
    stencil(tmp_path / pattern.format("wall", "c"), LEFT, white=white)
    dataset = open_dataset(tmp_path)
    assert [c.name for c in dataset.classes] == ["background", "roof", "wall"]
    np.testing.assert_array_equal(shown(dataset, "images/a.jpg"), drawn(wall=LEFT, roof=RIGHT))
    np.testing.assert_array_equal(shown(dataset, "images/c.jpg"), drawn(wall=LEFT))
    assert [doubt.key for doubt in dataset.doubts] == ["classes-of-files"]
    check_account(dataset)


def test_the_smaller_class_covers_the_larger(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.jpg")
    stencil(tmp_path / "masks/door/a.png", SMALL)
    stencil(tmp_path / "masks/wall/a.png", RIGHT)
    np.testing.assert_array_equal(shown(open_dataset(tmp_path), "images/a.jpg"), _door_on_wall())


def _door_on_wall() -> np.ndarray:
    names = drawn(wall=RIGHT)
    names[SMALL] = "door"
    return names


def test_numbered_parts_of_a_dataset_are_no_classes(tmp_path: Path) -> None:
    for part, name in (("batch1", "a"), ("batch2", "b")):
        photo(tmp_path / f"images/{name}.jpg", seed=ord(name))
        stencil(tmp_path / f"masks/{part}/{name}.png", LEFT)
    dataset = open_dataset(tmp_path)
    assert [c.name for c in dataset.classes] == ["background", "foreground"]
    assert all(sample.read_mask for sample in dataset.samples)


def test_the_same_thing_drawn_twice_is_no_two_classes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        photo(tmp_path / f"images/{name}.jpg", seed=ord(name))
        stencil(tmp_path / f"masks/{name}_1stHO.png", LEFT)
        stencil(tmp_path / f"masks/{name}_2ndHO.png", LEFT, SMALL)
    dataset = open_dataset(tmp_path)
    np.testing.assert_array_equal(shown(dataset, "images/a.jpg"), drawn(foreground=LEFT))
    assert dataset.account.left_out[0].places == ("masks/a_2ndHO.png", "masks/b_2ndHO.png")
    check_account(dataset)


def test_the_mask_of_all_objects_is_preferred_and_the_others_are_said(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.jpg")
    stencil(tmp_path / "annotations/a_object0.png", LEFT)
    stencil(tmp_path / "annotations/a_object1.png", RIGHT)
    stencil(tmp_path / "annotations/a_class_cup.png", LEFT, RIGHT)
    stencil(tmp_path / "annotations/a_all_objects.png", LEFT, SMALL, white=1)
    dataset = open_dataset(tmp_path)
    np.testing.assert_array_equal(shown(dataset, "images/a.jpg"), drawn(foreground=[LEFT, SMALL]))
    (row,) = dataset.account.left_out
    assert row.count == 3
    assert any(note.startswith("Not used") for note in dataset.notes)
    check_account(dataset)


def test_many_object_numbers_are_one_class_and_doubted(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    cells = np.zeros((HEIGHT, WIDTH), np.uint8)
    cells[1:15, 2:22] = np.arange(1, 21)[None]
    Image.fromarray(cells).save(tmp_path / "a_cp_masks.png")
    dataset = open_dataset(tmp_path)
    assert [doubt.key for doubt in dataset.doubts] == ["object-numbers"]
    np.testing.assert_array_equal(shown(dataset, "a.png"), drawn(foreground=np.s_[1:15, 2:22]))
    assert len(open_dataset(tmp_path, "mask-folders", values=ValueReading.INDEX).classes) == 21


# Bad parts --------------------------------------------------------------------------------------------


def test_a_bad_part_is_left_out_alone(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.jpg")
    stencil(tmp_path / "masks/a_1.png", LEFT)
    stencil(tmp_path / "masks/a_2.png", RIGHT)
    (tmp_path / "masks/a_3.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    Image.new("L", (5, 5)).save(tmp_path / "masks/a_4.png")
    dataset = open_dataset(tmp_path)
    np.testing.assert_array_equal(shown(dataset, "images/a.jpg"), drawn(foreground=[LEFT, RIGHT]))
    survey = survey_dataset(dataset)
    assert {row.places for row in survey.account.left_out} == {("masks/a_3.png",), ("masks/a_4.png",)}
    check_account(dataset)


def test_masks_that_all_fail_are_all_counted(tmp_path: Path) -> None:
    photo(tmp_path / "images/a.jpg")
    photo(tmp_path / "images/b.jpg")
    stencil(tmp_path / "masks/b.png", LEFT)
    for number in (1, 2):
        (tmp_path / f"masks/a_{number}.png").write_bytes(b"no picture")
    dataset = open_dataset(tmp_path)
    assert survey_dataset(dataset).account.count_left_out() == 2
    check_account(dataset)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(1, 6)), min_size=1, max_size=5))
@settings(deadline=None, max_examples=25)
def test_a_union_has_every_pixel_of_its_parts(
    tmp_path_factory: pytest.TempPathFactory, squares: list[tuple[int, int, int]]
) -> None:
    root = tmp_path_factory.mktemp("parts")
    reader = MaskReader(ValueReading.BINARY)
    whole = np.zeros((HEIGHT, WIDTH), bool)
    parts = []
    for number, (x, y, side) in enumerate(squares):
        area = np.s_[y : y + side, x : x + side]
        stencil(root / f"{number}.png", area)
        whole[area] = True
        parts.append((root / f"{number}.png", reader))
    np.testing.assert_array_equal(UnitedMasks(tuple(parts), root)().values, np.where(whole, 2, 1))
