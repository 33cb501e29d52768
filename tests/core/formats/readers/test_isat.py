"""ISAT: odd objects, files without sizes, moved pictures, damaged colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.formats.dataset_types import Dataset, LoadedMask
from core.formats.readers.registry import open_dataset
from tests.dataset_files import HEIGHT, WIDTH, photo, write_json, write_text
from tests.external_datasets import BOX

ROOF = {"category": "roof", "segmentation": BOX, "layer": 1.0}


def content_of(*objects: Any, **more: Any) -> dict[str, Any]:
    info = {"description": "ISAT", "name": "a.jpg", "width": WIDTH, "height": HEIGHT, "note": ""}
    return {"info": info | more, "objects": list(objects)}


def read(dataset: Dataset) -> LoadedMask:
    found = dataset.samples[0].read_mask
    assert found is not None
    return found()


ODD_OBJECTS = {
    "no category": ({"segmentation": BOX}, "it has no label"),
    "no outline": ({"category": "roof"}, "the outline"),
    "two corners": ({"category": "roof", "segmentation": BOX[:2]}, "the outline has 2 corners"),
    "text": ("roof", "not an object with a category and an outline"),
}


@pytest.mark.parametrize("kind", ODD_OBJECTS)
def test_an_odd_object_leaves_the_others(kind: str, tmp_path: Path) -> None:
    odd, said = ODD_OBJECTS[kind]
    photo(tmp_path / "a.jpg")
    write_json(tmp_path / "a.json", content_of(ROOF, odd))
    mask = read(open_dataset(tmp_path))
    assert (mask.values == 1).sum() == WIDTH * HEIGHT // 2
    ((places, reason),) = [(row.places, row.reason) for row in mask.account.left_out]
    assert places == ("a.json, object 2",)
    assert said in reason


@pytest.mark.parametrize("layer", [None, "top", [1], float("nan")], ids=repr)
def test_an_object_without_a_layer_is_at_the_bottom(layer: Any, tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    write_json(tmp_path / "a.json", content_of(ROOF, ROOF | {"category": "street", "layer": layer}))
    dataset = open_dataset(tmp_path)
    value = read(dataset).values[0, -1]
    assert dataset.classes[value - 1].name == "roof"


def test_size_and_picture_may_be_missing(tmp_path: Path) -> None:
    photo(tmp_path / "b.jpg")
    write_json(tmp_path / "b.json", content_of(ROOF, name="old/a.jpg", width=None, height=None))
    write_json(tmp_path / "lost.json", content_of(ROOF, name="lost.jpg"))
    dataset = open_dataset(tmp_path)
    assert [s.target_path for s in dataset.samples] == ["b.jpg"]
    assert read(dataset).values.shape == (HEIGHT, WIDTH)
    assert [row.places for row in dataset.account.left_out] == [("lost.json",)]


def test_long_files_with_sorted_keys_are_read(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    content = {"comment": "x" * 200_000, **content_of(ROOF), "remark": "x" * 200_000}
    write_json(tmp_path / "a.json", content)
    assert open_dataset(tmp_path).recognition.format == "isat"


def test_a_damaged_colour_leaves_the_other_categories(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    write_json(tmp_path / "a.json", content_of(ROOF))
    write_text(
        tmp_path / "isat.yaml", "label:\n- {name: street, color: blue}\n- {name: roof, color: '#0a0b0c'}\n"
    )
    classes = open_dataset(tmp_path).classes
    assert [c.name for c in classes[:2]] == ["street", "roof"]
    assert classes[1].colour == (10, 11, 12)
    np.testing.assert_array_equal(np.unique(read(open_dataset(tmp_path)).values), [2, 3])
