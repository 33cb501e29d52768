"""Reads Label Studio's JSON export: polygons, rectangles and ellipses in per cent, and brush masks."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from core.base.errors import FormatError
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree
from core.formats.dataset_types import Dataset, Recognition
from core.formats.malformed import MalformedValueError, describe_malformed
from core.formats.object_dataset import AnnotatedObject, PictureAnnotation, build_object_dataset, place_mask
from core.formats.rasterizer import box_ring, circle_ring, parse_ring
from core.images.image_reader import MAX_PIXELS

NAME = "label-studio"
DIALECTS = (
    "JSON with polygonlabels, brushlabels, rectanglelabels, ellipselabels",
    "pictures uploaded or in local storage",
)
"""Forms of the format that are read, for the documentation."""
_KINDS = ("polygonlabels", "brushlabels", "rectanglelabels", "ellipselabels")
_UPLOAD = re.compile(r"^[0-9a-f]{8}-")


def recognise(tree: DatasetTree) -> Recognition | None:
    files = _files(tree)
    if not files:
        return None
    return Recognition(NAME, 0.93, f"{files[0]} contains tasks with results, as Label Studio exports them.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Of several annotations of a picture the first not cancelled one is used; later results cover earlier ones."""
    files = _files(tree)
    if not files:
        raise FormatError(f"There is no Label Studio JSON export in {tree.root}.")
    annotations = []
    for file in files:
        tasks = tree.read_json(file)
        if isinstance(tasks, dict):
            tasks = [tasks]
        if not isinstance(tasks, list):
            raise FormatError(f"{tree.path(file)} is not a list of tasks.")
        annotations += [(file, partial(_read_annotation, tree, file, task)) for task in tasks]
    recognition = recognise(tree) or Recognition.requested(NAME)
    return build_object_dataset(tree, recognition, annotations, later_on_top=True)


def brush_mask(code: list[int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(height, width) bool from Label Studio's run-length code of a brush.

    Header bits: 32 for the number of words, 5 for the word size minus 1, 4 x 4 for the run-length sizes minus 1. Then
    runs: 1 bit whether all words of the run are equal, 2 bits which run-length size applies, the run length minus 1,
    and one word or all of them. The words are RGBA values of the pixels; alpha is the mask. Source: Label Studio's
    documentation. Raises ValueError if the code does not fill the picture.
    """
    width, height = size
    if not 0 < width * height <= MAX_PIXELS:
        raise MalformedValueError(f"its picture would have {width} x {height} pixels")
    bits = np.unpackbits(np.frombuffer(bytes(code), np.uint8))
    at = 0

    def read(count: int) -> int:
        nonlocal at
        if at + count > bits.size:
            raise MalformedValueError("the run-length code of a brush ends too early")
        found = int("".join(map(str, bits[at : at + count].tolist())), 2)
        at += count
        return found

    total, word = read(32), read(5) + 1
    widths = [read(4) + 1 for _ in range(4)]
    if total != width * height * 4:
        raise MalformedValueError("the run-length code of a brush does not fill its picture")
    values = np.zeros(total, np.uint8)
    position = 0
    while position < total:
        alike = read(1)
        end = min(total, position + read(widths[read(2)]) + 1)
        if alike:
            values[position:end] = read(word) & 255
        else:
            count = end - position
            if at + count * word > bits.size:
                raise MalformedValueError("the run-length code of a brush ends too early")
            numbers = bits[at : at + count * word].reshape(count, word)[:, -8:]
            values[position:end] = np.packbits(numbers, axis=1)[:, 0] >> (8 - numbers.shape[1])
            at += count * word
        position = end
    return np.asarray(values.reshape(height, width, 4)[..., 3] > 127, bool)


def _files(tree: DatasetTree) -> list[str]:
    return [
        name
        for name in tree.files_ending(".json")
        if '"result"' in (text := tree.read_ends(name))
        and '"annotations"' in text
        and ('"original_width"' in text or '"from_name"' in text)
    ]


def _read_annotation(tree: DatasetTree, file: str, task: Any) -> PictureAnnotation:
    try:
        reference = next(
            str(value) for value in task["data"].values() if isinstance(value, str) and "." in value
        )
        picture = _picture(tree, reference)
        made = [a for a in task.get("annotations") or () if not a.get("was_cancelled")]
        objects: list[AnnotatedObject] = []
        size: tuple[int, int] | None = None
        skipped = 0
        for result in made[0]["result"] if made else ():
            kind = str(result.get("type"))
            if kind not in _KINDS:
                skipped += "value" in result and "labels" in kind
                continue
            size = int(result["original_width"]), int(result["original_height"])
            objects.append(_read_object(kind, result["value"], size))
        return PictureAnnotation(picture, size, tuple(objects), skipped=skipped)
    except MALFORMED_ERRORS as problem:
        raise FormatError(
            f"A task in {tree.path(file)} cannot be understood ({describe_malformed(problem)})."
        ) from problem


def _read_object(kind: str, value: dict[str, Any], size: tuple[int, int]) -> AnnotatedObject:
    label = str(value[kind][0])
    scale = np.array(size) / 100
    match kind:
        case "polygonlabels":
            return AnnotatedObject(label, (parse_ring(value["points"]) * scale,))
        case "rectanglelabels":
            x, y = float(value["x"]), float(value["y"])
            ring = box_ring(x, y, x + float(value["width"]), y + float(value["height"])) * scale
            turn = np.radians(float(value.get("rotation") or 0))
            corner = ring[0]  # rotation is about the top left corner
            matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
            return AnnotatedObject(label, ((ring - corner) @ matrix + corner,))
        case "ellipselabels":
            x, y, across, down = (float(value[key]) for key in ("x", "y", "radiusX", "radiusY"))
            return AnnotatedObject(label, (circle_ring(x, y, across, down) * scale,))
        case _:
            return AnnotatedObject(label, runs=place_mask(brush_mask(value["rle"], size), 0, 0, size))


def _picture(tree: DatasetTree, reference: str) -> str:
    """The picture name without server, folder, and the prefix that an upload adds."""
    query = urlsplit(reference).query
    path = unquote(query.split("d=", 1)[1] if "d=" in query else urlsplit(reference).path)
    last = path.replace("\\", "/").rsplit("/", 1)[-1]
    return last if tree.find_picture(last) else _UPLOAD.sub("", last)
