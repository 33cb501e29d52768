"""Exported datasets are read by independent libraries, with the same masks.

Large optional libraries are tested if they are installed:
uv run --with labelme --with datumaro --with datasets --with webdataset pytest THIS FILE
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools.coco import COCO
from torchvision.datasets import Cityscapes, CocoDetection, VOCSegmentation

from core.formats.class_sets import class_set
from core.labels.class_list import VOID
from tests.exported_datasets import announced, classes_of, hard_label, street, write

LABELS = [hard_label(), np.rot90(hard_label()).copy(), np.full((5, 7), 2, np.uint8)]


def labels_of(api: COCO, image: int) -> np.ndarray:
    """The label of a picture from its COCO annotations, which must not overlap."""
    row = api.loadImgs(image)[0]
    values = np.zeros((row["height"], row["width"]), int)
    for note in api.loadAnns(api.getAnnIds(imgIds=image)):
        mask = api.annToMask(note)
        assert note["area"] == mask.sum()
        values += note["category_id"] * mask
    return values


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # raised by pycocotools with NumPy 2
def test_pycocotools_reads_coco(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write("coco", tmp_path, LABELS, classes_of(), "val")
    api = COCO(str(root / "annotations" / "instances_val.json"))
    for number, label in enumerate(LABELS, 1):
        np.testing.assert_array_equal(labels_of(api, number), announced("coco", label))
    seen = CocoDetection(str(root / "images" / "val"), str(root / "annotations" / "instances_val.json"))
    assert [image.size for image, _ in seen] == [label.shape[::-1] for label in LABELS]
    kinds = {type(note["segmentation"]) for note in api.loadAnns(api.getAnnIds())}
    assert kinds == {list, dict}, "regions with holes are run-length codes, all others polygons"


@pytest.mark.parametrize("split", ["train", "val", "trainval"])
def test_torchvision_reads_pascal_voc(split: str, tmp_path: Path) -> None:
    root = write("pascal-voc", tmp_path, LABELS, classes_of(), "train" if split == "trainval" else split)
    (tmp_path / "VOCdevkit").mkdir()
    root.rename(tmp_path / "VOCdevkit" / "VOC2012")
    found = VOCSegmentation(str(tmp_path), "2012", split)
    assert len(found) == len(LABELS)
    for (image, mask), label in zip(found, LABELS, strict=True):
        assert image.size == mask.size
        np.testing.assert_array_equal(np.asarray(mask), announced("pascal-voc", label))


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_torchvision_reads_cityscapes(split: str, tmp_path: Path) -> None:
    root = write("cityscapes", tmp_path, LABELS, street(), split)
    found = Cityscapes(str(root), split, "fine", ["semantic", "color"])
    ids = {c.name: c for c in class_set("cityscapes")}
    table, colours = np.zeros(256, int), np.zeros((256, 3), int)
    for c in street():
        table[c.value], colours[c.value] = ids[c.name.lower()].index, ids[c.name.lower()].colour
    assert len(found) == len(LABELS)
    for path, (_, (semantic, colour)) in zip(found.images, found, strict=True):  # in directory order
        label = LABELS[int(Path(path).name[1])]
        np.testing.assert_array_equal(np.asarray(semantic), table[label])
        np.testing.assert_array_equal(np.asarray(colour)[..., :3], colours[label])
        trained = {c.id: c.train_id for c in Cityscapes.classes}
        train_ids = next(root.glob(f"gtFine/{split}/*/p0_gtFine_labelTrainIds.png"))
    with Image.open(train_ids) as image:
        expected = np.array([trained[i] for i in range(34)], np.int16)[table[LABELS[0]]]
        np.testing.assert_array_equal(np.asarray(image), expected.astype(np.uint8))


@pytest.mark.parametrize("way", ["pillow", "opencv"])
def test_drawn_yolo_outlines_give_the_same_pixels(way: str, tmp_path: Path) -> None:
    root = write("yolo-seg", tmp_path, LABELS, classes_of())
    for number, label in enumerate(LABELS):
        height, width = label.shape
        found = np.zeros(label.shape, np.uint8)
        for line in (root / "labels" / "train" / f"p{number}.txt").read_text().splitlines():
            kind, *numbers = line.split()
            corners = (np.array(numbers, float).reshape(-1, 2) * (width, height)).astype(np.int32)
            if way == "opencv":
                cv2.fillPoly(found, [corners], int(kind) + 1)
            else:
                image = Image.fromarray(found)
                ImageDraw.Draw(image).polygon(
                    [tuple(c) for c in corners.tolist()], int(kind) + 1, int(kind) + 1
                )
                found = np.array(image)
        np.testing.assert_array_equal(found, announced("yolo-seg", label))


def test_tifffile_reads_masks_as_geotiffs(tmp_path: Path) -> None:
    import tifffile

    root = write("geotiff", tmp_path, LABELS, classes_of())
    for number, label in enumerate(LABELS):
        np.testing.assert_array_equal(tifffile.imread(root / "masks" / "train" / f"p{number}.tif"), label)


def test_labelme_reads_labelme(tmp_path: Path) -> None:
    utils = pytest.importorskip("labelme.utils", exc_type=ImportError)
    root = write("labelme", tmp_path, LABELS, classes_of())
    numbers = {"_background_": 0, "__ignore__": VOID} | {c.name: c.value for c in classes_of()}
    for number, label in enumerate(LABELS):
        content = json.loads((root / "train" / f"p{number}.json").read_text("utf-8"))
        shapes = [labelme_shape(shape) for shape in content["shapes"]]
        found, _ = utils.shapes_to_label(label.shape, shapes, numbers)
        np.testing.assert_array_equal(found, label)


def labelme_shape(shape: dict) -> dict:
    """The shape as labelme's loader returns it, with a decoded mask."""
    if shape["mask"] is not None:
        from labelme.utils import img_b64_to_arr

        shape["mask"] = img_b64_to_arr(shape["mask"]).astype(bool)
    return shape


