"""Folders of pictures and masks named in any way; classes from a list that lies beside them, or from the masks."""

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
"""Masks that are opened to learn which values there are, spread over all."""


@dataclass(frozen=True, slots=True)
class _Survey:
    """What masks hold. Either `colours` or `indices` has all of what was seen; more than 254 is `many`."""

    indices: Counter[int]
    colours: Counter[Colour]
    many: bool


def recognise(tree: DatasetTree) -> Recognition | None:
    """The more pictures have a mask, the surer; never as sure as a format with a name of its own."""
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
    """Pair, look at what the masks hold, find names for it. Raises FormatError when there is nothing to pair."""
    pairing = pair_masks(tree)
    if not pairing.groups:
        raise FormatError(
            f"No picture in {tree.root} has a mask. Masks are found by name: a.jpg belongs to a.png in a folder called "
            "masks, labels or annotations, or to a_mask.png beside it."
        )
    group = _chosen(tree, pairing)
    survey = _survey([tree.path(m) for m in _spread(list(group.pairs.values()))])
    table = find_class_list(tree)
    classes, values, colours, notes = _classes(survey, table)
    samples = []
    for name in pairing.pictures:
        mask = group.pairs.get(name)
        read = None if mask is None else partial(_read, tree.path(mask), values, colours)
        sources = () if mask is None else (tree.path(mask),)
        samples.append(Sample(tree.path(name), name, split_of(name), read, sources=sources))
    said = [f"{len(group.pairs):,} masks ({group.kind}) belong to pictures of the same name.", *notes]
    if others := [g.kind for g in pairing.groups if g is not group]:
        said.append(f"Not used: other masks of the same pictures ({', '.join(others)}).")
    problems = []
    if pairing.unpaired:
        problems.append(
            f"{len(pairing.unpaired):,} masks belong to no picture, {pairing.unpaired[0]} for one; they were left out."
        )
    recognition = recognise(tree) or Recognition(NAME, 0.0, "It was asked for.")
    return Dataset(tree.root, recognition, classes, tuple(samples), tuple(said), tuple(problems))


def _chosen(tree: DatasetTree, pairing: Pairing) -> MaskGroup:
    """Of masks for equally many pictures: those in colours, which name their classes themselves, then indices."""
    most = len(pairing.groups[0].pairs)
    even = [g for g in pairing.groups if len(g.pairs) == most]
    return max(even, key=lambda g: (_rank(tree.path(next(iter(g.pairs.values())))), -len(g.kind)))


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
            continue  # reading it for the import says what is wrong
    return _Survey(indices, colours, max(len(indices), len(colours)) > MAX_CLASS_VALUE)


def _classes(
    survey: _Survey, table: ClassListFile | None
) -> tuple[tuple[DatasetClass, ...], dict[int, int], dict[Colour, int], list[str]]:
    """Classes, the value of each index and of each colour, and how they were named."""
    if survey.many:
        raise FormatError(
            "The masks hold more than 254 different values or colours, so these are no classes. Masks saved as JPEG "
            "smear their colours: save them as PNG, or name their colours in a class_dict.csv (name,r,g,b)."
        )
    if survey.colours:
        return _named_colours(survey, table)
    return _named_indices(survey, table)


def _named_colours(
    survey: _Survey, table: ClassListFile | None
) -> tuple[tuple[DatasetClass, ...], dict[int, int], dict[Colour, int], list[str]]:
    seen = survey.colours.keys()
    notes = []
    classes: tuple[DatasetClass, ...]
    known = class_set_of_colours({c for c in seen if survey.colours[c] > 50} or set(seen))
    listed = {c.colour for c in table.classes} if table and table.has_colours else set()
    if table and len(listed & seen) * 2 >= len(seen):
        classes = table.classes
        notes.append(f"Names and colours of the classes are from {table.name}.")
    elif known:
        classes = class_set(known)
        notes.append(f"The colours are those of the class set “{known}”, so its names were taken.")
        if table:
            notes.append(f"The colours in {table.name} do not occur in the masks; it was not used.")
    else:
        ordered = sorted(seen, key=lambda c: -survey.colours[c])
        classes = tuple(
            DatasetClass(n, "colour #{:02x}{:02x}{:02x}".format(*c), c) for n, c in enumerate(ordered, 1)
        )
        notes.append("Nothing names the colours; each became a class of its own.")
    colours: dict[Colour, int] = {}
    for place, c in enumerate(classes, 1):
        colours.setdefault(c.colour, place)
    if missing := [c for c in seen if c not in colours]:
        shown = ", ".join("#{:02x}{:02x}{:02x}".format(*c) for c in missing[:5])
        notes.append(f"{len(missing)} colours belong to no class ({shown}); such pixels stay unlabelled.")
    return classes, {}, colours, notes


def _named_indices(
    survey: _Survey, table: ClassListFile | None
) -> tuple[tuple[DatasetClass, ...], dict[int, int], dict[Colour, int], list[str]]:
    seen = sorted(survey.indices)
    if table and {c.index for c in table.classes} | table.void | table.unlabelled | {255} >= set(seen):
        classes = table.classes
        void = table.void if 255 in {c.index for c in classes} else table.void | {255}
        return (
            classes,
            values_by_index(classes, void, table.unlabelled),
            {},
            [f"Names of the classes are from {table.name}."],
        )
    two = len(seen) == 2 and seen[0] == 0
    void = frozenset() if two or 255 not in seen else frozenset([255])
    rest = [v for v in seen if v not in void]
    names = {0: "background", seen[-1]: "foreground"} if two else {}
    if len(rest) > MAX_CLASS_VALUE:
        raise FormatError(
            f"The masks hold {len(rest)} different values; a project holds at most {MAX_CLASS_VALUE}."
        )
    classes = tuple(
        DatasetClass(v, names.get(v, f"class {v}"), default_colour(n), ClassTarget.CLASS)
        for n, v in enumerate(rest, 1)
    )
    mapped = ", ".join(str(v) for v in rest[:12]) + (" …" if len(rest) > 12 else "")
    notes = [f"Nothing names the values, so each became a class: {mapped}{' (255 is void)' if void else ''}."]
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
        return LoadedMask(remap_indices(found, values, path, "nothing"))
    snapped = _thresholded(found.astype(np.uint8))
    table = np.full(256, VOID, np.uint8)
    table[0], table[255] = values.get(0, UNLABELLED), values.get(255, VOID)
    sure = np.isin(found, [*range(49), *range(207, 256)])
    return LoadedMask(np.where(sure, table[snapped], VOID).astype(np.uint8), float(sure.mean()))


def _thresholded(
    values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A grey JPEG can only be told into black and white."""
    return np.where(values > 127, np.uint8(255), np.uint8(0))


def _spread(names: list[str]) -> list[str]:
    step = max(1, len(names) // SAMPLED_MASKS)
    return names[::step][:SAMPLED_MASKS]


def _colour(number: int) -> Colour:
    return number >> 16, number >> 8 & 255, number & 255
