"""Reads the label of one sample: the only way masks come into a dry run and an import, so that the two agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from core.base.errors import FormatError, ImageError
from core.formats.account import Account, AccountBuilder, AccountKind
from core.formats.dataset_types import Sample, Values
from core.formats.mask_fit import fit_mask
from core.images.image_reader import PICTURE_SUFFIXES, read_orientation
from core.labels.value_counts import count_pixels


@dataclass(frozen=True, slots=True)
class SampleLabel:
    """A label in the size of its picture.

    values: (H, W) uint8 as in a LoadedMask, None if the sample has no mask or it was left out; counts: (256,) int64
    pixels by value; account: what this sample adds to that of the dataset
    """

    values: Values | None = None
    counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]] = field(
        default_factory=lambda: np.zeros(256, np.int64)
    )
    notes: tuple[str, ...] = ()
    confidence: float = 1.0
    account: Account = field(default_factory=Account)


def read_label(sample: Sample, size: tuple[int, int], root: Path) -> SampleLabel:
    """Read and fit the mask of a picture of `size` (width, height). root: of the dataset. A mask that cannot be used is
    in the account."""
    if sample.read_mask is None:
        return SampleLabel()
    account = AccountBuilder()
    masks = _mask_files(sample)
    try:
        mask = sample.read_mask()
    except (ImageError, FormatError) as problem:
        place = _relative(masks[0], root) if masks else _entry_of(sample, root)
        account.failed(place, problem, AccountKind.FILE if masks else AccountKind.ENTRY)
        for path in masks[1:]:
            account.left_out(_relative(path, root), "none of the masks of its picture can be used")
        account.came_in(files=-len(masks))
        return SampleLabel(account=account.result())
    fitted = fit_mask(
        mask.values,
        sample.picture,
        size,
        may_be_turned=sample.crop is None and _may_be_turned(sample.picture, masks),
        is_stored=sample.is_mask_stored,
        fits_size=sample.fits_size,
    )
    if fitted.values is None:
        for path in masks:
            account.left_out(_relative(path, root), fitted.reason)
        if not masks:
            account.left_out(_entry_of(sample, root), fitted.reason, AccountKind.ENTRY)
        account.came_in(files=-len(masks))
        return SampleLabel(notes=mask.notes, account=account.result())
    account.add(mask.account)
    counts = count_pixels(fitted.values)
    notes = (*mask.notes, *([fitted.note] if fitted.note else []))
    return SampleLabel(fitted.values, counts, notes, mask.confidence, account.result())


def leave_out_picture(sample: Sample, problem: ImageError | FormatError, root: Path) -> Account:
    """The account of a sample whose picture cannot be used."""
    account = AccountBuilder()
    if sample.picture.is_relative_to(root):
        account.failed(_relative(sample.picture, root), problem)
        account.came_in(files=-1)
        return account.result()
    # Masks alone: the picture is in the project, so what is left out of the dataset are its masks.
    masks = _mask_files(sample)
    for path in masks:
        account.left_out(
            _relative(path, root), f"its picture {sample.picture.name} cannot be used: {problem}"
        )
    account.came_in(files=-len(masks))
    return account.result()


def _mask_files(sample: Sample) -> list[Path]:
    return [path for path in sample.sources if path.suffix.lower() in PICTURE_SUFFIXES]


def _may_be_turned(picture: Path, masks: list[Path]) -> bool:
    """Whether EXIF turns the picture, but not its mask files."""
    try:
        return bool(masks) and read_orientation(picture) != 1 and all(read_orientation(m) == 1 for m in masks)
    except ImageError:
        return False


def _entry_of(sample: Sample, root: Path) -> str:
    """The entry in an annotation file."""
    picture = PurePosixPath(_relative(sample.picture, root)).name
    if sample.sources:
        return f"{_relative(sample.sources[0], root)}, {picture}"
    return f"{_relative(sample.picture, root)}, mask"


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
