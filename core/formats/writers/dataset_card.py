"""The card of a dataset: DATASET.md says what is in it, where it comes from, and what its format could not hold."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.formats.writers.base import MADE_BY
from core.labels.class_list import VOID, ClassList

CARD_FILE = "DATASET.md"


@dataclass(slots=True)
class DatasetCounts:
    """What was written: pictures and masks by split; label pixels by value, those of no class under 0; in how many
    pictures each class is; labelled pixels by who said so."""

    pictures: Counter[str] = field(default_factory=Counter)
    masks: Counter[str] = field(default_factory=Counter)
    pixels: Counter[int] = field(default_factory=Counter)
    class_pictures: Counter[int] = field(default_factory=Counter)
    origin_pixels: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """Everything the card tells. `of` says what the masks are; `moment` is ISO 8601; `choices` are sentences about
    what was chosen; `left_out` counts pictures that could not be written."""

    name: str
    format: str
    about: str
    version: str
    date: str
    contents: str
    choices: tuple[str, ...]
    losses: tuple[str, ...]
    left_out: int

    def text(self, classes: ClassList, tally: DatasetCounts) -> str:
        """The card, in Markdown."""
        parts = [
            f"# {self.name}\n",
            f"{self.contents} as {self.format}: {self.about}. Written by {MADE_BY} {self.version}, state of {self.date}.\n",
            _table(("Split", "Pictures", "With a mask"), _splits(tally)),
            _table(("Value", "Class", "Colour", "Pixels", "Share", "Pictures"), _classes(classes, tally)),
            *_said(tally),
            *_list("How it was made", self.choices),
            *_list("What the format does not hold", self.losses),
        ]
        if self.left_out:
            parts.append(f"{self.left_out:,} pictures could not be written and were left out.\n")
        return "\n".join(parts)


def dataset_date(newest: str | None) -> str:
    """The date of a dataset, such that the same labels give the same bytes: SOURCE_DATE_EPOCH when it is set
    (reproducible-builds.org), else when the newest edit was made."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdecimal():
        return datetime.fromtimestamp(int(epoch), UTC).isoformat(timespec="seconds")
    return newest or "before the first edit"


def _splits(tally: DatasetCounts) -> list[tuple[str, ...]]:
    return [(split, f"{n:,}", f"{tally.masks[split]:,}") for split, n in sorted(tally.pictures.items())]


def _classes(classes: ClassList, tally: DatasetCounts) -> list[tuple[str, ...]]:
    total = sum(tally.pixels.values()) or 1
    named = [(str(c.value), c.name, "#{:02x}{:02x}{:02x}".format(*c.colour), c.value) for c in classes]
    named += [(str(VOID), "(void)", "", VOID), ("0", "(unlabelled)", "", 0)]
    return [
        (
            number,
            name.replace("|", "\\|"),
            colour,
            f"{tally.pixels[value]:,}",
            f"{tally.pixels[value] / total:.2%}",
            f"{tally.class_pictures[value]:,}",
        )
        for number, name, colour, value in named
    ]


def _said(tally: DatasetCounts) -> list[str]:
    total = sum(tally.origin_pixels.values())
    if not total:
        return []
    shares = [f"{who} {count / total:.1%}" for who, count in sorted(tally.origin_pixels.items())]
    return [f"Who labelled the pixels: {', '.join(shares)}.\n"]


def _list(title: str, sentences: tuple[str, ...]) -> list[str]:
    return [f"## {title}\n", "".join(f"- {s}\n" for s in sentences)] if sentences else []


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
