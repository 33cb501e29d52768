"""The one table of formats: what comes in, what goes out, what each cannot hold, and which is which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from core.errors import FormatError
from core.formats import masks
from core.formats.dataset import Dataset, Recognition
from core.formats.tree import Tree
from core.formats.writing import Writer

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Format:
    """One row. `loses` says what the format cannot hold; `checked_by` what else reads what we write, or wrote what
    we read. A row without `opens` is for export only, one without `writer` for import only."""

    name: str
    title: str
    about: str
    loses: str
    checked_by: str
    recognises: Callable[[Tree], Recognition | None] | None = None
    opens: Callable[[Tree], Dataset] | None = None
    writer: Callable[[], Writer] | None = None

    @property
    def directions(self) -> str:
        return ", ".join(word for word, has in (("in", self.opens), ("out", self.writer)) if has)


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format(
            "masks",
            "Masks: one byte a pixel, the value of its class",
            "folders images/ and masks/ with a classes.json; a mask pixel is a class index",
            "Tags and notes.",
            "read back pixel for pixel",
            masks.recognise,
            masks.open_dataset,
            masks.MaskWriter,
        ),
        Format(
            "colour-masks",
            "Masks in the colours of the classes",
            "the same with masks in the classes' colours",
            "Tags and notes; two classes of one colour become one.",
            "read back pixel for pixel as “masks”",
            writer=partial(masks.MaskWriter, colour=True),
        ),
    )
}


def recognise_all(tree: Tree) -> list[Recognition]:
    """What every reader thinks of the folder, the surest first."""
    said = [row.recognises(tree) for row in FORMATS.values() if row.recognises]
    return sorted((r for r in said if r is not None), key=lambda r: -r.sure)


def open_dataset(root: Path, format_name: str = AUTO, tree: Tree | None = None) -> Dataset:
    """Recognise a folder, or take it as what it is said to be, and open it.

    Raises FormatError when nothing fits, with what comes nearest, or when the dataset is broken.
    """
    tree = tree or Tree(root)
    if format_name == AUTO:
        found = recognise_all(tree)
        if not found:
            raise FormatError(
                f"{tree.root} looks like no dataset that Maskloop reads. “maskloop formats” lists them; say which one "
                "it is, or point at the folder that holds both pictures and annotations."
            )
        format_name = found[0].format
    row = FORMATS.get(format_name)
    if row is None or row.opens is None:
        raise FormatError(f"“{format_name}” cannot be imported; “maskloop formats” lists what can.")
    return row.opens(tree)


def others(recognitions: list[Recognition]) -> str:
    """What a folder would have been else, as half a sentence; empty when there is nothing else."""
    rest = [f"{r.format} ({r.sure:.0%})" for r in recognitions[1:4]]
    return f"Else it would be {' or '.join(rest)}." if rest else ""


def importable() -> list[Format]:
    return [row for row in FORMATS.values() if row.opens]


def exportable() -> list[Format]:
    return [row for row in FORMATS.values() if row.writer]
