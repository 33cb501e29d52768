"""Fits class lists to the values that masks hold: which list names them, and whether line 1 means 0 or 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.base.number_text import percent_text
from core.formats.class_list_files import ClassListFile
from core.formats.dataset_types import ClassTarget, DatasetClass
from core.formats.doubt import Doubt, DoubtAnswer
from core.formats.mask_evidence import MaskEvidence
from core.labels.class_list import default_colour

VOID_NUMBER = 255
_BACKGROUND = """background backgrounds _background_ __background__ bg back none other others everything-else rest
clutter nothing unlabeled unlabelled void ignore __ignore__ unknown undefined null no-class negative normal healthy
empty background/void hintergrund fond fondo sfondo"""
_SURROUNDINGS = """soil ground sky land earth terrain grass field water sea sand snow floor wall vegetation bare-soil
non-vegetation surface scene surroundings"""
BACKGROUND_NAMES = frozenset(_BACKGROUND.split())
"""Names of what is not an object."""
SURROUNDINGS_NAMES = frozenset(_SURROUNDINGS.split())
"""Names of what fills most of a picture, so that a list may well begin with it."""
_DOMINANT = 0.6
"""Share of the pixels from which 0 looks like the background of objects."""


@dataclass(frozen=True, slots=True)
class FittedList:
    """A class list with the indices that the masks use, and the doubts about it."""

    table: ClassListFile
    doubts: tuple[Doubt, ...] = ()


def best_list(lists: Sequence[ClassListFile], evidence: MaskEvidence) -> FittedList | None:
    """The first list that names all numbers of the masks. None if there is none."""
    for table in lists:
        if (fitted := fit_list(table, evidence)) is not None:
            return fitted
    return None


def fit_list(table: ClassListFile, evidence: MaskEvidence) -> FittedList | None:
    """The list with fitting indices, or None. 255 is void unless it is listed; negative numbers are “no data”."""
    seen = {n for n in evidence.numbers if n >= 0}
    allowed = {c.index for c in table.classes} | table.void | table.unlabelled | {VOID_NUMBER}
    if table.has_indices:
        if seen <= allowed:
            return FittedList(table)
        if seen <= allowed | {0}:  # the list leaves the background out
            background = _background()
            return FittedList(
                table.shifted(0, background),
                (_doubt_background(table, table.shifted(0, background), evidence),),
            )
        return None
    count = len(table.classes)
    listed = seen - {VOID_NUMBER} if count <= VOID_NUMBER else seen
    top = max(listed, default=0)
    if _palette_agrees(table, evidence):
        return FittedList(table)
    begins = min((c.index for c in table.classes), default=0)
    if begins < 0 or _begins_with_background(table):
        return FittedList(table) if seen <= allowed else _spread_list(table, sorted(seen))
    moved = table.shifted(1, _background())
    if top == count and 0 not in listed:
        return FittedList(table.shifted(1))
    if top == count:
        return FittedList(moved, (_doubt_background(table, moved, evidence),))
    if top > count:
        return _spread_list(table, sorted(seen))
    if evidence.share(0) < _DOMINANT:
        return FittedList(table)
    if _is_surroundings(table.classes[0].name):
        return FittedList(table, (_doubt_first(table, moved, evidence),))
    return FittedList(moved, (_doubt_background(table, moved, evidence),))


def _palette_agrees(table: ClassListFile, evidence: MaskEvidence) -> bool:
    """Whether the palette of the masks gives each number the colour that the list gives it."""
    by_index = {c.index: c.colour for c in table.classes}
    used = [n for n in evidence.numbers if n != VOID_NUMBER]
    return (
        table.has_colours
        and bool(evidence.palette)
        and all(by_index.get(n) == evidence.palette.get(n) for n in used)
    )


def _spread_list(table: ClassListFile, seen: Sequence[int]) -> FittedList | None:
    """As many names as numbers, which have gaps: the names go with the numbers in order, which is doubtful."""
    if len(seen) != len(table.classes):
        return None
    classes = tuple(
        DatasetClass(n, c.name, c.colour, c.target) for n, c in zip(seen, table.classes, strict=True)
    )
    pairs = ", ".join(f"{c.index} is {c.name}" for c in classes[:8])
    doubt = Doubt(
        "values-in-order",
        f"The values of the masks are not the line numbers of {table.name}, but there are as many; they were "
        f"matched in order: {pairs}.",
        (),
        tuple(DoubtAnswer(f"{c.index} is another class", None, ((c.name, "NAME"),)) for c in classes[:3]),
        tuple(c.name for c in classes),
    )
    fitted = ClassListFile(
        table.name, classes, table.has_colours, table.void, table.unlabelled, has_indices=True
    )
    return FittedList(fitted, (doubt,))


def _doubt_background(original: ClassListFile, moved: ClassListFile, evidence: MaskEvidence) -> Doubt:
    first = original.classes[0].name
    shown = [c for c in moved.classes if c.index in evidence.numbers]
    pairs = ", ".join(f"{c.index} is {c.name}" for c in shown[:8])
    back = tuple(
        (new.name, old.name)
        for new, old in zip(moved.classes, original.classes, strict=False)
        if new.index in evidence.numbers and not original.has_indices
    )
    return Doubt(
        "list-without-background",
        f"{original.name} names no background, and 0 fills {percent_text(evidence.share(0))} of the pixels; so 0 "
        f"was taken for the background: {pairs}.",
        tuple((c.name, evidence.share(c.index)) for c in shown[:12]),
        (
            DoubtAnswer("0 is background", None, (), True),
            *((DoubtAnswer(f"0 is {first}, the first of the list", None, back),) if back else ()),
        ),
        tuple(c.name for c in shown),
    )


def _doubt_first(table: ClassListFile, moved: ClassListFile, evidence: MaskEvidence) -> Doubt:
    first = table.classes[0].name
    names = {c.index: c.name for c in moved.classes}
    shown = [c for c in table.classes if c.index in evidence.numbers]
    return Doubt(
        "list-without-background",
        f"{table.name} begins with {first} and names no background; 0 fills {percent_text(evidence.share(0))} of "
        f"the pixels and was taken for {first}.",
        tuple((c.name, evidence.share(c.index)) for c in shown[:12]),
        (
            DoubtAnswer(f"0 is {first}", None, (), True),
            DoubtAnswer("0 is background", None, tuple((c.name, names[c.index]) for c in shown)),
        ),
        tuple(c.name for c in shown),
    )


def _background() -> DatasetClass:
    return DatasetClass(0, "background", default_colour(1), ClassTarget.CLASS)


def _begins_with_background(table: ClassListFile) -> bool:
    return _plain(table.classes[0].name) in BACKGROUND_NAMES


def _is_surroundings(name: str) -> bool:
    return _plain(name) in SURROUNDINGS_NAMES


def _plain(name: str) -> str:
    return (
        "-".join(name.casefold().replace("_", " ").split()) if not name.startswith("_") else name.casefold()
    )
