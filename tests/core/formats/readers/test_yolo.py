"""YOLO: confidences, odd lines, empty files, encoded names, and lists of class names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.base.errors import FormatError
from core.formats.account import AccountKind
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset, LoadedMask
from core.formats.readers import yolo
from core.formats.readers.registry import open_dataset
from tests.dataset_files import RIGHT, photo, write_json, write_text

RIGHT_HALF = "0.5 0 1 0 1 1 0.5 1"
LEFT_HALF = "0 0 0.5 0 0.5 1 0 1"


def written(root: Path, *lines: str, name: str = "a", names: str = "names: [roof, street]\n") -> Path:
    photo(root / "images" / f"{name}.jpg")
    write_text(root / "labels" / f"{name}.txt", "".join(f"{line}\n" for line in lines))
    if names:
        write_text(root / "data.yaml", names)
    return root


def read(dataset: Dataset, place: int = 0) -> LoadedMask:
    found = dataset.samples[place].read_mask
    assert found is not None
    return found()


def shown(dataset: Dataset, place: int = 0) -> tuple[str, str]:
    """Names of the classes of the left and the right half."""
    values = read(dataset, place).values
    names = ["", *(c.name for c in dataset.classes)]
    for part in (~RIGHT, RIGHT):
        assert len(np.unique(values[part])) == 1
    return names[int(values[0, 0])], names[int(values[0, -1])]


def left_out(mask: LoadedMask) -> list[tuple[tuple[str, ...], str]]:
    return [(row.places, row.reason) for row in mask.account.left_out]


@pytest.mark.parametrize("last", ["0.91", "1", "17"], ids=["confidence", "certain", "track number"])
def test_a_number_behind_each_outline_is_not_part_of_it(last: str, tmp_path: Path) -> None:
    written(tmp_path, f"0 {RIGHT_HALF} {last}", f"1 {LEFT_HALF} {last}")
    written(tmp_path, f"1 {RIGHT_HALF} {last}", name="single")
    dataset = open_dataset(tmp_path)
    assert (shown(dataset), shown(dataset, 1)) == (("street", "roof"), ("everything else", "street"))
    assert any("confidence" in note for note in dataset.notes)
    assert read(dataset).account.count_left_out() == 0


def test_boxes_with_a_confidence_are_boxes(tmp_path: Path) -> None:
    written(tmp_path, "0 0.5 0.5 0.2 0.2 0.4", f"1 {LEFT_HALF} 0.7", f"0 {RIGHT_HALF} 0.8")
    account = read(open_dataset(tmp_path)).account
    assert (account.objects, account.count_unrelated(), account.count_left_out()) == (2, 1, 0)


def test_labels_added_to_a_prediction_are_read(tmp_path: Path) -> None:
    written(tmp_path, f"1 {LEFT_HALF} 0.7", f"0 {RIGHT_HALF} 0.8", f"1 {LEFT_HALF}", f"0 {RIGHT_HALF}")
    assert read(open_dataset(tmp_path)).account.objects == 4


ODD_LINES = {
    "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7": "the outline has an odd count of numbers, 7",
    "roof 0.1 0.2 0.3 0.4 0.5 0.6": "“roof” is not a class number",
    "0.5 0.1 0.2 0.3 0.4 0.5 0.6": "“0.5” is not a class number",
    "-1 0.1 0.2 0.3 0.4 0.5 0.6": "“-1” is not a class number",
    "1e300 0.1 0.2 0.3 0.4 0.5 0.6": "“1e300” is not a class number",
    "0 0.1 0.2 0.3 0.4 0.5 x": "the outline contains something else than numbers",
    "0 0.1 0.2 0.3 0.4 0.5 nan": "the outline has coordinates that are not finite or outside any picture",
    "0 12 3 24 3 24 16": "the outline has the coordinate 24; corners are fractions of the picture's size, 0 to 1",
    "0 0.1 0.2": "the outline has 1 corner; an area needs three",
    "1": "the outline has 0 corners; an area needs three",
}


@pytest.mark.parametrize("line", ODD_LINES)
def test_an_odd_line_leaves_the_others(line: str, tmp_path: Path) -> None:
    written(tmp_path, f"0 {RIGHT_HALF}", "", line, f"1 {LEFT_HALF}")
    dataset = open_dataset(tmp_path)
    assert shown(dataset) == ("street", "roof")
    assert left_out(read(dataset)) == [(("labels/a.txt, line 3",), ODD_LINES[line])]


def test_an_odd_first_line_does_not_hide_the_format(tmp_path: Path) -> None:
    for name in "abc":
        written(tmp_path, "# exported", f"0 {RIGHT_HALF}", name=name)
    assert open_dataset(tmp_path).recognition.format == "yolo-seg"


def test_a_line_without_the_confidence_of_the_others_is_named(tmp_path: Path) -> None:
    written(tmp_path, f"0 {RIGHT_HALF} 0.9", f"1 {LEFT_HALF} 0.8", f"1 {LEFT_HALF}")
    ((places, reason),) = left_out(read(open_dataset(tmp_path)))
    assert places == ("labels/a.txt, line 3",)
    assert "the last number is missing" in reason


@pytest.mark.parametrize("empty", ["", "\n \n"], ids=["empty", "blank"])
def test_empty_files_do_not_decide_what_the_format_is(empty: str, tmp_path: Path) -> None:
    for number in range(60):
        photo(tmp_path / "images" / f"{number:03}.jpg")
        write_text(tmp_path / "labels" / f"{number:03}.txt", empty)
    written(tmp_path, f"1 {RIGHT_HALF}", name="zebra")
    dataset = open_dataset(tmp_path)
    assert dataset.recognition.format == "yolo-seg"
    assert len(dataset.samples) == 61
    assert shown(dataset, 60) == ("everything else", "street")


def test_classes_may_be_written_with_a_point(tmp_path: Path) -> None:
    written(tmp_path, f"1.0 {RIGHT_HALF}", f"0. {LEFT_HALF}")
    assert shown(open_dataset(tmp_path)) == ("roof", "street")


PAIRS = {
    "label encoded": ("grüne Stra\u00dfe 1", "gr%C3%BCne%20Stra%C3%9Fe%201"),
    "picture encoded": ("a%20b", "a b"),
    "decomposed": ("gru\u0308n", "grün"),
    "uploaded": ("roofs", "0a1b2c3d-roofs"),
    "points in the name": ("frame.0001", "frame.0001"),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_names_are_written_in_several_ways(kind: str, tmp_path: Path) -> None:
    picture, label = PAIRS[kind]
    photo(tmp_path / "images" / f"{picture}.jpg")
    write_text(tmp_path / "labels" / f"{label}.txt", f"0 {RIGHT_HALF}\n")
    dataset = open_dataset(tmp_path)
    assert [s.target_path for s in dataset.samples] == [f"images/{picture}.jpg"]
    assert shown(dataset) == ("everything else", "class 0")


def test_label_files_without_a_picture_are_named(tmp_path: Path) -> None:
    written(tmp_path, f"0 {RIGHT_HALF}")
    photo(tmp_path / "images" / "frame.jpg")
    for name in ("lost", "frame.7", "lost%20too", "empty"):
        write_text(tmp_path / "labels" / f"{name}.txt", "" if name == "empty" else f"0 {RIGHT_HALF}\n")
    for name in ("one/twice", "two/twice"):
        photo(tmp_path / "images" / f"{name}.jpg")
    write_text(tmp_path / "labels" / "twice.txt", f"0 {RIGHT_HALF}\n")
    write_text(tmp_path / "thanks.txt", "Thank you.\n")
    account = open_dataset(tmp_path).account
    assert [s.places for s in account.left_out if "does not exist" in s.reason] == [
        ("labels/empty.txt", "labels/frame.7.txt", "labels/lost%20too.txt", "labels/lost.txt")
    ]
    assert [s.places for s in account.left_out if "several pictures" in s.reason] == [("labels/twice.txt",)]
    foreign = {place for row in account.unrelated for place in row.places}
    assert foreign == {"thanks.txt", "images/frame.jpg", "images/one/twice.jpg", "images/two/twice.jpg"}


def test_two_label_files_of_a_picture_are_put_together(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    write_text(tmp_path / "first" / "a.txt", "")
    write_text(tmp_path / "roofs" / "a.txt", f"0 {RIGHT_HALF}\n0 0.1\n")
    write_text(tmp_path / "streets" / "a.txt", f"1 {LEFT_HALF}\n")
    dataset = open_dataset(tmp_path)
    assert len(dataset.samples) == 1
    assert shown(dataset) == ("class 1", "class 0")
    account = read(dataset).account
    assert (account.objects, account.count_left_out(AccountKind.OBJECT)) == (2, 1)
    assert dataset.account.files == 4
    assert any("put together" in note for note in dataset.notes)


def test_a_damaged_label_file_leaves_the_other_of_its_picture(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    write_text(tmp_path / "roofs" / "a.txt", f"0 {RIGHT_HALF}\n")
    write_text(tmp_path / "streets" / "a.txt", f"1 {LEFT_HALF}\n")
    dataset = open_dataset(tmp_path)
    (tmp_path / "roofs" / "a.txt").write_bytes(b"\xff\xfe\xfa")
    assert shown(dataset) == ("class 1", "everything else")
    assert [row.places for row in read(dataset).account.left_out] == [("roofs/a.txt",)]


NAME_LISTS = {
    "data.yaml": "names:\n  0: roof\n  1: street\n",
    "dataset.yml": "names: [roof, street]\n",
    "classes.txt": "roof\nstreet\n",
    "train.names": "roof\nstreet\n",
    "_darknet.labels": "roof\nstreet\n",
}


@pytest.mark.parametrize("name", NAME_LISTS)
def test_class_names_are_found(name: str, tmp_path: Path) -> None:
    written(tmp_path, f"1 {RIGHT_HALF}", names="")
    write_text(tmp_path / name, NAME_LISTS[name])
    dataset = open_dataset(tmp_path)
    assert shown(dataset) == ("everything else", "street")
    assert dataset.account.files == 3


def test_class_names_of_label_studio_are_found(tmp_path: Path) -> None:
    written(tmp_path, f"1 {RIGHT_HALF}", names="")
    rows = [{"id": 1, "name": "street"}, {"id": 0, "name": "roof"}]
    write_json(tmp_path / "notes.json", {"categories": rows, "info": {}})
    assert shown(open_dataset(tmp_path)) == ("everything else", "street")


def test_a_damaged_list_of_names_is_reported(tmp_path: Path) -> None:
    written(tmp_path, f"1 {RIGHT_HALF}", names="names: [roof, ]]\n")
    write_text(tmp_path / "classes.txt", "roof\n\nstreet\n")
    dataset = open_dataset(tmp_path)
    assert shown(dataset) == (
        "everything else",
        "class 1",
    )  # the second line is empty, street is the third class
    assert [row.places for row in dataset.account.left_out] == [("data.yaml",)]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("names: 7\n", "neither a list nor a table"),
        ("names: road\n", "neither a list nor a table"),
        ("names: [[roof], street]\n", "the name of class 0 is not a text"),
        ("names: [!!binary cm9vZg==, street]\n", "the name of class 0 is not a text"),
        ("names: {.nan: roof, 1: street}\n", "“.nan” is not the number of a class"),
        ("names: {-1: roof, 1: street}\n", "“-1” is not the number of a class"),
        ("names: {'" + "9" * 900 + "': roof}\n", "…” is not the number of a class"),
        ("names: {0: roof, 0: street}\n", "the key “0” occurs again in line 1"),
        ("names: !!python/object/apply:os.mkdir [hacked]\n", "damaged in line 1"),
        (f"a: &x {'y' * 900_000}\nnames: [{'*x,' * 20_000}]\n", "refers to the value “x”"),
        ("names: [" + "[" * 60 + "]" * 60 + "]\n", "nested too deeply"),
        ("names: [" + ", ".join(f"class number {n}" for n in range(550_000)) + "]\n", "limit of 1 MB"),
        ("names: [roof\0, street]\n", "a value cannot be read"),
    ],
    ids=range(13),
)
def test_names_that_cannot_be_used_are_reported_and_the_numbers_taken(
    names: str, said: str, tmp_path: Path
) -> None:
    dataset = open_dataset(written(tmp_path, f"0 {RIGHT_HALF}", f"1 {LEFT_HALF}", names=names))
    assert shown(dataset) == ("class 1", "class 0")
    [problem] = dataset.account.left_out
    assert problem.places == ("data.yaml",) and said in problem.reason and len(problem.reason) < 400


@pytest.mark.parametrize(
    "folders", ["path: /etc\ntrain: ../../../../etc\nval: /proc/self\n", "train: [/, ..]\n"]
)
def test_folders_that_the_names_file_states_are_not_opened(folders: str, tmp_path: Path) -> None:
    root = tmp_path / "theirs"
    photo(tmp_path / "outside.jpg")
    written(root, f"0 {RIGHT_HALF}", f"1 {LEFT_HALF}", names=f"{folders}names: [roof, street]\n")
    dataset = open_dataset(root)
    assert shown(dataset) == ("street", "roof") and len(dataset.samples) == 1


def test_a_name_that_is_null_is_the_number(tmp_path: Path) -> None:
    names = "names: {0: ~, 1: street}\n"
    assert shown(open_dataset(written(tmp_path, f"0 {RIGHT_HALF}", f"1 {LEFT_HALF}", names=names))) == (
        "street",
        "class 0",
    )


def test_a_file_of_too_many_lines_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yolo, "MAX_LINES", 3)
    written(tmp_path, *[f"0 {RIGHT_HALF}"] * 4)
    with pytest.raises(FormatError, match="has 4 lines, more than the limit of 3"):
        open_dataset(tmp_path)


def test_captions_are_not_labels(tmp_path: Path) -> None:
    for name in "abc":
        photo(tmp_path / f"{name}.jpg")
        write_text(
            tmp_path / f"{name}.txt", "A roof beside a street.\n1 2 3 4 5\n" if name == "a" else "A roof.\n"
        )
    assert yolo.recognise(DatasetTree(tmp_path)) is None
