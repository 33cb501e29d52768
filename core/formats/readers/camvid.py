"""Reads CamVid: the original 32 classes as colours, and SegNet's 11 classes as indices or colours."""

from __future__ import annotations

import contextlib
import re
from functools import partial
from pathlib import Path

from core.base.errors import FormatError, ImageError
from core.formats.account import AccountBuilder
from core.formats.class_sets import class_set
from core.formats.dataset_tree import DatasetTree, split_of, stem_of
from core.formats.dataset_types import Dataset, DatasetClass, LoadedMask, Recognition, Sample
from core.formats.mask_sets.pairing import MaskGroup, pair_masks
from core.formats.mask_values import pack_rgb, read_colour_mask, remap_indices, values_by_index
from core.formats.value_runs import ValueRuns
from core.images.image_reader import ColourMaskError, read_mask, read_picture
from core.labels.class_list import VOID

NAME = "camvid"
DIALECTS = (
    "colours (NAME_L.png) and indices (trainannot)",
    "32 and 11 classes",
)
"""Forms of the format that are read, for the documentation."""
_FRAME = re.compile(r"^(0001TP|0006R0|0016E5|Seq05VD)_", re.IGNORECASE)
_SAMPLED_MASKS = 12
"""Masks that are read to find out which class set they use."""
_SEGNET_VOID = 11
_PAVEMENT = (60, 40, 222)
"""A second colour of Pavement that occurs."""


def recognise(tree: DatasetTree) -> Recognition | None:
    frames = sum(1 for name in tree.pictures if _FRAME.match(stem_of(name)))
    if not frames or not pair_masks(tree).groups:
        return None
    share = frames / len(tree.pictures)
    return Recognition(NAME, 0.5 + 0.45 * share, f"{frames:,} pictures have CamVid file names.")


def open_dataset(tree: DatasetTree) -> Dataset:
    """Colour masks are preferred to index masks, some of which have a broken last row and column."""
    pairing = pair_masks(tree)
    groups = [g for g in pairing.groups if g.pairs]
    if not groups:
        raise FormatError(
            f"No frame in {tree.root} has a mask (NAME_L.png, or NAME.png in a folder like trainannot)."
        )
    group, classes, coloured = max(
        ((g, *_class_set(tree, g)) for g in groups), key=lambda k: (len(k[0].pairs), k[2])
    )
    read = partial(_read, classes=classes)
    samples = []
    for name in pairing.pictures:
        mask = next(iter(group.pairs.get(name, ())), None)
        split = split_of(name) or (_annot_split(mask) if mask else None)
        samples.append(
            Sample.with_mask(tree.path(name), name, split, tree.path(mask) if mask else None, read)
        )
    recognition = recognise(tree) or Recognition.requested(NAME)
    notes = [
        f"{len(classes)} classes; masks are colours ({group.kind})."
        if coloured
        else f"{len(classes)} classes; masks are indices ({group.kind})."
    ]
    if others := [g.title for g in groups if g is not group]:
        notes.append(f"Not used: other masks of the same pictures ({', '.join(others)}).")
    account = AccountBuilder()
    used = {masks[0] for masks in group.pairs.values()}
    for mask in (mask for g in groups for mask in g.masks() if mask not in used):
        account.does_not_belong(mask, f"another mask of the same picture is used ({group.kind})")
    for mask, reason in pairing.unpaired.items():
        account.left_out(mask, reason)
    return Dataset(tree.root, recognition, classes, tuple(samples), tuple(notes), account.result())


def _class_set(tree: DatasetTree, group: MaskGroup) -> tuple[tuple[DatasetClass, ...], bool]:
    """The class set of the masks, and whether they are colour masks."""
    colours: set[int] = set()
    highest = 0
    coloured = False
    masks = group.masks()
    for mask in masks[:: max(1, len(masks) // _SAMPLED_MASKS)][:_SAMPLED_MASKS]:
        with contextlib.suppress(ImageError):  # the account names it later
            try:
                highest = max(highest, int(read_mask(tree.path(mask)).max()))
            except ColourMaskError:
                coloured = True
                colours |= set(ValueRuns.of(pack_rgb(read_picture(tree.path(mask)))).found.tolist())
    known = {c.colour[0] << 16 | c.colour[1] << 8 | c.colour[2] for c in class_set("camvid-11")}
    known |= {0, 0x3C28DE}  # black, and _PAVEMENT
    is_segnet = colours <= known if coloured else highest <= _SEGNET_VOID
    return class_set("camvid-11" if is_segnet else "camvid-32"), coloured


def _read(path: Path, classes: tuple[DatasetClass, ...]) -> LoadedMask:
    try:
        indices = read_mask(path)
    except ColourMaskError:
        colours = {c.colour: value for value, c in enumerate(classes, 1)}
        colours.setdefault((0, 0, 0), VOID)
        colours.setdefault(_PAVEMENT, colours.get((0, 0, 192), VOID))
        return read_colour_mask(path, colours)
    void = {_SEGNET_VOID, 255} if len(classes) == 11 else {255}
    return LoadedMask(remap_indices(indices, values_by_index(classes, frozenset(void)), path, "CamVid"))


def _annot_split(mask: str) -> str | None:
    return next((s for s in ("train", "val", "test") if f"{s}annot/" in mask), None)
