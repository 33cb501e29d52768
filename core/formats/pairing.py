"""Pairs pictures with masks by folder names, file name endings, and equal names."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from core.formats.dataset_tree import DatasetTree, folder_of, stem_of

_MASKS = """mask masks label labels lbl annotation annotations annot annots gt groundtruth truth segmentation
segmentations seg segs target targets semantic gtfine gtcoarse trimaps"""
_PICTURES = """image images img imgs picture pictures photo photos original originals input inputs rgb leftimg8bit
jpegimages src source sources"""
MASK_WORDS, PICTURE_WORDS = frozenset(_MASKS.split()), frozenset(_PICTURES.split())
_MASK_END = re.compile(
    r"[-_. ](l|p|gt|mask|masks|label|labels|lab|seg|segmentation|annotation|annot|color_mask|color|labelids|"
    r"trainids|labeltrainids|gtfine_labelids|gtfine_color|groundtruth|truth)$",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[^a-z0-9]+|(?<=[a-z])(?=[0-9])")
LOSSLESS = (".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".ppm", ".pgm")


@dataclass(frozen=True, slots=True)
class MaskGroup:
    """Masks of one kind: the same folder name and the same name ending. `pairs` maps picture to mask."""

    kind: str
    pairs: dict[str, str]


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pictures, the mask groups found for them, the largest first, and the masks without a picture."""

    pictures: tuple[str, ...]
    groups: tuple[MaskGroup, ...]
    unpaired: tuple[str, ...]


def pair_masks(tree: DatasetTree) -> Pairing:
    """Separate the image files of a dataset into pictures and masks, and pair them.

    A file is a mask if one of its folders has a mask word (masks, labels, gt, …) in its name, or if its name has a mask
    ending (`_mask`, `_L`, …) and a picture without the ending exists. A mask belongs to the picture with the same
    folders (without those words) and the same name (without the ending); otherwise to the only picture of that name.
    """
    stems = {stem_of(name).casefold() for name in tree.pictures}
    masks = [name for name in tree.pictures if _is_mask(name, stems)]
    mask_set = set(masks)
    pictures = [name for name in tree.pictures if name not in mask_set]
    by_key: dict[str, list[str]] = defaultdict(list)
    by_stem: dict[str, list[str]] = defaultdict(list)
    for name in pictures:
        by_key[_pairing_key(name)].append(name)
        by_stem[stem_of(name).casefold()].append(name)
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    unpaired = []
    for mask in masks:
        found = by_key.get(_pairing_key(mask)) or by_stem.get(
            _without_mask_ending(stem_of(mask)).casefold(), []
        )
        if len(found) != 1:
            found = by_stem.get(stem_of(mask).casefold(), [])
        if len(found) == 1:
            groups[_kind(mask)].setdefault(found[0], mask)
        else:
            unpaired.append(mask)
    ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
    return Pairing(tuple(pictures), tuple(MaskGroup(kind, pairs) for kind, pairs in ordered), tuple(unpaired))


def _is_mask(name: str, stems: set[str]) -> bool:
    for part in reversed(name.split("/")[:-1]):
        words = _words(part)
        if words & MASK_WORDS or part.casefold().endswith("annot"):
            return True
        if words & PICTURE_WORDS:
            return False
    stem = stem_of(name)
    bare = _without_mask_ending(stem)
    return bare != stem and bare.casefold() in stems


def _words(part: str) -> set[str]:
    return {word for word in _WORDS.split(part.casefold()) if word}


def _without_mask_ending(stem: str) -> str:
    while (shorter := _MASK_END.sub("", stem)) != stem:
        stem = shorter
    return stem


def _pairing_key(name: str) -> str:
    """The folders without picture and mask words, and the name without a mask ending; equal for a pair."""
    parts = []
    for part in folder_of(name).split("/"):
        rest = _words(re.sub("annot$", "", part.casefold())) - MASK_WORDS - PICTURE_WORDS
        if rest:
            parts.append("-".join(sorted(rest)))
    return "/".join([*parts, _without_mask_ending(stem_of(name)).casefold()])


def _kind(mask: str) -> str:
    """The mask folder and the name ending, which all masks of one group share."""
    named = [
        p for p in folder_of(mask).split("/") if _words(p) & MASK_WORDS or p.casefold().endswith("annot")
    ]
    stem = stem_of(mask)
    ending = stem[len(_without_mask_ending(stem)) :]
    folder = re.sub(r"^(train|val|test|valid)(?=[_-]|annot)", "", named[-1].casefold()) if named else ""
    kind = folder.strip("_-") or "next to the pictures"
    return f"{kind} *{ending}" if ending else kind
