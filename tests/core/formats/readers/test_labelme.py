"""labelme: long files, files without sizes or pictures, odd shapes, X-AnyLabeling."""

from __future__ import annotations

import base64
import gc
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from core.base.errors import FormatError
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset, LoadedMask
from core.formats.files import annotation_files
from core.formats.readers import labelme
from core.formats.readers.registry import open_dataset, recognise_all
from tests.dataset_files import HEIGHT, MIDDLE, RIGHT, WIDTH, photo, write_json, write_text
from tests.external_datasets import BOX, coco_table

LEFT_BOX = [[0, 0], [MIDDLE, 0], [MIDDLE, HEIGHT], [0, HEIGHT]]
ROOF = {"label": "roof", "shape_type": "polygon", "points": BOX}
STREET = {"label": "street", "shape_type": "polygon", "points": LEFT_BOX}


def content_of(*shapes: Any, picture: str | None = "a.jpg", **more: Any) -> dict[str, Any]:
    content = {"version": "5.4.1", "flags": {}, "shapes": list(shapes), "imagePath": picture}
    return {**content, "imageData": None, "imageHeight": HEIGHT, "imageWidth": WIDTH, **more}


def written(root: Path, *shapes: Any, name: str = "a", **more: Any) -> Path:
    photo(root / f"{name}.jpg")
    write_json(root / f"{name}.json", content_of(*shapes, picture=f"{name}.jpg", **more))
    return root


def read(dataset: Dataset, place: int = 0) -> LoadedMask:
    found = dataset.samples[place].read_mask
    assert found is not None
    return found()


def halves(dataset: Dataset, place: int = 0) -> tuple[str, str]:
    """Names of the classes of the left and the right half."""
    values = read(dataset, place).values
    names = ["", *(c.name for c in dataset.classes)]
    for part in (~RIGHT, RIGHT):
        assert len(np.unique(values[part])) == 1
    return names[int(values[0, 0])], names[int(values[0, -1])]


def encoded(picture: Path) -> str:
    return base64.b64encode(picture.read_bytes()).decode()


FAR = "x" * 3_000_000
ORDERS: dict[str, list[tuple[str, Any]]] = {
    "keys in the middle": [("before", FAR), *content_of(ROOF).items(), ("after", FAR)],
    "long shapes before a long picture": [
        ("shapes", [ROOF, *[STREET] * 3000]),
        ("imagePath", "a.jpg"),
        ("imageData", FAR),
        ("version", "5"),
    ],
    "sorted": [
        ("imageData", FAR),
        ("imagePath", "a.jpg"),
        ("shapes", [ROOF, *[STREET] * 3000]),
        ("version", FAR),
    ],
}


@pytest.mark.parametrize("order", ORDERS)
def test_keys_may_stand_anywhere(order: str, tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    write_json(tmp_path / "a.json", dict(ORDERS[order]))
    written(tmp_path, STREET, name="b")
    dataset = open_dataset(tmp_path)
    assert [s.target_path for s in dataset.samples] == ["a.jpg", "b.jpg"]
    assert halves(dataset)[1] == "roof"


@pytest.mark.parametrize("place", range(-12, 3))
def test_a_key_across_two_parts_of_a_file_is_found(place: int, tmp_path: Path) -> None:
    size = annotation_files._CHUNK
    write_text(
        tmp_path / "a.json", "x" * (size + place) + '"imagePath"' + "x" * size + '"shapes"' + "x" * size
    )
    tree = DatasetTree(tmp_path)
    assert annotation_files.holds_keys(tree, "a.json", (('"shapes"',), ('"none"', '"imagePath"')))
    assert not annotation_files.holds_keys(tree, "a.json", (('"shapes"',), ('"none"',)))


def test_large_files_of_other_formats_are_not_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text(tmp_path / "a.json", '{"annotations": [' + "1," * 200_000 + '0], "shapes": []}')
    tree = DatasetTree(tmp_path)
    monkeypatch.setattr(annotation_files, "MAX_JSON_BYTES", -1)
    assert not annotation_files.holds_keys(tree, "a.json", (('"imagePath"',),), ('"annotations"',))


SIZES = ({}, {"imageHeight": None, "imageWidth": None}, {"imageHeight": 0, "imageWidth": "many"})


@pytest.mark.parametrize("size", SIZES, ids=("missing", "null", "not numbers"))
def test_a_size_that_is_not_stated_is_that_of_the_picture(size: dict[str, Any], tmp_path: Path) -> None:
    part = np.full((HEIGHT, 4), 255, np.uint8)
    mask = {"label": "door", "shape_type": "mask", "points": [[0, 0], [3, 15]]}
    mask["mask"] = base64.b64encode(cv2.imencode(".png", part)[1].tobytes()).decode()
    content = content_of(ROOF, mask)
    del content["imageHeight"], content["imageWidth"]
    photo(tmp_path / "a.jpg")
    write_json(tmp_path / "a.json", content | size)
    found = read(open_dataset(tmp_path))
    assert found.values.shape == (HEIGHT, WIDTH)
    assert (found.values == 1).sum() == HEIGHT * MIDDLE
    assert (found.values == 2).sum() == HEIGHT * 4


def test_a_picture_may_be_inside_the_file(tmp_path: Path) -> None:
    picture = photo(tmp_path / "elsewhere.jpg")
    data = encoded(picture)
    content = content_of(ROOF, picture="../camera/7.jpg", imageData=data, imageHeight=None, imageWidth=None)
    write_json(tmp_path / "set" / "day" / "a.json", content)
    write_json(
        tmp_path / "set" / "b.json",
        content_of(STREET, picture=None, imageData=f"data:image/jpeg;base64,{data}"),
    )
    dataset = open_dataset(tmp_path / "set")
    assert [s.target_path for s in dataset.samples] == ["b.jpg", "day/a.jpg"]
    assert [s.picture.read_bytes() for s in dataset.samples] == [picture.read_bytes()] * 2
    assert (halves(dataset), halves(dataset, 1)) == (
        ("street", "everything else"),
        ("everything else", "roof"),
    )
    assert (dataset.account.files, dataset.account.count_left_out()) == (2, 0)
    copied = pickle.loads(pickle.dumps(dataset.samples))  # as for another process
    del copied
    gc.collect()
    folder = dataset.samples[0].picture.parent
    assert folder.is_dir()
    del dataset
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("?", "its “imageData” is not base64 text"),
        (7, "its “imageData” is not base64 text"),
        (base64.b64encode(b"hello").decode(), "its “imageData” is not a picture"),
        (base64.b64encode(b"\xff\xd8\xff hello").decode(), "its “imageData” is a damaged picture"),
    ],
)
def test_a_damaged_picture_inside_the_file_is_reported(data: object, said: str, tmp_path: Path) -> None:
    written(tmp_path, ROOF)
    write_json(tmp_path / "b.json", content_of(ROOF, picture="b.jpg", imageData=data))
    (row,) = open_dataset(tmp_path).account.left_out
    assert row.places == ("b.json",)
    assert said in row.reason


