"""One small dataset in the formats of other programs: the left half of the picture is one class, the right another."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from tests.dataset_files import (
    HEIGHT,
    MIDDLE,
    RIGHT,
    WIDTH,
    coloured,
    compressed,
    grey,
    photo,
    write_json,
    write_text,
)
from tests.factories import picture

REST = "everything else"
BOX = [[12.0, 0.0], [24.0, 0.0], [24.0, 16.0], [12.0, 16.0]]
FLAT = [part for corner in BOX for part in corner]


@dataclass(frozen=True)
class ExternalDataset:
    """A format, a function that writes the dataset, and the expected result: class names left and right, split,
    tags."""

    format: str
    write: Callable[[Path], None]
    left: str
    right: str
    split: str | None = None
    tags: tuple[str, ...] = ()


def _png(mask: NDArray[np.bool_]) -> bytes:
    kept = io.BytesIO()
    Image.fromarray(mask).save(kept, "PNG")
    return kept.getvalue()


def _cityscapes(kind: str, left: Any, right: Any) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        stem = "aachen/aachen_000000_000019"
        photo(root / "leftImg8bit" / "train" / f"{stem}_leftImg8bit.png")
        mask = root / "gtFine" / "train" / f"{stem}_gtFine_{kind}.png"
        if kind == "polygons":
            far = [[0, 0], [12, 0], [12, 16], [0, 16]]
            things = [{"label": left, "polygon": far}, {"label": right, "polygon": BOX}]
            write_json(mask.with_suffix(".json"), {"imgWidth": WIDTH, "imgHeight": HEIGHT, "objects": things})
        elif kind == "color":
            coloured(mask, left, right)
        else:
            grey(mask, left, right, np.uint16 if kind == "instanceIds" else np.uint8)

    return write


def _pairs(root: Path) -> None:
    for name in ("train/1", "val/1"):
        path = root / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        mask = np.full((64, 64, 3), (128, 64, 128), np.uint8)
        mask[:, 37:] = (0, 0, 142)  # not where JPEG's blocks meet, so that the border is smeared
        Image.fromarray(np.hstack([picture(64, 64), mask])).save(path, quality=60)


def _camvid_colours(root: Path) -> None:
    photo(root / "701_StillsRaw_full" / "0001TP_006690.png")
    coloured(root / "LabeledApproved_full" / "0001TP_006690_L.png", (128, 0, 192), (0, 0, 192))


def _camvid_indices(root: Path) -> None:
    photo(root / "train" / "0001TP_006690.png")
    grey(root / "trainannot" / "0001TP_006690.png", 3, 8)


def _pet(root: Path) -> None:
    photo(root / "images" / "great_pyrenees_12.jpg")
    grey(root / "annotations" / "trimaps" / "great_pyrenees_12.png", 2, 1)
    write_text(root / "annotations" / "trainval.txt", "great_pyrenees_12 15 2 9\nAbyssinian_1 1 1 1\n")


def _drone(root: Path) -> None:
    photo(root / "original_images" / "001.jpg")
    grey(root / "label_images_semantic" / "001.png", 1, 9)
    rows = "name, r, g, b\nunlabeled, 0, 0, 0\npaved-area, 128, 64, 128\n" + "".join(
        f"class-{n}, {n}, {n}, {n}\n" for n in range(2, 9)
    )
    write_text(root / "class_dict_seg.csv", rows + "roof, 70, 70, 70\n")


def _tiles(root: Path) -> None:
    for tile in ("Tile 1", "Tile 2"):
        photo(root / tile / "images" / "image_part_001.jpg", seed=len(tile))
        coloured(root / tile / "masks" / "image_part_001.png", (132, 41, 246), (60, 16, 152))


def _voc(root: Path) -> None:
    photo(root / "JPEGImages" / "2007_000063.jpg")
    path = root / "SegmentationClass" / "2007_000063.png"
    path.parent.mkdir()
    mask = Image.fromarray(np.where(RIGHT, 12, 0).astype(np.uint8), "L").convert("P")
    mask.putpalette([n // 3 for n in range(768)])
    mask.save(path)
    write_text(root / "ImageSets" / "Segmentation" / "val.txt", "2007_000063\n")


def _ade(root: Path) -> None:
    photo(root / "images" / "validation" / "ADE_val_00000001.jpg")
    grey(root / "annotations" / "validation" / "ADE_val_00000001.png", 3, 1)


def _mapillary(root: Path) -> None:
    labels = [
        {"name": f"a--{n}", "readable": n, "color": [n_, 2, 3], "evaluate": n != "Sky"}
        for n_, n in enumerate(("Bird", "Curb", "Sky"))
    ]
    write_json(root / "config_v2.0.json", {"labels": labels})
    photo(root / "validation" / "images" / "x.jpg")
    grey(root / "validation" / "v2.0" / "labels" / "x.png", 0, 1)


def coco_table(outline: Any, name: str = "a.jpg", crowd: int = 0) -> dict[str, Any]:
    return {
        "images": [{"id": 7, "file_name": name, "width": WIDTH, "height": HEIGHT}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 90, "iscrowd": crowd, "segmentation": outline}
        ],
        "categories": [{"id": 2, "name": "street"}, {"id": 90, "name": "roof"}],
    }


def _coco(outline: Any, crowd: int = 0) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        photo(root / "val2017" / "a.jpg")
        write_json(root / "annotations" / "instances_val2017.json", coco_table(outline, crowd=crowd))

    return write


def _panoptic(root: Path) -> None:
    photo(root / "val2017" / "a.jpg")
    coloured(root / "annotations" / "panoptic_val2017" / "a.png", (7, 0, 1), (1, 2, 0))
    segments = [{"id": 7 + 65536, "category_id": 2}, {"id": 1 + 512, "category_id": 90}]
    table = coco_table([])
    table["annotations"] = [{"image_id": 7, "file_name": "a.png", "segments_info": segments}]
    write_json(root / "annotations" / "panoptic_val2017.json", table)


def _yolo(root: Path) -> None:
    photo(root / "images" / "train" / "a.jpg")
    write_text(root / "labels" / "train" / "a.txt", "1 0.5 0 1 0 1 1 0.5 1\n")
    write_text(
        root / "data.yaml", yaml.safe_dump({"names": {0: "street", 1: "roof"}, "train": "images/train"})
    )


def labelme(shape: dict[str, Any], **more: Any) -> dict[str, Any]:
    content = {
        "version": "5.3.0",
        "flags": {"night": True, "rain": False},
        "shapes": [{"label": "roof", **shape}],
    }
    size = {"imageHeight": HEIGHT, "imageWidth": WIDTH}
    return {**content, "imagePath": "a.jpg", "imageData": None, **size, **more}


def _labelme(shape: dict[str, Any], **more: Any) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        photo(root / "a.jpg")
        write_json(root / "a.json", labelme(shape, **more))

    return write


def _isat(root: Path) -> None:
    photo(root / "a.jpg")
    objects = [
        {"category": "street", "segmentation": BOX, "layer": 2.0},
        {"category": "roof", "segmentation": BOX, "layer": 3.0},
    ]
    said = {"description": "ISAT", "name": "a.jpg", "width": WIDTH, "height": HEIGHT, "note": "night"}
    write_json(root / "a.json", {"info": said, "objects": objects})
    write_text(root / "isat.yaml", yaml.safe_dump({"label": [{"name": "roof", "color": "#0a0b0c"}]}))


def cvat(shape: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta><task><labels><label>'
        "<name>roof</name><color>#0a0b0c</color></label></labels></task></meta>\n"
        f'  <image id="0" name="a.jpg" subset="Train" width="{WIDTH}" height="{HEIGHT}"><tag label="night"/>'
        f"{shape}</image>\n</annotations>\n"
    )


def _cvat(shape: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        photo(root / "images" / "a.jpg")
        write_text(root / "annotations.xml", cvat(shape))

    return write


def _supervisely(geometry: dict[str, Any]) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        photo(root / "ds" / "img" / "a.jpg")
        write_json(root / "meta.json", {"classes": [{"title": "roof", "shape": "any", "color": "#0A0B0C"}]})
        thing = {"classTitle": "roof", **geometry}
        size = {"width": WIDTH, "height": HEIGHT}
        write_json(
            root / "ds" / "ann" / "a.jpg.json",
            {"size": size, "tags": [{"name": "night"}], "objects": [thing]},
        )

    return write


def brush_code(mask: NDArray[np.bool_]) -> list[int]:
    """Label Studio's code of a brush mask, with runs of one number and runs of many."""
    numbers = np.repeat(mask.ravel().astype(np.uint8) * 255, 4)
    bits = f"{numbers.size:032b}" + f"{7:05b}" + "".join(f"{width - 1:04b}" for width in (3, 4, 8, 16))
    start = 0
    while start < numbers.size:
        end = start
        while end < numbers.size and numbers[end] == numbers[start] and end - start < 65536:
            end += 1
        if start % 3:
            bits += "1" + "11" + f"{end - start - 1:016b}" + f"{numbers[start]:08b}"
        else:
            run = numbers[start:end]
            bits += "0" + "11" + f"{run.size - 1:016b}" + "".join(f"{n:08b}" for n in run)
        start = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[n : n + 8], 2) for n in range(0, len(bits), 8)]


