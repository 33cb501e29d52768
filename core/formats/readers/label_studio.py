"""Reads Label Studio's JSON exports: polygons, rectangles and ellipses in per cent, brush masks and bitmaps."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import FormatError, ImageError
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, folder_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.files.annotation_files import large_files, sample_files
from core.formats.malformed import MalformedValueError, describe_malformed
from core.formats.object_dataset import (
    NO_LABEL,
    AnnotatedObject,
    ObjectCollector,
    PictureAnnotation,
    build_object_dataset,
    decode_png_mask,
    kind_is_unknown,
)
from core.formats.rasterizer import Ring, box_ring, circle_ring, parse_ring
from core.formats.readers.picture_address import AddressBook, address_paths
from core.formats.run_length import check_mask_size, place_mask
from core.images.image_reader import read_size

NAME = "label-studio"
DIALECTS = (
    "JSON and JSON-MIN",
    "polygons, rectangles, ellipses (turned ones, too), brushes, bitmaps, closed vectors without curves",
    "labels in the region (polygonlabels …) or in a result of their own with the same id",
    "of several annotations the ground truth, else the first one with areas; of several labels the first",
    "pictures uploaded, in local storage (?d=), in the cloud (s3:, gs:, ?filepath=, ?fileuri=)",
)
"""Forms of the format that are read, for the documentation."""
_TASK_KEYS = (
    "result",
    "from_name",
    "original_width",
    "was_cancelled",
    "completed_by",
    "file_upload",
    "drafts",
    "predictions",
)
"""Keys of which a task of Label Studio has at least one."""
_SAMPLED_FILES = 20
_LIST_OF_ANNOTATIONS = re.compile(r'"(?:annotations|completions)"\s*:\s*\[')
_SHAPE_KEYS = ("points", "vertices", "rle", "imageDataURL", "x")
_OTHER_ANNOTATION = "another annotation of the same picture is used"
_WITHOUT_REGION = frozenset(
    (
        "choices",
        "taxonomy",
        "textarea",
        "rating",
        "number",
        "datetime",
        "pairwise",
        "ranker",
        "relation",
        "chat",
    )
)
"""Results about the whole picture, or about a region that another result describes."""


def recognise(tree: DatasetTree) -> Recognition | None:
    sampled = (*large_files(tree, ".json"), *sample_files(tree, ".json", _SAMPLED_FILES))
    files = [name for name in dict.fromkeys(sampled) if _is_export(tree.read_ends(name))]
    if not files:
        return None
    return Recognition(NAME, 0.93, f"{files[0]} contains tasks with results, as Label Studio exports them.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Later results cover earlier ones."""
    files = _files(tree)
    if not files:
        raise FormatError(f"There is no Label Studio JSON export in {tree.root}.")
    annotations = []
    book = AddressBook(tree)
    for file in files:
        tasks = tree.read_json(file)
        if isinstance(tasks, dict):
            tasks = [tasks]
        if not isinstance(tasks, list):
            raise FormatError(f"{tree.path(file)} is not a list of tasks.")
        for number, task in enumerate(tasks, 1):
            addresses = list(_addresses(task))
            picture = book.find(addresses, folder_of(file))
            place = f"task {_identity(task, number)}"
            read = partial(
                _read_annotation,
                tree.path(file),
                place,
                picture or next((path for a in addresses for path in address_paths(a)), ""),
                tree.path(picture) if picture else None,
                task,
            )
            annotations.append((file, read))
    recognition = recognise(tree) or Recognition.requested(NAME)
    return build_object_dataset(tree, recognition, annotations, later_on_top=True)


MAX_BRUSH_PIXELS = 1 << 26
"""Pixels of a brush, which takes four bytes of memory for each while it is decoded; its code may state any size."""


