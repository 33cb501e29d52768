"""Maskloop's own mask format: layout, class list, indices and colours, and messages for what is missing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.base.errors import FormatError, ImageError
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset, LoadedMask
from core.formats.mask_layout import is_mask_dataset
from core.formats.readers.masks import (
    open_dataset,
    read_classes_file,
    recognise,
)
from core.formats.writers.base import colour_table, write_index_png, write_rgb_png
from core.formats.writers.masks import write_classes_file
from core.labels.class_list import VOID, ClassList
from tests.mask_datasets import CLASSES, indices, mask_dataset


def classes_file(folder: Path, content: Any) -> Path:
    path = folder / "classes.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def opened(root: Path) -> Dataset:
    return open_dataset(DatasetTree(root))


def read_first(dataset: Dataset) -> LoadedMask:
    read = dataset.samples[0].read_mask
    assert read is not None
    return read()


def test_pictures_and_masks_are_paired_by_name(tmp_path: Path) -> None:
    names = ("train/b10", "train/b9", "val/a", "Validation/x", "test/t", "street/s", "loose")
    dataset = opened(mask_dataset(tmp_path, names, masks={"val/a": None}))
    found = {
        pair.picture.relative_to(tmp_path / "images").with_suffix("").as_posix(): (
            pair.sources[0].name if pair.sources else None,
            pair.split,
        )
        for pair in dataset.samples
    }
    assert found == {
        "loose": ("loose.png", None),
        "street/s": ("s.png", None),
        "test/t": ("t.png", "test"),
        "train/b9": ("b9.png", "train"),
        "train/b10": ("b10.png", "train"),
        "val/a": (None, "val"),
        "Validation/x": ("x.png", "val"),
    }
    assert [c.name for c in dataset.classes] == ["sky", "road", "tree"]


def test_masks_may_have_another_suffix_than_pictures(tmp_path: Path) -> None:
    dataset = opened(mask_dataset(tmp_path, suffix=".jpg"))
    assert [pair.read_mask is not None for pair in dataset.samples] == [True] * 3


def test_root_path_is_normalised(tmp_path: Path) -> None:
    mask_dataset(tmp_path / "set")
    (tmp_path / "other").mkdir()
    assert opened(tmp_path / "other" / ".." / "set").root == tmp_path / "set"


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="There is no folder"):
        opened(tmp_path / "missing")


def test_other_layouts_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FormatError, match="does not contain the folders “images” and “masks”"):
        opened(tmp_path)
    with pytest.raises(FormatError, match="is a file"):
        opened(tmp_path / "file")
    assert recognise(DatasetTree(tmp_path)) is None
    assert not is_mask_dataset(tmp_path)


def test_empty_folders_are_refused(tmp_path: Path) -> None:
    mask_dataset(tmp_path, ())
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(FormatError, match="no pictures in"):
        opened(tmp_path)


def test_masks_with_other_names_are_refused(tmp_path: Path) -> None:
    mask_dataset(tmp_path, ("train/a",))
    (tmp_path / "masks" / "train" / "a.png").rename(tmp_path / "masks" / "train" / "a_mask.png")
    with pytest.raises(FormatError, match="paired by name"):
        opened(tmp_path)


def test_missing_class_list_is_explained(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"classes\.json is missing.*\"index\": 0"):
        opened(mask_dataset(tmp_path, classes=None))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "5",
        "null",
        '"road"',
        '{"classes": null}',
        '{"classes": 3}',
        '{"names": []}',
        '{"classes": ["road", "tree"]}',
        '{"classes": [{"name": "road"}]}',
        '{"classes": [{"index": 0}]}',
        '{"classes": [{"index": "first", "name": "road"}]}',
        '{"classes": [{"index": null, "name": "road"}]}',
        '{"classes": [{"index": 1e400, "name": "road"}]}',
        '{"classes": [{"index": NaN, "name": "road"}]}',
        '{"classes": [{"index": -1, "name": "road"}]}',
        '{"classes": [{"index": 65536, "name": "road"}]}',
        '{"classes": [{"index": 1, "name": "  "}]}',
        '{"classes": [{"index": 1, "name": "road", "color": "#ff0000"}]}',
        '{"classes": [{"index": 1, "name": "road", "color": [1, 2]}]}',
        '{"classes": [{"index": 1, "name": "road", "color": [1, 2, 256]}]}',
        '{"classes": [{"index": 1, "name": "road"}], "ignore_index": "none"}',
        '{"classes": [{"index": 1, "name": "road"}], "ignore_index": [1, 2]}',
        '{"classes": [{"index": 1, "name": "road"}, {"index": 1, "name": "tree"}]}',
        '{"classes": []}',
        '{"classes": [{"index": 255, "name": "void"}], "ignore_index": 255}',
    ],
)
def test_malformed_class_list_is_refused(content: str, tmp_path: Path) -> None:
    path = classes_file(tmp_path, content)
    with pytest.raises(FormatError) as caught:
        read_classes_file(path)
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).endswith(".")


def test_class_list_must_be_utf8(tmp_path: Path) -> None:
    (tmp_path / "classes.json").write_bytes(b"\xff{")
    with pytest.raises(FormatError, match=r"classes\.json cannot be read: it is not UTF-8"):
        read_classes_file(tmp_path / "classes.json")


def test_nested_lists_without_end_are_refused(tmp_path: Path) -> None:
    path = classes_file(tmp_path, "[" * 100_000)
    with pytest.raises(FormatError, match=r"classes\.json is not valid JSON"):
        read_classes_file(path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    folder = mask_dataset(tmp_path, ("a",))
    (folder / "classes.json").unlink()
    os.mkfifo(folder / "classes.json")
    with pytest.raises(FormatError, match="not a file in this folder"):
        opened(folder)


def test_long_values_are_quoted_in_part(tmp_path: Path) -> None:
    for row in ({"index": 0, "name": "a", "color": "x" * 700_000}, {"index": "7" * 4000, "name": "a"}):
        with pytest.raises(FormatError) as caught:
            read_classes_file(classes_file(tmp_path, [row]))
        assert len(str(caught.value)) < 400 + len(str(tmp_path))


def test_class_list_may_be_a_bare_list_with_byte_order_mark(tmp_path: Path) -> None:
    path = classes_file(tmp_path, "\ufeff" + json.dumps(CLASSES["classes"][:2]))
    classes, void, unlabelled = read_classes_file(path)
    assert [(c.index, c.name) for c in classes] == [(0, "sky"), (1, "road")]
    assert [c.colour for c in classes] == [(10, 20, 30), (40, 50, 60)]
    assert (void, unlabelled) == (frozenset(), frozenset())


@pytest.mark.parametrize("nothing", [-1, -100, 70000, None])
def test_impossible_ignore_index_ignores_nothing(nothing: int | None, tmp_path: Path) -> None:
    path = classes_file(tmp_path, {**CLASSES, "ignore_index": nothing})
    classes, void, _ = read_classes_file(path)
    assert void == frozenset()
    assert len(classes) == 4


def test_too_many_classes_are_refused(tmp_path: Path) -> None:
    path = classes_file(tmp_path, [{"index": n, "name": str(n)} for n in range(255)])
    with pytest.raises(FormatError, match="1 to 254 classes"):
        read_classes_file(path)


def test_indices_become_class_values(tmp_path: Path) -> None:
    dataset = opened(mask_dataset(tmp_path))
    found = read_first(dataset).values
    expected = {0: 1, 1: 2, 2: 3, 11: VOID}
    np.testing.assert_array_equal(found, np.vectorize(expected.get)(indices(0)))
    assert found.dtype == np.uint8


def test_unknown_index_is_refused(tmp_path: Path) -> None:
    mask = indices()
    mask[3, 4], mask[0, 0] = 77, 200
    dataset = opened(mask_dataset(tmp_path, ("a",), masks={"a": mask}))
    with pytest.raises(FormatError, match=r"a\.png contains the index 77, 200"):
        read_first(dataset)


def test_16_bit_masks_are_read(tmp_path: Path) -> None:
    classes = [{"index": 40000, "name": "far"}, {"index": 3, "name": "near"}]
    mask = np.where(indices() > 1, 40000, 3).astype(np.uint16)
    dataset = opened(mask_dataset(tmp_path, ("a",), classes=classes, masks={"a": mask}))
    found = read_first(dataset).values
    np.testing.assert_array_equal(found, np.where(mask == 3, 2, 1))


def test_mask_without_class_colours_is_refused(tmp_path: Path) -> None:
    dataset = opened(mask_dataset(tmp_path, ("a",), masks={"a": np.full((16, 24, 3), 77, np.uint8)}))
    with pytest.raises(FormatError, match="none of the class colours"):
        read_first(dataset)


def test_unreadable_mask_is_refused(tmp_path: Path) -> None:
    dataset = opened(mask_dataset(tmp_path, ("a",)))
    (tmp_path / "masks" / "a.png").write_text("not a picture")
    with pytest.raises(ImageError, match=r"a\.png"):
        read_first(dataset)


def test_index_and_colour_png_are_written(tmp_path: Path) -> None:
    classes = ClassList().with_class("sky", (1, 2, 3)).with_class("road", (4, 5, 6))
    values = np.array([[0, 1, 2], [255, 2, 1]], np.uint8)
    write_index_png(tmp_path / "new" / "i.png", values)
    write_rgb_png(tmp_path / "new" / "c.png", colour_table(classes)[values])
    with Image.open(tmp_path / "new" / "i.png") as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.asarray(image), values)
    with Image.open(tmp_path / "new" / "c.png") as image:
        shown = np.asarray(image).tolist()
    assert shown == [[[0, 0, 0], [1, 2, 3], [4, 5, 6]], [[255] * 3, [4, 5, 6], [1, 2, 3]]]


def test_class_list_round_trip(tmp_path: Path) -> None:
    classes = ClassList().with_class("ünï – 图", (1, 2, 3)).with_class("road", (4, 5, 6), 200)
    write_classes_file(tmp_path, classes)
    found, void, unlabelled = read_classes_file(tmp_path / "classes.json")
    assert [(c.index, c.name, c.colour) for c in found] == [
        (1, "ünï – 图", (1, 2, 3)),
        (200, "road", (4, 5, 6)),
    ]
    assert (void, unlabelled) == ({255}, {0})
