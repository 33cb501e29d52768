"""Reads pictures and masks in folders of any name; classes come from a class list file or from the masks."""

from __future__ import annotations

from dataclasses import replace

from core.base.errors import FormatError
from core.base.text import count_of
from core.formats.account import AccountBuilder
from core.formats.class_list_files import find_class_lists
from core.formats.dataset_tree import DatasetTree, once_per_tree, split_of
from core.formats.dataset_types import Dataset, Recognition, Sample
from core.formats.doubt import Doubt, ValueReading
from core.formats.mask_evidence import gather_evidence
from core.formats.mask_reader import MaskReader
from core.formats.mask_sets.class_masks import decide_class_masks
from core.formats.mask_sets.mask_choice import MaskChoice, choose_masks
from core.formats.mask_sets.mask_sizes import compare_sizes
from core.formats.mask_sets.mask_union import UnitedMasks
from core.formats.mask_sets.pairing import Pairing, pair_masks
from core.formats.value_decision import ValueDecision, decide_values
from core.formats.value_doubts import classes_of_files, paired_by_number

NAME = "mask-folders"
DIALECTS = (
    "endings and folder names in any combination",
    "beginnings on both sides (image_001, mask_001), and names that differ in all but the number",
    "endings of programs (_Simple Segmentation, _cp_masks, _sat and _mask, _image and _masks)",
    "several masks of one picture (_mask_1; a folder for each picture, as in Data Science Bowl 2018), which are united",
    "a black and white mask for each class, in folders or files named after it",
    "DRIVE, CHASE and HRF: 1st_manual, manual1, _manual1 and _1stHO; masks that show only where the picture is not "
    "black are fields of view and no labels",
    "ISIC: _segmentation, or a class for each _attribute_NAME",
    "RectLabel: _all_objects is used, else the masks of classes, else those of objects",
    "grey, three equal channels, palette, colours with and without alpha",
    "black and white with smeared edges, also in JPEG",
    "integer TIFFs of up to 64 bits",
    "masks that were not turned by EXIF along with their picture",
)
"""Forms of the format that are read, for the documentation."""
_REASON_SENTENCES = {
    "it has no picture": "{count} masks have no picture, for example {place}; they were left out.",
    "several pictures have its name": "{count} masks have the name of several pictures, for example {place}; they were "
    "left out. Give the pictures different names.",
}


def recognise(tree: DatasetTree) -> Recognition | None:
    """Confidence grows with the share of pictures that have a mask, but stays below that of specific formats."""
    pairing = pair_masks(tree)
    if not pairing.groups or not pairing.pictures:
        return None
    paired = {picture for group in pairing.groups for picture in group.pairs}
    share = len(paired) / len(pairing.pictures)
    how = "with the same number" if pairing.by_number else "of the same name"
    choice = _choose_masks(tree)
    return Recognition(
        NAME,
        0.3 + 0.4 * share,
        f"{len(choice.pairs):,} of {len(pairing.pictures):,} pictures have a mask {how} ({choice.title}).",
    )


@once_per_tree
def _choose_masks(tree: DatasetTree) -> MaskChoice:
    return choose_masks(tree, pair_masks(tree))


def open_dataset(tree: DatasetTree, values: ValueReading | None = None) -> Dataset:
    """Pairs pictures and masks, samples the masks, and decides what their values mean.

    values: the reading to use, None to decide by evidence. Raises FormatError if there are no pairs.
    """
    pairing = pair_masks(tree)
    if not pairing.groups:
        raise FormatError(
            f"No picture in {tree.root} has a mask. Masks are paired by name: a.jpg belongs to a.png in a folder "
            "called masks, labels or annotations, or to a_mask.png next to it, and image_1.jpg to mask_1.png."
        )
    recognition = recognise(tree) or Recognition.requested(NAME)
    return build_mask_dataset(tree, pairing, _choose_masks(tree), values, recognition)


