"""Class sets of well-known datasets: index, name and colour of each class as published."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from core.formats.dataset_types import ClassTarget, DatasetClass
from core.labels.class_list import Colour, default_colour

_FILE = Path(__file__).with_name("class_sets.json")


@cache
def _sets() -> dict[str, list[list[object]]]:
    found: dict[str, list[list[object]]] = json.loads(_FILE.read_text("utf-8"))
    return found


@cache
def class_set(name: str) -> tuple[DatasetClass, ...]:
    """The classes of cityscapes (34), camvid-32, camvid-11, pet, voc, ade-150, drone or dubai. Raises KeyError.

    Classes whose name means "ignore" are void.
    """
    return tuple(_class(row) for row in _sets()[name])


@cache
def train_ids() -> dict[int, int]:
    """Cityscapes label id by train id (0..18)."""
    return {int(str(row[3])): int(str(row[0])) for row in _sets()["cityscapes"] if row[3] is not None}


@cache
def cityscapes_classes(count: int = 19) -> tuple[DatasetClass, ...]:
    """The 34 labels of Cityscapes, of which 19 (evaluated), 30 (all but technical ones) or 34 are classes, others
    void."""
    ids_by_count = {19: train_ids().values(), 30: range(4, 34), 34: range(34)}
    class_ids = frozenset(ids_by_count[count])
    return tuple(
        DatasetClass(
            c.index, c.name, c.colour, ClassTarget.CLASS if c.index in class_ids else ClassTarget.VOID
        )
        for c in class_set("cityscapes")
    )


def class_set_of_colours(colours: set[Colour]) -> str | None:
    """The smallest class set that has all of these colours, ignoring black and white; None if there is none."""
    wanted = colours - {(0, 0, 0), (255, 255, 255)}
    if len(wanted) < 2:
        return None
    fitting = [name for name in _sets() if wanted <= {c.colour for c in class_set(name)}]
    return min(fitting, key=lambda name: len(_sets()[name]), default=None)


def parse_hex_colour(text: str) -> Colour:
    """#rrggbb. Raises ValueError."""
    number = int(text.strip().removeprefix("#")[:6], 16)
    return number >> 16, number >> 8 & 255, number & 255


_VOID_NAMES = {"void", "unlabeled", "unlabelled", "border", "conflicting", "__ignore__"}


def default_target(name: str) -> ClassTarget:
    """The default target of a class of this name: void if the name means "ignore", otherwise a class."""
    return ClassTarget.VOID if name.casefold() in _VOID_NAMES else ClassTarget.CLASS


def _class(row: list[object]) -> DatasetClass:
    index, title, colour = int(str(row[0])), str(row[1]), row[2]
    rgb = parse_hex_colour(str(colour)) if colour else default_colour(max(1, index))
    return DatasetClass(index, title, rgb, default_target(title))
