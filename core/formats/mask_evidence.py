"""Gathers what a sample of masks says about the meaning of its values: counts, colours, palettes, solid areas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.errors import ImageError
from core.formats.mask_values import pack_rgb, unpack_rgb
from core.formats.value_runs import ValueRuns
from core.images.stored_mask import StoredMask, read_stored_mask
from core.labels.class_list import Colour

SAMPLED_MASKS = 400
"""Masks, evenly spread over the dataset, that are read to find the values that occur."""
MAX_DISTINCT = 4096
"""Values or colours of one mask that are counted; more are a photograph, not a mask."""
MAX_TOTAL = 65536
"""Values or colours of all masks that are counted."""

MIN_AREA_SHARE, APART = 0.005, 24
"""Of the pixels of blurred masks, that a grey must fill in areas to be a class; and from how far it is another one."""


@dataclass(slots=True)
class MaskEvidence:
    """What was found in the sampled masks. Built by `gather_evidence`, not changed afterwards.

    masks: that could be read; kinds: of them grey, palette, colour, or “grey in three channels”; lossy: in a file
    format that blurs; numbers: pixels by stored number; solid: of them in the inside of areas of one number
    presence: masks by number; colours: pixels by colour, of colour files; palette: first colour of each number in
    palette files; by_palette: pixels by the colour that the palette of their own file gives them
    transparent, pixels: numbers of pixels; pictures_as_masks: files with too many values for a mask
    is_complete: whether all masks of the dataset were looked at
    """

    masks: int = 0
    lossy: int = 0
    transparent: int = 0
    pixels: int = 0
    pictures_as_masks: int = 0
    palettes_differ: bool = False
    is_complete: bool = True
    kinds: Counter[str] = field(default_factory=Counter)
    numbers: Counter[int] = field(default_factory=Counter)
    solid: Counter[int] = field(default_factory=Counter)
    presence: Counter[int] = field(default_factory=Counter)
    colours: Counter[Colour] = field(default_factory=Counter)
    palette: dict[int, Colour] = field(default_factory=dict)
    by_palette: Counter[Colour] = field(default_factory=Counter)

    def share(self, number: int) -> float:
        """Share of the pixels that are not transparent."""
        return self.numbers[number] / max(1, self.numbers.total())

    def palette_colours(self) -> Counter[Colour]:
        """Pixels by the colour that the palette gives them."""
        if self.palettes_differ:
            return self.by_palette
        found: Counter[Colour] = Counter()
        for number, count in self.numbers.items():
            found[self.palette.get(number, (number & 255,) * 3)] += count
        return found

    def are_palettes_swapped(self) -> bool:
        """Whether the palettes of different files give the same few colours to different numbers."""
        return self.palettes_differ and len(self.by_palette) <= len(self.numbers)

    def grey_areas(self) -> list[int]:
        """The numbers that fill areas, most frequent first; of numbers near each other, as in JPEG, only one."""
        found: list[int] = []
        for number, count in self.solid.most_common():
            if count > MIN_AREA_SHARE * self.numbers.total() and all(abs(number - n) > APART for n in found):
                found.append(number)
        return found

    def grey_colours(self) -> Counter[Colour]:
        """Pixels of grey files by colour."""
        return Counter({(n, n, n): count for n, count in self.numbers.items() if 0 <= n <= 255})


def gather_evidence(paths: Sequence[Path]) -> MaskEvidence:
    """Read at most SAMPLED_MASKS of the masks; unreadable ones are reported when they are read for the import."""
    evidence = MaskEvidence()
    evidence.is_complete = len(paths) <= SAMPLED_MASKS
    step = max(1, len(paths) // SAMPLED_MASKS)
    for path in paths[::step][:SAMPLED_MASKS]:
        try:
            _add(evidence, read_stored_mask(path))
        except ImageError:
            continue
    return evidence


def _add(evidence: MaskEvidence, mask: StoredMask) -> None:
    evidence.masks += 1
    evidence.lossy += mask.is_lossy
    clear = mask.is_transparent()
    numbers = mask.as_numbers()
    pixels = mask.as_colours() if numbers is None else numbers
    evidence.pixels += pixels.shape[0] * pixels.shape[1]
    if clear is not None:
        evidence.transparent += int(clear.sum())
    if numbers is None:
        evidence.kinds["colour"] += 1
        packed = pack_rgb(mask.as_colours())
        runs = ValueRuns.of(packed if clear is None else packed[~clear])
        found, counts = runs.found, runs.counts
        evidence.pictures_as_masks += len(found) > MAX_DISTINCT
        if len(evidence.colours) < MAX_TOTAL:
            counted = zip(found[:MAX_DISTINCT].tolist(), counts.tolist(), strict=False)
            evidence.colours.update({unpack_rgb(int(c)): int(n) for c, n in counted})
        return
    if mask.colours is not None:
        evidence.kinds["grey in three channels"] += 1
    else:
        evidence.kinds["grey" if mask.palette is None else "palette"] += 1
    _add_numbers(evidence, numbers, clear)
    if mask.palette is not None:
        _add_palette(evidence, mask)


def _add_numbers(evidence: MaskEvidence, numbers: NDArray[Any], clear: NDArray[np.bool_] | None) -> None:
    runs = ValueRuns.of(numbers if clear is None else numbers[~clear])
    found, counts = runs.found, runs.counts
    evidence.pictures_as_masks += len(found) > MAX_DISTINCT
    if len(evidence.numbers) >= MAX_TOTAL:
        return
    known = found[:MAX_DISTINCT].tolist()
    evidence.numbers.update(dict(zip(known, counts.tolist(), strict=False)))
    evidence.presence.update(known)
    if numbers.dtype == np.uint8:
        kernel = np.ones((3, 3), np.uint8)
        whole = np.ascontiguousarray(numbers)
        inside = cv2.erode(whole, kernel) == cv2.dilate(whole, kernel)
        evidence.solid.update(_counted(whole[inside]))


def _add_palette(evidence: MaskEvidence, mask: StoredMask) -> None:
    assert mask.palette is not None
    runs = ValueRuns.of(np.asarray(mask.numbers))
    for number, count in zip(runs.found.tolist(), runs.counts.tolist(), strict=True):
        if number >= len(mask.palette):
            continue
        red, green, blue = mask.palette[number].tolist()
        evidence.by_palette[red, green, blue] += count
        if evidence.palette.setdefault(number, (red, green, blue)) != (red, green, blue):
            evidence.palettes_differ = True


def _counted(values: NDArray[Any]) -> dict[int, int]:
    runs = ValueRuns.of(values)
    return dict(zip(runs.found.tolist(), runs.counts.tolist(), strict=True))
