"""Types that every reader returns: a recognised dataset, its classes, and samples whose masks load on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import FormatError
from core.base.geometry import Box
from core.formats.account import Account
from core.formats.doubt import Doubt, ValueReading
from core.labels.class_list import MAX_CLASS_VALUE, Colour, default_colour

Values = NDArray[np.uint8]


class ClassTarget(StrEnum):
    """What a class of a dataset becomes in a project: a class, void, or unlabelled (skip)."""

    CLASS = "class"
    VOID = "void"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Recognition:
    """A reader's verdict on a folder: the format, the confidence (0..1), and the reason in one sentence."""

    format: str
    confidence: float
    reason: str

    @classmethod
    def requested(cls, format_name: str) -> Recognition:
        """For a dataset that is opened by the name of its format although it was not recognised."""
        return cls(format_name, 0.0, "The format was given by name.")


@dataclass(frozen=True, slots=True)
class DatasetClass:
    """A class of a dataset. `index` is its number in the dataset; `target` is what it becomes by default.

    The name is always valid UTF-8: lone surrogates, which JSON can contain, become question marks, and an empty name is
    replaced by one made from the index.
    """

    index: int
    name: str
    colour: Colour
    target: ClassTarget = ClassTarget.CLASS

    def __post_init__(self) -> None:
        name = self.name.encode("utf-8", "replace").decode("utf-8")
        object.__setattr__(self, "name", name if name.strip() else f"class {self.index}")


@dataclass(frozen=True, slots=True)
class LoadedMask:
    """A mask in memory.

    values: (H, W) uint8; 0 is unlabelled, n is `Dataset.classes[n - 1]`, 255 is void. confidence: share of the pixels
    whose value is certain; below 1 where colours were blurred by JPEG. notes: sentences for the user; account: the
    objects that were read, left out, and not areas.
    """

    values: Values
    confidence: float = 1.0
    notes: tuple[str, ...] = ()
    account: Account = field(default_factory=Account)


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of a dataset.

    target_path: the relative path of the picture when it is copied into a project; split: train, val, test or None;
    read_mask: loads the mask, None if there is none; it may raise ImageError or FormatError; crop: the part of the file
    that is the picture, None for all of it; sources: the files besides the picture that the mask is read from;
    is_mask_stored: whether the mask is that of the pixels as they are stored, before EXIF turns them, None if that is
    decided for each picture; fits_size: whether a mask that misses the size of the picture by a pixel is fitted.
    """

    picture: Path
    target_path: str
    split: str | None = None
    read_mask: Callable[[], LoadedMask] | None = None
    tags: tuple[str, ...] = ()
    crop: Box | None = None
    sources: tuple[Path, ...] = ()
    is_mask_stored: bool | None = None
    fits_size: bool = False

    @classmethod
    def with_mask(
        cls,
        picture: Path,
        target_path: str,
        split: str | None,
        mask: Path | None,
        read: Callable[[Path], LoadedMask],
        tags: tuple[str, ...] = (),
    ) -> Sample:
        """A picture with one mask file, which `read` loads, or without one."""
        if mask is None:
            return cls(picture, target_path, split, tags=tags)
        return cls(picture, target_path, split, partial(read, mask), tags, sources=(mask,))


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset on disk.

    notes: the rules it was read by; account: what came in, was left out and does not belong, as far as it is known
    before masks and objects are read; doubts: what was assumed; reading: how the values of masks are read, None for
    formats with a fixed meaning; readings: the ones that can be chosen; states_void: whether a class list says which
    value is void, so that a large share of it is no reason for doubt
    """

    root: Path
    recognition: Recognition
    classes: tuple[DatasetClass, ...]
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    account: Account = field(default_factory=Account)
    doubts: tuple[Doubt, ...] = ()
    reading: ValueReading | None = None
    readings: tuple[ValueReading, ...] = ()
    states_void: bool = False

    def __post_init__(self) -> None:
        """Raises FormatError if there are no samples, or more classes than a project can hold."""
        if not self.samples:
            missing = f"There are no pictures in {self.root} that belong to the dataset."
            raise FormatError(f"{missing} {self.problems[0]}" if self.problems else missing)
        if len(self.classes) > MAX_CLASS_VALUE:
            raise FormatError(
                f"The dataset in {self.root} has {len(self.classes)} classes; a project has at most {MAX_CLASS_VALUE}."
            )

    @property
    def problems(self) -> tuple[str, ...]:
        """What was left out, a sentence for each reason."""
        return self.account.sentences(self.root)


def numbered_classes(
    names: list[str], known_colours: dict[str, Colour] | None = None
) -> tuple[DatasetClass, ...]:
    """Classes from names only, numbered from 1."""
    known = known_colours or {}
    return tuple(
        DatasetClass(n, name, known.get(name) or default_colour((n - 1) % MAX_CLASS_VALUE + 1))
        for n, name in enumerate(names, 1)
    )
