"""What every reader gives: a dataset from outside, recognised, its pictures listed, its masks not read yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import FormatError
from core.base.geometry import Box
from core.labels.class_list import MAX_CLASS_VALUE, Colour, default_colour

Values = NDArray[np.uint8]


class ClassTarget(StrEnum):
    """What may become of a class of a dataset: a class of the project, void, or nothing at all (unlabelled)."""

    CLASS = "class"
    VOID = "void"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Recognition:
    """A reader's opinion of a folder: how sure it is, 0..1, and why in one sentence."""

    format: str
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class DatasetClass:
    """A class as a dataset knows it. `index` is its own number there; `fate` is what the format says becomes of it.

    The name can always be stored and typed: for halves of letters, as JSON may hold them, it has question marks, and
    one that is empty is made of the index.
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
    """One mask, read: `values` (H, W) uint8 count the dataset's classes: 0 unlabelled, n is `classes[n - 1]`, 255
    void. `sure` is below 1 where values were guessed (colours smeared by JPEG); `notes` are sentences for people."""

    values: Values
    confidence: float = 1.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture of a dataset.

    place: the relative path it gets in a project that does not hold it yet; split: train, val, test or None; read:
    reads the mask, None where there is none, and may raise ImageError or FormatError; cut: the part of the file that
    is the picture, None for all of it; sources: files besides the picture that the mask is made of.
    """

    picture: Path
    target_path: str
    split: str | None = None
    read_mask: Callable[[], LoadedMask] | None = None
    tags: tuple[str, ...] = ()
    crop: Box | None = None
    sources: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset on disk. `notes` say by which rules it was understood; `problems` what was left out, file by file."""

    root: Path
    recognition: Recognition
    classes: tuple[DatasetClass, ...]
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Raises FormatError when there is nothing that can be imported."""
        if not self.samples:
            why = f" {self.problems[0]}" if self.problems else ""
            raise FormatError(f"There are no pictures in {self.root} that belong to the dataset.{why}")
        if len(self.classes) > MAX_CLASS_VALUE:
            raise FormatError(
                f"The dataset in {self.root} has {len(self.classes)} classes; a project holds at most {MAX_CLASS_VALUE}."
            )


def numbered_classes(
    names: list[str], known_colours: dict[str, Colour] | None = None
) -> tuple[DatasetClass, ...]:
    """Classes from names alone, numbered from 1."""
    known = known_colours or {}
    return tuple(
        DatasetClass(n, name, known.get(name) or default_colour((n - 1) % MAX_CLASS_VALUE + 1))
        for n, name in enumerate(names, 1)
    )
