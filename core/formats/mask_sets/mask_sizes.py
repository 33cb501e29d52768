"""Compares the sizes of pictures and masks: whether masks were turned by EXIF, and whether some miss by a pixel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.base.errors import ImageError
from core.base.text import count_of
from core.formats.doubt import Doubt, DoubtAnswer
from core.formats.mask_fit import MAX_MISSING, is_near
from core.images.image_reader import read_orientation, read_size

COMPARED_PAIRS = 400
"""Pairs, evenly spread over the dataset, whose file headers are read."""


@dataclass(frozen=True, slots=True)
class SizeComparison:
    """is_mask_stored: as in Sample, None if the sizes do not say it; doubts: about turned and about smaller masks."""

    is_mask_stored: bool | None = None
    doubts: tuple[Doubt, ...] = ()


def compare_sizes(pairs: Iterable[tuple[Path, Path]]) -> SizeComparison:
    """pairs: of picture and mask. Unreadable files are skipped; they are reported when they are read for the import."""
    listed = list(pairs)
    turned = upright = stored = 0
    near: list[str] = []
    compared = listed[:: max(1, len(listed) // COMPARED_PAIRS)][:COMPARED_PAIRS]
    for picture, mask in compared:
        try:
            orientation, size, mask_size = read_orientation(picture), read_size(picture), read_size(mask)
        except ImageError:
            continue
        if orientation != 1:
            turned += 1
            if orientation >= 5 and size[0] != size[1]:
                upright += mask_size == size
                stored += mask_size == size[::-1]
        if mask_size != size and is_near(mask_size, size):
            near.append(f"{mask.name}, {mask_size[0]} x {mask_size[1]} for {size[0]} x {size[1]} pixels")
    doubts = []
    is_mask_stored = bool(stored) if bool(stored) != bool(upright) else None
    if turned:
        doubts.append(_turned(turned, len(compared), is_mask_stored))
    if near:
        doubts.append(_near(near, len(compared)))
    return SizeComparison(is_mask_stored, tuple(doubts))


def _turned(turned: int, compared: int, is_mask_stored: bool | None) -> Doubt:
    lead = f"{turned:,} of {count_of(compared, 'picture')} {'is' if turned == 1 else 'are'} turned by EXIF; "
    if is_mask_stored is None:
        told = (
            "their sizes do not say whether the masks are turned, too. Masks are turned along unless they fit the "
            "content of the picture better as they are."
        )
    elif is_mask_stored:
        told = "the sizes say that their masks are not, so the masks are turned along."
    else:
        told = "the sizes say that their masks are turned already, so the masks are used as they are."
    return Doubt("turned-by-exif", lead + told, (("turned", turned / compared),))


def _near(near: list[str], compared: int) -> Doubt:
    differ = "differs from its picture" if len(near) == 1 else "differ from their pictures"
    return Doubt(
        "mask-size",
        f"{len(near):,} of {count_of(compared, 'mask')} {differ} by at most {count_of(MAX_MISSING, 'pixel')} in width "
        f"or height, for example {near[0]}; unless they are fitted, such masks are left out.",
        (("masks", len(near) / compared),),
        (
            DoubtAnswer("leave these masks out", is_assumed=True, fits_masks=False),
            DoubtAnswer("fit these masks to their pictures", fits_masks=True),
        ),
    )
