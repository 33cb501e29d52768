"""Reads YOLO segmentation: a text file per picture, a line per object with class and polygon corners (0..1)."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from core.base.errors import FormatError, ImageError
from core.formats.dataset_tree import DatasetTree, folder_of, split_of, stem_of
from core.formats.dataset_types import Dataset, Recognition
from core.formats.malformed import describe_malformed
from core.formats.object_dataset import AnnotatedObject, PictureAnnotation, build_object_dataset
from core.formats.rasterizer import parse_ring
from core.images.image_reader import read_size

NAME = "yolo-seg"
DIALECTS = ("corners as fractions; names from data.yaml, obj.names, classes.txt",)
"""Forms of the format that are read, for the documentation."""
_LINE = re.compile(r"^\d+(?:\s+-?[\d.]+(?:[eE][+-]?\d+)?){4,}\s*$")


def recognise(tree: DatasetTree) -> Recognition | None:
    files = _text_files(tree)
    if not files:
        return None
    first = [tree.read_head(name).splitlines()[:1] for name in files[:20]]
    lines = [line[0] for line in first if line]
    if not lines or not all(_LINE.match(line[:4000]) or len(line) > 4000 for line in lines):
        return None
    outlines = sum(len(line.split()) > 6 for line in lines)
    named = "a list of class names" if _names(tree) else "no list of class names"
    return Recognition(
        NAME,
        (0.88 if _names(tree) else 0.8) if outlines else 0.35,
        f"{len(files):,} text files have the names of pictures and contain outlines; there is {named}.",
    )


def open_dataset(tree: DatasetTree) -> Dataset:
    """Class names are from data.yaml, obj.names or classes.txt; otherwise the class number is the name."""
    files = _text_files(tree)
    if not files:
        raise FormatError(f"There are no text files with the names of pictures in {tree.root}.")
    names = _names(tree)
    annotations = [(name, partial(_read_annotation, tree, name, names)) for name in files]
    labels = [(names[n], None) for n in sorted(names)]
    recognition = recognise(tree) or Recognition.requested(NAME)
    notes = () if names else ("No file lists the class names, so the class numbers are used.",)
    return build_object_dataset(tree, recognition, annotations, labels, notes=notes)


def _read_annotation(tree: DatasetTree, name: str, names: dict[int, str]) -> PictureAnnotation:
    split = split_of(name)
    picture = _picture(tree, name)
    if picture is None:
        raise FormatError(f"{tree.path(name)} has no picture: there is none with the name {stem_of(name)}.")
    try:
        width, height = read_size(tree.path(picture))
    except ImageError as problem:
        raise FormatError(str(problem)) from problem
    objects, skipped = [], 0
    for number, line in enumerate(tree.read_lines(name), 1):
        try:
            kind, *corners = line.split()
            if len(corners) == 4:  # a bounding box, not an outline
                skipped += 1
                continue
            ring = parse_ring([float(part) for part in corners]) * (width, height)
            label = names.get(int(kind), f"class {int(kind)}")
        except ValueError as problem:
            raise FormatError(
                f"Line {number} of {tree.path(name)} is not an outline ({describe_malformed(problem)})."
            ) from problem
        objects.append(AnnotatedObject(label, (ring,)))
    return PictureAnnotation(picture, (width, height), tuple(objects), split, (), skipped)


def _text_files(tree: DatasetTree) -> list[str]:
    pictures = {stem_of(name) for name in tree.pictures}
    return [name for name in tree.files_ending(".txt") if stem_of(name) in pictures]


def _picture(tree: DatasetTree, name: str) -> str | None:
    """images/train/a.jpg for labels/train/a.txt; otherwise the nearest picture of that name."""
    folder = re.sub(r"(^|/)labels(/|$)", r"\1images\2", folder_of(name))
    return tree.find_picture(f"{folder}/{stem_of(name)}", folder, split_of(name))


def _names(tree: DatasetTree) -> dict[int, str]:
    for name in tree.files_ending(".yaml", ".yml"):
        try:
            content: Any = tree.read_yaml(name)
        except FormatError:
            continue
        names = content.get("names") if isinstance(content, dict) else None
        if isinstance(names, list):
            return {n: str(title) for n, title in enumerate(names)}
        if isinstance(names, dict) and all(str(n).isdigit() for n in names):
            return {int(n): str(title) for n, title in names.items()}
    for last in ("obj.names", "classes.txt", "labels.txt"):
        for name in tree.files_named(last):
            return dict(enumerate(tree.read_lines(name)))
    return {}
