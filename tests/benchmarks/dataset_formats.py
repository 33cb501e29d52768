"""Writes the pictures and masks of a benchmark in the formats that Maskloop reads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.formats.class_sets import class_set
from core.formats.readers.registry import open_dataset
from core.project.project import Project
from core.session.transfer.export_plan import ExportOptions, plan_export
from core.session.transfer.export_run import run_export
from core.session.transfer.import_run import import_dataset

EXPORTED = ("coco", "coco-panoptic", "pascal-voc", "yolo-seg", "cityscapes", "camvid", "labelme", "cvat")
"""Formats that Maskloop writes itself."""
READ_BY_DATUMARO = (
    "masks",
    "coco",
    "coco-panoptic",
    "pascal-voc",
    "cityscapes",
    "camvid",
    "mapillary",
    "cvat",
    "datumaro",
)
"""Formats of which Datumaro reads areas, as in `programs/with_datumaro.py`. Its YOLO reader takes boxes only."""


def write_formats(pairs: Path, place: Path, only: tuple[str, ...] = ()) -> dict[str, Path]:
    """Write the dataset `pairs` (images/, masks/, classes.json) in each format into a folder of its own.

    only: formats to write, empty for all. Returns the folders by format.
    """
    wanted = only or (*EXPORTED, *_WRITERS, "masks")
    place.mkdir(parents=True)
    folders = {name: place / name for name in wanted}
    if "masks" in wanted:
        folders["masks"] = pairs
    exports = [name for name in EXPORTED if name in wanted]
    needs_outlines = any(name in _OUTLINES for name in wanted)
    if exports or needs_outlines:
        project_folder = place / "project"
        project_folder.mkdir()
        with Project.open(project_folder) as project:
            import_dataset(project, open_dataset(pairs, "masks"))
        with Project.open_read_only(project_folder) as project:
            for name in {*exports, *(("labelme",) if needs_outlines else ())}:
                run_export(project, plan_export(project, ExportOptions(place / name, name)))
    for name in wanted:
        if name in _WRITERS:
            _WRITERS[name](place / "labelme" if name in _OUTLINES else pairs, folders[name])
    return folders


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target)


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")


def _write_mask(path: Path, values: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), values)


def _pairs_of(source: Path) -> Iterator[tuple[Path, Path]]:
    for picture in sorted((source / "images").iterdir()):
        yield picture, source / "masks" / f"{picture.stem}.png"


def _values(mask: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(mask), cv2.IMREAD_UNCHANGED), np.uint8)


def _names(source: Path) -> list[str]:
    return [str(row["name"]) for row in json.loads((source / "classes.json").read_text())["classes"]]


# Masks ------------------------------------------------------------------------------------------------


def _mask_folders(source: Path, place: Path) -> None:
    for picture, mask in _pairs_of(source):
        _link(picture, place / "photos" / picture.name)
        _link(mask, place / "labels" / f"{mask.stem}_mask.png")
    _write(place / "classes.txt", "\n".join(["background", *_names(source)]))


def _oxford_pet(source: Path, place: Path) -> None:
    lines = []
    for number, (picture, mask) in enumerate(_pairs_of(source)):
        name = f"some_breed_{number}"
        _link(picture, place / "images" / f"{name}.jpg")
        _write_mask(place / "annotations" / "trimaps" / f"{name}.png", np.clip(_values(mask), 1, 3))
        lines.append(f"{name} 1 1 1\n")
    _write(place / "annotations" / "trainval.txt", "".join(lines))


def _ade20k(source: Path, place: Path) -> None:
    for number, (picture, mask) in enumerate(_pairs_of(source), 1):
        name = f"ADE_train_{number:08}"
        _link(picture, place / "images" / "training" / f"{name}.jpg")
        _link(mask, place / "annotations" / "training" / f"{name}.png")


def _mapillary(source: Path, place: Path) -> None:
    names = ["unlabelled", *_names(source)]
    labels = [
        {
            "name": f"object--{name}",
            "readable": name,
            "color": [9 * n, 9 * n, 9],
            "evaluate": n > 0,
            "instances": False,
        }
        for n, name in enumerate(names)
    ]
    _write(place / "config_v2.0.json", {"labels": labels, "version": "2.0", "folder_structure": "v2.0"})
    palette = [part for label in labels for part in label["color"]]  # type: ignore[attr-defined]
    for picture, mask in _pairs_of(source):
        _link(picture, place / "training" / "images" / picture.name)
        path = place / "training" / "v2.0" / "labels" / mask.name
        path.parent.mkdir(parents=True, exist_ok=True)
        values = _values(mask)
        image = Image.fromarray(values, "P")
        image.putpalette(palette)
        image.save(path)
        _write_mask(path.parents[1] / "instances" / mask.name, values.astype(np.uint16) * 256)


def _cityscapes_pairs(source: Path, place: Path) -> None:
    colours = np.zeros((256, 3), np.uint8)
    evaluated = [c.colour for c in class_set("cityscapes") if c.name in _STREET]
    for value in range(1, 256):
        colours[value] = evaluated[value % len(evaluated)]
    for picture, mask in _pairs_of(source):
        path = place / "train" / f"{picture.stem}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        labels = colours[_values(mask)][..., ::-1]
        cv2.imwrite(str(path), np.hstack([np.asarray(cv2.imread(str(picture))), labels]))


_STREET = ("road", "building", "vegetation", "sky", "car", "person", "sidewalk", "terrain")


# Outlines, converted from labelme ---------------------------------------------------------------------


def _annotations(source: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The picture and the content of each labelme file; masks of areas with holes become boxes."""
    for path in sorted(source.glob("*/*.json")):
        content = json.loads(path.read_text())
        for shape in content["shapes"]:
            if shape["shape_type"] == "mask":
                (x0, y0), (x1, y1) = shape["points"]
                shape["points"] = [[x0, y0], [x1 + 1, y0], [x1 + 1, y1 + 1], [x0, y1 + 1]]
        yield path.with_name(content["imagePath"]), content


