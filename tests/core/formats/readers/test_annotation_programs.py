"""Exports of annotation programs: every spelling of an area is read, and every object is accounted for."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import FormatError
from core.formats.account import AccountKind
from core.formats.dataset_types import Dataset
from core.formats.readers import cvat
from core.formats.readers.cvat import _TrackedShape
from core.formats.readers.picture_address import address_paths
from core.formats.readers.registry import open_dataset, recognise_all
from core.session.transfer.dataset_survey import survey_dataset
from tests import external_datasets
from tests.dataset_files import HEIGHT, RIGHT, WIDTH, photo, write_json, write_text
from tests.external_datasets import BOX, FLAT

HALF = [[50, 0], [100, 0], [100, 100], [50, 100]]
"""The right half of the picture in per cent."""
SIZE = {"original_width": WIDTH, "original_height": HEIGHT}
OBJECT = AccountKind.OBJECT


def result(kind: str, region: str = "", **value: Any) -> dict[str, Any]:
    named = {"id": region} if region else {}
    return {**SIZE, **named, "type": kind, "from_name": "c", "value": value}


def task(*annotations: Any, image: str = "a.jpg") -> dict[str, Any]:
    return {"id": 4, "data": {"image": image}, "annotations": list(annotations)}


def label_studio(root: Path, *tasks: Any, pictures: tuple[str, ...] = ("a.jpg",)) -> Dataset:
    for name in pictures:
        photo(root / name)
    write_json(root / "export.json", list(tasks))
    return open_dataset(root)


def is_right_half(dataset: Dataset, label: str = "roof") -> bool:
    read = dataset.samples[0].read_mask
    assert read is not None
    value = 1 + [c.name for c in dataset.classes].index(label)
    return bool(((read().values == value) == RIGHT).all())


LABELLED = result("labels", "r1", points=HALF, labels=["roof"])
SPELLINGS = (
    [result("polygon", "r1", points=HALF, closed=True), LABELLED],
    [LABELLED, result("polygon", "r1", points=HALF)],
    [result("polygon", "r1", points=HALF), result("labels", "r1", labels=["roof"])],
    [result("polygon", "r1", points=HALF), result("choices", "r1", choices=["roof"])],
    [result("polygon", "r1", points=HALF), result("taxonomy", "r1", taxonomy=[["house", "roof"]])],
    [result("labels", "r1", points=HALF, labels=["roof"])],
    [result("polygonlabels", points=[{"x": x, "y": y} for x, y in HALF], labels=["roof"])],
    [result("rectangle", "r1", x=50, y=0, width=50, height=100), result("labels", "r1", labels=["roof"])],
    [result("rectanglelabels", x=100, y=100, width=50, height=100, rotation=180, rectanglelabels=["roof"])],
    [
        result(
            "vectorlabels", vertices=[{"x": x, "y": y} for x, y in HALF], closed=True, vectorlabels=["roof"]
        )
    ],
)


@pytest.mark.parametrize("results", SPELLINGS, ids=lambda rows: "-".join(row["type"] for row in rows))
def test_spellings_of_label_studio(results: list[Any], tmp_path: Path) -> None:
    dataset = label_studio(tmp_path, task({"result": results}))
    assert is_right_half(dataset)
    account = survey_dataset(dataset).account
    assert (account.objects, account.count_left_out(), account.count_unrelated(OBJECT)) == (1, 0, 0)


def test_an_empty_annotation_does_not_hide_the_next(tmp_path: Path) -> None:
    area, other = result("polygonlabels", points=HALF, polygonlabels=["roof"]), result("polygon", points=HALF)
    rows = [
        {"result": []},
        {"result": [area]},
        {"result": [other]},
        {"result": [area], "was_cancelled": True},
    ]
    dataset = label_studio(tmp_path, task(*rows))
    assert is_right_half(dataset)
    (row,) = (row for row in survey_dataset(dataset).account.unrelated if row.kind == OBJECT)
    assert (row.count, row.reason) == (1, "another annotation of the same picture is used")


def test_older_and_smaller_exports_of_label_studio(tmp_path: Path) -> None:
    area = result("polygonlabels", points=HALF, polygonlabels=["roof"])
    old = {"id": 1, "data": {"image": "a.jpg"}, "completions": [{"result": [area]}]}
    assert is_right_half(label_studio(tmp_path / "old", old))
    small = {"image": "/data/upload/a.jpg", "id": 1, "label": [{**SIZE, **area["value"]}], "annotation_id": 2}
    assert is_right_half(label_studio(tmp_path / "small", small))


ADDRESSES = (
    "https://label.example.org/storage-data/uploaded/?filepath=upload/7/0a1b2c3d-a%20b.jpg",
    "/data/local-files/?d=some/folder/a%20b.jpg",
    "/data/local-files/?d=some/folder/a b.jpg",
    "s3://bucket/folder/a b.jpg",
    "gs://bucket/a%20b.jpg",
    "https://bucket.example.org/x/a%20b.jpg?X-Amz-Signature=00ff&X-Amz-Date=1",
    "https://storage.example.org/v0/b/bucket/o/folder%2Fa%20b.jpg?alt=media&token=1.2",
    "/tasks/5/resolve/?fileuri=" + base64.urlsafe_b64encode(b"s3://bucket/a b.jpg").decode(),
    "/data/upload/1/0a1b2c3d-a_b.jpg",
    r"C:\pictures\a b.jpg",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_pictures_are_found_by_their_address(address: str, tmp_path: Path) -> None:
    area = result("polygonlabels", points=HALF, polygonlabels=["roof"])
    dataset = label_studio(
        tmp_path, task({"result": [area]}, image=address), pictures=("a b.jpg", "other.jpg")
    )
    assert [sample.picture.name for sample in dataset.samples] == ["a b.jpg"]


@given(st.text(max_size=60))
def test_any_text_is_an_address(text: str) -> None:
    assert all(address_paths(text))


# Accounts of random objects -------------------------------------------------------------------------

sound, not_areas, strange = "sound", "not an area", "strange"
kinds = st.lists(st.sampled_from((sound, not_areas, strange)), max_size=8)

LABEL_STUDIO = {
    sound: result("polygonlabels", points=HALF, polygonlabels=["roof"]),
    not_areas: result("keypointlabels", x=3, y=3, width=1, keypointlabels=["roof"]),
    strange: result("blobs", blob=[1, 2], labels=["roof"]),
}
SUPERVISELY = {
    sound: {"classTitle": "roof", "geometryType": "polygon", "points": {"exterior": BOX, "interior": []}},
    not_areas: {"classTitle": "roof", "geometryType": "point", "points": {"exterior": [[1, 2]]}},
    strange: {"classTitle": "roof", "geometryType": "nurbs", "nurbs": [3]},
}
DATUMARO = {
    sound: {"type": "polygon", "label_id": 0, "points": FLAT},
    not_areas: {"type": "bbox", "label_id": 0, "bbox": [0, 0, 2, 2]},
    strange: {"type": "blob", "label_id": 0},
}
CVAT = {
    sound: '<polygon label="roof" points="12,0;24,0;24,16;12,16"/>',
    not_areas: '<points label="roof" points="3,4"/>',
    strange: '<blob label="roof"/>',
}


def write_label_studio(root: Path, things: list[str]) -> str:
    write_json(root / "export.json", [task({"result": [LABEL_STUDIO[thing] for thing in things]})])
    return "label-studio"


def write_supervisely(root: Path, things: list[str]) -> str:
    write_json(root / "meta.json", {"classes": [{"title": "roof", "shape": "any", "color": "#0A0B0C"}]})
    size = {"width": WIDTH, "height": HEIGHT}
    write_json(
        root / "ann" / "a.jpg.json", {"size": size, "tags": [], "objects": [SUPERVISELY[t] for t in things]}
    )
    return "supervisely"


def write_datumaro(root: Path, things: list[str]) -> str:
    item = {"id": "a", "annotations": [DATUMARO[t] for t in things], "image": {"size": [HEIGHT, WIDTH]}}
    labels = {"label": {"labels": [{"name": "roof"}]}}
    write_json(root / "annotations" / "val.json", {"categories": labels, "items": [item]})
    return "datumaro"


def write_cvat(root: Path, things: list[str]) -> str:
    shapes = "".join(CVAT[t] for t in things)
    image = f'<image name="a.jpg" width="{WIDTH}" height="{HEIGHT}">{shapes}</image>'
    write_text(root / "x.xml", f"<annotations>\n<version>1.1</version>{image}</annotations>")
    return "cvat"


def test_shapes_of_cvat_are_read_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(tmp_path / "a.jpg")
    shape = '<polygon label="roof" points="0,0;9,0;9,9"/><points label="peak" points="1,1"/>'
    write_text(tmp_path / "annotations.xml", external_datasets.cvat(shape))
    read: list[object] = []
    parse = cvat.parse_ring
    monkeypatch.setattr(cvat, "parse_ring", lambda numbers: read.append(numbers) or parse(numbers))
    dataset = open_dataset(tmp_path, "cvat")
    assert (dataset.classes[0].name, read) == ("roof", [])
    assert dataset.samples[0].split == "train" and dataset.samples[0].tags == ("night",)
    assert any("1 points, lines" in note for note in dataset.notes)
    assert dataset.samples[0].read_mask is not None
    assert (dataset.samples[0].read_mask().values == 1).any() and len(read) == 1


@pytest.mark.parametrize("write", [write_label_studio, write_supervisely, write_datumaro, write_cvat])
def test_every_object_is_accounted_for(write: Any) -> None:
    @settings(max_examples=15, deadline=None)
    @given(kinds)
    def check(things: list[str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            photo(root / "img" / "a.jpg")
            account = survey_dataset(open_dataset(root, write(root, things))).account
        assert account.objects == things.count(sound)
        assert account.count_unrelated(OBJECT) == things.count(not_areas)
        assert account.count_left_out(OBJECT) == things.count(strange)
        assert all("is not known" in row.reason for row in account.left_out)

    check()


# Supervisely, Datumaro ------------------------------------------------------------------------------


def test_supervisely_projects_may_begin_with_empty_pictures(tmp_path: Path) -> None:
    for number in range(30):
        photo(tmp_path / "img" / f"{number:02}.jpg", seed=number)
        size = {"width": WIDTH, "height": HEIGHT}
        rows = [SUPERVISELY[sound]] if number == 29 else []
        write_json(tmp_path / "ann" / f"{number:02}.jpg.json", {"size": size, "tags": [], "objects": rows})
    assert recognise_all_first(tmp_path) == "supervisely", "without meta.json"
    write_json(tmp_path / "meta.json", {"classes": [{"title": "roof", "color": "?"}, 5]})
    dataset = open_dataset(tmp_path)
    assert dataset.recognition.format == "supervisely"
    assert survey_dataset(dataset).labels == 1


def recognise_all_first(root: Path) -> str:
    from core.formats.dataset_tree import DatasetTree

    return recognise_all(DatasetTree(root))[0].format


def test_older_supervisely_files_and_areas_outside(tmp_path: Path) -> None:
    photo(tmp_path / "img" / "a.jpg")
    write_json(tmp_path / "meta.json", {"classes": [{"title": "roof", "shape": "polygon", "id": 7}]})
    far = [[x + 500, y] for x, y in BOX]
    rows = [
        {"classId": 7, "points": {"exterior": BOX}},
        {"classTitle": "roof", "geometryType": "polygon", "points": {"exterior": far}},
        {"geometryType": "polygon", "points": {"exterior": BOX}},
    ]
    write_json(tmp_path / "ann" / "a.jpg.json", {"size": {"width": WIDTH, "height": HEIGHT}, "objects": rows})
    dataset = open_dataset(tmp_path, "supervisely")
    assert is_right_half(dataset)
    account = survey_dataset(dataset).account
    reasons = sorted(row.reason for row in account.left_out)
    assert reasons == ["it covers no pixel of the picture", "it has no label"]


# CVAT for video -------------------------------------------------------------------------------------


def video(root: Path, frames: tuple[int, ...], name: str = "frame_{:06}.png", size: int = 0) -> Path:
    for frame in frames:
        photo(root / name.format(frame), seed=frame)
    shape = '<polygon frame="{}" outside="{}" keyframe="1" points="12,0;24,0;24,16;12,16"/>'
    shapes = "".join(shape.format(*row) for row in ((0, 0), (1, 0), (4, 0), (5, 1)))
    meta = f"<meta><task><size>{size}</size></task></meta>"
    track = f'<track id="0" label="roof">{shapes}</track>'
    write_text(root / "a.xml", f"<annotations>\n<version>1.1</version>{meta}{track}</annotations>")
    return root


def test_frames_of_a_video_get_the_shapes_of_its_tracks(tmp_path: Path) -> None:
    dataset = open_dataset(video(tmp_path, (0, 1, 2, 3, 4, 5)))
    assert any("for video" in note for note in dataset.notes)
    survey = survey_dataset(dataset)
    assert (len(dataset.samples), survey.labels, survey.account.objects) == (6, 3, 3)
    (row,) = survey.account.left_out
    assert (row.count, row.places[0]) == (2, "a.xml, frame_000002.png, track 0")
    assert "key frames" in row.reason
    numbered = open_dataset(video(tmp_path / "other", (0, 1, 2, 3, 4, 5), "{}.png", 6))
    assert survey_dataset(numbered).labels == 3


def test_boxes_are_interpolated_between_the_frames_that_a_track_states(tmp_path: Path) -> None:
    for frame in range(7):
        photo(tmp_path / f"frame_{frame:06}.png", seed=frame)
    box = '<box frame="{}" outside="{}" keyframe="1" xtl="{}" ytl="0" xbr="{}" ybr="16"/>'
    stated = ((0, 0, 0, 4), (4, 0, 8, 12), (5, 1, 8, 12), (6, 0, 20, 24))
    shapes = "".join(box.format(*row) for row in stated)
    track = f'<track id="0" label="roof">{shapes}</track>'
    write_text(tmp_path / "a.xml", f"<annotations>\n<version>1.1</version>{track}</annotations>")
    dataset = open_dataset(tmp_path)
    left = []
    for sample in dataset.samples:
        assert sample.read_mask is not None
        values = sample.read_mask().values
        assert (values == values[0]).all()
        left.append(np.flatnonzero(values[0] == 1).tolist())
    assert left == [[*range(at, at + 4)] for at in (0, 2, 4, 6, 8)] + [[], [20, 21, 22, 23]]
    account = survey_dataset(dataset).account
    assert (account.objects, account.left_out) == (6, ())


def test_a_turned_box_turns_the_shorter_way() -> None:
    one = Element("box", xtl="0", ytl="0", xbr="8", ybr="8", rotation="350")
    two = Element("box", xtl="4", ytl="0", xbr="12", ybr="8", rotation="20")
    between = _TrackedShape("", "roof", one, two, 0.5).element().attrib
    assert (between["xtl"], float(between["rotation"]) % 360) == ("2.0", 5.0)


def test_annotation_files_without_pictures_are_one_sentence(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    area = {"label": "roof", "points": [[2, 2], [9, 2], [9, 9]]}
    for name in "abcd":
        picture = f"{name}.jpg" if name != "b" else "old.jpg"
        write_json(tmp_path / f"{name}.json", {"shapes": [area], "imagePath": picture})
    account = open_dataset(tmp_path).account
    (row,) = account.left_out
    assert row.count == 3
    (sentence,) = account.sentences(tmp_path)
    assert sentence.startswith("3 files were left out, for example ")
    assert "b.json, about “old.jpg”: the picture does not exist" in sentence


def test_a_video_without_its_frames_is_explained(tmp_path: Path) -> None:
    for number, name in enumerate(("holiday.png", "shot_{:03}.png")):
        with pytest.raises(FormatError, match=r"for video.*Export the task from CVAT as “CVAT for images"):
            open_dataset(video(tmp_path / str(number), (1, 2), name, 6))


def test_a_picture_of_several_of_one_name_is_not_guessed(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        photo(tmp_path / folder / "a.jpg")
    photo(tmp_path / "b.jpg")
    area = result("polygonlabels", points=HALF, polygonlabels=["roof"])
    write_json(tmp_path / "x.json", [task({"result": [area]}), task({"result": [area]}, image="b.jpg")])
    (row,) = open_dataset(tmp_path).account.left_out
    assert row.reason == "several pictures have this name, such as one/a.jpg and two/a.jpg"
