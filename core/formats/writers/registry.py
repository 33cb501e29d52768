"""The table of formats that datasets leave in: what each is, what it cannot hold, and who else reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from core.base.errors import FormatError
from core.formats.writers.base import DatasetWriter, dotless_name, safe_name
from core.formats.writers.camvid import CamvidWriter
from core.formats.writers.cityscapes import CityscapesWriter
from core.formats.writers.coco import CocoWriter, PanopticWriter
from core.formats.writers.cvat import CvatWriter
from core.formats.writers.geotiff import GeoTiffWriter
from core.formats.writers.huggingface import HuggingFaceWriter
from core.formats.writers.labelme import LabelmeWriter
from core.formats.writers.masks import MaskEncoding, MaskWriter, NumpyWriter
from core.formats.writers.voc import VocWriter
from core.formats.writers.webdataset import WebDatasetWriter
from core.formats.writers.yolo import YoloWriter


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One row. `about` is one line, `loses` what the format cannot hold, `checked_by` which readers, ours aside, got
    the same pixels. A `layered` format holds labels and predictions side by side; of others there are two then. With
    `lists` splits may be lists of names instead of folders."""

    name: str
    title: str
    about: str
    limitations: str
    tested_with: str
    writer: Callable[[], DatasetWriter]
    layered: bool = False
    split_lists: bool = False
    safe_name: Callable[[str], str] | None = None
    """What becomes of the names of pictures where a format does not take any."""


EXPORT_FORMATS: dict[str, ExportFormat] = {
    row.name: row
    for row in (
        ExportFormat(
            "masks",
            "Index masks (PNG)",
            "folders images/ and masks/ with a classes.json; a mask pixel is the value of its class, 255 is void",
            "Tags and notes.",
            "Pillow",
            MaskWriter,
            layered=True,
            split_lists=True,
        ),
        ExportFormat(
            "palette-masks",
            "Index masks with a palette (PNG)",
            "folders images/ and masks/ with a classes.json; image viewers show the masks in colours",
            "Tags and notes.",
            "Pillow",
            partial(MaskWriter, MaskEncoding.PALETTE),
            layered=True,
            split_lists=True,
        ),
        ExportFormat(
            "colour-masks",
            "Colour masks (PNG)",
            "folders images/ and masks/, these in the classes' colours; unlabelled is black, void white",
            "Tags and notes; two classes of one colour become one.",
            "Pillow",
            partial(MaskWriter, MaskEncoding.COLOUR),
            layered=True,
            split_lists=True,
        ),
        ExportFormat(
            "coco",
            "COCO",
            "a JSON file a split; each region is a polygon, or a run-length code where it has holes",
            "Void; tags and notes.",
            "pycocotools, Datumaro",
            CocoWriter,
        ),
        ExportFormat(
            "coco-panoptic",
            "COCO panoptic",
            "PNGs of segments with a JSON file a split; each class is one segment of a picture",
            "The difference between void and unlabelled; tags and notes.",
            "Datumaro",
            PanopticWriter,
        ),
        ExportFormat(
            "pascal-voc",
            "Pascal VOC",
            "JPEGImages, SegmentationClass with palette masks, ImageSets, labelmap.txt; 255 is void",
            "The difference between void and unlabelled; pictures that are no JPEGs change a little; tags and notes.",
            "torchvision, Datumaro",
            VocWriter,
            safe_name=safe_name,
        ),
        ExportFormat(
            "yolo-seg",
            "YOLO segmentation",
            "a text file a picture with an outline for each region, cut open where it has holes, and a data.yaml",
            "Void; tags and notes.",
            "OpenCV's and Pillow's way to fill outlines",
            YoloWriter,
        ),
        ExportFormat(
            "cityscapes",
            "Cityscapes",
            "folders leftImg8bit and gtFine: labelIds, labelTrainIds and colours, for classes with Cityscapes' names",
            "Classes with other names; the difference between void and unlabelled; tags and notes.",
            "torchvision",
            CityscapesWriter,
            safe_name=safe_name,
        ),
        ExportFormat(
            "camvid",
            "CamVid",
            "folders like train and trainannot, masks in the classes' colours, label_colors.txt",
            "The difference between void and unlabelled; two classes of one colour; tags and notes.",
            "Datumaro",
            CamvidWriter,
            safe_name=safe_name,
        ),
        ExportFormat(
            "labelme",
            "labelme",
            "a JSON file beside each picture; polygons, and small masks for regions with holes",
            "Notes.",
            "labelme 6.3",
            LabelmeWriter,
        ),
        ExportFormat(
            "cvat",
            "CVAT for images 1.1",
            "annotations.xml with a run-length mask for each region; tags are kept",
            "Notes.",
            "Datumaro",
            CvatWriter,
        ),
        ExportFormat(
            "hugging-face",
            "Hugging Face datasets",
            "a folder that load_dataset opens: columns image, mask and tags, id2label.json",
            "Notes.",
            "Hugging Face datasets 5.2",
            HuggingFaceWriter,
        ),
        ExportFormat(
            "webdataset",
            "WebDataset shards",
            "a tar file for each thousand pictures: NAME.jpg, NAME.mask.png, NAME.json with the tags; classes.json",
            "Notes.",
            "Python's tarfile, webdataset 1.0",
            WebDatasetWriter,
            safe_name=dotless_name,
        ),
        ExportFormat(
            "numpy",
            "NumPy arrays",
            ".npy files: pictures (H, W, 3), masks (H, W), confidences; all uint8, nothing pickled",
            "Tags and notes.",
            "NumPy",
            NumpyWriter,
            layered=True,
            split_lists=True,
        ),
        ExportFormat(
            "geotiff",
            "GeoTIFF masks",
            "masks as TIFFs that keep the georeference of their picture; unlabelled is “no data”",
            "Tags and notes.",
            "tifffile",
            GeoTiffWriter,
            layered=True,
            split_lists=True,
        ),
    )
}


def export_format(name: str) -> ExportFormat:
    """The row of a format. Raises FormatError for one that cannot be written."""
    row = EXPORT_FORMATS.get(name)
    if row is None:
        raise FormatError(f"“{name}” cannot be exported; “maskloop formats” lists what can.")
    return row