def label_studio(kind: str, value: dict[str, Any]) -> list[dict[str, Any]]:
    said = {
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "from_name": "tag",
        "to_name": "image",
        "type": kind,
    }
    result = [{**said, "value": {**value, kind: ["roof"]}}]
    data = {"image": "/data/upload/1/0a1b2c3d-a.jpg"}
    return [{"id": 1, "data": data, "annotations": [{"was_cancelled": False, "result": result}]}]


def _label_studio(kind: str, value: dict[str, Any]) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        photo(root / "images" / "a.jpg")
        write_json(root / "export.json", label_studio(kind, value))

    return write


def _datumaro(annotation: dict[str, Any]) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        photo(root / "images" / "val" / "a.jpg")
        labels = [{"name": "street", "parent": ""}, {"name": "roof", "parent": ""}]
        item = {"id": "a", "annotations": [{"label_id": 1, "z_order": 0, **annotation}]}
        item["image"] = {"path": "a.jpg", "size": [HEIGHT, WIDTH]}
        write_json(
            root / "annotations" / "val.json",
            {"info": {}, "categories": {"label": {"labels": labels}}, "items": [item]},
        )

    return write


def _runs() -> list[int]:
    return [HEIGHT * MIDDLE, HEIGHT * (WIDTH - MIDDLE)]


