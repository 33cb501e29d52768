"""Folders of pictures and masks named in any way; classes from a list that lies beside them, or from the masks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from core.base.errors import FormatError, ImageError
from core.formats.class_list_files import ClassTable, find_table
from core.formats.class_sets import preset, preset_of_colours
from core.formats.dataset_tree import Tree, split_of
from core.formats.dataset_types import Dataset, Fate, ForeignClass, ReadMask, Recognition, Sample
from core.formats.mask_values import nearest_colours, pack, read_colours, renumbered, values_by_index
from core.formats.pairing import LOSSLESS, Group, Pairing, pair
from core.images.image_reader import ColourMaskError, read_mask, read_picture
from core.labels.class_list import LAST_CLASS, UNLABELLED, VOID, Colour, colour_of

NAME = "mask-folders"
LOOKED_AT = 400
"""Masks that are opened to learn which values there are, spread over all."""


@dataclass(frozen=True, slots=True)
class _Survey:
    """What masks hold. Either `colours` or `indices` has all of what was seen; more than 254 is `many`."""

    indices: Counter[int]
    colours: Counter[Colour]
    many: bool


def recognise(tree: Tree) -> Recognition | None:
    """The more pictures have a mask, the surer; never as sure as a format with a name of its own."""
    pairing = pair(tree)
    if not pairing.groups or not pairing.pictures:
        return None
    group = pairing.groups[0]
    share = len(group.pairs) / len(pairing.pictures)
    return Recognition(
        NAME,
        0.3 + 0.4 * share,
        f"{len(group.pairs):,} of {len(pairing.pictures):,} pictures have a mask of the same name ({group.kind}).",
    )


def open_dataset(tree: Tree) -> Dataset:
    """Pair, look at what the masks hold, find names for it. Raises FormatError when there is nothing to pair."""
    pairing = pair(tree)
    if not pairing.groups:
        raise FormatError(
            f"No picture in {tree.root} has a mask. Masks are found by name: a.jpg belongs to a.png in a folder called "
            "masks, labels or annotations, or to a_mask.png beside it."
        )
    group = _chosen(tree, pairing)
    survey = _survey([tree.path(m) for m in _spread(list(group.pairs.values()))])
    table = find_table(tree)
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
    if pairing.lonely:
        problems.append(
            f"{len(pairing.lonely):,} masks belong to no picture, {pairing.lonely[0]} for one; they were left out."
        )
    recognition = recognise(tree) or Recognition(NAME, 0.0, "It was asked for.")
    return Dataset(tree.root, recognition, classes, tuple(samples), tuple(said), tuple(problems))


def _chosen(tree: Tree, pairing: Pairing) -> Group:
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
        return 2 if len(np.unique(pack(read_picture(path)))) <= LAST_CLASS else 0
    except ImageError:
        return 0
    return 1 if len(np.unique(values)) <= LAST_CLASS else 0


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
            found, counts = np.unique(pack(read_picture(path)), return_counts=True)
            colours.update({_colour(int(c)): int(n) for c, n in zip(found[:4096], counts, strict=False)})
        except ImageError:
            continue  # reading it for the import says what is wrong
    return _Survey(indices, colours, max(len(indices), len(colours)) > LAST_CLASS)


def _classes(
    survey: _Survey, table: ClassTable | None
) -> tuple[tuple[ForeignClass, ...], dict[int, int], dict[Colour, int], list[str]]:
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
    survey: _Survey, table: ClassTable | None
) -> tuple[tuple[ForeignClass, ...], dict[int, int], dict[Colour, int], list[str]]:
    seen = survey.colours.keys()
    notes = []
    classes: tuple[ForeignClass, ...]
    known = preset_of_colours({c for c in seen if survey.colours[c] > 50} or set(seen))
    listed = {c.colour for c in table.classes} if table and table.coloured else set()
    if table and len(listed & seen) * 2 >= len(seen):
        classes = table.classes
        notes.append(f"Names and colours of the classes are from {table.name}.")
    elif known:
        classes = preset(known)
        notes.append(f"The colours are those of the class set “{known}”, so its names were taken.")
        if table:
            notes.append(f"The colours in {table.name} do not occur in the masks; it was not used.")
    else:
        ordered = sorted(seen, key=lambda c: -survey.colours[c])
        classes = tuple(
            ForeignClass(n, "colour #{:02x}{:02x}{:02x}".format(*c), c) for n, c in enumerate(ordered, 1)
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
    survey: _Survey, table: ClassTable | None
) -> tuple[tuple[ForeignClass, ...], dict[int, int], dict[Colour, int], list[str]]:
    seen = sorted(survey.indices)
    if table and {c.index for c in table.classes} | table.void | table.blank | {255} >= set(seen):
        classes = table.classes
        void = table.void if 255 in {c.index for c in classes} else table.void | {255}
        return (
            classes,
            values_by_index(classes, void, table.blank),
            {},
            [f"Names of the classes are from {table.name}."],
        )
    two = len(seen) == 2 and seen[0] == 0
    void = frozenset() if two or 255 not in seen else frozenset([255])
    rest = [v for v in seen if v not in void]
    names = {0: "background", seen[-1]: "foreground"} if two else {}
    if len(rest) > LAST_CLASS:
        raise FormatError(
            f"The masks hold {len(rest)} different values; a project holds at most {LAST_CLASS}."
        )
    classes = tuple(
        ForeignClass(v, names.get(v, f"class {v}"), colour_of(n), Fate.CLASS) for n, v in enumerate(rest, 1)
    )
    mapped = ", ".join(str(v) for v in rest[:12]) + (" …" if len(rest) > 12 else "")
    notes = [f"Nothing names the values, so each became a class: {mapped}{' (255 is void)' if void else ''}."]
    return classes, values_by_index(classes, void), {}, notes


def _read(path: Path, values: dict[int, int], colours: dict[Colour, int]) -> ReadMask:
    lossy = path.suffix.lower() not in LOSSLESS
    try:
        found = read_mask(path)
    except ColourMaskError:
        if not lossy:
            return read_colours(path, colours)
        return nearest_colours(read_picture(path), list(colours), list(colours.values()), reach=24)
    if colours:
        return read_colours(path, colours)
    if not lossy:
        return ReadMask(renumbered(found, values, path, "nothing"))
    snapped = _thresholded(found.astype(np.uint8))
    table = np.full(256, VOID, np.uint8)
    table[0], table[255] = values.get(0, UNLABELLED), values.get(255, VOID)
    sure = np.isin(found, [*range(49), *range(207, 256)])
    return ReadMask(np.where(sure, table[snapped], VOID).astype(np.uint8), float(sure.mean()))


def _thresholded(
    values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A grey JPEG can only be told into black and white."""
    return np.where(values > 127, np.uint8(255), np.uint8(0))


def _spread(names: list[str]) -> list[str]:
    step = max(1, len(names) // LOOKED_AT)
    return names[::step][:LOOKED_AT]


def _colour(number: int) -> Colour:
    return number >> 16, number >> 8 & 255, number & 255