def _labels_in(source: Path) -> list[str]:
    return sorted({shape["label"] for _, content in _annotations(source) for shape in content["shapes"]})


def _isat(source: Path, place: Path) -> None:
    rows = [f"- {{name: {label}, color: '#{9 * n:06x}'}}\n" for n, label in enumerate(_labels_in(source), 1)]
    for picture, content in _annotations(source):
        _link(picture, place / picture.name)
        info = {"description": "ISAT", "folder": "", "name": picture.name, "depth": 3, "note": ""}
        info |= {"width": content["imageWidth"], "height": content["imageHeight"]}
        objects = [
            {
                "category": shape["label"],
                "group": n,
                "segmentation": shape["points"],
                "layer": float(n),
                "iscrowd": 0,
            }
            for n, shape in enumerate(content["shapes"], 1)
        ]
        _write(place / f"{picture.stem}.json", {"info": info, "objects": objects})
    _write(place / "isat.yaml", "label:\n" + "".join(rows))


def _x_anylabeling(source: Path, place: Path) -> None:
    more = {"difficult": False, "kie_linking": [], "attributes": {}}
    for picture, content in _annotations(source):
        _link(picture, place / picture.name)
        shapes = [{**shape, "shape_type": "polygon", "mask": None, **more} for shape in content["shapes"]]
        _write(place / f"{picture.stem}.json", content | {"shapes": shapes})


def _supervisely(source: Path, place: Path) -> None:
    classes = [
        {"title": label, "shape": "polygon", "color": f"#{9 * n:06X}"}
        for n, label in enumerate(_labels_in(source))
    ]
    _write(place / "meta.json", {"classes": classes, "tags": []})
    for picture, content in _annotations(source):
        _link(picture, place / "ds" / "img" / picture.name)
        objects = [
            {
                "classTitle": shape["label"],
                "geometryType": "polygon",
                "points": {"exterior": shape["points"], "interior": []},
            }
            for shape in content["shapes"]
        ]
        size = {"width": content["imageWidth"], "height": content["imageHeight"]}
        _write(
            place / "ds" / "ann" / f"{picture.name}.json",
            {"description": "", "tags": [], "size": size, "objects": objects},
        )


def _label_studio(source: Path, place: Path) -> None:
    tasks = []
    for number, (picture, content) in enumerate(_annotations(source), 1):
        _link(picture, place / "images" / picture.name)
        size = np.array([content["imageWidth"], content["imageHeight"]])
        said: dict[str, Any] = {"original_width": int(size[0]), "original_height": int(size[1])}
        said |= {"type": "polygonlabels", "from_name": "label", "to_name": "image"}
        results = [
            {
                **said,
                "id": str(n),
                "value": {
                    "points": (np.array(shape["points"]) * 100 / size).round(4).tolist(),
                    "polygonlabels": [shape["label"]],
                },
            }
            for n, shape in enumerate(content["shapes"])
        ]
        data = {"image": f"/data/upload/1/0a1b2c3d-{picture.name}"}
        tasks.append({"id": number, "data": data, "annotations": [{"id": number, "result": results}]})
    _write(place / "export.json", tasks)


def _datumaro(source: Path, place: Path) -> None:
    labels = _labels_in(source)
    items = []
    for picture, content in _annotations(source):
        _link(picture, place / "images" / "train" / picture.name)
        annotations = [
            {
                "id": n,
                "type": "polygon",
                "attributes": {},
                "group": n,
                "label_id": labels.index(shape["label"]),
                "points": [part for corner in shape["points"] for part in corner],
                "z_order": 0,
            }
            for n, shape in enumerate(content["shapes"])
        ]
        size = [content["imageHeight"], content["imageWidth"]]
        items.append(
            {
                "id": picture.stem,
                "annotations": annotations,
                "attr": {},
                "image": {"path": picture.name, "size": size},
            }
        )
    rows = [{"name": label, "parent": "", "attributes": []} for label in labels]
    content = {
        "dm_format_version": "1.0",
        "media_type": 2,
        "infos": {},
        "categories": {"label": {"labels": rows, "attributes": []}},
    }
    _write(place / "annotations" / "train.json", content | {"items": items})


_WRITERS: dict[str, Callable[[Path, Path], None]] = {
    "mask-folders": _mask_folders,
    "oxford-pet": _oxford_pet,
    "ade20k": _ade20k,
    "mapillary": _mapillary,
    "cityscapes-pairs": _cityscapes_pairs,
    "isat": _isat,
    "xanylabeling": _x_anylabeling,
    "supervisely": _supervisely,
    "label-studio": _label_studio,
    "datumaro": _datumaro,
}
_OUTLINES = ("isat", "xanylabeling", "supervisely", "label-studio", "datumaro")
"""Formats that are converted from labelme."""
