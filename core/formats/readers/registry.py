"""The table of formats that come in, and which of them a folder is; `core.formats.writers.registry` has those that go out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from core.base.errors import FormatError
from core.formats.dataset_tree import DatasetTree, split_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.readers import (
    ade20k,
    camvid,
    cityscapes,
    coco,
    cvat,
    datumaro,
    isat,
    label_studio,
    labelme,
    mapillary,
    mask_folders,
    masks,
    oxford_pet,
    supervisely,
    voc,
    yolo,
)

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class ImportFormat:
    """One row of what comes in. `loses` says what is not taken over; `checked_by` what wrote the files that were
    tried."""

    name: str
    title: str
    about: str
    limitations: str
    tested_with: str
    recognise: Callable[[DatasetTree], Recognition | None] | None = None
    open: Callable[[DatasetTree], Dataset] | None = None


_PIXELS = "read back pixel for pixel"

IMPORT_FORMATS: dict[str, ImportFormat] = {
    row.name: row
    for row in (
        ImportFormat(
            "masks",
            "Masks: one byte a pixel, the value of its class",
            "folders images/ and masks/ with a classes.json; a mask pixel is a class index",
            "Tags and notes.",
            _PIXELS,
            masks.recognise,
            masks.open_dataset,
        ),
        ImportFormat(
            "mask-folders",
            "Pictures and masks in folders of any name",
            "paired by name; indices, palettes or colours; names from class_dict.csv, label_colors.txt, codes.txt",
            "What each value means, when no list lies beside the masks.",
            "a Dubai and a Semantic Drone class list, CamVid as packed by fast.ai",
            mask_folders.recognise,
            mask_folders.open_dataset,
        ),
        ImportFormat(
            cityscapes.PAIRS,
            "Cityscapes image pairs",
            "photo and coloured mask side by side in one JPEG; the nearest colour counts, unsure pixels are void",
            "Exact borders: JPEG smears them.",
            "28 real pairs",
            cityscapes.recognise_pairs,
            cityscapes.open_pairs,
        ),
        ImportFormat(
            cityscapes.NAME,
            "Cityscapes, the 19 classes that are scored",
            "folders leftImg8bit and gtFine: labelIds, instanceIds, labelTrainIds, color or polygons",
            "Single objects: those of one class become one area.",
            "real frames, and Datumaro's fixtures",
            cityscapes.recognise,
            cityscapes.open_dataset,
        ),
        *(
            ImportFormat(
                f"{cityscapes.NAME}-{count}",
                f"Cityscapes, {count} classes",
                f"the same with {count} labels as classes",
                "Single objects: those of one class become one area.",
                "real frames",
                open=partial(cityscapes.open_dataset, count=count),
            )
            for count in (30, 34)
        ),
        ImportFormat(
            camvid.NAME,
            "CamVid, 32 or 11 classes",
            "colours (NAME_L.png), or indices in folders like trainannot; 32 or 11 classes by what the masks hold",
            "Nothing.",
            "real frames of three packings, and Datumaro's fixtures",
            camvid.recognise,
            camvid.open_dataset,
        ),
        ImportFormat(
            oxford_pet.NAME,
            "Oxford-IIIT Pet",
            "trimaps: pet, background, border (void); lists give the split, breeds become tags",
            "Boxes of heads.",
            "real pictures, with the oddities of the original",
            oxford_pet.recognise,
            oxford_pet.open_dataset,
        ),
        ImportFormat(
            voc.NAME,
            "Pascal VOC",
            "JPEGImages and SegmentationClass, palette or colours, labelmap.txt when there; the border is void",
            "Single objects; boxes.",
            "a real picture, and Datumaro's fixtures",
            voc.recognise,
            voc.open_dataset,
        ),
        ImportFormat(
            ade20k.NAME,
            "ADE20K scene parsing, 150 classes",
            "images/ and annotations/ with ADE_val_… names; 0 is void",
            "Parts of objects; the full set of 3,000 names.",
            "real pictures",
            ade20k.recognise,
            ade20k.open_dataset,
        ),
        ImportFormat(
            mapillary.NAME,
            "Mapillary Vistas 1.2 and 2.0",
            "config.json, images/ and labels/",
            "Single objects: those of one class become one area.",
            "Datumaro's fixtures",
            mapillary.recognise,
            mapillary.open_dataset,
        ),
        ImportFormat(
            coco.PANOPTIC,
            "COCO panoptic",
            "PNGs of segments with a JSON table",
            "Single objects: those of one class become one area.",
            "the two pictures of panopticapi",
            coco.recognise_panoptic,
            coco.open_panoptic,
        ),
        ImportFormat(
            coco.NAME,
            "COCO instances and stuff",
            "polygons and run-length codes, crowds too, in one or several JSON files",
            "Single objects; boxes, key points, captions.",
            "pycocotools",
            coco.recognise,
            coco.open_dataset,
        ),
        ImportFormat(
            yolo.NAME,
            "YOLO segmentation",
            "a text file a picture; names from data.yaml, obj.names or classes.txt",
            "Single objects; boxes are not taken.",
            "the same pictures in COCO's form",
            yolo.recognise,
            yolo.open_dataset,
        ),
        ImportFormat(
            labelme.NAME,
            "labelme",
            "a JSON file a picture: polygons, rectangles, circles, masks",
            "Single objects; points and lines.",
            "real files of labelme 4 and 5",
            labelme.recognise,
            labelme.open_dataset,
        ),
        ImportFormat(
            labelme.X_NAME,
            "X-AnyLabeling",
            "labelme's form with a few keys more; turned boxes too",
            "Single objects; points, lines, text.",
            "files written to its published form",
            labelme.recognise_x,
            partial(labelme.open_dataset, name=labelme.X_NAME),
        ),
        ImportFormat(
            isat.NAME,
            "ISAT",
            "a JSON file a picture: outlines in layers, colours from isat.yaml",
            "Single objects.",
            "real files of ISAT",
            isat.recognise,
            isat.open_dataset,
        ),
        ImportFormat(
            cvat.NAME,
            "CVAT for images 1.1",
            "annotations.xml: polygons, boxes, ellipses, masks; tags",
            "Single objects; points, lines, skeletons, attributes.",
            "Datumaro's fixtures",
            cvat.recognise,
            cvat.open_dataset,
        ),
        ImportFormat(
            supervisely.NAME,
            "Supervisely",
            "meta.json, img/ and ann/: polygons with holes, rectangles, bitmaps; tags",
            "Single objects; points and lines.",
            "files written to its published form",
            supervisely.recognise,
            supervisely.open_dataset,
        ),
        ImportFormat(
            label_studio.NAME,
            "Label Studio",
            "the JSON export: polygons, rectangles, ellipses, brushes",
            "Single objects; key points; all annotations of a picture but the first.",
            "files written to its published form",
            label_studio.recognise,
            label_studio.open_dataset,
        ),
        ImportFormat(
            datumaro.NAME,
            "Datumaro",
            "annotations/SPLIT.json: polygons and masks",
            "Single objects; boxes, points, captions.",
            "Datumaro's fixtures",
            datumaro.recognise,
            datumaro.open_dataset,
        ),
    )
}


def recognise_all(tree: DatasetTree) -> list[Recognition]:
    """What every reader thinks of the folder, the surest first."""
    said = [row.recognise(tree) for row in IMPORT_FORMATS.values() if row.recognise]
    return sorted((r for r in said if r is not None), key=lambda r: -r.confidence)


def open_dataset(root: Path, format_name: str = AUTO, tree: DatasetTree | None = None) -> Dataset:
    """Recognise a folder, or take it as what it is said to be, and open it.

    Raises FormatError when nothing fits, with what comes nearest, or when the dataset is broken.
    """
    tree = tree or DatasetTree(root)
    guessed = format_name == AUTO
    if guessed:
        found = recognise_all(tree)
        if not found:
            raise FormatError(
                f"{tree.root} looks like no dataset that Maskloop reads. “maskloop formats” lists them; say which one "
                "it is, or point at the folder that holds both pictures and annotations."
            )
        format_name = found[0].format
    row = IMPORT_FORMATS.get(format_name)
    if row is None or row.open is None:
        raise FormatError(f"“{format_name}” cannot be imported; “maskloop formats” lists what can.")
    try:
        return row.open(tree)
    except FormatError as problem:
        several = _datasets_below(tree) if guessed else []
        if len(several) < 2:
            raise
        raise FormatError(
            f"{tree.root} holds {len(several)} datasets side by side. Import them one by one: "
            f"{', '.join(several[:-1])} and {several[-1]}."
        ) from problem


def _datasets_below(tree: DatasetTree) -> list[str]:
    """Folders right below that look like datasets by themselves; those of splits are parts of one."""
    mask_folders = sorted({name.split("/")[0] for name in tree.files if "/" in name})
    apart = [folder for folder in mask_folders if split_of(f"{folder}/") is None]
    return [folder for folder in apart if recognise_all(DatasetTree(tree.path(folder)))]


def other_candidates(recognitions: list[Recognition]) -> str:
    """What a folder would have been else, as half a sentence; empty when there is nothing else."""
    rest = [f"{r.format} ({r.confidence:.0%})" for r in recognitions[1:4]]
    return f"Else it would be {' or '.join(rest)}." if rest else ""


def importable_formats() -> list[ImportFormat]:
    return [row for row in IMPORT_FORMATS.values() if row.open]
