"""Reads CVAT for images 1.1: one XML file with polygons, boxes, ellipses and run-length masks of all pictures."""

from __future__ import annotations

from functools import partial
from xml.etree.ElementTree import Element

import cv2
import numpy as np

from core.base.errors import FormatError
from core.formats.class_sets import parse_hex_colour
from core.formats.dataset_tree import MALFORMED_ERRORS, SPLIT_NAMES, DatasetTree, split_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.malformed import MalformedValueError, describe_malformed
from core.formats.object_dataset import AnnotatedObject, PictureAnnotation, build_object_dataset, place_mask
from core.formats.rasterizer import Ring, box_ring, circle_ring, parse_ring
from core.images.image_reader import MAX_PIXELS
from core.labels.class_list import Colour

NAME = "cvat"
DIALECTS = ("for images 1.1",)
"""Forms of the format that are read, for the documentation."""


def recognise(tree: DatasetTree) -> Recognition | None:
    files = _files(tree)
    if not files:
        return None
    return Recognition(NAME, 0.95, f"{files[0]} has the header of CVAT annotations and lists images.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Shapes of higher z_order cover lower ones. Lines, points and skeletons are not areas."""
    files = _files(tree)
    if not files:
        raise FormatError(f"There is no CVAT XML file (“CVAT for images”) in {tree.root}.")
    annotations = []
    known: dict[str, Colour | None] = {}
    for file in files:
        root = tree.read_xml(file)
        for label in root.findall("./meta//labels/label"):
            known.setdefault(label.findtext("name", "").strip(), _colour(label.findtext("color")))
        annotations += [
            (file, partial(_read_annotation, tree, file, image)) for image in root.findall("image")
        ]
    known.pop("", None)
    recognition = recognise(tree) or Recognition.requested(NAME)
    return build_object_dataset(tree, recognition, annotations, known.items(), later_on_top=True)


def _files(tree: DatasetTree) -> list[str]:
    return [
        name
        for name in tree.files_ending(".xml")
        if "<annotations>" in (head := tree.read_head(name))
        and "<version>1.1" in head
        and "<image" in tree.read_ends(name)
    ]


def _read_annotation(tree: DatasetTree, file: str, image: Element) -> PictureAnnotation:
    try:
        size = int(image.attrib["width"]), int(image.attrib["height"])
        objects, skipped = [], 0
        for shape in sorted(image, key=lambda s: int(s.get("z_order") or 0)):
            label = shape.get("label", "")
            if shape.tag in ("tag", "attribute"):
                continue
            obj = _read_object(shape, label, size) if label else None
            objects += [obj] if obj else []
            skipped += obj is None
        tags = tuple(tag.get("label", "") for tag in image.findall("tag") if tag.get("label"))
        name = image.attrib["name"]
        split = SPLIT_NAMES.get(image.get("subset", "").casefold()) or split_of(name)
        return PictureAnnotation(name, size, tuple(objects), split, tags, skipped)
    except MALFORMED_ERRORS as problem:
        called = image.get("name", "an image")
        raise FormatError(
            f"The annotation of {called} in {tree.path(file)} cannot be understood ({describe_malformed(problem)})."
        ) from problem


def _read_object(shape: Element, label: str, size: tuple[int, int]) -> AnnotatedObject | None:
    match shape.tag:
        case "polygon":
            corners = [part.split(",") for part in shape.attrib["points"].split(";")]
            return AnnotatedObject(label, (parse_ring([[float(x), float(y)] for x, y in corners]),))
        case "box":
            x0, y0, x1, y1 = (float(shape.attrib[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
            return AnnotatedObject(
                label, (_rotated(box_ring(x0, y0, x1, y1), float(shape.get("rotation", 0))),)
            )
        case "ellipse":
            x, y, across, down = (float(shape.attrib[key]) for key in ("cx", "cy", "rx", "ry"))
            ring = circle_ring(x, y, across, down)
            return AnnotatedObject(label, (_rotated(ring, float(shape.get("rotation", 0))),))
        case "mask":
            left, top, width, height = (int(shape.attrib[key]) for key in ("left", "top", "width", "height"))
            return AnnotatedObject(
                label, runs=place_mask(_decode_rows(shape.attrib["rle"], width, height), left, top, size)
            )
        case _:
            return None


def _decode_rows(rle: str, width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """(height, width) bool from row-major run lengths of a box, starting with outside. Raises ValueError."""
    runs = np.array([int(part) for part in rle.split(",")], np.int64)
    if (runs < 0).any() or not 0 < width * height <= MAX_PIXELS or runs.sum() != width * height:
        raise MalformedValueError("the run lengths of a mask do not add up to its box")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)


def _rotated(ring: Ring, degrees: float) -> Ring:
    """Rotated about its centre, clockwise on the screen."""
    if not degrees:
        return ring
    x, y = ring.mean(axis=0)
    matrix = cv2.getRotationMatrix2D((float(x), float(y)), -degrees, 1.0)
    return np.asarray(ring @ matrix[:, :2].T + matrix[:, 2], np.float64)


def _colour(text: str | None) -> Colour | None:
    try:
        return parse_hex_colour(text) if text else None
    except ValueError:
        return None