def test_pictures_inside_files_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(photo(tmp_path / "other" / "x.jpg"))
    monkeypatch.setattr(annotation_files, "MAX_EMBEDDED_BYTES", len(data))
    for name in ("a", "b"):
        write_json(tmp_path / "set" / f"{name}.json", content_of(ROOF, picture=f"{name}.jpg", imageData=data))
    dataset = open_dataset(tmp_path / "set")
    assert len(dataset.samples) == 1
    assert [row.places for row in dataset.account.left_out] == [("b.json",)]


PNG = base64.b64encode(cv2.imencode(".png", np.zeros((2, 2), np.uint8))[1].tobytes()).decode()
ODD_SHAPES = {
    "mask as a list": ({"label": "a", "shape_type": "mask", "points": [[1, 1]], "mask": [[1]]}, "not base64"),
    "mask without place": ({"label": "a", "shape_type": "mask", "mask": PNG}, "“points” is missing"),
    "no label": ({"points": BOX}, "no label"),
    "null label": ({"label": None, "points": BOX}, "no label"),
    "label as a list": ({"label": ["a"], "points": BOX}, "no label"),
    "two corners": ({"label": "a", "shape_type": "polygon", "points": [[1, 1], [4, 4]]}, "2 corners"),
    "no points": ({"label": "a", "shape_type": "polygon"}, "0 corners"),
    "points as text": ({"label": "a", "points": ["1,2", "3,4", "5,6"]}, "else than pairs of numbers"),
    "infinite": ({"label": "a", "points": [[1e999, 1], [2, 2], [3, 1]]}, "not finite"),
    "circle of three": (
        {"label": "a", "shape_type": "circle", "points": [[1, 1]] * 3},
        "3 points instead of two",
    ),
    "unknown kind": ({"label": "a", "shape_type": "cuboid", "points": BOX}, "its kind “cuboid” is not known"),
    "text": ("shape", "not an object with a label and points"),
    "null": (None, "not an object with a label and points"),
}


@pytest.mark.parametrize("kind", ODD_SHAPES)
def test_an_odd_shape_leaves_the_others(kind: str, tmp_path: Path) -> None:
    shape, said = ODD_SHAPES[kind]
    written(tmp_path, ROOF, shape, STREET)
    dataset = open_dataset(tmp_path, "labelme")
    assert halves(dataset) == ("street", "roof")
    ((places, reason),) = [(row.places, row.reason) for row in read(dataset).account.left_out]
    assert places == ("a.json, shape 2",)
    assert said in reason


def test_points_and_lines_are_not_areas(tmp_path: Path) -> None:
    shapes = [{"shape_type": kind, "points": [[1, 1]]} for kind in ("point", "line", "linestrip", "points")]
    account = read(open_dataset(written(tmp_path, ROOF, *shapes))).account
    assert (account.objects, account.count_unrelated(), account.count_left_out()) == (1, 4, 0)


