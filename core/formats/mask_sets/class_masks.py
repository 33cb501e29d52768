"""Reads masks that each show one class: what is not black belongs to the class that the file is named after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from core.base.errors import FormatError
from core.formats.dataset_types import DatasetClass
from core.formats.doubt import Doubt, ValueReading
from core.formats.mask_evidence import MaskEvidence
from core.formats.mask_reader import MaskReader
from core.formats.value_decision import ValueDecision, decide_values
from core.labels.class_list import default_colour

_BACKGROUND = "background"


def decide_class_masks(
    evidence: Mapping[str, MaskEvidence], wanted: ValueReading | None = None
) -> tuple[ValueDecision, dict[str, MaskReader]]:
    """Classes and doubts, and the reader for the masks of each class. evidence: by class.

    A class called background gives the background. Raises FormatError for another reading than BINARY.
    """
    if wanted not in (None, ValueReading.BINARY):
        raise FormatError(
            f"The masks cannot be read by --values {wanted}; possible are: {ValueReading.BINARY}."
        )
    names = [_BACKGROUND, *(name for name in evidence if name.casefold() != _BACKGROUND)]
    classes = tuple(DatasetClass(n, name, default_colour(n + 1)) for n, name in enumerate(names))
    readers: dict[str, MaskReader] = {}
    doubts: dict[str, Doubt] = {}
    first: ValueDecision | None = None
    for name, of_class in evidence.items():
        decision = decide_values(of_class, wanted=ValueReading.BINARY)
        first = first or decision
        doubts |= {doubt.key: doubt for doubt in decision.doubts if doubt.key not in doubts}
        value = 1 if name.casefold() == _BACKGROUND else names.index(name) + 1
        readers[name] = replace(decision.reader, foreground=value)
    if first is None:
        raise FormatError("There are no masks of classes.")
    whole = replace(
        first, readings=(ValueReading.BINARY,), classes=classes, notes=(), doubts=tuple(doubts.values())
    )
    return whole, readers
