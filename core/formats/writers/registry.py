"""The table of dataset formats that can be exported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from core.base.errors import FormatError
from core.formats.writers.base import DatasetWriter, dotless_name, safe_name
from core.formats.writers.camvid import CamvidWriter
from core.formats.writers.cityscapes import CityscapesWriter
from core.formats.writers.coco import CocoWriter
from core.formats.writers.coco_panoptic import PanopticWriter
from core.formats.writers.cvat import CvatWriter
from core.formats.writers.geotiff import GeoTiffWriter
from core.formats.writers.huggingface import HuggingFaceWriter
from core.formats.writers.labelme import LabelmeWriter
from core.formats.writers.masks import MaskEncoding, MaskWriter, NumpyWriter
from core.formats.writers.numbered_masks import NumberedMaskWriter, OneHotWriter
from core.formats.writers.voc import VocWriter
from core.formats.writers.webdataset import WebDatasetWriter
from core.formats.writers.yolo import YoloWriter


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format that can be exported.

    about: one line; limitations: what the format cannot store; tested_with: independent readers that returned the same
    pixels; layered: labels and predictions fit into one dataset, otherwise two are written; split_lists: splits may be
    lists of names instead of folders.
    """

    name: str
    title: str
    about: str
    limitations: str
    tested_with: str
    writer: Callable[[], DatasetWriter]
    layered: bool = False
    split_lists: bool = False
    safe_name: Callable[[str], str] | None = None
    """Makes a picture name valid for the format; None if any name is valid."""


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
            "numbered-masks",
            "Masks numbered from 0 (PNG)",
            "folders images/ and masks/ with a classes.json; pixels are 0 to N-1 in the order of the classes, or 255",
            "The difference between void and unlabelled; tags and notes.",
            "Pillow",
            NumberedMaskWriter,
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
            "folders images/ and masks/ in the colours of the classes; unlabelled is black, void white",
            "Tags and notes; classes of the same colour are merged.",
            "Pillow",
            partial(MaskWriter, MaskEncoding.COLOUR),
            layered=True,
            split_lists=True,
        ),
        ExportFormat(
            "coco",
            "COCO",
            "a JSON file per split; each region is a polygon, or a run-length code if it has holes",
            "Void; tags and notes.",
            "pycocotools, Datumaro",
            CocoWriter,
        ),
        ExportFormat(
            "coco-panoptic",
            "COCO panoptic",
            "PNGs of segments with a JSON file per split; each class is one segment per picture",
            "The difference between void and unlabelled; tags and notes.",
            "Datumaro",
            PanopticWriter,
        ),
        ExportFormat(
            "pascal-voc",
            "Pascal VOC",
            "JPEGImages, SegmentationClass with palette masks, ImageSets, labelmap.txt; 255 is void",
            "The difference between void and unlabelled; other files than JPEGs are recompressed; tags and notes.",
            "torchvision, Datumaro",
            VocWriter,
            safe_name=safe_name,
        ),
        ExportFormat(
            "yolo-seg",
            "YOLO segmentation",
            "a text file per picture with an outline per region, holes joined by a cut, and a data.yaml",
            "Void; tags and notes.",
            "polygon filling of OpenCV and Pillow",
            YoloWriter,
        ),
        ExportFormat(
            "cityscapes",
            "Cityscapes",
            "folders leftImg8bit and gtFine: labelIds, labelTrainIds and colours, for classes with Cityscapes names",
            "Classes with other names; the difference between void and unlabelled; tags and notes.",
            "torchvision",
            CityscapesWriter,
            safe_name=safe_name,
        ),
        ExportFormat(
            "camvid",
            "CamVid",
            "folders such as train and trainannot, masks in the colours of the classes, label_colors.txt",
            "The difference between void and unlabelled; classes of the same colour; tags and notes.",
            "Datumaro",
            CamvidWriter,
            safe_name=safe_name,
        ),
        ExportFormat(
            "labelme",
            "labelme",
            "a JSON file next to each picture; polygons, and mask shapes for regions with holes",
            "Notes.",
            "labelme 6.3",
            LabelmeWriter,
        ),
        ExportFormat(
            "cvat",
            "CVAT for images 1.1",
            "annotations.xml with a run-length mask per region; tags",
            "Notes.",
            "Datumaro",
            CvatWriter,
        ),
        ExportFormat(
            "hugging-face",
            "Hugging Face datasets",
            "a folder for load_dataset: columns image, mask and tags, id2label.json",
            "Notes.",
            "Hugging Face datasets 5.2",
            HuggingFaceWriter,
        ),
        ExportFormat(
            "webdataset",
            "WebDataset shards",
            "a tar file per thousand pictures: NAME.jpg, NAME.mask.png, NAME.json with tags; classes.json",
            "Notes.",
            "Python's tarfile, webdataset 1.0",
            WebDatasetWriter,
            safe_name=dotless_name,
        ),
        ExportFormat(
            "numpy",
            "NumPy arrays",
            ".npy files: pictures (H, W, 3), masks (H, W), confidences; all uint8, no pickles",
            "Tags and notes.",
            "NumPy",
            NumpyWriter,
            layered=True,
            split_lists=True,
        ),
        ExportFormat(
            "one-hot",
            "One-hot masks (NumPy)",
            "a .npz per picture: array “target” (H, W, N) uint8, a plane of 0 and 1 per class; pictures "
            "as files; classes.json with the order",
            "The difference between void and unlabelled, which are 0 in every plane; tags and notes.",
            "NumPy",
            OneHotWriter,
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
    """The format of this name. Raises FormatError if it cannot be exported."""
    row = EXPORT_FORMATS.get(name)
    if row is None:
        raise FormatError(f"“{name}” cannot be exported; “maskloop formats” lists the formats.")
    return row
