"""Reads pictures and masks in folders of any name; classes come from a class list file or from the masks."""

from __future__ import annotations

import numpy as np

from core.base.errors import FormatError, ImageError
from core.formats.account import AccountBuilder
from core.formats.class_list_files import find_class_lists
from core.formats.dataset_tree import DatasetTree, split_of
from core.formats.dataset_types import Dataset, Recognition, Sample
from core.formats.doubt import ValueReading
from core.formats.mask_evidence import gather_evidence
from core.formats.mask_values import pack_rgb
from core.formats.pairing import LOSSLESS, MaskGroup, Pairing, pair_masks
from core.formats.value_decision import decide_values
from core.images.stored_mask import read_stored_mask
from core.labels.class_list import MAX_CLASS_VALUE

NAME = "mask-folders"
DIALECTS = (
    "endings and folder names in any combination",
    "grey, three equal channels, palette, colours with and without alpha",
    "black and white with smeared edges, also in JPEG",
    "integer TIFFs of up to 64 bits",
)
"""Forms of the format that are read, for the documentation."""
_WITHOUT_PICTURE = "{count} masks have no picture, for example {place}; they were left out."


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


def open_dataset(tree: DatasetTree, values: ValueReading | None = None) -> Dataset:
    """Pairs pictures and masks, samples the masks, and decides what their values mean.

    values: the reading to use, None to decide by evidence. Raises FormatError if there are no pairs.
    """
    pairing = pair_masks(tree)
    if not pairing.groups:
        raise FormatError(
            f"No picture in {tree.root} has a mask. Masks are paired by name: a.jpg belongs to a.png in a folder "
            "called masks, labels or annotations, or to a_mask.png next to it."
        )
    group = _best_group(tree, pairing)
    masks = list(group.pairs.values())
    decision = decide_values(
        gather_evidence([tree.path(mask) for mask in masks]), find_class_lists(tree, masks[:1]), wanted=values
    )
    samples = []
    for name in pairing.pictures:
        mask = group.pairs.get(name)
        samples.append(
            Sample.with_mask(
                tree.path(name), name, split_of(name), tree.path(mask) if mask else None, decision.reader
            )
        )
    notes = [
        f"{len(group.pairs):,} masks ({group.kind}) belong to pictures of the same name.",
        *decision.notes,
    ]
    account = AccountBuilder()
    for other in pairing.groups:
        if other is not group:
            reason = f"another mask of the same picture is used ({group.kind})"
            for mask in other.pairs.values():
                account.left_out(mask, reason)
    if others := [g.kind for g in pairing.groups if g is not group]:
        notes.append(f"Not used: other masks of the same pictures ({', '.join(others)}).")
    for mask in pairing.unpaired:
        account.left_out(mask, "it has no picture", summary=_WITHOUT_PICTURE)
    recognition = recognise(tree) or Recognition.requested(NAME)
    return Dataset(
        tree.root,
        recognition,
        decision.classes,
        tuple(samples),
        tuple(notes),
        account.result(),
        decision.doubts,
        decision.reading,
        decision.readings,
    )


def _best_group(tree: DatasetTree, pairing: Pairing) -> MaskGroup:
    """Of the largest groups, one with colour masks, because colours identify classes; otherwise one with indices."""
    most = len(pairing.groups[0].pairs)
    largest = [g for g in pairing.groups if len(g.pairs) == most]
    return max(largest, key=lambda g: (_rank(tree, next(iter(g.pairs.values()))), -len(g.kind)))


def _rank(tree: DatasetTree, name: str) -> int:
    if not name.lower().endswith(LOSSLESS):
        return 0
    try:
        mask = read_stored_mask(tree.path(name))
    except ImageError:
        return 0
    numbers = mask.as_numbers()
    values = pack_rgb(mask.as_colours()) if numbers is None else numbers
    if len(np.unique(values)) > MAX_CLASS_VALUE:
        return 0
    return 2 if numbers is None else 1
