"""Reads Pascal VOC: JPEGImages and SegmentationClass with index or colour masks; 255 is the border of objects.

Many programs write this layout for classes of their own, so the classes of VOC are only assumed if no file names others
and the masks hold no other values.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.base.errors import FormatError
from core.formats.account import AccountBuilder, AccountKind
from core.formats.class_list_files import ClassListFile, find_class_lists
from core.formats.class_sets import class_set
from core.formats.dataset_tree import DatasetTree, folder_of, once_per_tree, stem_of
from core.formats.dataset_types import Dataset, Recognition, Sample
from core.formats.doubt import ValueReading
from core.formats.mask_evidence import gather_evidence
from core.formats.mask_sets.mask_sizes import compare_sizes
from core.formats.mask_sets.name_parts import plain
from core.formats.mask_sets.pairing import SEVERAL_PICTURES, WITHOUT_PICTURE
from core.formats.value_decision import DefaultClasses, decide_values

NAME = "pascal-voc"
DIALECTS = (
    "SegmentationClass and labelme's SegmentationClassPNG",
    "labelmap.txt, class_names.txt and other class lists",
    "own classes as 0 and 255",
    "lists with blanks in names, with suffixes, folders, or the mask behind the name",
    "several years side by side",
    "masks that were not turned by EXIF along with their picture",
)
"""Forms of the format that are read, for the documentation."""
_MASKS = ("segmentationclass", "segmentationclasspng", "segmentationclassraw")
"""Folders of masks; the second is that of labelme's older script."""
_INSTANCES = ("segmentationobject", "segmentationobjectpng")
_PICTURES, _LISTS = "JPEGImages", "ImageSets/Segmentation/"
_MAX_LINE = 1000
"""Characters of a line of a list that are looked at."""
_BORDER = (224, 224, 192)
_SPLITS = {"train": "train", "val": "val", "trainval": "train", "test": "test", "default": None}
_OFFICIAL_NAME = re.compile(r"^20(0[5-9]|1[0-2])_\d{6}$")


def recognise(tree: DatasetTree) -> Recognition | None:
    masks = _find_masks(tree).of_picture
    if not masks or not any(_is_picture(name) for name in tree.pictures):
        return None
    folder = folder_of(next(iter(masks.values()))).split("/")[-1]
    return Recognition(NAME, 0.97, f"It contains {_PICTURES}/ and {len(masks):,} masks in {folder}/.")


def open_dataset(tree: DatasetTree, values: ValueReading | None = None) -> Dataset:
    """Classes are those of a class list, otherwise those of VOC that occur if the masks fit. A picture may lack a mask.

    values: the reading to use, None to decide by evidence.
    """
    found = _find_masks(tree)
    masks = found.of_picture
    if not masks:
        if found.account.result().left_out:
            raise FormatError(
                f"No mask in {tree.root} has the name of a picture in {_PICTURES}. Masks are paired by name: "
                f"SegmentationClass/a.png belongs to {_PICTURES}/a.jpg."
            )
        raise FormatError(f"There are no masks in a folder SegmentationClass in {tree.root}.")
    lists = [_without_border(table) for table in find_class_lists(tree, list(masks.values())[:1])]
    official = sum(bool(_OFFICIAL_NAME.match(stem_of(mask))) for mask in masks.values())
    defaults = DefaultClasses("Pascal VOC", class_set("voc"), official * 2 > len(masks), _BORDER)
    decision = decide_values(
        gather_evidence([tree.path(mask) for mask in masks.values()]), lists, wanted=values, defaults=defaults
    )
    sizes = compare_sizes((tree.path(name), tree.path(mask)) for name, mask in masks.items())
    pictures = [name for name in tree.pictures if _is_picture(name)]
    account = AccountBuilder(found.account.result())
    splits = _splits(tree, pictures, account)
    samples = []
    for name in pictures:
        mask = masks.get(name)
        sample = Sample.with_mask(
            tree.path(name),
            _target_path(name, pictures),
            splits.get(name),
            tree.path(mask) if mask else None,
            decision.reader,
        )
        samples.append(replace(sample, is_mask_stored=sizes.is_mask_stored))
    recognition = recognise(tree) or Recognition.requested(NAME)
    return Dataset(
        tree.root,
        recognition,
        decision.classes,
        tuple(samples),
        decision.notes,
        account.result(),
        doubts=(*decision.doubts, *sizes.doubts),
        reading=decision.reading,
        readings=decision.readings,
    )


