"""Cityscapes: the official folders, and the image pairs that put picture and coloured mask into one JPEG."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np

from core.base.errors import FormatError, ImageError
from core.base.geometry import Box
from core.formats.class_sets import cityscapes_classes, class_set, train_ids
from core.formats.dataset_tree import MALFORMED_ERRORS, DatasetTree, split_of
from core.formats.dataset_types import Dataset, LoadedMask, Recognition, Sample
from core.formats.mask_values import match_nearest_colours, read_colour_mask, remap_indices
from core.formats.rasterizer import FilledShape, parse_ring, rasterize
from core.images.image_reader import read_mask, read_picture, read_size
from core.labels.class_list import VOID

NAME, PAIRS = "cityscapes", "cityscapes-pairs"
COLOUR_TOLERANCE = 24
"""A smeared colour further than this from every colour of the palette, in any channel, is void."""

_MASK = re.compile(
    r"([^/]+)_gt(?:Fine|Coarse)_(labelIds|instanceIds|labelTrainIds|color|polygons)\.(?:png|json)$"
)
_PICTURE = re.compile(r"([^/]+)_leftImg8bit\.(?:png|jpe?g)$")
_ORDER = ("labelIds", "instanceIds", "labelTrainIds", "color", "polygons")
"""What says most comes first; the others of a frame are not read."""


def recognise(tree: DatasetTree) -> Recognition | None:
    masks = sum(1 for name in tree.files if _MASK.search(name))
    if not masks:
        return None
    return Recognition(
        NAME, 0.98, f"{masks:,} files end as Cityscapes' do (_gtFine_labelIds.png and the like)."
    )


def open_dataset(tree: DatasetTree, count: int = 19) -> Dataset:
    """`count` labels stay classes: 19, 30 or 34; the others are void."""
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
        read = None if kind is None else partial(_read, tree, kinds[kind], kind)
        place = name.split("leftImg8bit/", 1)[-1]
        sources = () if kind is None else (tree.path(kinds[kind]),)
        samples.append(Sample(tree.path(name), place, split_of(name), read, sources=sources))
    problems = []
    if missing := sorted(masks.keys() - seen):
        problems.append(
            f"{len(missing):,} masks have no picture (NAME_leftImg8bit.png), {missing[0]} for one; they were left out."
        )
    recognition = recognise(tree) or Recognition(NAME, 0.0, "It was asked for.")
    note = f"{count} of Cityscapes' 34 labels stay classes; the others are void."
    return Dataset(
        tree.root, recognition, cityscapes_classes(count), tuple(samples), (note,), tuple(problems)
    )


def recognise_pairs(tree: DatasetTree) -> Recognition | None:
    """Twice as wide as high, and one half in Cityscapes' colours."""
    sides = [_side(tree.path(name)) for name in tree.pictures[:: max(1, len(tree.pictures) // 3)][:3]]
    if not sides or None in sides or len(set(sides)) > 1:
        return None
    return Recognition(
        PAIRS, 0.95, f"Its pictures are pairs: the {sides[0]} half has the colours of Cityscapes' labels."
    )


def open_pairs(tree: DatasetTree) -> Dataset:
    """The half without label colours becomes the picture, cut out; the other its mask, by the nearest colour."""
    samples, problems = [], []
    sides = [_side(tree.path(name)) for name in tree.pictures[:: max(1, len(tree.pictures) // 3)][:3]]
    side = max(set(sides), key=sides.count) if sides else None
    if side is None:
        raise FormatError(
            f"The pictures in {tree.root} are no pairs of a photo and a mask in Cityscapes' colours."
        )
    for name in tree.pictures:
        path = tree.path(name)
        try:
            width, height = read_size(path)
        except ImageError as problem:
            problems.append(str(problem))
            continue
        if width % 2:
            problems.append(
                f"{path} is {width} pixels wide, which does not part into two halves; it was left out."
            )
            continue
        halves = Box(0, 0, width // 2, height), Box(width // 2, 0, width, height)
        picture, mask = halves if side == "right" else halves[::-1]
        place = name.rsplit(".", 1)[0] + ".png"
        samples.append(Sample(path, place, split_of(name), partial(_read_half, path, mask), crop=picture))
    recognition = recognise_pairs(tree) or Recognition(PAIRS, 0.0, "It was asked for.")
    notes = (
        f"Each file is a pair; its {side} half was read as the mask, every pixel as the nearest label colour. "
        f"Pixels more than {COLOUR_TOLERANCE} steps from every colour are void.",
    )
    return Dataset(tree.root, recognition, cityscapes_classes(19), tuple(samples), notes, tuple(problems))


def _read(tree: DatasetTree, name: str, kind: str) -> LoadedMask:
    path = tree.path(name)
    by_id = {c.index: place for place, c in enumerate(class_set("cityscapes"), 1)}
    match kind:
        case "labelIds":
            return LoadedMask(remap_indices(read_mask(path), by_id | {255: VOID}, path, "Cityscapes"))
        case "instanceIds":
            ids = read_mask(path).astype(np.uint16)
            # Things carry id * 1000 + number.
            return LoadedMask(
                remap_indices(np.where(ids >= 1000, ids // 1000, ids), by_id, path, "Cityscapes")
            )
        case "labelTrainIds":
            by_train = {train: by_id[label] for train, label in train_ids().items()}
            # Some tools write 19 where the official ones write 255.
            return LoadedMask(
                remap_indices(read_mask(path), by_train | {255: VOID, 19: VOID}, path, "Cityscapes")
            )
        case "color":
            return read_colour_mask(
                path, {c.colour: by_id[c.index] for c in reversed(class_set("cityscapes"))}
            )
        case _:
            return LoadedMask(_polygons(tree, name))


def _polygons(tree: DatasetTree, name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Later objects lie above earlier ones, as the dataset says; a group of people is what its members are."""
    content = tree.read_json(name)
    places = {c.name: place for place, c in enumerate(class_set("cityscapes"), 1)}
    try:
        size = int(content["imgWidth"]), int(content["imgHeight"])
        shapes = []
        for thing in content["objects"]:
            label = str(thing["label"])
            place = places.get(label) or places.get(label.removesuffix("group"))
            if place is not None and not thing.get("deleted"):
                shapes.append(FilledShape(place, (parse_ring(thing["polygon"]),)))
    except MALFORMED_ERRORS as problem:
        raise FormatError(
            f"{tree.path(name)} does not hold the polygons of Cityscapes ({problem})."
        ) from problem
    return rasterize(size, shapes, later_on_top=True, source=tree.path(name))


def _palette() -> tuple[list[tuple[int, int, int]], list[int]]:
    """Colours and values; labels that are void share black and more, so they come as void."""
    known: dict[tuple[int, int, int], int] = {}
    learned = set(train_ids().values())
    for place, c in enumerate(class_set("cityscapes"), 1):
        known.setdefault(c.colour, place if c.index in learned else VOID)
    return list(known), list(known.values())


def _read_half(path: Path, half: Box) -> LoadedMask:
    colours, values = _palette()
    return match_nearest_colours(read_picture(path)[half.slices], colours, values, tolerance=COLOUR_TOLERANCE)


def _side(path: Path) -> str | None:
    """Which half of the file has label colours; None when it is no pair."""
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
    left, right = (
        match_nearest_colours(
            np.ascontiguousarray(half), colours, values, tolerance=COLOUR_TOLERANCE
        ).confidence
        for half in (pixels[:, :middle], pixels[:, middle:])
    )
    if max(left, right) < 0.75 or abs(left - right) < 0.2:
        return None
    return "left" if left > right else "right"
