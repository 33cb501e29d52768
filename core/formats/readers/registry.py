"""The table of dataset formats that can be imported, and recognition of the format of a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from core.base.errors import FormatError
from core.base.number_text import percent_text
from core.base.text import count_of
from core.formats.dataset_tree import DatasetTree, split_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.doubt import Doubt, ValueReading, answered_by_reading
from core.formats.files.reader_border import finish_dataset, with_refused
from core.formats.malformed import as_format_error
from core.formats.readers import (
    ade20k,
    camvid,
    cityscapes,
    coco,
    coco_panoptic,
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
_ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True, slots=True)
class ImportFormat:
    """A format that can be imported.

    limitations: what is not imported; dialects: forms of the format that are read; tested_with: the origin of the files
    it was tested with. Without `recognise` the format is never recognised, only opened by name; without `open` it
    cannot be imported. `open_by_values`: opens it with a chosen reading of mask values, if the format leaves that open.
    """

    name: str
    title: str
    about: str
    limitations: str
    tested_with: str
    dialects: tuple[str, ...]
    recognise: Callable[[DatasetTree], Recognition | None] | None = None
    open: Callable[[DatasetTree], Dataset] | None = None
    open_by_values: Callable[[DatasetTree, ValueReading], Dataset] | None = None


IMPORT_FORMATS: dict[str, ImportFormat] = {
    row.name: row
    for row in (
        ImportFormat(
            "masks",
            "Index masks",
            "folders images/ and masks/ with a classes.json; a mask pixel is a class index",
            "Tags and notes.",
            "pixel-exact round trip",
            masks.DIALECTS,
            masks.recognise,
            masks.open_dataset,
        ),
        ImportFormat(
            "mask-folders",
            "Pictures and masks in folders of any name",
            "paired by name; indices, palettes, colours or black and white; names from class lists beside the masks",
            "The meaning of the values, if there is no class list file.",
            "class lists of Dubai and Semantic Drone, CamVid as packaged by fast.ai",
            mask_folders.DIALECTS,
            mask_folders.recognise,
            mask_folders.open_dataset,
            mask_folders.open_dataset,
        ),
        ImportFormat(
            cityscapes.PAIRS,
            "Cityscapes image pairs",
            "photo and colour mask side by side in one JPEG; areas of a colour first, then smeared pixels beside them",
            "Exact borders, which JPEG blurs.",
            "28 real pairs",
            cityscapes.DIALECTS,
            cityscapes.recognise_pairs,
            cityscapes.open_pairs,
        ),
        ImportFormat(
            cityscapes.NAME,
            "Cityscapes, the 19 evaluated classes",
            "folders leftImg8bit and gtFine: labelIds, instanceIds, labelTrainIds, color or polygons",
            "Instances: objects of one class become one area.",
            "real frames, and Datumaro's fixtures",
            cityscapes.DIALECTS,
            cityscapes.recognise,
            cityscapes.open_dataset,
        ),
        *(
            ImportFormat(
                f"{cityscapes.NAME}-{count}",
                f"Cityscapes, {count} classes",
                f"the same, with {count} labels as classes",
                "Instances: objects of one class become one area.",
                "real frames",
                cityscapes.DIALECTS,
                open=partial(cityscapes.open_dataset, count=count),
            )
            for count in (30, 34)
        ),
        ImportFormat(
            camvid.NAME,
            "CamVid, 32 or 11 classes",
            "colours (NAME_L.png), or indices in folders such as trainannot; the masks decide which class set",
            "Nothing.",
            "real frames in three packagings, and Datumaro's fixtures",
            camvid.DIALECTS,
            camvid.recognise,
            camvid.open_dataset,
        ),
        ImportFormat(
            oxford_pet.NAME,
            "Oxford-IIIT Pet",
            "trimaps: pet, background, border (void); split lists; breeds become tags",
            "Head bounding boxes.",
            "real pictures, with the irregularities of the original",
            oxford_pet.DIALECTS,
            oxford_pet.recognise,
            oxford_pet.open_dataset,
        ),
        ImportFormat(
            voc.NAME,
            "Pascal VOC",
            "JPEGImages and SegmentationClass, palette or colours; classes of a list, else VOC's; the border is void",
            "Instances; bounding boxes.",
            "a real picture, and Datumaro's fixtures",
            voc.DIALECTS,
            voc.recognise,
            voc.open_dataset,
            voc.open_dataset,
        ),
        ImportFormat(
            ade20k.NAME,
            "ADE20K scene parsing, 150 classes",
            "images/ and annotations/ with ADE_val_… names; 0 is void",
            "Parts of objects; the full set of 3,000 classes.",
            "real pictures",
            ade20k.DIALECTS,
            ade20k.recognise,
            ade20k.open_dataset,
        ),
        ImportFormat(
            mapillary.NAME,
            "Mapillary Vistas 1.2 and 2.0",
            "config.json, images/ and labels/",
            "Instances: objects of one class become one area.",
            "Datumaro's fixtures",
            mapillary.DIALECTS,
            mapillary.recognise,
            mapillary.open_dataset,
        ),
        ImportFormat(
            coco_panoptic.NAME,
            "COCO panoptic",
            "PNGs of segment ids with a JSON file",
            "Instances: objects of one class become one area.",
            "the two pictures of panopticapi",
            coco_panoptic.DIALECTS,
            coco_panoptic.recognise,
            coco_panoptic.open_dataset,
        ),
        ImportFormat(
            coco.NAME,
            "COCO instances and stuff",
            "polygons and run-length codes, including crowds, in one or several JSON files",
            "Instances; bounding boxes, keypoints, captions.",
            "pycocotools",
            coco.DIALECTS,
            coco.recognise,
            coco.open_dataset,
        ),
        ImportFormat(
            yolo.NAME,
            "YOLO segmentation",
            "a text file per picture; names from data.yaml, obj.names or classes.txt",
            "Instances; bounding boxes.",
            "the same pictures as COCO",
            yolo.DIALECTS,
            yolo.recognise,
            yolo.open_dataset,
        ),
        ImportFormat(
            labelme.NAME,
            "labelme",
            "a JSON file per picture: polygons, rectangles, circles, masks",
            "Instances; points and lines.",
            "real files of labelme 4 and 5",
            labelme.DIALECTS,
            labelme.recognise,
            labelme.open_dataset,
        ),
        ImportFormat(
            labelme.X_NAME,
            "X-AnyLabeling",
            "labelme's format with a few more keys; also rotated boxes",
            "Instances; points, lines, text.",
            "files written by its documentation",
            labelme.DIALECTS,
            labelme.recognise_x,
            partial(labelme.open_dataset, name=labelme.X_NAME),
        ),
        ImportFormat(
            isat.NAME,
            "ISAT",
            "a JSON file per picture: outlines in layers, colours from isat.yaml",
            "Instances.",
            "real files of ISAT",
            isat.DIALECTS,
            isat.recognise,
            isat.open_dataset,
        ),
        ImportFormat(
            cvat.NAME,
            "CVAT for images 1.1",
            "annotations.xml: polygons, boxes, ellipses, masks; tags",
            "Instances; points, lines, skeletons, attributes.",
            "Datumaro's fixtures",
            cvat.DIALECTS,
            cvat.recognise,
            cvat.open_dataset,
        ),
        ImportFormat(
            supervisely.NAME,
            "Supervisely",
            "meta.json, img/ and ann/: polygons with holes, rectangles, bitmaps; tags",
            "Instances; points and lines.",
            "files written by its documentation",
            supervisely.DIALECTS,
            supervisely.recognise,
            supervisely.open_dataset,
        ),
        ImportFormat(
            label_studio.NAME,
            "Label Studio",
            "the JSON export: polygons, rectangles, ellipses, brushes",
            "Instances; keypoints; all annotations of a picture but the first.",
            "files written by its documentation",
            label_studio.DIALECTS,
            label_studio.recognise,
            label_studio.open_dataset,
        ),
        ImportFormat(
            datumaro.NAME,
            "Datumaro",
            "annotations/SPLIT.json: polygons and masks",
            "Instances; bounding boxes, points, captions.",
            "Datumaro's fixtures",
            datumaro.DIALECTS,
            datumaro.recognise,
            datumaro.open_dataset,
        ),
    )
}


def recognise_all(tree: DatasetTree) -> list[Recognition]:
    """The verdicts of all readers that recognise the folder, highest confidence first."""
    verdicts = [_recognise(row, tree) for row in IMPORT_FORMATS.values()]
    return sorted((r for r in verdicts if r is not None), key=lambda r: -r.confidence)


def _recognise(row: ImportFormat, tree: DatasetTree) -> Recognition | None:
    """A reader that fails does not recognise the folder."""
    try:
        return row.recognise(tree) if row.recognise else None
    except Exception as problem:
        as_format_error(problem, f"{tree.root}, looked at as {row.name},")
        return None


def open_dataset(
    root: Path,
    format_name: str = AUTO,
    tree: DatasetTree | None = None,
    values: ValueReading | None = None,
) -> Dataset:
    """Open a dataset by its format, which is recognised if `format_name` is AUTO.

    If the most certain format cannot be opened, the next is tried, and a doubt says so. values: how the values of masks
    are read, None to decide by evidence. Raises FormatError if no format is recognised, if the format does not exist or
    has no choice of `values`, or if the dataset is malformed.
    """
    tree = tree or DatasetTree(root)
    if format_name != AUTO:
        return _open(tree, format_name, values)
    found = recognise_all(tree)
    if not found:
        problem = FormatError(
            f"No dataset format was recognised in {tree.root}. Give the format by name (“maskloop formats” lists "
            f"them), or choose the folder that contains both pictures and annotations.{_packed_files(tree)}"
        )
        raise with_refused(problem, tree)
    first, *others = found
    try:
        return _open(tree, first.format, values)
    except FormatError as problem:
        several = _datasets_below(tree)
        if len(several) >= 2:
            raise FormatError(
                f"{tree.root} contains {len(several)} datasets side by side. Import them one by one: "
                f"{', '.join(several[:-1])} and {several[-1]}."
            ) from problem
        for other in others:
            with contextlib.suppress(FormatError):
                dataset = _open(tree, other.format, values)
                return replace(dataset, doubts=(_second_choice(first, other, problem), *dataset.doubts))
        raise


def _packed_files(tree: DatasetTree) -> str:
    """A sentence about archives in the folder, in which the annotations may be; empty without any."""
    packed = [name for name in tree.files if name.lower().endswith(_ARCHIVES)]
    if not packed:
        return ""
    others = f" and {count_of(len(packed) - 1, 'other archive')}" if len(packed) > 1 else ""
    return f" {packed[0]}{others} may hold them: unpack archives first; those within a folder are not read."


def _open(tree: DatasetTree, format_name: str, values: ValueReading | None) -> Dataset:
    """Open by name. Raises FormatError and ImageError.

    This is the border of the readers: whatever they raise becomes a sentence.
    """
    row = IMPORT_FORMATS.get(format_name)
    if row is None or row.open is None:
        raise FormatError(f"“{format_name}” cannot be imported; “maskloop formats” lists the formats.")
    tree.forget_reads()
    if values is not None and row.open_by_values is None:
        choices = ", ".join(r.name for r in IMPORT_FORMATS.values() if r.open_by_values)
        raise FormatError(
            f"The format {format_name} says itself what its masks mean, so --values does not apply. It applies to: "
            f"{choices}."
        )
    try:
        if values is not None and row.open_by_values is not None:
            dataset = row.open_by_values(tree, values)
            dataset = replace(dataset, doubts=answered_by_reading(dataset.doubts, values))
        else:
            dataset = row.open(tree)
    except Exception as problem:
        raise with_refused(
            as_format_error(problem, f"{tree.root}, read as {format_name},"), tree
        ) from problem
    return finish_dataset(tree, dataset)


def _second_choice(first: Recognition, other: Recognition, problem: FormatError) -> Doubt:
    return Doubt(
        "second-format",
        f"The folder looked like {first.format} ({percent_text(first.confidence)} sure), which could not be "
        f"read, so it was read as {other.format}. {problem}",
        ((first.format, first.confidence), (other.format, other.confidence)),
    )


def _datasets_below(tree: DatasetTree) -> list[str]:
    """Direct subfolders that are recognised as datasets; split folders (train, val, test) do not count."""
    folders = sorted({name.split("/")[0] for name in tree.files if "/" in name})
    candidates = [folder for folder in folders if split_of(f"{folder}/") is None]
    return [folder for folder in candidates if recognise_all(DatasetTree(tree.path(folder)))]


def other_candidates(recognitions: list[Recognition]) -> str:
    """A sentence that names the other formats that were recognised; empty if there is none."""
    rest = [f"{r.format} ({percent_text(r.confidence)})" for r in recognitions[1:4]]
    return f"Other candidates: {', '.join(rest)}." if rest else ""


def importable_formats() -> list[ImportFormat]:
    return [row for row in IMPORT_FORMATS.values() if row.open]