@dataclass(slots=True)
class _FoundMasks:
    """of_picture: mask by picture; account: masks that are not used. Neither is changed once they are found."""

    of_picture: dict[str, str] = field(default_factory=dict)
    account: AccountBuilder = field(default_factory=AccountBuilder)


@once_per_tree
def _find_masks(tree: DatasetTree) -> _FoundMasks:
    """The mask of each picture below the same folder; the official mask folder is preferred."""
    pictures: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in filter(_is_picture, tree.pictures):
        pictures[name.rpartition(f"{_PICTURES}/")[0], plain(stem_of(name))].append(name)
    by_folder: dict[str, list[str]] = defaultdict(list)
    for name in tree.pictures:
        by_folder[folder_of(name).split("/")[-1].casefold()].append(name)
    found = _FoundMasks()
    for folder in _MASKS:
        for name in by_folder[folder]:
            above = folder_of(folder_of(name))
            owners = pictures.get((f"{above}/" if above else "", plain(stem_of(name))), [])
            if not owners:
                found.account.left_out(name, WITHOUT_PICTURE)
            elif len(owners) > 1:
                found.account.left_out(name, SEVERAL_PICTURES)
            elif (used := found.of_picture.setdefault(owners[0], name)) != name:
                reason = f"another mask of the same picture is used ({folder_of(used).split('/')[-1]})"
                found.account.left_out(name, reason)
    for folder in _INSTANCES:
        for name in by_folder[folder]:
            found.account.does_not_belong(name, "instances are not read, only classes")
    return found


def _is_picture(name: str) -> bool:
    return f"/{_PICTURES}/" in f"/{name}"


def _target_path(name: str, pictures: Sequence[str]) -> str:
    """The path below JPEGImages; with the folder above it where there are several of them."""
    above, _, below = name.rpartition(f"{_PICTURES}/")
    return (
        below if all(p.startswith(above + _PICTURES) for p in (pictures[0], pictures[-1])) else above + below
    )


def _without_border(table: ClassListFile) -> ClassListFile:
    """The border may be listed as well, under an index that no mask contains."""
    if not table.has_colours:
        return table
    return replace(table, classes=tuple(c for c in table.classes if c.colour != _BORDER))


def _splits(tree: DatasetTree, pictures: Sequence[str], account: AccountBuilder) -> dict[str, str]:
    """Split by picture. Lines of a list that name no picture are entries that were left out.

    A line holds a name, which may contain blanks, and perhaps a number or the name of the mask behind it; either name
    may have folders and a suffix.
    """
    by_name: dict[str, list[str]] = defaultdict(list)
    for name in pictures:
        for key in {plain(stem_of(name)), plain(name.rsplit("/", 1)[-1])}:
            by_name[key].append(name)
    found: dict[str, str] = {}
    lists = [name for name in tree.files if _LISTS in name and stem_of(name) in _SPLITS]
    # trainval first, so that the lists that separate train and val override it.
    for name in sorted(lists, key=lambda n: stem_of(n) != "trainval"):
        split = _SPLITS[stem_of(name)]
        if split is None:
            tree.note_read(name)
            continue
        above = name.rpartition(_LISTS)[0]
        for number, line in enumerate(tree.read_lines(name), 1):
            named = _pictures_of_line(line, by_name)
            near = [picture for picture in named if picture.startswith(above + _PICTURES)] or named
            found |= dict.fromkeys(near, split)
            if not near:
                account.left_out(f"{name}, line {number}", "it names no picture", AccountKind.ENTRY)
    return found


def _pictures_of_line(line: str, by_name: Mapping[str, list[str]]) -> list[str]:
    """The pictures that the longest beginning of a line names that ends before a blank."""
    words = re.split(r"(\s+)", line[:_MAX_LINE])
    for count in range(len(words), 0, -2):
        text = "".join(words[:count]).replace("\\", "/")
        for text_part in dict.fromkeys((text.rsplit("/", 1)[-1], text)):
            for key in (plain(text_part), plain(stem_of(text_part))):
                if key in by_name:
                    return by_name[key]
    return []