def build_mask_dataset(
    tree: DatasetTree,
    pairing: Pairing,
    choice: MaskChoice,
    values: ValueReading | None,
    recognition: Recognition,
) -> Dataset:
    """A dataset of the pictures of a pairing, and the chosen ones of its masks. Raises FormatError."""
    decision, readers = _decide(tree, choice, values)
    pairs = {name: [mask for mask, _ in masks] for name, masks in choice.pairs.items()}
    sizes = compare_sizes((tree.path(name), tree.path(masks[0])) for name, masks in pairs.items())
    samples = []
    for name in pairing.pictures:
        parts = tuple((tree.path(mask), readers[label]) for mask, label in choice.pairs.get(name, ()))
        target, split = name, split_of(name)
        if len(parts) == 1 and not choice.classes:
            sample = Sample.with_mask(tree.path(name), target, split, *parts[0])
        elif parts:
            files = tuple(path for path, _ in parts)
            sample = Sample(tree.path(name), target, split, UnitedMasks(parts, tree.root), sources=files)
        else:
            sample = Sample(tree.path(name), target, split)
        samples.append(replace(sample, is_mask_stored=sizes.is_mask_stored))
    return Dataset(
        tree.root,
        recognition,
        decision.classes,
        tuple(samples),
        (*_notes(choice), *decision.notes),
        _account(pairing, choice).result(),
        (*_doubts(pairing, choice), *decision.doubts, *sizes.doubts),
        decision.reading,
        decision.readings,
    )


def _decide(
    tree: DatasetTree, choice: MaskChoice, values: ValueReading | None
) -> tuple[ValueDecision, dict[str, MaskReader]]:
    """What the values mean, and the reader for the masks of each class; "" for masks whose values say the class."""
    if choice.classes:
        evidence = {
            label: gather_evidence([tree.path(mask) for mask in choice.masks_of_class(label)])
            for label in choice.classes
        }
        return decide_class_masks(evidence, values)
    masks = choice.masks
    evidence_of_all = gather_evidence([tree.path(mask) for mask in masks])
    lists = find_class_lists(tree, masks[:1])
    decision = decide_values(evidence_of_all, lists, wanted=values, counts_objects=choice.counts_objects)
    return decision, {"": decision.reader}


def _notes(choice: MaskChoice) -> list[str]:
    notes = [
        f"Masks ({choice.title}) belong to pictures of the same name: {count_of(len(choice.masks), 'mask')}, "
        f"{count_of(len(choice.pairs), 'picture')}."
    ]
    several = sum(len(found) > 1 for found in choice.pairs.values())
    if several and not choice.classes:
        notes.append(
            f"{count_of(several, 'picture')} {'has' if several == 1 else 'have'} several masks, which were united."
        )
    if choice.fields_of_view:
        notes.append(
            f"{choice.fields_of_view[0]} shows the field of view, outside of which the picture is black. Such masks "
            f"are no labels ({len(choice.fields_of_view):,})."
        )
    if choice.unused:
        notes.append(f"Not used: other masks of the same pictures ({', '.join(choice.unused[:8])}).")
    return notes


def _doubts(pairing: Pairing, choice: MaskChoice) -> list[Doubt]:
    doubts = []
    if choice.classes:
        counts = {label: len(choice.masks_of_class(label)) for label in choice.classes}
        doubts.append(classes_of_files(choice.classes, counts))
    if pairing.by_number:
        doubts.append(paired_by_number(pairing.by_number))
    return doubts


def _account(pairing: Pairing, choice: MaskChoice) -> AccountBuilder:
    account = AccountBuilder()
    for mask in choice.fields_of_view:
        account.does_not_belong(mask, "it shows the field of view: the picture is black outside of it")
    for mask in choice.left_out:
        account.left_out(mask, f"another mask of the same picture is used ({choice.title})")
    for mask, reason in pairing.unpaired.items():
        account.left_out(mask, reason, summary=_REASON_SENTENCES.get(reason, ""))
    return account
