"""Reads pictures and masks in folders of any name; classes come from a class list file or from the masks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from core.base.errors import FormatError, ImageError
from core.formats.class_list_files import ClassListFile, find_class_list
from core.formats.class_sets import class_set, class_set_of_colours
from core.formats.dataset_tree import DatasetTree, split_of
from core.formats.dataset_types import ClassTarget, Dataset, DatasetClass, LoadedMask, Recognition, Sample
from core.formats.mask_values import (
    match_nearest_colours,
    pack_rgb,
    read_colour_mask,
    remap_indices,
    values_by_index,
)
from core.formats.pairing import LOSSLESS, MaskGroup, Pairing, pair_masks
from core.images.image_reader import ColourMaskError, read_mask, read_picture
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED, VOID, Colour, default_colour

NAME = "mask-folders"
SAMPLED_MASKS = 400
"""Masks, evenly spread over the dataset, that are read to find the values that occur."""


@dataclass(frozen=True, slots=True)
class _Survey:
    """Pixel counts of the indices or colours in the sampled masks; `many` if there are more than 254."""

    indices: Counter[int]
    colours: Counter[Colour]
    many: bool


def recognise(tree: DatasetTree) -> Recognition | None:
    """Confidence grows with the share of pictures that have a mask, but stays below that of specific formats."""
    pairing = pair_masks(tree)
    if not pairing.groups or not pairing.pictures:
        return None
    group = pairing.groups[0]
    share = len(group.pairs) / len(pairing.pictures)
    return Recognition(
        NAME,
        0.3 + 0.4 * share,
        f"{len(group.pairs):,} of {len(pairing.pictures):,} pictures have a mask of the same name ({group.kind}).",
    )


def open_dataset(tree: DatasetTree) -> Dataset:
    """Pairs pictures and masks, samples the masks, and finds class names. Raises FormatError if there are no pairs."""
    pairing = pair_masks(tree)
    if not pairing.groups:
        raise FormatError(
            f"No picture in {tree.root} has a mask. Masks are paired by name: a.jpg belongs to a.png in a folder "
            "called masks, labels or annotations, or to a_mask.png next to it."
        )
    group = _best_group(tree, pairing)
    survey = _survey([tree.path(mask) for mask in _sampled(list(group.pairs.values()))])
    classes, values, colours, class_notes = _classes(survey, find_class_list(tree))
    read = partial(_read, values=values, colours=colours)
    samples = []
    for name in pairing.pictures:
        mask = group.pairs.get(name)
        samples.append(
            Sample.with_mask(tree.path(name), name, split_of(name), tree.path(mask) if mask else None, read)
        )
    notes = [f"{len(group.pairs):,} masks ({group.kind}) belong to pictures of the same name.", *class_notes]
    if others := [g.kind for g in pairing.groups if g is not group]:
        notes.append(f"Not used: other masks of the same pictures ({', '.join(others)}).")
    problems = []
    if pairing.unpaired:
        problems.append(
            f"{len(pairing.unpaired):,} masks have no picture, for example {pairing.unpaired[0]}; they were left out."
        )
    recognition = recognise(tree) or Recognition.requested(NAME)
    return Dataset(tree.root, recognition, classes, tuple(samples), tuple(notes), tuple(problems))


def _best_group(tree: DatasetTree, pairing: Pairing) -> MaskGroup:
    """Of the largest groups, one with colour masks, because colours identify classes; otherwise one with indices."""
    most = len(pairing.groups[0].pairs)
    largest = [g for g in pairing.groups if len(g.pairs) == most]
    return max(largest, key=lambda g: (_rank(tree.path(next(iter(g.pairs.values())))), -len(g.kind)))


def _rank(path: Path) -> int:
    if path.suffix.lower() not in LOSSLESS:
        return 0
    try:
        values = read_mask(path)
    except ColourMaskError:
        return 2 if len(np.unique(pack_rgb(read_picture(path)))) <= MAX_CLASS_VALUE else 0
    except ImageError:
        return 0
    return 1 if len(np.unique(values)) <= MAX_CLASS_VALUE else 0


def _survey(paths: list[Path]) -> _Survey:
    indices: Counter[int] = Counter()
    colours: Counter[Colour] = Counter()
    for path in paths:
        try:
            values = read_mask(path)
            if path.suffix.lower() not in LOSSLESS:
                values = _thresholded(values.astype(np.uint8))
            found, counts = np.unique(values, return_counts=True)
            indices.update({int(v): int(n) for v, n in zip(found[:1000], counts, strict=False)})
        except ColourMaskError:
            found, counts = np.unique(pack_rgb(read_picture(path)), return_counts=True)
            colours.update({_colour(int(c)): int(n) for c, n in zip(found[:4096], counts, strict=False)})
        except ImageError:
            continue  # reported when the mask is read for the import
    return _Survey(indices, colours, max(len(indices), len(colours)) > MAX_CLASS_VALUE)


def _classes(
    survey: _Survey, class_list: ClassListFile | None
) -> tuple[tuple[DatasetClass, ...], dict[int, int], dict[Colour, int], list[str]]:
    """Classes, LoadedMask value by index and by colour, and notes on where the class names are from."""
    if survey.many:
        raise FormatError(
            "The masks contain more than 254 different values or colours, so these cannot be classes. JPEG blurs the "
            "colours of masks: save them as PNG, or list the colours in a class_dict.csv (name,r,g,b)."
        )
    if survey.colours:
        return _named_colours(survey, class_list)
    return _named_indices(survey, class_list)


def _named_colours(
    survey: _Survey, class_list: ClassListFile | None
) -> tuple[tuple[DatasetClass, ...], dict[int, int], dict[Colour, int], list[str]]:
    seen = survey.colours.keys()
    notes = []
    classes: tuple[DatasetClass, ...]
    known = class_set_of_colours({c for c in seen if survey.colours[c] > 50} or set(seen))
    listed = {c.colour for c in class_list.classes} if class_list and class_list.has_colours else set()
    if class_list and len(listed & seen) * 2 >= len(seen):
        classes = class_list.classes
        notes.append(f"Class names and colours are from {class_list.name}.")
    elif known:
        classes = class_set(known)
        notes.append(f"The colours are those of the class set “{known}”, so its names are used.")
        if class_list:
            notes.append(f"{class_list.name} is not used: its colours do not occur in the masks.")
    else:
        ordered = sorted(seen, key=lambda c: -survey.colours[c])
        classes = tuple(
            DatasetClass(n, "colour #{:02x}{:02x}{:02x}".format(*c), c) for n, c in enumerate(ordered, 1)
        )
        notes.append("No file names the colours, so each becomes a class.")
    colours: dict[Colour, int] = {}
    for value, c in enumerate(classes, 1):
        colours.setdefault(c.colour, value)
    if missing := [c for c in seen if c not in colours]:
        shown = ", ".join("#{:02x}{:02x}{:02x}".format(*c) for c in missing[:5])
        notes.append(f"{len(missing)} colours belong to no class ({shown}); their pixels stay unlabelled.")
    return classes, {}, colours, notes


def _named_indices(
    survey: _Survey, class_list: ClassListFile | None
) -> tuple[tuple[DatasetClass, ...], dict[int, int], dict[Colour, int], list[str]]:
    seen = sorted(survey.indices)
    listed = {c.index for c in class_list.classes} if class_list else set()
    if class_list and listed | class_list.void | class_list.unlabelled | {255} >= set(seen):
        classes = class_list.classes
        void = class_list.void if 255 in listed else class_list.void | {255}
        return (
            classes,
            values_by_index(classes, void, class_list.unlabelled),
            {},
            [f"Class names are from {class_list.name}."],
        )
    is_binary = len(seen) == 2 and seen[0] == 0
    void = frozenset() if is_binary or 255 not in seen else frozenset([255])
    rest = [v for v in seen if v not in void]
    names = {0: "background", seen[-1]: "foreground"} if is_binary else {}
    if len(rest) > MAX_CLASS_VALUE:
        raise FormatError(
            f"The masks contain {len(rest)} different values; a project has at most {MAX_CLASS_VALUE} classes."
        )
    classes = tuple(
        DatasetClass(v, names.get(v, f"class {v}"), default_colour(n), ClassTarget.CLASS)
        for n, v in enumerate(rest, 1)
    )
    mapped = ", ".join(str(v) for v in rest[:12]) + (" …" if len(rest) > 12 else "")
    notes = [
        f"No file names the values, so each becomes a class: {mapped} (255 is void)."
        if void
        else f"No file names the values, so each becomes a class: {mapped}."
    ]
    return classes, values_by_index(classes, void), {}, notes


def _read(path: Path, values: dict[int, int], colours: dict[Colour, int]) -> LoadedMask:
    lossy = path.suffix.lower() not in LOSSLESS
    try:
        found = read_mask(path)
    except ColourMaskError:
        if not lossy:
            return read_colour_mask(path, colours)
        return match_nearest_colours(read_picture(path), list(colours), list(colours.values()), tolerance=24)
    if colours:
        return read_colour_mask(path, colours)
    if not lossy:
        return LoadedMask(remap_indices(found, values, path, "the class list"))
    snapped = _thresholded(found.astype(np.uint8))
    table = np.full(256, VOID, np.uint8)
    table[0], table[255] = values.get(0, UNLABELLED), values.get(255, VOID)
    certain = np.isin(found, [*range(49), *range(207, 256)])
    return LoadedMask(np.where(certain, table[snapped], VOID).astype(np.uint8), float(certain.mean()))


def _thresholded(
    values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """In a grey JPEG only black and white can be told apart."""
    return np.where(values > 127, np.uint8(255), np.uint8(0))


def _sampled(names: list[str]) -> list[str]:
    step = max(1, len(names) // SAMPLED_MASKS)
    return names[::step][:SAMPLED_MASKS]


def _colour(number: int) -> Colour:
    return number >> 16, number >> 8 & 255, number & 255
