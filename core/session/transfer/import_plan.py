"""Before a dataset comes in: what becomes of each of its classes, and what the import would do, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import FormatError, UserError
from core.formats.dataset_types import ClassTarget, Dataset, DatasetClass
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED, VOID, ClassList
from core.project.records import Split


@dataclass(frozen=True, slots=True)
class ClassChoice:
    """What shall become of a class of the dataset. `name` is the class of the project it becomes, new or known."""

    fate: ClassTarget
    name: str = ""


@dataclass(frozen=True, slots=True)
class ImportClassRow:
    """One class of the dataset and what becomes of it; `known` when the project has the class already."""

    foreign: DatasetClass
    choice: ClassChoice
    known: bool


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The dry run. `pictures` will be looked at, `masks` of them have one, `splits` counts them by split."""

    dataset: Dataset
    rows: tuple[ImportClassRow, ...]
    split: Split | None
    pictures: int
    masks: int
    splits: Mapping[str, int]
    in_place: bool

    @property
    def new_classes(self) -> tuple[str, ...]:
        """Names of the classes that would be new."""
        names = [r.choice.name for r in self.rows if r.choice.fate == ClassTarget.CLASS and not r.known]
        return tuple(dict.fromkeys(names))


def plan_import(
    known: ClassList,
    folder: Path,
    dataset: Dataset,
    choices: Mapping[str, ClassChoice] | None = None,
    split: Split | None = None,
) -> ImportPlan:
    """What an import would do to a project with these classes, whose pictures lie in `folder`.

    `choices` go by the name of the dataset's class; the others follow the dataset's own advice: the class of the same
    name, a new one where there is none. Raises FormatError for a class the dataset does not have, for a name that no
    class of a project can have, and where pictures cannot be taken in place.
    """
    wanted = {name.casefold(): choice for name, choice in (choices or {}).items()}
    strange = wanted.keys() - {c.name.casefold() for c in dataset.classes}
    if strange:
        names = ", ".join(f"“{c.name}”" for c in dataset.classes[:20])
        raise FormatError(f"The dataset has no class “{sorted(strange)[0]}”. It has {names}.")
    in_place = any(sample.picture.is_relative_to(folder) for sample in dataset.samples)
    if in_place and any(sample.crop is not None for sample in dataset.samples):
        raise FormatError(
            "The pictures of this dataset are parts of its files, so they have to be written anew. Import them into a "
            "project in another folder (on the command line: --into FOLDER)."
        )
    rows = tuple(_row(c, wanted.get(c.name.casefold()), known) for c in dataset.classes)
    if len(known) + len(
        {r.choice.name.casefold() for r in rows if r.choice.fate == ClassTarget.CLASS and not r.known}
    ) > (MAX_CLASS_VALUE):
        raise FormatError(
            f"The project would have more than {MAX_CLASS_VALUE} classes. Let some of the dataset's become the same class, "
            "void or nothing."
        )
    return ImportPlan(
        dataset,
        rows,
        split,
        len(dataset.samples),
        sum(sample.read_mask is not None for sample in dataset.samples),
        Counter(str(split or sample.split or "unsplit") for sample in dataset.samples),
        in_place,
    )


def map_classes(classes: ClassList, rows: tuple[ImportClassRow, ...]) -> tuple[ClassList, NDArray[np.uint8]]:
    """The list with the new classes, and (256,) uint8: the project's value of each value of a ReadMask.

    New classes keep their colour and take their index (plus one when indices begin at 0) where those are free.
    """
    taken = {c.colour for c in classes}
    shift = int(any(row.foreign.index == 0 for row in rows))
    table = np.zeros(256, np.uint8)
    table[VOID] = VOID
    for place, row in enumerate(rows, 1):
        if row.choice.fate != ClassTarget.CLASS:
            table[place] = VOID if row.choice.fate == ClassTarget.VOID else UNLABELLED
            continue
        known = classes.by_name(row.choice.name)
        if known is None:
            wanted = row.foreign.index + shift
            free = 1 <= wanted <= MAX_CLASS_VALUE and classes.by_value(wanted) is None
            colour = None if row.foreign.colour in taken else row.foreign.colour
            classes = classes.with_class(row.choice.name, colour, wanted if free else None)
            known = classes.classes[-1]
        table[place] = known.value
    return classes, table


def _check_name(foreign: DatasetClass, name: str) -> None:
    try:
        ClassList().with_class(name)
    except UserError as problem:
        raise FormatError(
            f"The class “{foreign.name}” of the dataset cannot become “{name}”: {problem} Choose another name for it "
            "(on the command line: --map OLD=NEW)."
        ) from problem


def _row(foreign: DatasetClass, choice: ClassChoice | None, known: ClassList) -> ImportClassRow:
    choice = choice or ClassChoice(
        foreign.target, foreign.name if foreign.target == ClassTarget.CLASS else ""
    )
    found = known.by_name(choice.name) if choice.fate == ClassTarget.CLASS else None
    if choice.fate == ClassTarget.CLASS and found is None:
        _check_name(foreign, choice.name)
    return ImportClassRow(
        foreign, ClassChoice(choice.fate, found.name) if found else choice, found is not None
    )
