"""Pascal VOC folders: lists of splits, several years, and only the classes that occur."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.formats.account import AccountKind
from core.formats.class_sets import class_set
from core.formats.dataset_tree import DatasetTree
from core.formats.mask_sets.name_parts import plain
from core.formats.readers.registry import open_dataset
from core.formats.readers.voc import _pictures_of_line
from core.session.transfer.dataset_survey import survey_dataset
from tests.dataset_files import photo, write_text

LISTS = "ImageSets/Segmentation"


def index_mask(path: Path, *values: int) -> None:
    mask = np.zeros((16, 24), np.uint8)
    for column, value in enumerate(values):
        mask[:, 4 * column : 4 * column + 4] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def test_names_with_blanks_are_found_in_lists(tmp_path: Path) -> None:
    lines = {
        "my cat": "my cat",
        "my dog": "my dog 1",
        "c": "c.jpg",
        "d": "/JPEGImages/d.jpg /SegmentationClass/d.png",
        "e  e": "e  e",
    }
    for name in lines:
        photo(tmp_path / f"JPEGImages/{name}.jpg")
        index_mask(tmp_path / f"SegmentationClass/{name}.png", 0, 12)
    write_text(tmp_path / LISTS / "val.txt", "\n".join([*lines.values(), "gone"]))
    dataset = open_dataset(tmp_path)
    assert {s.target_path: s.split for s in dataset.samples} == {f"{name}.jpg": "val" for name in lines}
    (row,) = dataset.account.left_out
    assert (row.kind, row.places) == (AccountKind.ENTRY, (f"{LISTS}/val.txt, line 6",))


words = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters="/\\."), min_size=1, max_size=6
)


@given(
    st.lists(words, min_size=1, max_size=4),
    st.sampled_from(["", " 1", " -1", "  0", " SegmentationClass/x.png"]),
)
def test_a_name_is_found_whatever_stands_behind_it(parts: list[str], behind: str) -> None:
    name = " ".join(parts)
    assert _pictures_of_line(name + behind, {plain(name): ["it"]}) == ["it"]


def test_only_classes_that_occur_are_made(tmp_path: Path) -> None:
    for number, values in enumerate([(0, 15), (0, 12, 255)]):
        photo(tmp_path / f"JPEGImages/{number}.jpg", seed=number)
        index_mask(tmp_path / f"SegmentationClass/{number}.png", *values)
    dataset = open_dataset(tmp_path)
    assert [c.name for c in dataset.classes] == ["background", "dog", "person"]
    assert {c.name for c in dataset.classes} < {c.name for c in class_set("voc")}
    pixels = survey_dataset(dataset).pixels
    assert (pixels["person"], pixels["dog"], pixels["void"]) == (64, 64, 64)


def test_masks_of_two_years_stay_apart_and_all_files_are_accounted_for(tmp_path: Path) -> None:
    for year, value in (("VOC2007", 12), ("VOC2012", 15)):
        photo(tmp_path / year / "JPEGImages/a.jpg", seed=value)
        index_mask(tmp_path / year / "SegmentationClass/a.png", 0, value)
        index_mask(tmp_path / year / "SegmentationObject/a.png", 0, 1)
        write_text(tmp_path / year / LISTS / f"{'train' if value == 12 else 'val'}.txt", "a\n")
    index_mask(tmp_path / "VOC2012/SegmentationClassRaw/a.png", 0, 15)
    index_mask(tmp_path / "VOC2012/SegmentationClass/b.png", 0, 15)
    dataset = open_dataset(tmp_path)
    assert {s.target_path: s.split for s in dataset.samples} == {
        "VOC2007/a.jpg": "train",
        "VOC2012/a.jpg": "val",
    }
    assert [s.sources[0].parent.parent.name for s in dataset.samples] == ["VOC2007", "VOC2012"]
    assert {row.places[0] for row in dataset.account.left_out} == {
        "VOC2012/SegmentationClassRaw/a.png",
        "VOC2012/SegmentationClass/b.png",
    }
    files = survey_dataset(dataset).account.as_json()["files"]
    assert sum(files.values()) == len(DatasetTree(tmp_path).files)
