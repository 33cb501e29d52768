"""Pascal VOC: JPEGImages and SegmentationClass with palette or colour masks; 255 is the border between objects."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from core.base.errors import FormatError
from core.formats.class_list_files import ClassListFile, find_class_list
from core.formats.class_sets import class_set
from core.formats.dataset_tree import DatasetTree, stem_of
from core.formats.dataset_types import Dataset, DatasetClass, LoadedMask, Recognition, Sample
from core.formats.mask_values import read_colour_mask, remap_indices, values_by_index
from core.images.image_reader import ColourMaskError, read_mask
from core.labels.class_list import VOID

NAME = "pascal-voc"
_MASKS, _PICTURES, _LISTS = "SegmentationClass/", "JPEGImages/", "ImageSets/Segmentation/"
_BORDER = (224, 224, 192)
_SPLITS = {"train": "train", "val": "val", "trainval": "train", "test": "test", "default": None}


def recognise(tree: DatasetTree) -> Recognition | None:
    masks = sum(1 for name in tree.pictures if _MASKS in name)
    if not masks or not any(_PICTURES in name for name in tree.pictures):
        return None
    return Recognition(NAME, 0.97, f"It holds {_PICTURES} and {masks:,} masks in {_MASKS}.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Classes are the 21 of VOC, or those of a labelmap.txt beside. Pictures without a mask come without a label."""
    masks = {stem_of(name): name for name in tree.pictures if _MASKS in name}
    if not masks:
        raise FormatError(f"There are no masks in a folder SegmentationClass in {tree.root}.")
    table = find_class_list(tree)
    table = table if table and table.name.endswith("labelmap.txt") else None
    # The border may be listed as well, under a number that no mask holds.
    listed = tuple(c for c in table.classes if c.colour != _BORDER) if table else ()
    classes = listed or class_set("voc")
    splits = _splits(tree)
    samples = []
    for name in tree.pictures:
        if _PICTURES not in name:
            continue
        stem = stem_of(name)
        mask = masks.get(stem)
        read = None if mask is None else partial(_read, tree.path(mask), classes)
        sources = () if mask is None else (tree.path(mask),)
        place = name.split(_PICTURES, 1)[1]
        samples.append(Sample(tree.path(name), place, splits.get(stem), read, sources=sources))
    recognition = recognise(tree) or Recognition(NAME, 0.0, "It was asked for.")
    return Dataset(tree.root, recognition, classes, tuple(samples), (_note(table),))


def _note(table: ClassListFile | None) -> str:
    names = f"Names of the classes are from {table.name}" if table else "Classes are the 21 of Pascal VOC"
    return f"{names}; the border around objects is void."


def _read(path: Path, classes: tuple[DatasetClass, ...]) -> LoadedMask:
    try:
        return LoadedMask(
            remap_indices(read_mask(path), values_by_index(classes, frozenset([255])), path, "Pascal VOC")
        )
    except ColourMaskError:
        colours = {c.colour: place for place, c in enumerate(classes, 1)}
        return read_colour_mask(path, {_BORDER: VOID} | colours)


def _splits(tree: DatasetTree) -> dict[str, str]:
    found: dict[str, str] = {}
    lists = [name for name in tree.files if _LISTS in name and stem_of(name) in _SPLITS]
    # trainval first, so that the lists that tell train from val have the last word.
    for name in sorted(lists, key=lambda n: stem_of(n) != "trainval"):
        if split := _SPLITS[stem_of(name)]:
            found |= {line.split()[0].rsplit("/", 1)[-1]: split for line in tree.read_lines(name)}
    return found
