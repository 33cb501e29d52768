"""Reads CVAT 1.1: one XML file with the shapes of all pictures, or with the tracks of a video."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element

import cv2
import numpy as np

from core.base.errors import FormatError
from core.base.geometry import Box
from core.formats.class_sets import parse_hex_colour
from core.formats.dataset_tree import MALFORMED_ERRORS, SPLIT_NAMES, DatasetTree, split_of, stem_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.malformed import MalformedValueError, describe_malformed
from core.formats.object_dataset import (
    NO_LABEL,
    AnnotatedObject,
    AnnotationHead,
    ObjectCollector,
    PictureAnnotation,
    ReadAnnotation,
    ReadHead,
    build_object_dataset,
    kind_is_unknown,
)
from core.formats.rasterizer import Ring, box_ring, circle_ring, parse_ring
from core.formats.run_length import BoxMask
from core.labels.class_list import Colour

NAME = "cvat"
DIALECTS = (
    "for images 1.1: polygons, boxes, ellipses, masks",
    "for video 1.1, where the pictures have the numbers of the frames (frame_000000.png): between two frames that a "
    "track states, boxes and ellipses are interpolated as CVAT does; polygons and masks are read in the stated frames",
)
"""Forms of the format that are read, for the documentation."""
_NOT_AREAS = frozenset(("points", "polyline", "cuboid", "skeleton"))
_VERSION = re.compile(r"<version>\s*1\.")
_ROOT = re.compile(r"<annotations[\s>]")
_FRAME = re.compile(r"frame[_-]?(\d{1,9})$", re.IGNORECASE)
_LAST_NUMBER = re.compile(r"(\d{1,9})$")
_BETWEEN_KEY_FRAMES = "its shape is stated only in key frames before and after this frame"
_INTERPOLATED = frozenset(("box", "ellipse"))
_NUMBERS = ("xtl", "ytl", "xbr", "ybr", "cx", "cy", "rx", "ry")


@dataclass(frozen=True, slots=True)
class _TrackedShape:
    """A shape of a track in one frame: the stated one, or the part `share` (0..1) of the way to the next one."""

    place: str
    label: str
    stated: Element
    following: Element | None = None
    share: float = 0.0

    def element(self) -> Element:
        """Raises ValueError where a number that is needed cannot be read."""
        if self.following is None:
            return self.stated
        one, two = self.stated.attrib, self.following.attrib
        between = {
            key: str(float(one[key]) + self.share * (float(two[key]) - float(one[key])))
            for key in _NUMBERS
            if key in one and key in two
        }
        turn = float(one.get("rotation", 0))
        turn += self.share * ((float(two.get("rotation", 0)) - turn + 180) % 360 - 180)
        return Element(self.stated.tag, {**one, **between, "rotation": str(turn)})


def recognise(tree: DatasetTree) -> Recognition | None:
    files = _files(tree)
    if not files:
        return None
    if any("<image" in tree.read_ends(file) for file in files):
        return Recognition(NAME, 0.95, f"{files[0]} has the header of CVAT annotations and lists images.")
    reason = f"{files[0]} has the header of CVAT annotations and lists tracks: it is “CVAT for video”."
    return Recognition(NAME, 0.95, reason)


def open_dataset(tree: DatasetTree) -> Dataset:
    """Shapes of higher z_order cover lower ones. Lines, points and skeletons are not areas."""
    files = _files(tree)
    if not files:
        raise FormatError(f"There is no CVAT XML file (“CVAT for images” or “for video”) in {tree.root}.")
    annotations: list[tuple[str, ReadHead]] = []
    known: dict[str, Colour | None] = {}
    notes = []
    for file in files:
        root = tree.read_xml(file)
        for label in root.findall("./meta//labels/label"):
            known.setdefault(label.findtext("name", "").strip(), _colour(label.findtext("color")))
        path = tree.path(file)
        annotations += [(file, partial(_read_image_head, path, image)) for image in root.findall("image")]
        if root.find("track") is not None:
            annotations += _frames(tree, file, root)
            notes.append(
                f"{file} is “CVAT for video”: each frame gets the shapes that the tracks state for it. Between two "
                "stated frames boxes and ellipses are interpolated; where other shapes are missing, export the task as "
                "“CVAT for images”."
            )
    known.pop("", None)
    recognition = recognise(tree) or Recognition.requested(NAME)
    return build_object_dataset(
        tree, recognition, annotations, known.items(), later_on_top=True, notes=tuple(notes)
    )


def _files(tree: DatasetTree) -> list[str]:
    return [
        name
        for name in tree.files_ending(".xml")
        if _ROOT.search(head := tree.read_head(name))
        and _VERSION.search(head)
        and any(tag in tree.read_ends(name) for tag in ("<image", "<track"))
    ]


def _read_image_head(file: Path, image: Element) -> AnnotationHead:
    """Raises FormatError."""
    name, _ = _name_and_size(file, image)
    tags = tuple(tag.get("label", "") for tag in image.findall("tag") if tag.get("label"))
    split = SPLIT_NAMES.get(image.get("subset", "").casefold()) or split_of(name)
    return _head_of(name, partial(_read_image, file, image), _shapes_of(image, name), split, tags)


def _read_image(file: Path, image: Element) -> PictureAnnotation:
    """Raises FormatError."""
    name, size = _name_and_size(file, image)
    objects = _read_shapes(_shapes_of(image, name), size)
    return PictureAnnotation(name, size, objects.objects, skipped=objects.skipped, left_out=objects.left_out)


def _name_and_size(file: Path, image: Element) -> tuple[str, tuple[int, int]]:
    """Raises FormatError."""
    try:
        return image.attrib["name"], (int(image.attrib["width"]), int(image.attrib["height"]))
    except MALFORMED_ERRORS as problem:
        called = image.get("name", "an image")
        raise FormatError(
            f"The annotation of {called} in {file} cannot be understood ({describe_malformed(problem)})."
        ) from problem


def _shapes_of(image: Element, name: str) -> list[_TrackedShape]:
    shapes = (shape for shape in image if shape.tag not in ("tag", "attribute"))
    return [
        _TrackedShape(f"{name}, shape {number}", shape.get("label", ""), shape)
        for number, shape in enumerate(shapes, 1)
    ]


def _head_of(
    name: str,
    read: ReadAnnotation,
    shapes: Sequence[_TrackedShape],
    split: str | None,
    tags: tuple[str, ...] = (),
) -> AnnotationHead:
    """name: of the picture; read: all of its annotation."""
    areas = [shape.label for shape in shapes if shape.stated.tag not in _NOT_AREAS]
    labels = tuple(dict.fromkeys(filter(None, areas)))
    return AnnotationHead(name, read, labels, split, tags, len(shapes) - len(areas))


def _read_shapes(shapes: Iterable[_TrackedShape], size: tuple[int, int] | None) -> ObjectCollector:
    """size: of the picture. Higher shapes are read later."""
    objects = ObjectCollector()
    for shape in sorted(shapes, key=lambda row: _height(row.stated)):
        objects.add(shape.place, partial(_read_object, shape, size))
    return objects


def _height(shape: Element) -> int:
    with contextlib.suppress(ValueError):
        return int(shape.get("z_order") or 0)
    return 0


# Videos -------------------------------------------------------------------------------------------


def _frames(tree: DatasetTree, file: str, root: Element) -> list[tuple[str, ReadHead]]:
    """An annotation for each frame that is a picture of the dataset or has a shape. Raises FormatError."""
    pictures = _pictures_by_frame(tree, root)
    shapes: dict[int, list[_TrackedShape]] = defaultdict(list)
    missing: dict[int, list[str]] = defaultdict(list)
    for number, track in enumerate(root.findall("track")):
        label, place = track.get("label", ""), f"track {track.get('id', number)}"
        stated = sorted(((_frame_of(shape), shape) for shape in track), key=lambda row: row[0])
        for (frame, shape), (following, other) in zip(stated, [*stated[1:], (0, None)], strict=True):
            if shape.get("outside") in ("1", "true", "True"):
                continue
            shapes[frame].append(_TrackedShape(place, label, shape))
            for between in _between(frame, following, pictures):
                if other is not None and shape.tag == other.tag and shape.tag in _INTERPOLATED:
                    share = (between - frame) / (following - frame)
                    shapes[between].append(_TrackedShape(place, label, shape, other, share))
                else:
                    missing[between].append(place)
    if not shapes.keys() & pictures.keys():
        raise FormatError(
            f"{tree.path(file)} is “CVAT for video 1.1”: its tracks give the numbers of frames, and no picture of the "
            "folder is called after such a number (frame_000000.png). Export the task from CVAT as “CVAT for images "
            "1.1” with its pictures, or put the frames of the video beside it under such names."
        )
    size = _video_size(root)
    return [
        (
            file,
            partial(
                _read_frame_head,
                pictures.get(frame, f"frame_{frame:06}"),
                size,
                tuple(shapes.get(frame, ())),
                tuple(missing.get(frame, ())),
            ),
        )
        for frame in sorted({*pictures, *shapes})
    ]


def _frame_of(shape: Element) -> int:
    """The number of the frame; -1, which no picture has, if it cannot be read."""
    with contextlib.suppress(ValueError):
        return max(-1, int(shape.get("frame", "")))
    return -1


def _between(frame: int, following: int, pictures: Mapping[int, str]) -> Iterable[int]:
    if following - frame <= len(pictures):
        return (number for number in range(frame + 1, following) if number in pictures)
    return (number for number in pictures if frame < number < following)


def _pictures_by_frame(tree: DatasetTree, root: Element) -> dict[int, str]:
    """Pictures by the number of their frame: those that CVAT names frame_000000, or as many as the video has frames, if
    their numbers are those of the frames."""
    named = {int(found[1]): name for name in tree.pictures if (found := _FRAME.search(stem_of(name)))}
    if named:
        return named
    numbered = {
        int(found[1]): name for name in tree.pictures if (found := _LAST_NUMBER.search(stem_of(name)))
    }
    length = root.findtext("./meta/task/size", "") or root.findtext("./meta/job/size", "")
    is_whole = length.isdecimal() and len(numbered) == len(tree.pictures) == int(length[:9])
    return numbered if is_whole and min(numbered) == 0 and max(numbered) == len(numbered) - 1 else {}


def _video_size(root: Element) -> tuple[int, int] | None:
    found = root.find("./meta//original_size")
    with contextlib.suppress(ValueError):
        return (
            (int(found.findtext("width", "")), int(found.findtext("height", "")))
            if found is not None
            else None
        )
    return None


def _read_frame_head(
    name: str,
    size: tuple[int, int] | None,
    shapes: tuple[_TrackedShape, ...],
    missing: tuple[str, ...],
) -> AnnotationHead:
    return _head_of(name, partial(_read_frame, name, size, shapes, missing), shapes, split_of(name))


def _read_frame(
    name: str,
    size: tuple[int, int] | None,
    shapes: tuple[_TrackedShape, ...],
    missing: tuple[str, ...],
) -> PictureAnnotation:
    objects = _read_shapes((replace(shape, place=f"{name}, {shape.place}") for shape in shapes), size)
    for place in missing:
        objects.leave_out(f"{name}, {place}", _BETWEEN_KEY_FRAMES)
    return PictureAnnotation(name, size, objects.objects, skipped=objects.skipped, left_out=objects.left_out)


# Shapes -------------------------------------------------------------------------------------------


def _read_object(tracked: _TrackedShape, size: tuple[int, int] | None) -> AnnotatedObject | None:
    """Returns None for what is not an area. Raises MALFORMED_ERRORS."""
    label = tracked.label
    if tracked.stated.tag in _NOT_AREAS:
        return None
    shape = tracked.element()
    if not label:
        raise MalformedValueError(NO_LABEL)
    match shape.tag:
        case "polygon":
            corners = [part for part in shape.attrib["points"].split(";") if part.strip()]
            if any(part.count(",") != 1 for part in corners):
                raise MalformedValueError("the outline contains something else than pairs of numbers")
            numbers = [float(number) for part in corners for number in part.split(",")]
            return AnnotatedObject(label, (parse_ring(numbers),))
        case "box":
            x0, y0, x1, y1 = (float(shape.attrib[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
            return AnnotatedObject(
                label, (_rotated(box_ring(x0, y0, x1, y1), float(shape.get("rotation", 0))),)
            )
        case "ellipse":
            x, y, across, down = (float(shape.attrib[key]) for key in ("cx", "cy", "rx", "ry"))
            ring = circle_ring(x, y, across, down)
            return AnnotatedObject(label, (_rotated(ring, float(shape.get("rotation", 0))),))
        case "mask" if size is not None:
            left, top, width, height = (int(shape.attrib[key]) for key in ("left", "top", "width", "height"))
            if width > size[0] or height > size[1]:
                raise MalformedValueError(f"its mask of {width} x {height} pixels is larger than its picture")
            box = Box(left, top, left + width, top + height)
            return AnnotatedObject(label, part=BoxMask.from_counts(shape.attrib["rle"].split(","), box))
        case _:
            raise MalformedValueError(kind_is_unknown(shape.tag))


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
