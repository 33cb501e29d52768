"""The dataset card DATASET.md: content, origin of the labels, export options, and losses of the format."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.base.number_text import percent_text
from core.formats.writers.base import MADE_BY
from core.labels.class_list import VOID, ClassList

CARD_FILE = "DATASET.md"


@dataclass(slots=True)
class DatasetCounts:
    """Counts of an export: pictures and masks by split; label pixels by value (0 is unlabelled); pictures that
    contain a value, by value; labelled pixels by origin."""

    pictures: Counter[str] = field(default_factory=Counter)
    masks: Counter[str] = field(default_factory=Counter)
    pixels: Counter[int] = field(default_factory=Counter)
    class_pictures: Counter[int] = field(default_factory=Counter)
    origin_pixels: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """The content of the card. contents: what the masks are; date: ISO 8601; choices: sentences on the export options;
    left_out: number of pictures that could not be written."""

    name: str
    format: str
    about: str
    version: str
    date: str
    contents: str
    choices: tuple[str, ...]
    losses: tuple[str, ...]
    left_out: int

    def text(self, classes: ClassList, counts: DatasetCounts) -> str:
        """The card as Markdown."""
        parts = [
            f"# {self.name}\n",
            f"{self.contents} as {self.format}: {self.about}. "
            f"Written by {MADE_BY} {self.version}, state of {self.date}.\n",
            _table(("Split", "Pictures", "With a mask"), _splits(counts)),
            _table(("Value", "Class", "Colour", "Pixels", "Share", "Pictures"), _classes(classes, counts)),
            *_origins(counts),
            *_bullets("How it was made", self.choices),
            *_bullets("What the format does not store", self.losses),
        ]
        if self.left_out:
            parts.append(f"{self.left_out:,} pictures could not be written and were left out.\n")
        return "\n".join(parts)


def dataset_date(newest: str | None) -> str:
    """A reproducible date for the dataset: SOURCE_DATE_EPOCH if it is set (reproducible-builds.org), otherwise that
    of the newest edit."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdecimal():
        return datetime.fromtimestamp(int(epoch), UTC).isoformat(timespec="seconds")
    return newest or "before the first edit"


def _splits(counts: DatasetCounts) -> list[tuple[str, ...]]:
    return [(split, f"{n:,}", f"{counts.masks[split]:,}") for split, n in sorted(counts.pictures.items())]


def _classes(classes: ClassList, counts: DatasetCounts) -> list[tuple[str, ...]]:
    total = sum(counts.pixels.values()) or 1
    named = [(str(c.value), c.name, "#{:02x}{:02x}{:02x}".format(*c.colour), c.value) for c in classes]
    named += [(str(VOID), "(void)", "", VOID), ("0", "(unlabelled)", "", 0)]
    return [
        (
            number,
            name.replace("|", "\\|"),
            colour,
            f"{counts.pixels[value]:,}",
            percent_text(counts.pixels[value] / total, 2),
            f"{counts.class_pictures[value]:,}",
        )
        for number, name, colour, value in named
    ]


def _origins(counts: DatasetCounts) -> list[str]:
    total = sum(counts.origin_pixels.values())
    if not total:
        return []
    shares = [
        f"{origin} {percent_text(count / total, 1)}" for origin, count in sorted(counts.origin_pixels.items())
    ]
    return [f"Who labelled the pixels: {', '.join(shares)}.\n"]


def _bullets(title: str, sentences: tuple[str, ...]) -> list[str]:
    return [f"## {title}\n", "".join(f"- {s}\n" for s in sentences)] if sentences else []


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
