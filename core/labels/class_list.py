"""The classes of a project: value, name and colour of what can be painted."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from core.base.display_text import clean_name, quoted
from core.base.errors import UserError

UNLABELLED = 0
"""Pixel value: not labelled yet. Never trained on."""
VOID = 255
"""Pixel value: deliberately ignored."""
MAX_CLASS_VALUE = 254
MAX_NAME_LETTERS = 80

Colour = tuple[int, int, int]
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")

# Twenty colours that are distinct on photographs and for colour-blind people: hue and lightness vary together, and
# neighbours in the list (usually the first classes of a project) differ most.
PRESET_COLOURS: tuple[Colour, ...] = (
    (230, 110, 40), (60, 140, 230), (250, 205, 60), (30, 160, 120), (200, 75, 155),
    (120, 205, 245), (150, 60, 60), (165, 215, 75), (105, 85, 205), (250, 165, 155),
    (20, 95, 100), (215, 185, 250), (140, 110, 35), (45, 220, 190), (235, 55, 85),
    (95, 120, 145), (245, 235, 165), (75, 150, 45), (120, 30, 120), (185, 150, 120),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LabelClass:
    """One class: `value` 1..254 is what a pixel holds, `colour` is 8-bit RGB, `position` orders the list."""

    value: int
    name: str
    colour: Colour
    position: int


@dataclass(frozen=True, slots=True)
class ClassList:
    """All classes in list order. Immutable: every change returns a new list.

    highest: the highest value ever used, also by a deleted class. Networks, imports and edits in progress may still use
    that value, which must not come to mean another class.
    """

    classes: tuple[LabelClass, ...] = ()
    highest: int = field(default=0, compare=False)

    def __iter__(self) -> Iterator[LabelClass]:
        return iter(self.classes)

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def values(self) -> tuple[int, ...]:
        return tuple(c.value for c in self.classes)

    def by_value(self, value: int) -> LabelClass | None:
        return next((c for c in self.classes if c.value == value), None)

    def by_name(self, name: str) -> LabelClass | None:
        normalised_name = _normalised(name).casefold()
        return next((c for c in self.classes if c.name.casefold() == normalised_name), None)

    def name_of(self, value: int) -> str:
        """Name for people of any pixel value."""
        if value == UNLABELLED:
            return "unlabelled"
        if value == VOID:
            return "void"
        found = self.by_value(value)
        return found.name if found else f"class {value}"

    def value_in(self, value: int, later: ClassList) -> int:
        """The value that class `value` of this list has in a later list, where the class may have another value: it is
        found by its name.

        Unlabelled where the class was deleted; unlabelled and void never change.
        """
        if value == VOID or later.by_value(value):
            return value
        own = self.by_value(value)
        found = later.by_name(own.name) if own else None
        return found.value if found else UNLABELLED

    def with_class(self, name: str, colour: Colour | None = None, value: int | None = None) -> ClassList:
        """With one more class at the end. Raises UserError for an invalid name, a used value or too many classes."""
        name = self._checked_name(name)
        free = value if value is not None else self.next_value()
        if not 1 <= free <= MAX_CLASS_VALUE or self.by_value(free):
            raise UserError(
                f"Class “{name}” cannot have the value {free}: choose a free value from 1 to 254."
            )
        chosen = default_colour(free) if colour is None else _checked_colour(colour, name)
        fresh = LabelClass(free, name, chosen, len(self.classes))
        return ClassList((*self.classes, fresh), max(self.highest, free))

    def with_changes(self, value: int, *, name: str | None = None, colour: Colour | None = None) -> ClassList:
        """With class `value` renamed or recoloured. Raises UserError when it does not exist or the name is invalid."""
        old = self.by_value(value)
        if old is None:
            raise UserError(f"There is no class with the value {value}.")
        if name is not None and name.strip() != old.name:
            old = replace(old, name=self._checked_name(name, besides=value))
        if colour is not None:
            old = replace(old, colour=_checked_colour(colour, old.name))
        return self.with_classes(old if c.value == value else c for c in self.classes)

    def with_classes(self, classes: Iterable[LabelClass]) -> ClassList:
        """With these classes instead; the highest value ever used is kept."""
        return replace(self, classes=tuple(classes))

    def next_value(self) -> int:
        """The smallest value above all that were ever used, else the smallest free one. Raises UserError when there
        is none."""
        used = set(self.values)
        after = max(self.highest, *used, 0) + 1
        if after <= MAX_CLASS_VALUE:
            return after
        free = next((v for v in range(1, MAX_CLASS_VALUE + 1) if v not in used), None)
        if free is None:
            raise UserError("A project holds at most 254 classes; merge or delete some before adding more.")
        return free

    def palette(self) -> NDArray[np.uint8]:
        """(256, 3) uint8 RGB by pixel value; unused values are black."""
        table = np.zeros((256, 3), np.uint8)
        for c in self.classes:
            table[c.value] = c.colour
        return table

    def _checked_name(self, name: str, besides: int | None = None) -> str:
        name = _normalised(name)
        if not name:
            raise UserError("A class needs a name; type at least one letter.")
        if len(name) > MAX_NAME_LETTERS:
            raise UserError("A class name has at most 80 letters; shorten it.")
        taken = self.by_name(name)
        if taken is not None and taken.value != besides:
            raise UserError(f"There is already a class called “{taken.name}”; choose another name.")
        return name


def _normalised(name: str) -> str:
    return clean_name(name)


def is_colour(colour: object) -> bool:
    """Whether this is 8-bit RGB: three whole numbers from 0 to 255."""
    return (
        isinstance(colour, tuple)
        and len(colour) == 3
        and all(isinstance(part, int | np.integer) and 0 <= part <= 255 for part in colour)
    )


def colour_text(colour: Colour) -> str:
    """A colour as it is stored: #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def parse_colour(text: object) -> Colour | None:
    """The colour that `colour_text` wrote; None for anything else."""
    if not isinstance(text, str) or not _COLOUR.fullmatch(text):
        return None
    number = int(text[1:], 16)
    return number >> 16, number >> 8 & 255, number & 255


def _checked_colour(colour: Colour, name: str) -> Colour:
    if not is_colour(colour):
        raise UserError(
            f"The class {quoted(name)} has the colour {quoted(str(colour))}, but red, green and blue are numbers from "
            "0 to 255."
        )
    red, green, blue = colour
    return int(red), int(green), int(blue)


def default_colour(value: int) -> Colour:
    """The colour of a new class of this value.

    After the preset colours, hues step by the golden ratio (neighbours are far apart, however many there are) while
    lightness alternates, so that similar hues differ in brightness.
    """
    if 1 <= value <= len(PRESET_COLOURS):
        return PRESET_COLOURS[value - 1]
    hue = (value * 0.618033988749895) % 1.0
    lightness = (0.42, 0.58, 0.72)[value % 3]
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, 0.62)
    return round(red * 255), round(green * 255), round(blue * 255)
