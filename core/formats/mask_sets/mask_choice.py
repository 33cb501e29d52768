"""Decides which masks of a dataset are used: several of one picture are parts, classes, or the same content again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.base.errors import ImageError
from core.formats.dataset_tree import DatasetTree
from core.formats.mask_sets.name_parts import MaskRole, plain
from core.formats.mask_sets.pairing import LOSSLESS, MaskGroup, Pairing
from core.formats.mask_values import pack_rgb
from core.images.image_reader import read_picture
from core.images.stored_mask import read_stored_mask
from core.labels.class_list import MAX_CLASS_VALUE

_COMPARED_PICTURES = 8
"""Pictures whose masks are compared to find out whether their kinds are classes or the same content again."""
_SAME_CONTENT = 0.6
"""Intersection over union from which the masks of two kinds are drawings of the same thing."""
_COMPARED_VIEWS = 3
_BLACK = 24
"""Brightest channel of a pixel outside the field of view."""
_SAME_VIEW = 0.95
"""Intersection over union from which a mask and the part of the picture that is not black are the same."""
_PART_IN_VIEW = 0.2, 0.995
_FEW_GREYS = 0.05
"""Share of grey pixels up to which a mask is black and white with smeared edges."""


@dataclass(frozen=True, slots=True)
class MaskChoice:
    """The masks that are used.

    pairs: picture -> masks with the class of each, "" where the values say it; title: of the kinds, in words; classes:
    named after folders or files, in order; left_out: other masks; unused: their kinds; fields_of_view: masks that show
    where the picture is not black
    """

    pairs: dict[str, tuple[tuple[str, str], ...]]
    title: str
    classes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    counts_objects: bool = False
    fields_of_view: tuple[str, ...] = ()

    @property
    def masks(self) -> list[str]:
        return [mask for masks in self.pairs.values() for mask, _ in masks]

    def masks_of_class(self, label: str) -> list[str]:
        return [mask for masks in self.pairs.values() for mask, of in masks if of == label]


def choose_masks(tree: DatasetTree, pairing: Pairing) -> MaskChoice:
    """Of the kinds of masks, those that reach the most pictures; of equal ones, masks of all objects, then colours,
    which identify classes, then indices. Masks of the field of view, which are no labels, only if there are no others.

    Kinds that name classes go together if each of their masks shows one thing, and they show different things.
    """
    several = len(pairing.groups) > 1
    views = [group for group in pairing.groups if several and _is_field_of_view(tree, group)]
    groups_of_labels = [group for group in pairing.groups if group not in views] or pairing.groups
    candidates = [(_single_rank(tree, group), _single([group])) for group in groups_of_labels]
    families: dict[str, list[MaskGroup]] = defaultdict(list)
    for group in groups_of_labels:
        if group.role.label and not group.role.person:
            families[_family(group)].append(group)
    for groups in families.values():
        if len(labels := _merged_labels(groups)) > 1:
            if _are_parts(labels):
                candidates.append((1, _single(groups)))
            elif _show_classes(tree, labels):
                candidates.append((3, _classes(labels)))
    best = max(candidates, key=lambda row: (len(row[1].pairs), row[0], -len(row[1].title)))[1]
    used = set(best.masks)
    rest = [group for group in groups_of_labels if not used.issuperset(group.masks())]
    left_out = tuple(mask for group in rest for mask in group.masks() if mask not in used)
    return replace(
        best,
        left_out=left_out,
        unused=tuple(group.title for group in rest),
        fields_of_view=tuple(m for group in views for m in group.masks() if m not in used),
    )


def _is_field_of_view(tree: DatasetTree, group: MaskGroup) -> bool:
    """Whether the masks of the first pictures show where the picture is not black, as for pictures of the retina."""
    if group.role != MaskRole():
        return False
    agreed = 0
    for picture, masks in list(group.pairs.items())[:_COMPARED_VIEWS]:
        shown = _shown(tree, masks)
        try:
            bright = read_picture(tree.path(picture)).max(axis=2) > _BLACK
        except ImageError:
            continue
        if (
            shown is None
            or shown.shape != bright.shape
            or not _PART_IN_VIEW[0] < shown.mean() < _PART_IN_VIEW[1]
        ):
            return False
        if _overlap(shown, bright) < _SAME_VIEW:
            return False
        agreed += 1
    return agreed > 0


def _family(group: MaskGroup) -> str:
    """The kind without the class in it: wall_masks and roof_masks are of one family."""
    return (
        plain(group.kind).replace(plain(group.role.label).replace(" ", "_"), "").strip("_-. ") or group.kind
    )


def _single(groups: Sequence[MaskGroup]) -> MaskChoice:
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for group in groups:
        for picture, masks in group.pairs.items():
            pairs[picture] += [(mask, "") for mask in masks]
    first = groups[0]
    numbered = first.role.is_whole or "cp_masks" in first.kind or "instance" in plain(first.kind)
    return MaskChoice(
        {picture: tuple(masks) for picture, masks in pairs.items()},
        first.title if len(groups) == 1 else first.kind,
        counts_objects=numbered or "instance" in plain(first.role.label),
    )


def _classes(labels: Sequence[MaskGroup]) -> MaskChoice:
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for group in labels:
        for picture, masks in group.pairs.items():
            pairs[picture] += [(mask, group.role.label) for mask in masks]
    return MaskChoice(
        {picture: tuple(masks) for picture, masks in pairs.items()},
        f"{_family(labels[0])}, a mask for each class",
        tuple(group.role.label for group in labels),
    )


def _merged_labels(groups: Iterable[MaskGroup]) -> list[MaskGroup]:
    """A group for each label, in the order of the labels; spellings that differ in case are one."""
    by_label: dict[str, MaskGroup] = {}
    for group in sorted(groups, key=lambda g: plain(g.role.label)):
        key = plain(group.role.label)
        known = by_label.get(key, MaskGroup(group.kind, {}, MaskRole(group.role.label)))
        pairs = dict(known.pairs)
        for picture, masks in group.pairs.items():
            pairs[picture] = (*pairs.get(picture, ()), *masks)
        by_label[key] = replace(known, pairs=pairs)
    return list(by_label.values())


def _are_parts(labels: Sequence[MaskGroup]) -> bool:
    """Whether the words are numbered parts of the dataset (batch1, batch2): no picture is in two of them."""
    pictures = [picture for group in labels for picture in group.pairs]
    return len(set(pictures)) == len(pictures) and all(
        any(letter.isdigit() for letter in group.role.label) and not group.role.label.startswith("class ")
        for group in labels
    )


def _show_classes(tree: DatasetTree, labels: Sequence[MaskGroup]) -> bool:
    """Whether each mask is black and white, and those of different labels show different things."""
    if len(labels) >= MAX_CLASS_VALUE:
        return False
    for group in labels:
        for mask in group.masks()[:2]:
            if not _shows_one_thing(tree, mask):
                return False
    pictures = sorted({picture for group in labels for picture in group.pairs})
    overlaps = []
    for picture in pictures[:: max(1, len(pictures) // _COMPARED_PICTURES)][:_COMPARED_PICTURES]:
        seen: list[NDArray[np.bool_]] = []
        for group in labels[:_COMPARED_PICTURES]:
            shown = _shown(tree, group.pairs.get(picture, ()))
            if shown is not None and shown.any():
                overlaps += [_overlap(shown, other) for other in seen if other.shape == shown.shape]
                seen.append(shown)
    return not overlaps or float(np.median(overlaps)) < _SAME_CONTENT


def _shows_one_thing(tree: DatasetTree, mask: str) -> bool:
    try:
        stored = read_stored_mask(tree.path(mask))
    except ImageError:
        return True
    numbers = stored.as_numbers()
    values = pack_rgb(stored.as_colours()) if numbers is None else numbers
    found, counts = np.unique(values, return_counts=True)
    if len(found) <= 2:
        return True
    is_grey = numbers is not None and stored.palette is None and found[0] == 0 and found[-1] >= 240
    between = counts[(found > 16) & (found < 240)].sum()
    return is_grey and between <= _FEW_GREYS * values.size


def _shown(tree: DatasetTree, masks: Sequence[str]) -> NDArray[np.bool_] | None:
    """(H, W) bool: where one of the first masks is not black."""
    shown: NDArray[np.bool_] | None = None
    for mask in masks[:_COMPARED_PICTURES]:
        try:
            stored = read_stored_mask(tree.path(mask))
        except ImageError:
            continue
        numbers = stored.as_numbers()
        found = np.asarray((stored.as_colours().max(axis=2) if numbers is None else numbers) > 0)
        if shown is None:
            shown = found
        elif shown.shape == found.shape:
            shown = shown | found
    return shown


def _overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def _single_rank(tree: DatasetTree, group: MaskGroup) -> float:
    """Masks of all objects, then colours, then indices; parts of a mask and drawings of a second person last."""
    role = group.role
    weight = 2.0 * role.is_whole - role.is_object - 0.5 * bool(role.label or role.person)
    weight -= 2.0 * ("instance" in plain(group.title))
    name = group.masks()[0]
    if not name.lower().endswith(LOSSLESS):
        return weight
    try:
        stored = read_stored_mask(tree.path(name))
    except ImageError:
        return weight
    numbers = stored.as_numbers()
    values = pack_rgb(stored.as_colours()) if numbers is None else numbers
    if len(np.unique(values)) > MAX_CLASS_VALUE:
        return weight
    return weight + (2 if numbers is None else 1)
