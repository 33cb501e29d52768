"""COCO: instances and stuff as polygons or run-length codes, and panoptic PNGs with a table of segments."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from json import JSONDecodeError
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from core.base.errors import FormatError
from core.formats.class_sets import default_target
from core.formats.dataset_tree import MALFORMED_ERRORS, SPLIT_NAMES, DatasetTree, folder_of, split_of, stem_of
from core.formats.dataset_types import Dataset, DatasetClass, LoadedMask, Recognition, Sample
from core.formats.json_stream import iter_json, read_spans
from core.formats.mask_values import pack_rgb
from core.formats.object_dataset import AnnotatedObject, PictureAnnotation, build_object_dataset
from core.formats.rasterizer import Runs, decode_rles, parse_rings, runs_from_counts
from core.images.image_reader import read_picture
from core.labels.class_list import MAX_CLASS_VALUE, VOID, default_colour

NAME, PANOPTIC = "coco", "coco-panoptic"
_KEYS = ('"images"', '"annotations"', '"categories"')
_MANY = 200
"""Datasets with more JSON files than that keep one for each picture, which COCO does not."""


def recognise(tree: DatasetTree) -> Recognition | None:
    """Tells by the keys at the beginning and the end: the files are too large to be parsed only to be recognised."""
    files = [name for name in _tables(tree) if not _is_panoptic(tree, name)]
    if not files:
        return None
    drawn = any('"segmentation"' in tree.read_ends(name) for name in files)
    shown = ", ".join(files[:3])
    return Recognition(
        NAME,
        0.94 if drawn else 0.6,
        f"{shown} {'list' if len(files) > 1 else 'lists'} images, annotations and categories.",
    )


def recognise_panoptic(tree: DatasetTree) -> Recognition | None:
    files = [name for name in _tables(tree) if _is_panoptic(tree, name)]
    if not files:
        return None
    return Recognition(PANOPTIC, 0.96, f"{files[0]} lists segments of panoptic PNGs.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """All tables without segments together; those that only list pictures or captions add nothing."""
    files = [name for name in _tables(tree) if not _is_panoptic(tree, name)]
    if not files:
        raise FormatError(f"There is no JSON file with images, annotations and categories in {tree.root}.")
    names: dict[str, None] = {}
    drawings = []
    for file in files:
        path = tree.path(file)
        table = _listed(path)
        if not table.categories or not table.drawn:
            continue
        names |= dict.fromkeys(table.categories.values())
        for image in table.images:
            spans, skipped = table.spans.get(_key(image.get("id"))), table.skipped[_key(image.get("id"))]
            draws = partial(_drawing, path, image, spans or [], table.categories, _split(file))
            drawings.append((file, draws, partial(_outlook, path, image, skipped, _split(file))))
    if not drawings:
        raise FormatError(f"The tables in {tree.root} hold no areas, only boxes, points or captions.")
    recognition = recognise(tree) or Recognition(NAME, 0.0, "It was asked for.")
    notes = ("A crowd is an area of its class like any other.",)
    return build_object_dataset(tree, recognition, drawings, [(name, None) for name in names], notes=notes)


def open_panoptic(tree: DatasetTree) -> Dataset:
    """One PNG a picture: red + 256 green + 65536 blue is the segment, whose class the table gives; 0 is void."""
    files = [name for name in _tables(tree) if _is_panoptic(tree, name)]
    if not files:
        raise FormatError(f"There is no JSON file with segments_info in {tree.root}.")
    classes: dict[int, DatasetClass] = {}
    samples, problems = [], []
    for file in files:
        content = tree.read_json(file)
        try:
            images = {image["id"]: str(image["file_name"]) for image in content.get("images") or ()}
            for c in content["categories"]:
                classes.setdefault(int(c["id"]), _category(c))
            if len(classes) > MAX_CLASS_VALUE:
                raise FormatError(
                    f"{tree.path(file)} has {len(classes)} categories; a project holds {MAX_CLASS_VALUE}."
                )
            places = {number: place for place, number in enumerate(classes, 1)}
            for note in content["annotations"]:
                png = str(note["file_name"])
                mask = tree.find(png, "/".join(filter(None, (folder_of(file), stem_of(file)))))
                said = images.get(note["image_id"], stem_of(png))
                picture = _photo(tree, said, mask, file)
                if mask is None or picture is None:
                    problems.append(f"{tree.path(file)} names {said} with {png}, but not both are there.")
                    continue
                table = {int(s["id"]): places[int(s["category_id"])] for s in note["segments_info"]}
                read = partial(_read_segments, tree.path(mask), table)
                sources = (tree.path(mask), tree.path(file))
                samples.append(Sample(tree.path(picture), picture, _split(file), read, sources=sources))
        except MALFORMED_ERRORS as problem:
            raise FormatError(
                f"{tree.path(file)} is not laid out as COCO's panoptic tables are ({problem})."
            ) from problem
    recognition = recognise_panoptic(tree) or Recognition(PANOPTIC, 0.0, "It was asked for.")
    notes = ("Objects of one class become one area; pixels of no segment are void.",)
    return Dataset(tree.root, recognition, tuple(classes.values()), tuple(samples), notes, tuple(problems))


def _photo(tree: DatasetTree, said: str, mask: str | None, file: str) -> str | None:
    """The picture a table names; a PNG of segments of the same name is not it."""
    found = tree.find_picture(said, folder_of(file), _split(file))
    if found is not None and found != mask and "panoptic" not in folder_of(found):
        return found
    stem = stem_of(said)
    named = [
        n for n in tree.pictures_with_stem(stem) if stem_of(n) == stem and "panoptic" not in folder_of(n)
    ]
    return named[0] if len(named) == 1 else None


def _read_segments(path: Path, table: dict[int, int]) -> LoadedMask:
    packed = pack_rgb(read_picture(path)[..., ::-1])  # blue first: 65536 blue + 256 green + red
    found, inverse = np.unique(packed, return_inverse=True)
    strange = [int(s) for s in found if int(s) and int(s) not in table]
    values = np.array([table.get(int(s), VOID) for s in found], np.uint8)
    notes = (
        (f"{path.name} holds {len(strange)} segments that its table does not list; void.",) if strange else ()
    )
    return LoadedMask(values[inverse].reshape(packed.shape), 1.0, notes)


class _Note(msgspec.Struct):
    """What is wanted of an annotation when a file is looked through: not its outline, which is most of it."""

    image_id: int | str
    segmentation: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_NOTHING = (msgspec.UNSET, *map(msgspec.Raw, (b"[]", b"{}", b"null", b'""', b"0", b"false")))


def _note(row: dict[str, Any]) -> _Note:
    if "segmentation" not in row:
        return _Note(_key(row["image_id"]))
    return _Note(_key(row["image_id"]), msgspec.Raw(b"[]" if not row["segmentation"] else b"[0]"))


@dataclass(slots=True)
class _Table:
    """What one file holds, but for the outlines: of those only where in the file those of each image lie."""

    categories: dict[int, str] = field(default_factory=dict)
    images: list[dict[str, Any]] = field(default_factory=list)
    spans: dict[int | str, list[tuple[int, int]]] = field(default_factory=dict)
    skipped: Counter[int | str] = field(default_factory=Counter)
    drawn: bool = False


def _listed(path: Path) -> _Table:
    """Look through a file once. Raises FormatError."""
    table = _Table()
    newest: int | str | None = None
    try:
        for piece in iter_json(path, {"annotations": _Note}):
            row = piece.value
            match piece.key:
                case "categories":
                    table.categories[int(row["id"])] = str(row["name"])
                case "images" if isinstance(row, dict):
                    table.images.append(row)
                case "annotations":
                    note = row if isinstance(row, _Note) else _note(row)
                    image = note.image_id
                    spans = table.spans.setdefault(image, [])
                    start = spans.pop()[0] if image == newest else piece.start
                    spans.append((start, piece.end))
                    newest = image
                    table.drawn |= note.segmentation is not msgspec.UNSET
                    table.skipped[image] += note.segmentation in _NOTHING
    except OSError as problem:
        raise FormatError(f"{path} cannot be read: {problem.strerror or problem}.") from problem
    except (JSONDecodeError, RecursionError, UnicodeDecodeError) as problem:
        raise FormatError(f"{path} is no sound JSON: {problem}.") from problem
    except MALFORMED_ERRORS as problem:
        raise FormatError(f"{path} is not laid out as COCO's tables are ({problem}).") from problem
    return table


def _key(said: Any) -> int | str:
    return said if isinstance(said, int) else str(said)


def _outlook(file: Path, image: dict[str, Any], skipped: int, split: str | None) -> PictureAnnotation:
    """What is known of a picture before its outlines are read."""
    if "file_name" not in image:
        raise FormatError(f"{file} lists a picture without a file_name; it was left out.")
    return PictureAnnotation(str(image["file_name"]), None, (), split, (), skipped)


def _drawing(
    file: Path,
    image: dict[str, Any],
    spans: list[tuple[int, int]],
    names: dict[int, str],
    split: str | None,
) -> PictureAnnotation:
    try:
        with file.open("rb") as source:
            annotations = [note for note in read_spans(source, spans) if note.get("segmentation")]
        size = (int(image["width"]), int(image["height"])) if "width" in image and "height" in image else None
        labels = [names[int(note["category_id"])] for note in annotations]
        outlines = [note["segmentation"] for note in annotations]
        drawn = [
            [ring for ring in outline if len(ring) >= 6] if isinstance(outline, list) else []
            for outline in outlines
        ]
        rings = iter(parse_rings([ring for several in drawn for ring in several]))
        runs = _runs(outlines, size)
        things = [
            AnnotatedObject(label, tuple(islice(rings, len(several))), (), runs.get(n))
            for n, (label, several) in enumerate(zip(labels, drawn, strict=True))
        ]
        return PictureAnnotation(str(image["file_name"]), size, tuple(things), split)
    except (*MALFORMED_ERRORS, OSError) as problem:
        called = image.get("file_name", "a picture")
        raise FormatError(f"What {file} says about {called} cannot be understood ({problem}).") from problem


def _runs(outlines: list[Any], size: tuple[int, int] | None) -> dict[int, Runs]:
    """Those of the outlines that are run-length codes, by their place in the list; most are compressed."""
    found: dict[int, Runs] = {}
    packed: dict[tuple[int, int], dict[int, str]] = defaultdict(dict)
    for place, outline in enumerate(outlines):
        if isinstance(outline, list):
            continue
        height, width = (int(n) for n in outline["size"])
        if size is not None and size != (width, height):
            raise ValueError("a run-length code of another size than its picture")
        if isinstance(outline["counts"], list):
            found[place] = runs_from_counts(outline["counts"], height, width)
        else:
            packed[height, width][place] = str(outline["counts"])
    for whole, codes in packed.items():
        found |= dict(zip(codes, decode_rles(list(codes.values()), *whole), strict=True))
    return found


def _category(row: dict[str, Any]) -> DatasetClass:
    number, title = int(row["id"]), str(row["name"])
    colour = row.get("color")
    shade = (
        (int(colour[0]), int(colour[1]), int(colour[2]))
        if colour
        else default_colour(number % MAX_CLASS_VALUE + 1)
    )
    return DatasetClass(number, title, shade, default_target(title))


def _tables(tree: DatasetTree) -> list[str]:
    files = tree.files_ending(".json")
    if len(files) > _MANY:
        files = [name for name in files if "annotation" in name.casefold() or "/" not in name][:_MANY]
    return [
        name
        for name in files
        if sum(key in (said := tree.read_ends(name)) for key in _KEYS) >= 2
        and ('"file_name"' in said or '"image_id"' in said)
    ]


def _is_panoptic(tree: DatasetTree, name: str) -> bool:
    return '"segments_info"' in tree.read_ends(name)


def _split(file: str) -> str | None:
    words = re.split(r"[^a-z]+", stem_of(file).casefold())
    return next((SPLIT_NAMES[w] for w in words if w in SPLIT_NAMES), split_of(file))
