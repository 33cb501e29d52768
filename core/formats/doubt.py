"""Doubts about how a dataset is read: what was assumed, on which evidence, and how a person can decide otherwise."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class ValueReading(StrEnum):
    """What the pixels of a mask file say.

    index: the stored number is the class; palette: the colour that the file's palette gives the number; colour: the
    colour itself; binary: black is background and white is foreground, whatever lies between is a smeared edge
    """

    INDEX = "index"
    PALETTE = "palette"
    COLOUR = "colour"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class DoubtAnswer:
    """One way to decide. It changes `values`, `mapping` (class of the dataset -> class, void or skip) or `fits_masks`
    (whether masks that miss the size of their picture by a pixel are fitted); `is_assumed`: what happens if nobody
    answers."""

    text: str
    values: ValueReading | None = None
    mapping: tuple[tuple[str, str], ...] = ()
    is_assumed: bool = False
    fits_masks: bool | None = None

    @property
    def option(self) -> str:
        """The words on the command line."""
        words = [f"--values {self.values}"] if self.values else []
        words += ["--fit-masks"] if self.fits_masks else []
        return " ".join([*words, *(f'--map "{old}={new}"' for old, new in self.mapping)])

    def as_json(self) -> dict[str, Any]:
        return {"text": self.text, "option": self.option, "assumed": self.is_assumed}


@dataclass(frozen=True, slots=True)
class Doubt:
    """One uncertain decision.

    key: the same for the same kind of doubt; sentence: a whole sentence; evidence: (what, share of the pixels or count)
    classes: of the dataset, which settle the doubt once a person has mapped all of them; is_answered: whether a person
    has decided
    """

    key: str
    sentence: str
    evidence: tuple[tuple[str, float], ...] = ()
    answers: tuple[DoubtAnswer, ...] = ()
    classes: tuple[str, ...] = ()
    is_answered: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "sentence": self.sentence,
            "evidence": dict(self.evidence),
            "answers": [answer.as_json() for answer in self.answers],
        }

    def line(self) -> str:
        """The doubt with the options that answer it, for the terminal."""
        options = [f"{a.option}: {a.text}" for a in self.answers if a.option and not a.is_assumed]
        return f"{self.sentence} Otherwise {'; '.join(options)}." if options else self.sentence


def answered_by_reading(doubts: Iterable[Doubt], reading: ValueReading) -> tuple[Doubt, ...]:
    """The doubts, after a person has chosen how the values are read."""
    return tuple(
        replace(doubt, is_answered=True) if any(a.values == reading for a in doubt.answers) else doubt
        for doubt in doubts
    )


def answered_by_mapping(doubts: Iterable[Doubt], mapped: Collection[str]) -> tuple[Doubt, ...]:
    """The doubts, after a person has mapped classes. mapped: their names, case-folded."""
    return tuple(
        replace(doubt, is_answered=True)
        if doubt.classes and all(name.casefold() in mapped for name in doubt.classes)
        else doubt
        for doubt in doubts
    )


def unanswered(doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
    return tuple(doubt for doubt in doubts if not doubt.is_answered)
