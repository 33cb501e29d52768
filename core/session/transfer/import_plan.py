"""What an import will do: the mapping of the dataset's classes, and the dry run in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.display_text import quoted
from core.base.errors import FormatError, UserError
from core.base.text import count_of
from core.formats.dataset_types import ClassTarget, Dataset, DatasetClass, Sample
from core.formats.doubt import Doubt, answered_by_mapping
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED, VOID, ClassList
from core.project.records import PictureRecord, Split
from core.session.transfer.validation_share import with_validation


@dataclass(frozen=True, slots=True)
class ClassChoice:
    """What a class of the dataset becomes. name: of the project's class, new or existing, for ClassTarget.CLASS."""

    target: ClassTarget
    name: str = ""


@dataclass(frozen=True, slots=True)
class ImportClassRow:
    """One class of the dataset and what it becomes. known: whether the project has that class already."""

    source: DatasetClass
    choice: ClassChoice
    known: bool


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The dry run of an import.

    rows: in the order of the dataset's classes; split: for all pictures, None for those of the dataset
    pictures: number of samples; masks: of them with a mask; splits: number of samples by split, or "unsplit"
    in_place: whether the pictures are in the project's folder already; folder: of the project's pictures; new: number
    of pictures that the project does not have; mapped: case-folded names of the classes that a person has mapped
    """

    dataset: Dataset
    rows: tuple[ImportClassRow, ...]
    split: Split | None
    pictures: int
    masks: int
    splits: Mapping[str, int]
    in_place: bool
    folder: Path
    new: int
    mapped: frozenset[str] = frozenset()

    def settled(self, doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
        """The doubts, with those answered that the mapping of classes settles."""
        return answered_by_mapping(doubts, self.mapped)

    def what_is_new(self) -> str:
        """A sentence about pictures that the project has already; empty without any."""
        known = self.pictures - self.new
        if not known:
            return ""
        kept = "where labels are kept and only unlabelled pixels are filled"
        if not self.new:
            pictures = (
                "The picture of the dataset is"
                if known == 1
                else f"All {known:,} pictures of the dataset are"
            )
            return f"{pictures} in the project already, {kept}."
        return (
            f"{count_of(self.new, 'picture')} of the dataset {'is' if self.new == 1 else 'are'} new; {known:,} "
            f"{'is' if known == 1 else 'are'} in the project already, {kept}."
        )

    @property
    def labelled_values(self) -> tuple[int, ...]:
        """Values of a LoadedMask that become a class or void."""
        return (
            VOID,
            *(n for n, row in enumerate(self.rows, 1) if row.choice.target != ClassTarget.SKIP),
        )

    @property
    def new_classes(self) -> tuple[str, ...]:
        """Names of the classes that the import adds to the project."""
        names = [r.choice.name for r in self.rows if r.choice.target == ClassTarget.CLASS and not r.known]
        return tuple(dict.fromkeys(names))


def plan_import(
    known: ClassList,
    folder: Path,
    dataset: Dataset,
    choices: Mapping[str, ClassChoice] | None = None,
    split: Split | None = None,
    known_paths: Collection[str] = (),
) -> ImportPlan:
    """The dry run of an import into a project with the class list `known`, whose pictures are in `folder`.

    known_paths: of the pictures that the project has. choices: by name of the dataset's class, or by its number in the
    dataset. A class without one becomes what its
    reader proposes: mostly the project's class of the same name, or a new one. Raises FormatError for a choice about a
    class that the dataset does not have, for an invalid class name, for too many classes, and for cropped pictures that
    would have to be imported in place.
    """
    if split is None:
        dataset = with_validation(dataset)
    named = {c.name.casefold() for c in dataset.classes}
    numbered = {str(c.index): c.name.casefold() for c in dataset.classes if str(c.index) not in named}
    # A class without a name is called after its colour.
    numbered |= {c.name.partition(" ")[2]: c.name for c in dataset.classes if c.name.startswith("colour #")}
    chosen = {
        numbered.get(name.casefold(), name.casefold()): choice for name, choice in (choices or {}).items()
    }
    unknown = chosen.keys() - named
    if unknown:
        names = ", ".join(f"{quoted(c.name)} ({c.index})" for c in dataset.classes[:20])
        raise FormatError(f"The dataset has no class “{sorted(unknown)[0]}”. It has {names}.")
    in_place = any(sample.picture.is_relative_to(folder) for sample in dataset.samples)
    if in_place and any(sample.crop is not None for sample in dataset.samples):
        raise FormatError(
            "The pictures of this dataset are parts of its files, so they must be written as new files. Import them "
            "into a project in another folder (on the command line: --into FOLDER)."
        )
    rows = tuple(_row(c, chosen.get(c.name.casefold()), known) for c in dataset.classes)
    added = {r.choice.name.casefold() for r in rows if r.choice.target == ClassTarget.CLASS and not r.known}
    if len(known) + len(added) > MAX_CLASS_VALUE:
        raise FormatError(
            f"The project would have more than {MAX_CLASS_VALUE} classes. Map some of the dataset's classes to the "
            "same class, to void or to nothing."
        )
    return ImportPlan(
        dataset,
        rows,
        split,
        len(dataset.samples),
        sum(sample.read_mask is not None for sample in dataset.samples),
        Counter(str(split or sample.split or "unsplit") for sample in dataset.samples),
        in_place,
        folder,
        sum(path_in_project(sample, folder) not in known_paths for sample in dataset.samples),
        frozenset(chosen),
    )


def path_in_project(sample: Sample, folder: Path) -> str:
    """The path that the picture of a sample has in a project with its pictures in `folder`, relative to that."""
    if sample.picture.is_relative_to(folder):
        return sample.picture.relative_to(folder).as_posix()
    return sample.target_path


def labelled_size(record: PictureRecord) -> tuple[int, int] | None:
    """(width, height) of a picture with a label."""
    if not record.is_labelled or record.width is None or record.height is None:
        return None
    return record.width, record.height


def labelled_sizes(records: Iterable[PictureRecord]) -> dict[str, tuple[int, int]]:
    """Of the pictures with a label, by path."""
    return {record.path: size for record in records if (size := labelled_size(record)) is not None}


def map_classes(classes: ClassList, rows: tuple[ImportClassRow, ...]) -> tuple[ClassList, NDArray[np.uint8]]:
    """The class list with the new classes, and a lookup table (256,) uint8 from values of a LoadedMask to class values.

    New classes keep their colour, and their index as the value (plus one when indices start at 0), if those are free.
    """
    used_colours = {c.colour for c in classes}
    shift = int(any(row.source.index == 0 for row in rows))
    table = np.zeros(256, np.uint8)
    table[VOID] = VOID
    for read_value, row in enumerate(rows, 1):
        if row.choice.target != ClassTarget.CLASS:
            table[read_value] = VOID if row.choice.target == ClassTarget.VOID else UNLABELLED
            continue
        known = classes.by_name(row.choice.name)
        if known is None:
            value = row.source.index + shift
            is_free = 1 <= value <= MAX_CLASS_VALUE and classes.by_value(value) is None
            colour = None if row.source.colour in used_colours else row.source.colour
            classes = classes.with_class(row.choice.name, colour, value if is_free else None)
            known = classes.classes[-1]
        table[read_value] = known.value
    return classes, table


def _check_name(foreign: DatasetClass, name: str) -> None:
    try:
        ClassList().with_class(name)
    except UserError as problem:
        raise FormatError(
            f"The class {quoted(foreign.name)} of the dataset cannot become {quoted(name)}: {problem} Choose another "
            "name for it (on the command line: --map OLD=NEW)."
        ) from problem


def _row(foreign: DatasetClass, choice: ClassChoice | None, known: ClassList) -> ImportClassRow:
    choice = choice or ClassChoice(
        foreign.target, foreign.name if foreign.target == ClassTarget.CLASS else ""
    )
    found = known.by_name(choice.name) if choice.target == ClassTarget.CLASS else None
    if choice.target == ClassTarget.CLASS and found is None:
        _check_name(foreign, choice.name)
    return ImportClassRow(
        foreign, ClassChoice(choice.target, found.name) if found else choice, found is not None
    )
