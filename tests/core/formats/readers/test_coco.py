"""COCO files of which a part is wrong: the sound rest comes in and the other is named, at once and one by one alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.base.errors import FormatError
from core.formats.account import AccountKind
from core.formats.dataset_types import Dataset
from core.formats.readers import coco
from core.formats.readers.coco_index import MAX_PICTURE_BYTES, id_key
from core.formats.readers.registry import open_dataset
from tests.dataset_files import HEIGHT, RIGHT, WIDTH, compressed, photo, write_json, write_text

SQUARE = [2, 2, 8, 2, 8, 8, 2, 8]
CATEGORIES = [{"id": 1, "name": "roof"}, {"id": 2, "name": "road"}]


def picture_row(**changes: Any) -> dict[str, Any]:
    return {"id": 1, "file_name": "a.jpg", "width": WIDTH, "height": HEIGHT} | changes


def area(outline: Any, **changes: Any) -> dict[str, Any]:
    return {"id": 7, "image_id": 1, "category_id": 1, "segmentation": outline, "iscrowd": 0} | changes


def opened(root: Path, rows: list[Any], **changes: Any) -> Dataset:
    photo(root / "images" / "a.jpg")
    content = {"images": [picture_row()], "annotations": rows, "categories": CATEGORIES} | changes
    write_json(root / "labels.json", content)
    return open_dataset(root, "coco")


def read(dataset: Dataset) -> tuple[dict[str, int], dict[str, int]]:
    """Pixels by class, and what was left out by reason."""
    mask = dataset.samples[0].read_mask
    assert mask is not None
    loaded = mask()
    names = [row.name for row in dataset.classes]
    counts = {name: int((loaded.values == n).sum()) for n, name in enumerate(names, 1)}
    left = {row.reason: row.count for row in (*dataset.account.left_out, *loaded.account.left_out)}
    return {name: count for name, count in counts.items() if count and name != "everything else"}, left


@pytest.mark.parametrize(
    "outline",
    [
        [SQUARE],
        SQUARE,
        [[2, 2], [8, 2], [8, 8], [2, 8]],
        [[[2, 2], [8, 2], [8, 8], [2, 8]]],
        [SQUARE, [1, 1]],
        "[[2, 2, 8, 2, 8, 8, 2, 8]]",
    ],
    ids=str,
)
def test_spellings_of_an_outline(outline: Any, tmp_path: Path) -> None:
    assert read(opened(tmp_path, [area(outline)])) == ({"roof": 36}, {})


BAD = [
    (area([SQUARE], category_id=77), "its category “77” is not in the list of categories"),
    (area([SQUARE], category_id=None), "it has no category"),
    (area([SQUARE], category_id=[1]), "its id is neither a number nor a text"),
    (area([[1, 2, 3, 4]]), "the outline has 2 corners; an area needs three"),
    (area([[1, 2, 3, 4, 5, 6, 7]]), "the outline has an odd count of numbers, 7"),
    (area([["x"] * 6]), "the outline contains something else than pairs of numbers"),
    (area([[1e30] * 6]), "the outline has coordinates that are not finite or outside any picture"),
    (area([[float("nan")] * 6]), "the outline has coordinates that are not finite or outside any picture"),
    (
        area({"size": [4, 4], "counts": [16]}),
        f"its mask is of 4 x 4 pixels, its picture of {WIDTH} x {HEIGHT}",
    ),
    (
        area({"size": [HEIGHT, WIDTH], "counts": [9]}),
        f"the run lengths do not add up to a picture of {WIDTH} x {HEIGHT}",
    ),
    (area({"size": [HEIGHT, WIDTH], "counts": "~~"}), "the run-length code is damaged"),
    (area({"size": [HEIGHT, WIDTH], "counts": 5}), "the run lengths are not a list of numbers"),
    (area({"counts": "x"}), "its run-length code does not state its size"),
    (area({"size": 3}), "its segmentation is neither an outline nor a run-length code"),
    (area(True), "its segmentation is neither an outline nor a run-length code"),
    (area("a text"), "a value cannot be read"),
    (5, "it does not say to which picture it belongs"),
    (area([[12, 2, 20, 2, 20, 9]], image_id=None), "it does not say to which picture it belongs"),
    (area([SQUARE], image_id=99), "the file does not list the picture of this id"),
    (area([SQUARE], image_id=float("inf")), "its id “inf” is not a whole number"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD, ids=[reason[:40] for _, reason in BAD])
def test_a_bad_object_is_named_and_the_others_come_in(bad: Any, reason: str, tmp_path: Path) -> None:
    sound = [area([SQUARE]), area(compressed(RIGHT), category_id="2")]
    dataset = opened(tmp_path, [sound[0], bad, sound[1]])
    pixels, left = read(dataset)
    assert pixels == {"roof": 36, "road": int(RIGHT.sum())}
    assert left == {reason: 1}


def test_the_place_of_a_bad_object_is_said(tmp_path: Path) -> None:
    dataset = opened(tmp_path, [area([SQUARE]), area([SQUARE], id=31, category_id=8)])
    mask = dataset.samples[0].read_mask
    assert mask is not None
    (row,) = mask().account.left_out
    assert row.kind == AccountKind.OBJECT and row.places == ("labels.json, annotation 31 of “a.jpg”",)


@pytest.mark.parametrize(
    ("listed", "meant"), [(1, "1"), ("1", 1), (1.0, 1), ("000139", 139), ("a7", "a7"), (139, "000139")]
)
def test_ids_are_numbers_or_text(listed: Any, meant: Any, tmp_path: Path) -> None:
    dataset = opened(tmp_path, [area([SQUARE], image_id=meant)], images=[picture_row(id=listed)])
    assert read(dataset) == ({"roof": 36}, {})


@pytest.mark.parametrize(
    "changes",
    [{"width": None}, {"width": "many"}, {"width": 0, "height": 0}, {"height": float("inf")}],
    ids=str,
)
def test_a_size_that_is_none_is_that_of_the_picture(changes: dict[str, Any], tmp_path: Path) -> None:
    dataset = opened(tmp_path, [area([SQUARE]), area(compressed(RIGHT))], images=[picture_row(**changes)])
    assert read(dataset)[1] == {}


def test_categories_that_nothing_uses_do_not_count(tmp_path: Path) -> None:
    many = [{"id": n, "name": f"kind {n}"} for n in range(1, 700)]
    dataset = opened(tmp_path, [area([SQUARE], category_id=600)], categories=many)
    assert [row.name for row in dataset.classes] == ["kind 600", "everything else"]
    with pytest.raises(FormatError, match="has 699 labels"):
        opened(tmp_path, [area([SQUARE], category_id=n) for n in range(1, 700)], categories=many)


def test_odd_tables_are_read_and_said(tmp_path: Path) -> None:
    categories = [
        {"id": "1", "name": "ro\x00of\n\x1b[31m"},
        {"id": 1, "name": "other"},
        {"id": 2},
        {"name": "nobody"},
        7,
    ]
    images = [picture_row(), picture_row(id=2), picture_row(file_name="b.jpg"), {"id": 5}, None]
    rows = [area([SQUARE]), area(compressed(RIGHT), image_id=2, category_id=2)]
    dataset = opened(tmp_path, rows, categories=categories, images=images)
    pixels, left = read(dataset)
    assert pixels == {"roof [31m": 36, "category 2": int(RIGHT.sum())}
    assert len(dataset.samples) == 1 and sum(left.values()) == 6
    assert left["its id is already that of the category “roof [31m”"] == 1
    assert left["its id is already that of the picture “a.jpg”"] == 1


def test_a_file_without_categories_has_classes_by_number(tmp_path: Path) -> None:
    dataset = opened(tmp_path, [area([SQUARE], category_id=3)], categories=[])
    assert read(dataset)[0] == {"category 3": 36}
    assert any("does not name its categories" in note for note in dataset.notes)


def test_a_damaged_file_beside_a_sound_one_is_named(tmp_path: Path) -> None:
    write_text(tmp_path / "val.json", '{"images": [], "annotations": [{"image_id": 1, "category_id": 1}')
    dataset = opened(tmp_path, [area([SQUARE])])
    assert read(dataset)[0] == {"roof": 36}
    assert any("val.json is not valid JSON: it ends too early" in text for text in dataset.problems)


@pytest.mark.parametrize(
    "text", ['{"images": ' + "[" * 200_000, '{"images": [{"a":' * 50_000, '{"images": [1 2]']
)
def test_nested_and_damaged_files_are_refused_in_our_words(text: str, tmp_path: Path) -> None:
    write_text(tmp_path / "a.json", text + '"annotations", "image_id", "category_id"')
    with pytest.raises(FormatError, match=r"not valid JSON: .*(nested|missing|no end|damaged)"):
        open_dataset(tmp_path, "coco")


def test_annotations_beyond_the_limit_of_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_PICTURE_BYTES > 1 << 20
    monkeypatch.setattr("core.formats.readers.coco_index.MAX_PICTURE_BYTES", 600)
    images = [picture_row(), picture_row(id=2, file_name="b.jpg")]
    photo(tmp_path / "images" / "b.jpg")
    dataset = opened(tmp_path, [area([SQUARE * 60]), area([SQUARE], image_id=2)], images=images)
    assert [sample.target_path for sample in dataset.samples] == ["images/b.jpg"]
    assert dataset.account.count_left_out(AccountKind.ENTRY) == 1


outlines = st.sampled_from(
    [[SQUARE], SQUARE, [[1, 1, 9, 1, 5, 9], SQUARE], compressed(RIGHT), [], None, [[1, 2]]]
)
rows = st.lists(
    st.builds(area, outlines, category_id=st.sampled_from([1, 2, "2", 9])), min_size=1, max_size=6
)


@given(rows)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_object_is_accounted_for(tmp_path: Path, several: list[dict[str, Any]]) -> None:
    """And all at once gives the same as one by one."""
    several = [area([SQUARE]), *several]
    dataset = opened(tmp_path, several)
    mask = dataset.samples[0].read_mask
    assert mask is not None
    found = mask()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coco, "_read_together", lambda *_: {}["one by one"])
        slow = mask()
    np.testing.assert_array_equal(found.values, slow.values)
    for account in (found.account, slow.account):
        counted = account.objects + account.count_left_out() + account.count_unrelated()
        assert counted == len(several)


@given(st.integers(-(10**17), 10**17))
def test_an_id_is_the_same_as_number_and_text(number: int) -> None:
    assert id_key(number) == number
    if number >= 0:
        assert id_key(str(number)) == number
