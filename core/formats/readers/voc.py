"""Reads Pascal VOC: JPEGImages and SegmentationClass with index or colour masks; 255 is the border of objects.

Many programs write this layout for classes of their own, so the 21 classes of VOC are only assumed if no file names
others and the masks hold no other values.
"""

from __future__ import annotations

import re
from dataclasses import replace

from core.base.errors import FormatError
from core.formats.class_list_files import ClassListFile, find_class_lists
from core.formats.class_sets import class_set
from core.formats.dataset_tree import DatasetTree, folder_of, stem_of
from core.formats.dataset_types import Dataset, Recognition, Sample
from core.formats.doubt import ValueReading
from core.formats.mask_evidence import gather_evidence
from core.formats.value_decision import DefaultClasses, decide_values

NAME = "pascal-voc"
DIALECTS = (
    "SegmentationClass and labelme's SegmentationClassPNG",
    "labelmap.txt, class_names.txt and other class lists",
    "own classes as 0 and 255",
)
"""Forms of the format that are read, for the documentation."""
_MASKS = ("segmentationclass", "segmentationclasspng", "segmentationclassraw")
"""Folders of masks; the second is that of labelme's older script."""
_PICTURES, _LISTS = "JPEGImages/", "ImageSets/Segmentation/"
_BORDER = (224, 224, 192)
_SPLITS = {"train": "train", "val": "val", "trainval": "train", "test": "test", "default": None}
_OFFICIAL_NAME = re.compile(r"^20(0[5-9]|1[0-2])_\d{6}$")


def recognise(tree: DatasetTree) -> Recognition | None:
    masks = _masks(tree)
    if not masks or not any(_PICTURES in name for name in tree.pictures):
        return None
    folder = folder_of(next(iter(masks.values()))).split("/")[-1]
    return Recognition(NAME, 0.97, f"It contains {_PICTURES} and {len(masks):,} masks in {folder}/.")


def open_dataset(tree: DatasetTree, values: ValueReading | None = None) -> Dataset:
    """Classes are those of a class list, otherwise the 21 of VOC if the masks fit. Pictures may have no mask.

    values: the reading to use, None to decide by evidence.
    """
    masks = _masks(tree)
    if not masks:
        raise FormatError(f"There are no masks in a folder SegmentationClass in {tree.root}.")
    lists = [_without_border(table) for table in find_class_lists(tree, list(masks.values())[:1])]
    official = sum(bool(_OFFICIAL_NAME.match(stem)) for stem in masks)
    defaults = DefaultClasses("Pascal VOC", class_set("voc"), official * 2 > len(masks), _BORDER)
    decision = decide_values(
        gather_evidence([tree.path(mask) for mask in masks.values()]), lists, wanted=values, defaults=defaults
    )
    splits = _splits(tree)
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
                decision.reader,
            )
        )
    recognition = recognise(tree) or Recognition.requested(NAME)
    return Dataset(
        tree.root,
        recognition,
        decision.classes,
        tuple(samples),
        decision.notes,
        doubts=decision.doubts,
        reading=decision.reading,
        readings=decision.readings,
    )


def _masks(tree: DatasetTree) -> dict[str, str]:
    """Mask by name without suffix; the official folder is preferred."""
    found: dict[str, str] = {}
    for folder in _MASKS:
        for name in tree.pictures:
            if folder_of(name).split("/")[-1].casefold() == folder:
                found.setdefault(stem_of(name), name)
    return found


def _without_border(table: ClassListFile) -> ClassListFile:
    """The border may be listed as well, under an index that no mask contains."""
    if not table.has_colours:
        return table
    return replace(table, classes=tuple(c for c in table.classes if c.colour != _BORDER))


def _splits(tree: DatasetTree) -> dict[str, str]:
    """Split by picture name."""
    found: dict[str, str] = {}
    lists = [name for name in tree.files if _LISTS in name and stem_of(name) in _SPLITS]
    # trainval first, so that the lists that separate train and val override it.
    for name in sorted(lists, key=lambda n: stem_of(n) != "trainval"):
        if split := _SPLITS[stem_of(name)]:
            found |= {line.split()[0].rsplit("/", 1)[-1]: split for line in tree.read_lines(name)}
    return found