_ROWS = ",".join(["0", str(MIDDLE * HEIGHT)])
_X = {"description": "", "difficult": False, "kie_linking": [], "group_id": None}

EXTERNAL_DATASETS = (
    *(
        ExternalDataset("cityscapes", _cityscapes(kind, left, right), "road", "car", "train")
        for kind, left, right in (
            ("labelIds", 7, 26),
            ("labelTrainIds", 0, 13),
            ("instanceIds", 7, 26003),
            ("color", (128, 64, 128), (0, 0, 142)),
            ("polygons", "road", "cargroup"),
        )
    ),
    ExternalDataset("camvid", _camvid_colours, "LaneMkgsDriv", "Sidewalk"),
    ExternalDataset("camvid", _camvid_indices, "Road", "Car", "train"),
    ExternalDataset("oxford-pet", _pet, "surroundings", "pet", "train", ("great pyrenees",)),
    ExternalDataset("mask-folders", _drone, "paved-area", "roof"),
    ExternalDataset("mask-folders", _tiles, "Land (unpaved area)", "Building"),
    ExternalDataset("pascal-voc", _voc, "background", "dog", "val"),
    ExternalDataset("ade20k", _ade, "sky", "wall", "val"),
    ExternalDataset("mapillary", _mapillary, "Bird", "Curb", "val"),
    ExternalDataset("coco", _coco([FLAT]), REST, "roof", "val"),
    ExternalDataset(
        "coco", _coco({"size": [HEIGHT, WIDTH], "counts": _runs()}, crowd=1), REST, "roof", "val"
    ),
    ExternalDataset("coco", _coco(compressed(RIGHT)), REST, "roof", "val"),
    ExternalDataset("coco-panoptic", _panoptic, "street", "roof", "val"),
    ExternalDataset("yolo-seg", _yolo, REST, "roof", "train"),
    ExternalDataset(
        "labelme", _labelme({"shape_type": "polygon", "points": BOX}), REST, "roof", None, ("night",)
    ),
    ExternalDataset(
        "labelme",
        _labelme({"shape_type": "rectangle", "points": [[12, 0], [24, 16]]}),
        REST,
        "roof",
        None,
        ("night",),
    ),
    ExternalDataset(
        "labelme",
        _labelme(
            {
                "shape_type": "mask",
                "points": [[12, 0], [23, 15]],
                "mask": base64.b64encode(_png(RIGHT[:, 12:])).decode(),
            }
        ),
        REST,
        "roof",
        None,
        ("night",),
    ),
    ExternalDataset(
        "xanylabeling",
        _labelme({"shape_type": "rotation", "points": BOX, **_X}),
        REST,
        "roof",
        None,
        ("night",),
    ),
    ExternalDataset("isat", _isat, REST, "roof", None, ("night",)),
    ExternalDataset(
        "cvat",
        _cvat('<polygon label="roof" points="12,0;24,0;24,16;12,16" z_order="0"/>'),
        REST,
        "roof",
        "train",
        ("night",),
    ),
    ExternalDataset(
        "cvat",
        _cvat('<box label="roof" xtl="12" ytl="0" xbr="24" ybr="16"/>'),
        REST,
        "roof",
        "train",
        ("night",),
    ),
    ExternalDataset(
        "cvat",
        _cvat('<mask label="roof" rle="0, 192" left="12" top="0" width="12" height="16"/>'),
        REST,
        "roof",
        "train",
        ("night",),
    ),
    ExternalDataset(
        "supervisely",
        _supervisely({"geometryType": "polygon", "points": {"exterior": BOX, "interior": []}}),
        REST,
        "roof",
        None,
        ("night",),
    ),
    ExternalDataset(
        "supervisely",
        _supervisely(
            {
                "geometryType": "bitmap",
                "bitmap": {
                    "origin": [12, 0],
                    "data": base64.b64encode(zlib.compress(_png(RIGHT[:, 12:]))).decode(),
                },
            }
        ),
        REST,
        "roof",
        None,
        ("night",),
    ),
    ExternalDataset(
        "label-studio",
        _label_studio("polygonlabels", {"points": [[50, 0], [100, 0], [100, 100], [50, 100]]}),
        REST,
        "roof",
    ),
    ExternalDataset(
        "label-studio",
        _label_studio("rectanglelabels", {"x": 50, "y": 0, "width": 50, "height": 100, "rotation": 0}),
        REST,
        "roof",
    ),
    ExternalDataset(
        "label-studio",
        _label_studio("brushlabels", {"format": "rle", "rle": brush_code(RIGHT)}),
        REST,
        "roof",
    ),
    ExternalDataset("datumaro", _datumaro({"type": "polygon", "points": FLAT}), REST, "roof", "val"),
    ExternalDataset("datumaro", _datumaro({"type": "mask", "rle": compressed(RIGHT)}), REST, "roof", "val"),
)
"""All formats except image pairs, whose colours are blurred by JPEG."""

IMAGE_PAIRS = ExternalDataset("cityscapes-pairs", _pairs, "road", "car")
