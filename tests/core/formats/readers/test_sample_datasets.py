"""Real datasets, if present: in a folder beside the checkout or in MASKLOOP_SAMPLES. The tests only read them."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.base.errors import FormatError
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset
from core.formats.rasterizer import FilledShape, parse_ring, rasterize
from core.formats.readers.registry import open_dataset, recognise_all
from core.formats.run_length import runs_from_counts
from core.labels.class_list import VOID
from core.project.project import Project
from core.session.transfer.import_run import import_dataset

_BESIDE = Path(__file__).parents[5] / "shared" / "data" / "samples"
SAMPLES = Path(os.environ.get("MASKLOOP_SAMPLES") or _BESIDE)
pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="no folder of real datasets; MASKLOOP_SAMPLES names one"
)


@dataclass(frozen=True)
class Expected:
    """Expected result for a folder: format, pictures, labelled pictures, occurring classes, parts of the problems."""

    folder: str
    format: str
    pictures: int
    labels: int
    classes: set[str]
    problems: tuple[str, ...] = ()
    splits: dict[str | None, int] = field(default_factory=dict)


EXPECTED = (
    Expected("ade20k-sceneparsing", "ade20k", 2, 2, {"sky", "building", "tree", "grass", "wall", "plant"}),
    Expected(
        "camvid-colour-11class", "camvid", 4, 4, {"Road", "Sky", "Car", "Pole", "Pedestrian", "Pavement"}
    ),
    Expected(
        "camvid-original-32class", "camvid", 2, 2, {"Road", "LaneMkgsDriv", "SUVPickupTruck", "OtherMoving"}
    ),
    Expected(
        "cityscapes-official",
        "cityscapes",
        2,
        2,
        {"road", "building", "car", "terrain"},
        ("2 masks have no picture",),
    ),
    Expected(
        "cityscapes-pairs",
        "cityscapes-pairs",
        28,
        28,
        {"road", "building", "car", "person", "sky"},
        (),
        {"train": 18, "val": 10},
    ),
    Expected("coco-panoptic", "coco-panoptic", 2, 2, {"horse", "truck", "person", "sports ball", "gravel"}),
    Expected("coco-tiny-4formats", "coco", 5, 5, {"person", "chair", "stop sign", "umbrella", "couch"}),
    Expected(
        "dubai-aerial",
        "mask-folders",
        11,
        11,
        {"Building", "Land (unpaved area)", "Road", "Vegetation", "Water"},
    ),
    Expected(
        "oxford-pets",
        "oxford-pet",
        16,
        16,
        {"pet", "surroundings", "border"},
        ("583 pictures that do not exist",),
    ),
    Expected("pascal-voc", "pascal-voc", 2, 1, {"chair", "dog", "background"}),
    Expected("sahi-terrain", "coco", 1, 1, {"human"}),
)


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda e: e.folder)
def test_each_sample_is_imported(expected: Expected, tmp_path: Path) -> None:
    tree = DatasetTree(SAMPLES / expected.folder)
    assert recognise_all(tree)[0].format == expected.format
    dataset = open_dataset(tree.root, tree=tree)
    with Project.open(tmp_path) as project:
        report = import_dataset(project, dataset)
        assert (report.pictures, report.labels) == (expected.pictures, expected.labels)
        assert len(report.problems) == len(expected.problems)
        for problem, part in zip(report.problems, expected.problems, strict=True):
            assert part in problem
        classes = project.classes.read()
        seen = {classes.name_of(value) for value in project.pictures.counts().class_pixels}
        assert expected.classes <= seen
        if expected.splits:
            assert Counter(r.split for r in project.pictures.all()) == expected.splits


def test_class_list_alone_is_not_a_dataset() -> None:
    with pytest.raises(FormatError, match="No dataset format was recognised"):
        open_dataset(SAMPLES / "semantic-drone-classdict")


def _names(dataset: Dataset, place: int) -> np.ndarray:
    read = dataset.samples[place].read_mask
    assert read is not None
    names = np.array(["", *(c.name for c in dataset.classes), *["?"] * (255 - len(dataset.classes))], object)
    names[VOID] = "void"
    return names[read().values]


def test_coco_and_yolo_of_the_same_objects_agree() -> None:
    """The YOLO files were converted from COCO: parts of objects were joined and crowds dropped."""
    root = SAMPLES / "coco-tiny-4formats"
    coco, yolo = open_dataset(root, "coco"), open_dataset(root, "yolo-seg")
    kinds = [c.name for c in coco.classes]
    shares = []
    places = {sample.picture: place for place, sample in enumerate(yolo.samples)}
    for place, sample in enumerate(coco.samples):
        one, other = _names(coco, place), _names(yolo, places[sample.picture])
        renamed = np.array(
            [kinds[int(n.split()[1])] if n.startswith("class ") else n for n in other.ravel()], object
        )
        shares.append((one == renamed.reshape(one.shape)).mean())
    assert sorted(shares)[1] > 0.97
    assert np.mean(shares) > 0.9


def test_rasterized_areas_agree_with_pycocotools() -> None:
    """Only border pixels differ, because of rounding."""
    from pycocotools import mask as reader

    tree = DatasetTree(SAMPLES / "coco-tiny-4formats")
    table = tree.read_json("coco_tiny.json")
    sizes = {image["id"]: (image["width"], image["height"]) for image in table["images"]}
    for note in table["annotations"]:
        width, height = sizes[note["image_id"]]
        outline = note["segmentation"]
        code = reader.frPyObjects(outline, height, width)
        theirs = _decoded(reader, reader.merge(code) if isinstance(code, list) else code) > 0
        if isinstance(outline, list):
            shape = FilledShape(1, tuple(map(parse_ring, outline)))
        else:
            shape = FilledShape(1, runs=runs_from_counts(outline["counts"], height, width))
        mine = rasterize((width, height), [shape], source=tree.root) > 0
        border = cv2.morphologyEx(theirs.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        assert not ((mine ^ theirs) & ~border).any()


def _decoded(reader: object, code: object) -> np.ndarray:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it uses the API of NumPy before 2.0
        return np.asarray(reader.decode(code))  # type: ignore[attr-defined]


def test_camvid_colours_agree_with_its_index_masks() -> None:
    """The index masks of the same frames have a broken last row and column; all other pixels agree."""
    root = SAMPLES / "camvid-colour-11class"
    dataset = open_dataset(root)
    for sample in dataset.samples:
        assert sample.read_mask is not None
        mine = sample.read_mask().values[:-1, :-1]
        with Image.open(root / "train_labels" / f"{sample.picture.stem}_L.png") as image:
            theirs = np.asarray(image)[:-1, :-1]
        np.testing.assert_array_equal(np.where(mine == VOID, 11, mine - 1), theirs)


def test_datumaro_fixtures_are_imported() -> None:
    root = SAMPLES / "datumaro-fixtures"
    expected = {
        "camvid_dataset": "camvid",
        "cityscapes_dataset": "cityscapes",
        "coco_dataset/coco_instances": "coco",
        "coco_dataset/coco_panoptic": "coco-panoptic",
        "coco_dataset/coco_stuff": "coco",
        "common_semantic_segmentation_dataset": "mask-folders",
        "cvat_dataset": "cvat",
        "datumaro_dataset": "datumaro",
        "mapillary_vistas_dataset": "mapillary",
        "roboflow_dataset": "coco",
        "voc_dataset": "pascal-voc",
        "yolo_dataset": "yolo-seg",
    }
    for folder, name in expected.items():
        dataset = open_dataset(root / folder)
        assert dataset.recognition.format == name, folder
        for sample in dataset.samples:
            assert sample.read_mask is None or sample.read_mask().values.ndim == 2