def test_shapes_are_written_in_several_ways(tmp_path: Path) -> None:
    old = {"label": 7, "points": [{"x": x, "y": y} for x, y in LEFT_BOX], "shape_type": None}
    turned = {"label": "roof", "points": BOX, "shape_type": "oriented_rectangle"}
    dataset = open_dataset(written(tmp_path, old, turned, flags=["night"]))
    assert halves(dataset) == ("7", "roof")


@pytest.mark.parametrize("content", [{"shapes": None}, {"shapes": {"label": "a"}}, {"shapes": "a"}])
def test_a_file_without_a_list_of_shapes_is_reported(content: dict[str, Any], tmp_path: Path) -> None:
    written(tmp_path, ROOF)
    photo(tmp_path / "b.jpg")
    write_json(tmp_path / "b.json", content_of(picture="b.jpg") | content)
    (row,) = open_dataset(tmp_path).account.left_out
    assert row.places == ("b.json",)
    assert "“shapes” is not a list" in row.reason


def test_files_without_content_or_picture_are_reported(tmp_path: Path) -> None:
    written(tmp_path, ROOF)
    photo(tmp_path / "b.jpg")
    write_text(tmp_path / "b.json", "")
    write_json(tmp_path / "c.json", content_of(ROOF, picture="day/c.jpg"))
    account = open_dataset(tmp_path).account
    told = {row.places[0]: row.reason for row in account.left_out}
    assert set(told) == {"b.json", "c.json, about “day/c.jpg”"}
    assert "is empty" in told["b.json"]
    assert "the picture does not exist" in told["c.json, about “day/c.jpg”"]
    assert account.files == 2


def test_encoded_names_are_found(tmp_path: Path) -> None:
    photo(tmp_path / "großes Dach.jpg")
    write_json(tmp_path / "x.json", content_of(ROOF, picture="..\\photos\\gro%C3%9Fes%20Dach.jpg"))
    assert [s.target_path for s in open_dataset(tmp_path).samples] == ["großes Dach.jpg"]


def test_files_renamed_together_with_their_pictures_stay_together(tmp_path: Path) -> None:
    written(tmp_path, ROOF)
    photo(tmp_path / "b.jpg", seed=2)
    write_json(tmp_path / "b.json", content_of(STREET))  # still names a.jpg
    dataset = open_dataset(tmp_path)
    assert [s.target_path for s in dataset.samples] == ["a.jpg", "b.jpg"]
    assert halves(dataset, 1) == ("street", "everything else")


def test_several_files_of_a_picture_are_put_together(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    write_json(tmp_path / "a_1.json", content_of())
    write_json(tmp_path / "a_2.json", content_of(ROOF, flags={"night": True}))
    write_json(tmp_path / "a_3.json", content_of(STREET, flags={"rain": True}))
    dataset = open_dataset(tmp_path)
    (sample,) = dataset.samples
    assert (sample.tags, halves(dataset)) == (("night", "rain"), ("street", "roof"))
    assert read(dataset).account.objects == 2
    assert dataset.account.files == 4


def test_annotations_of_one_picture_in_two_sizes_are_not_mixed(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    write_json(tmp_path / "a_1.json", content_of(ROOF))
    write_json(tmp_path / "a_2.json", content_of(STREET, imageHeight=99))
    mask = read(dataset := open_dataset(tmp_path))
    assert halves(dataset) == ("everything else", "roof")
    assert [row.places for row in mask.account.left_out] == [("a_2.json",)]


def test_a_picture_with_only_damaged_files_has_no_label(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    for name in ("a_1", "a_2"):
        write_json(tmp_path / f"{name}.json", content_of(ROOF))
    dataset = open_dataset(tmp_path)
    for name in ("a_1", "a_2"):
        write_text(tmp_path / f"{name}.json", "{")
    with pytest.raises(FormatError, match=r"a_1\.json is not valid JSON"):
        read(dataset)


X = {"description": "", "difficult": False, "kie_linking": [], "attributes": {}, "score": None}


@pytest.mark.parametrize("empty_first", [False, True])
def test_x_anylabeling_is_recognised(empty_first: bool, tmp_path: Path) -> None:
    if empty_first:
        for name in ("a1", "a2"):
            written(tmp_path, name=name)
    written(tmp_path, ROOF | X, STREET | X | {"shape_type": "rotation"}, name="b")
    write_json(
        tmp_path / "classes.json", coco_table([])
    )  # a table of boxes that was exported into the same folder
    assert "xanylabeling" in [r.format for r in recognise_all(DatasetTree(tmp_path))]
    dataset = open_dataset(tmp_path)
    assert dataset.recognition.format == "xanylabeling"
    assert halves(dataset, -1) == ("street", "roof")
    assert labelme.recognise(DatasetTree(tmp_path)) is None
