"""Reads Cityscapes: the official folders, and image pairs with picture and colour mask side by side in one JPEG."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np

from core.base.errors import FormatError, ImageError
from core.base.geometry import Box
from core.formats.account import AccountBuilder
from core.formats.class_sets import cityscapes_classes, class_set, train_ids
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, split_of
from core.formats.dataset_types import Dataset, LoadedMask, Recognition, Sample
from core.formats.files.file_reader import FileReader
from core.formats.malformed import describe_malformed
from core.formats.mask_values import match_nearest_colours, read_colour_mask, remap_indices
from core.formats.rasterizer import FilledShape, parse_ring, rasterize
from core.formats.readers.blurred_mask import TOLERANCE, decide_colours
from core.images.image_reader import read_mask, read_picture, read_size
from core.labels.class_list import VOID

NAME, PAIRS = "cityscapes", "cityscapes-pairs"
DIALECTS = (
    "labelIds, instanceIds, labelTrainIds (void 255 or 19), color, polygons",
    "fine and coarse",
    "image pairs: smeared pixels between areas get the class of an area beside them",
)
"""Forms of the format that are read, for the documentation."""
_MASK = re.compile(
    r"([^/]+)_gt(?:Fine|Coarse)_(labelIds|instanceIds|labelTrainIds|color|polygons)\.(?:png|json)$"
)
_PICTURE = re.compile(r"([^/]+)_leftImg8bit\.(?:png|jpe?g)$")
_MIN_COLOURED = 0.4
"""Share of the pixels of a label half with a colour other than black."""
_WITHOUT_PICTURE = (
    "{count} masks have no picture (NAME_leftImg8bit.png), for example {place}; they were left out."
)
_ORDER = ("labelIds", "instanceIds", "labelTrainIds", "color", "polygons")
"""Kinds of mask files, most informative first; only the first one of a frame is read."""


def recognise(tree: DatasetTree) -> Recognition | None:
    masks = sum(1 for name in tree.files if _MASK.search(name))
    if not masks:
        return None
    return Recognition(
        NAME, 0.98, f"{masks:,} files have Cityscapes file names (such as _gtFine_labelIds.png)."
    )


def open_dataset(tree: DatasetTree, count: int = 19) -> Dataset:
    """`count` (19, 30 or 34) of the labels become classes, the others void."""
    masks: dict[str, dict[str, str]] = {}
    for name in tree.files:
        if found := _MASK.search(name):
            masks.setdefault(found[1], {}).setdefault(found[2], name)
    samples, seen = [], set()
    for name in tree.files:
        found = _PICTURE.search(name)
        if found is None:
            continue
        seen.add(found[1])
        kinds = masks.get(found[1], {})
        kind = next((k for k in _ORDER if k in kinds), None)
        target = name.split("leftImg8bit/", 1)[-1]
        mask = tree.path(kinds[kind]) if kind else None
        read = partial(_read, tree.reader, kinds[kind], kind) if kind else None
        sources = (mask,) if mask else ()
        samples.append(Sample(tree.path(name), target, split_of(name), read, sources=sources))
    account = AccountBuilder()
    for frame, kinds in sorted(masks.items()):
        first, *others = (kinds[kind] for kind in _ORDER if kind in kinds)
        if frame not in seen:
            account.left_out(first, "it has no picture (NAME_leftImg8bit.png)", summary=_WITHOUT_PICTURE)
        for other in others:
            account.does_not_belong(other, "a more informative file of the same frame is read")
    recognition = recognise(tree) or Recognition.requested(NAME)
    note = f"{count} of Cityscapes' 34 labels are classes; the others are void unless they are mapped to a class."
    return Dataset(
        tree.root, recognition, cityscapes_classes(count), tuple(samples), (note,), account.result()
    )


def recognise_pairs(tree: DatasetTree) -> Recognition | None:
    """Recognised by three sampled pictures in which the same half has Cityscapes' label colours."""
    sides = [_side(tree.path(name)) for name in tree.pictures[:: max(1, len(tree.pictures) // 3)][:3]]
    if not sides or None in sides or len(set(sides)) > 1:
        return None
    return Recognition(
        PAIRS, 0.95, f"Its pictures are pairs: the {sides[0]} half has the colours of Cityscapes' labels."
    )


def open_pairs(tree: DatasetTree) -> Dataset:
    """The half without label colours becomes the picture; the other one is its mask."""
    samples, account = [], AccountBuilder()
    sides = [_side(tree.path(name)) for name in tree.pictures[:: max(1, len(tree.pictures) // 3)][:3]]
    side = max(set(sides), key=sides.count) if sides else None
    if side is None:
        raise FormatError(
            f"The pictures in {tree.root} are not pairs of a photo and a mask in Cityscapes' colours."
        )
    for name in tree.pictures:
        path = tree.path(name)
        try:
            width, height = read_size(path)
        except ImageError as problem:
            account.failed(name, problem)
            continue
        if width % 2:
            account.left_out(name, f"it is {width} pixels wide, which cannot be divided into two halves")
            continue
        halves = Box(0, 0, width // 2, height), Box(width // 2, 0, width, height)
        picture, mask = halves if side == "right" else halves[::-1]
        target = name.rsplit(".", 1)[0] + ".png"
        samples.append(Sample(path, target, split_of(name), partial(_read_half, path, mask), crop=picture))
    recognition = recognise_pairs(tree) or Recognition.requested(PAIRS)
    notes = (
        f"Each file is an image pair; its {side} half is the mask, whose colours JPEG has smeared. Areas of one colour "
        "have its class, smeared pixels beside them get the class of the area that fits best, and those that fit none "
        "are void.",
    )
    return Dataset(tree.root, recognition, cityscapes_classes(19), tuple(samples), notes, account.result())


def _read(files: FileReader, name: str, kind: str) -> LoadedMask:
    path = files.path(name)
    by_id = {c.index: value for value, c in enumerate(class_set("cityscapes"), 1)}
    match kind:
        case "labelIds":
            return LoadedMask(remap_indices(read_mask(path), by_id | {255: VOID}, path, "Cityscapes"))
        case "instanceIds":
            ids = read_mask(path).astype(np.uint16)
            # Instances have label id * 1000 + number.
            return LoadedMask(
                remap_indices(np.where(ids >= 1000, ids // 1000, ids), by_id, path, "Cityscapes")
            )
        case "labelTrainIds":
            by_train = {train: by_id[label] for train, label in train_ids().items()}
            # Some tools write 19 instead of the official 255.
            return LoadedMask(
                remap_indices(read_mask(path), by_train | {255: VOID, 19: VOID}, path, "Cityscapes")
            )
        case "color":
            return read_colour_mask(
                path, {c.colour: by_id[c.index] for c in reversed(class_set("cityscapes"))}
            )
        case _:
            return LoadedMask(_polygons(files, name))


def _polygons(files: FileReader, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Later objects cover earlier ones, as in the dataset; a label like persongroup counts as person."""
    content = files.read_json(name)
    values = {c.name: value for value, c in enumerate(class_set("cityscapes"), 1)}
    try:
        size = int(content["imgWidth"]), int(content["imgHeight"])
        shapes = []
        for obj in content["objects"]:
            label = str(obj["label"])
            value = values.get(label) or values.get(label.removesuffix("group"))
            if value is not None and not obj.get("deleted"):
                shapes.append(FilledShape(value, (parse_ring(obj["polygon"]),)))
    except MALFORMED_ERRORS as problem:
        raise FormatError(
            f"{files.path(name)} does not have the structure of a Cityscapes polygon file: "
            f"{describe_malformed(problem)}."
        ) from problem
    return rasterize(size, shapes, later_on_top=True, source=files.path(name))


def _palette() -> tuple[list[tuple[int, int, int]], list[int]]:
    """Colours and their LoadedMask values; all labels that are not evaluated are void, some of them share black."""
    known: dict[tuple[int, int, int], int] = {}
    evaluated = set(train_ids().values())
    for value, c in enumerate(class_set("cityscapes"), 1):
        known.setdefault(c.colour, value if c.index in evaluated else VOID)
    return list(known), list(known.values())


def _read_half(path: Path, half: Box) -> LoadedMask:
    colours, values = _palette()
    decided = decide_colours(read_picture(path)[half.slices], colours, values)
    return LoadedMask(decided.values, decided.certain)


def _side(path: Path) -> str | None:
    """The half of the file with label colours, left or right; None if it is not an image pair."""
    try:
        width, height = read_size(path)
        if width % 2 or not 1.5 <= width / height <= 4.2:
            return None
        return _coloured(path)
    except ImageError:
        return None


def _coloured(path: Path) -> str | None:
    pixels = read_picture(path)[::2]
    colours, values = _palette()
    middle = pixels.shape[1] // 2
    halves = pixels[:, :middle], pixels[:, middle:]
    left, right = (
        match_nearest_colours(np.ascontiguousarray(half), colours, values, tolerance=TOLERANCE).confidence
        for half in halves
    )
    if max(left, right) < 0.75 or abs(left - right) < 0.2:
        return None
    is_left = left > right
    dark = (halves[0 if is_left else 1].max(axis=2) <= TOLERANCE).mean()
    if max(left, right) - dark < _MIN_COLOURED:  # black is one of the colours, and everywhere
        return None
    return "left" if is_left else "right"
