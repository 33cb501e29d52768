"""Reads Pascal VOC: JPEGImages and SegmentationClass with index or colour masks; 255 is the border of objects."""

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
    return Recognition(NAME, 0.97, f"It contains {_PICTURES} and {masks:,} masks in {_MASKS}.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Classes are those of a labelmap.txt if there is one, otherwise the 21 of VOC. Pictures may have no mask."""
    masks = {stem_of(name): name for name in tree.pictures if _MASKS in name}
    if not masks:
        raise FormatError(f"There are no masks in a folder SegmentationClass in {tree.root}.")
    class_list = find_class_list(tree)
    class_list = class_list if class_list and class_list.name.endswith("labelmap.txt") else None
    # The border may be listed as well, under an index that no mask contains.
    listed = tuple(c for c in class_list.classes if c.colour != _BORDER) if class_list else ()
    classes = listed or class_set("voc")
    splits = _splits(tree)
    read = partial(_read, classes=classes)
    samples = []
    for name in tree.pictures:
        if _PICTURES not in name:
            continue
        mask = masks.get(stem_of(name))
        samples.append(
            Sample.with_mask(
                tree.path(name),
                name.split(_PICTURES, 1)[1],
                splits.get(stem_of(name)),
                tree.path(mask) if mask else None,
                read,
            )
        )
    recognition = recognise(tree) or Recognition.requested(NAME)
    return Dataset(tree.root, recognition, classes, tuple(samples), (_note(class_list),))


def _note(class_list: ClassListFile | None) -> str:
    if class_list:
        return f"Class names are from {class_list.name}; the border of objects is void."
    return "The classes are the 21 of Pascal VOC; the border of objects is void."


def _read(path: Path, classes: tuple[DatasetClass, ...]) -> LoadedMask:
    try:
        values = values_by_index(classes, frozenset([255]))
        return LoadedMask(remap_indices(read_mask(path), values, path, "Pascal VOC"))
    except ColourMaskError:
        colours = {c.colour: value for value, c in enumerate(classes, 1)}
        return read_colour_mask(path, {_BORDER: VOID} | colours)


def _splits(tree: DatasetTree) -> dict[str, str]:
    """Split by picture name."""
    found: dict[str, str] = {}
    lists = [name for name in tree.files if _LISTS in name and stem_of(name) in _SPLITS]
    # trainval first, so that the lists that separate train and val override it.
    for name in sorted(lists, key=lambda n: stem_of(n) != "trainval"):
        if split := _SPLITS[stem_of(name)]:
            found |= {line.split()[0].rsplit("/", 1)[-1]: split for line in tree.read_lines(name)}
    return found