def test_datasets_reads_hugging_face(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", exc_type=ImportError)
    root = write("hugging-face", tmp_path, LABELS, classes_of(), "val")
    import tqdm

    tqdm.tqdm.monitor_interval = 0  # otherwise a thread keeps running
    found = datasets.load_dataset(str(root), cache_dir=str(tmp_path / "cache"))
    assert set(found) == {"validation"}
    for row, label in zip(found["validation"], LABELS, strict=True):
        assert row["image"].size == row["mask"].size
        np.testing.assert_array_equal(np.asarray(row["mask"]), label)


def test_tarfile_reads_shards(tmp_path: Path) -> None:
    from core.formats.writers import webdataset as shards

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "MOST_PICTURES", 2)
        root = write("webdataset", tmp_path, [*LABELS, None], classes_of(), "val")
    assert sorted(path.name for path in root.iterdir()) == [
        "classes.json", "val-000000.tar", "val-000001.tar",
    ]  # fmt: skip
    found = {}
    for path in sorted(root.glob("*.tar")):
        with tarfile.open(path) as shard:
            for entry in shard:
                assert (entry.mtime, entry.uid, entry.uname) == (0, 0, "")
                found[entry.name] = shard.extractfile(entry).read()
    assert list(found)[:4] == ["p0.png", "p0.mask.png", "p0.json", "p1.png"]
    assert "p3.png" in found and "p3.mask.png" not in found
    for number, label in enumerate(LABELS):
        with Image.open(io.BytesIO(found[f"p{number}.mask.png"])) as mask:
            np.testing.assert_array_equal(np.asarray(mask), label)
        assert json.loads(found[f"p{number}.json"]) == {"tags": []}


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # webdataset leaves its shard open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_shards(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset", exc_type=ImportError)
    root = write("webdataset", tmp_path, LABELS, classes_of(), "val")
    found = webdataset.WebDataset(str(root / "val-000000.tar"), shardshuffle=False).decode("rgb8")
    for row, label in zip(found, LABELS, strict=True):
        assert row["png"].shape[:2] == label.shape
        np.testing.assert_array_equal(row["mask.png"][..., 0], label)
        assert row["json"] == {"tags": []}


DATUMARO = {
    "coco": "coco_instances",
    "coco-panoptic": "coco_panoptic",
    "pascal-voc": "voc_segmentation",
    "camvid": "camvid",
    "cvat": "cvat",
}


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # raised by pycocotools with NumPy 2
@pytest.mark.parametrize("name", DATUMARO)
def test_datumaro_reads(name: str, tmp_path: Path) -> None:
    datumaro = pytest.importorskip("datumaro", exc_type=ImportError)
    classes = classes_of()
    root = write(name, tmp_path, LABELS, classes)
    found = datumaro.Dataset.import_from(str(root), DATUMARO[name])
    labels = found.categories()[datumaro.AnnotationType.label]
    void = {"background", "Void", "void", "ignored"}
    items = {item.id.rsplit("/", 1)[-1]: item for item in found}
    for number, label in enumerate(LABELS):
        values = np.zeros(label.shape, int)
        for note in items[f"p{number}"].annotations:
            if note.type == datumaro.AnnotationType.bbox:
                continue
            title = labels[note.label].name.replace("_", " ")
            value = VOID if title in void else classes.by_name(title).value
            values[datumaro_mask(note, label.shape)] = value
        expected = announced(name, label)
        if name != "cvat":  # Datumaro has no mask for pixels without a class
            values[values == VOID], expected = 0, np.where(expected == VOID, 0, expected)
        np.testing.assert_array_equal(values, expected)


def datumaro_mask(note: object, shape: tuple[int, int]) -> np.ndarray:
    from pycocotools import mask as coco

    if hasattr(note, "points"):
        return coco.decode(coco.merge(coco.frPyObjects([list(note.points)], *shape))).astype(bool)
    return np.asarray(note.image, bool)