def brush_mask(code: list[int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """(height, width) bool from Label Studio's run-length code of a brush.

    Header bits: 32 for the number of words, 5 for the word size minus 1, 4 x 4 for the run-length sizes minus 1. Then
    runs: 1 bit whether all words of the run are equal, 2 bits which run-length size applies, the run length minus 1,
    and one word or all of them. The words are RGBA values of the pixels; alpha is the mask. Source: Label Studio's
    documentation. Raises ValueError if the code does not fill the picture.
    """
    width, height = size
    check_mask_size(width, height)
    if width * height > MAX_BRUSH_PIXELS:
        raise MalformedValueError(f"a brush of {width} x {height} pixels is too large")
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
    return [name for name in tree.files_ending(".json") if _is_export(tree.read_ends(name))]


def _is_export(text: str) -> bool:
    if '"categories"' in text or '"items"' in text:
        return False
    if _LIST_OF_ANNOTATIONS.search(text):
        return '"data"' in text and any(f'"{key}"' in text for key in _TASK_KEYS)
    return '"annotation_id"' in text and ('"original_width"' in text or '"annotator"' in text)


def _identity(task: Any, number: int) -> str:
    found = task.get("id") if isinstance(task, dict) else None
    return str(found)[:40] if isinstance(found, int | str) else str(number)


def _addresses(task: Any) -> Iterator[str]:
    """Texts of a task that may name its picture, the likeliest first."""
    if not isinstance(task, dict):
        return
    data = task.get("data", task)
    texts = data.items() if isinstance(data, dict) else ()
    several = [
        (key, value) for key, values in texts for value in (values if isinstance(values, list) else [values])
    ]
    named = [
        (str(key), value) for key, value in several if isinstance(value, str) and set(value) & set("./?")
    ]
    yield from (value for key, value in sorted(named, key=lambda row: "image" not in row[0].casefold()))
    for key in ("file_upload", "storage_filename"):
        if isinstance(value := task.get(key), str):
            yield value


def _read_annotation(
    file: Path, place: str, picture: str, path: Path | None, task: dict[str, Any]
) -> PictureAnnotation:
    """picture, path: of the picture in the dataset; `path` is None if it is not there."""
    if not picture:
        raise FormatError(f"{file}, {place}: it names no picture.")
    try:
        chosen, others = _chosen_results(task)
        size = next((found for result in chosen if (found := _size_of(result))), None)
        if size is None and path is not None:
            with contextlib.suppress(ImageError):  # the picture itself will be reported
                size = read_size(path)
        objects = ObjectCollector()
        for number, results in enumerate(_regions(chosen), 1):
            objects.add(f"{place}, region {number}", partial(_read_region, results, size))
        unrelated = ((_OTHER_ANNOTATION, others),) if others else ()
        return PictureAnnotation(
            picture,
            size,
            objects.objects,
            skipped=objects.skipped,
            left_out=objects.left_out,
            unrelated=unrelated,
        )
    except MALFORMED_ERRORS as problem:
        raise FormatError(
            f"{file}, {place}: it cannot be understood ({describe_malformed(problem)})."
        ) from problem


def _chosen_results(task: dict[str, Any]) -> tuple[list[Any], int]:
    """The results that are read, and the number of regions in other annotations."""
    made = task.get("annotations", task.get("completions"))
    if made is None:  # JSON-MIN: the regions of one annotation, in a list for each control
        return [
            {"type": _kind_of(region), "value": region, **region}
            for regions in task.values()
            if isinstance(regions, list)
            for region in regions
            if isinstance(region, dict)
        ], 0
    rows = [row for row in made if not row.get("was_cancelled") and not row.get("skipped")]
    results = [list(row.get("result") or ()) for row in rows]
    regions = [_regions(several) for several in results]
    places = sorted(
        range(len(rows)),
        key=lambda n: (not any(map(_has_shape, results[n])), not rows[n].get("ground_truth")),
    )
    if not places:
        return [], 0
    return results[places[0]], sum(len(regions[n]) for n in places[1:])


def _regions(results: list[Any]) -> list[list[Any]]:
    """Results that belong together: those of one id with the same shape, or without one, such as their label."""
    groups: list[list[Any]] = []
    by_id: dict[str, list[list[Any]]] = {}
    for result in results:
        known = (
            by_id.setdefault(str(result["id"]), []) if isinstance(result, dict) and result.get("id") else []
        )
        same = next((group for group in known if _describe_one_region(group, result)), None)
        if same is not None:
            same.append(result)
            continue
        groups.append([result])
        known.append(groups[-1])
    return [group for group in groups if any(not _is_without_region(result) for result in group)]


def _describe_one_region(group: list[Any], result: Any) -> bool:
    return not _has_shape(result) or all(
        not _has_shape(other) or _shape_of(other) == _shape_of(result) for other in group
    )


def _is_without_region(result: Any) -> bool:
    return isinstance(result, dict) and not _has_shape(result) and result.get("type") in _WITHOUT_REGION


def _has_shape(result: Any) -> bool:
    return bool(_shape_of(result))


def _shape_of(result: Any) -> dict[str, Any]:
    value = result.get("value") if isinstance(result, dict) else None
    return {key: value[key] for key in _SHAPE_KEYS if key in value} if isinstance(value, dict) else {}


def _size_of(result: Any) -> tuple[int, int] | None:
    if not isinstance(result, dict) or not result.get("original_width"):
        return None
    return int(result["original_width"]), int(result["original_height"])


def _kind_of(region: dict[str, Any]) -> str:
    return next((key for key in region if key.endswith("labels")), "")


def _read_region(results: list[Any], size: tuple[int, int] | None) -> AnnotatedObject | None:
    """Returns None for a region that is not an area. Raises MalformedValueError and other MALFORMED_ERRORS."""
    shaped = next((result for result in results if _has_shape(result)), None)
    kind = str((shaped or results[0]).get("type", ""))
    if kind.startswith("keypoint") or kind.startswith("videorectangle"):
        return None
    if shaped is None:
        raise MalformedValueError(kind_is_unknown(kind))
    label = next((found for result in results if (found := _label_of(result))), "")
    if not label:
        raise MalformedValueError(NO_LABEL)
    if size is None:
        raise MalformedValueError("the size of its picture is not known")
    value = shaped["value"]
    if "rle" in value:
        return AnnotatedObject(label, runs=place_mask(brush_mask(value["rle"], size), 0, 0, size))
    if "imageDataURL" in value:
        bitmap = decode_png_mask(base64.b64decode(str(value["imageDataURL"]).partition(",")[2]))
        if bitmap.shape != size[::-1]:
            raise MalformedValueError(
                f"its bitmap is not of the size of the picture, {size[0]} x {size[1]} pixels"
            )
        return AnnotatedObject(label, runs=place_mask(bitmap, 0, 0, size))
    scale = np.array(size) / 100
    ring = _outline(kind, value) * scale
    if turn := np.radians(float(value.get("rotation") or 0)):
        # A rectangle is turned about its top left corner, an ellipse about its centre.
        pivot = np.array([float(value["x"]), float(value["y"])]) * scale
        matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        ring = (ring - pivot) @ matrix + pivot
    return AnnotatedObject(label, (ring,))


def _outline(kind: str, value: dict[str, Any]) -> Ring:
    """In per cent of the picture."""
    if "points" in value or "vertices" in value:
        corners: list[Any] = value["points" if "points" in value else "vertices"]
        if kind.startswith("vector") and (
            not value.get("closed") or any(c.get("isBezier") for c in corners if isinstance(c, dict))
        ):
            raise MalformedValueError("it is a path with curves or an open end, which is no area")
        return parse_ring([[c["x"], c["y"]] if isinstance(c, dict) else c for c in corners])
    x, y = float(value["x"]), float(value["y"])
    if "radiusX" in value:
        return circle_ring(x, y, float(value["radiusX"]), float(value["radiusY"]))
    if "width" in value and "height" in value:
        return box_ring(x, y, x + float(value["width"]), y + float(value["height"]))
    raise MalformedValueError(kind_is_unknown(kind))


def _label_of(result: dict[str, Any]) -> str:
    """The first label of a result; empty without one."""
    value = result.get("value")
    if not isinstance(value, dict):
        return ""
    kind = str(result.get("type"))
    keys = [kind, *(key for key in value if key.endswith("labels")), "choices", "taxonomy"]
    for key in keys:
        found = value.get(key)
        while isinstance(found, list) and found:
            found = found[-1] if key == "taxonomy" and not isinstance(found[0], list) else found[0]
        if isinstance(found, str | int) and not isinstance(found, bool) and str(found).strip():
            return str(found)
    return ""
