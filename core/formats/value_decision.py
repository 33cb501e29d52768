"""Decides what the values of masks mean: weighs the evidence for each reading, and says what stays doubtful.

This is the only place where a reading is chosen. Readers of datasets without a fixed class set give it the masks and
the class lists that lie beside them, and get classes, a reader of mask files, notes and doubts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.base.errors import FormatError
from core.base.number_text import percent_text
from core.formats import value_doubts
from core.formats.class_list_files import ClassListFile
from core.formats.class_list_fit import FittedList, best_list
from core.formats.class_sets import class_set, class_set_of_colours
from core.formats.dataset_types import ClassTarget, DatasetClass
from core.formats.doubt import Doubt, ValueReading
from core.formats.mask_evidence import MaskEvidence
from core.formats.mask_reader import MaskReader
from core.formats.mask_values import values_by_index
from core.labels.class_list import MAX_CLASS_VALUE, UNLABELLED, VOID, Colour, default_colour

VOID_NUMBER = 255
_VOID_CLASS = "void"
_MIN_EXTREMES = 0.5
"""Share of black and white pixels from which greys between them can be a smeared edge."""
_NEAR = 16
"""Numbers that are this near to 0 or 255 count as black or white."""
_MAX_SOLID = 0.05
"""Share of the grey pixels that may lie inside areas of one grey; an edge has none, a class has many."""
_MAX_OBJECT_CLASSES = 12
"""Values that number objects, by their file names, and still become classes: a person can look through so many."""
_FIRST_GREY = 64
"""The brightest value of a black and white mask is at least this."""
_DENSE = 0.8
"""Share of the numbers up to the highest that occur where the numbers count objects."""


@dataclass(frozen=True, slots=True)
class DefaultClasses:
    """A class set that a layout suggests when no file names the values, such as Pascal VOC's.

    is_certain: whether file names say so too; title: in sentences; void_colour: of a border that is not listed.
    """

    title: str
    classes: tuple[DatasetClass, ...]
    is_certain: bool
    void_colour: Colour | None = None


@dataclass(frozen=True, slots=True)
class ValueDecision:
    """The chosen reading; `readings`: all that are possible for these masks."""

    reading: ValueReading
    readings: tuple[ValueReading, ...]
    classes: tuple[DatasetClass, ...]
    reader: MaskReader
    notes: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()


def decide_values(
    evidence: MaskEvidence,
    lists: Sequence[ClassListFile] = (),
    *,
    wanted: ValueReading | None = None,
    defaults: DefaultClasses | None = None,
    counts_objects: bool = False,
) -> ValueDecision:
    """Choose a reading, or take the `wanted` one. Raises FormatError if it does not fit, or no reading does.

    counts_objects: whether file names say that the values number objects
    """
    return _Decision(evidence, lists, wanted, defaults, counts_objects).decide()


class _Decision:
    """One decision under way."""

    def __init__(
        self,
        evidence: MaskEvidence,
        lists: Sequence[ClassListFile],
        wanted: ValueReading | None,
        defaults: DefaultClasses | None,
        counts_objects: bool,
    ) -> None:
        self._evidence, self._lists, self._wanted, self._defaults = evidence, lists, wanted, defaults
        self._counts_objects = counts_objects
        self._notes: list[str] = []
        self._doubts: list[Doubt] = []
        self._readings = self._possible()

    def decide(self) -> ValueDecision:
        reading = self._wanted or self._chosen()
        if reading not in self._readings:
            possible = ", ".join(self._readings)
            raise FormatError(f"The masks cannot be read by --values {reading}; possible are: {possible}.")
        if reading == ValueReading.BINARY:
            classes, reader = self._binary()
        elif reading == ValueReading.INDEX:
            classes, reader = self._index()
        else:
            classes, reader = self._colour(reading)
        if (table := self._contradicting_list()) is not None:
            followed = reading == ValueReading.PALETTE
            self._doubts.append(value_doubts.palette_order(self._evidence, table, is_followed=followed))
        elif self._evidence.palettes_differ:
            followed = reading == ValueReading.PALETTE
            self._doubts.append(value_doubts.palettes_differ(self._evidence, is_followed=followed))
        return ValueDecision(
            reading, self._readings, classes, reader, tuple(self._notes), tuple(self._doubts)
        )

    # Which reading ------------------------------------------------------------------------------

    def _possible(self) -> tuple[ValueReading, ...]:
        evidence = self._evidence
        found = []
        if not evidence.colours:
            found.append(ValueReading.INDEX)
        if evidence.palette:
            found.append(ValueReading.PALETTE)
        found.append(ValueReading.COLOUR)
        found.append(ValueReading.BINARY)
        return tuple(found)

    def _chosen(self) -> ValueReading:
        evidence = self._evidence
        if evidence.colours:
            return ValueReading.COLOUR
        if evidence.palette and (self._contradicting_list() is not None or evidence.are_palettes_swapped()):
            return ValueReading.PALETTE
        if self._has_blurred_greys():
            return ValueReading.COLOUR
        if self._is_smeared() or self._is_black_and_white() or evidence.lossy == evidence.masks > 0:
            return ValueReading.BINARY
        if not evidence.palette and self._greys_are_colours():
            return ValueReading.COLOUR
        if self._numbers_objects() and len(evidence.numbers) > _MAX_OBJECT_CLASSES:
            return ValueReading.BINARY
        return ValueReading.INDEX

    def _numbers_objects(self) -> bool:
        """Whether the numbers count objects: file names say so, or there are too many for classes, without gaps."""
        seen = [n for n in self._evidence.numbers if n >= 0]
        if not seen or best_list(self._lists, self._evidence) is not None:
            return False
        is_dense = len(seen) > MAX_CLASS_VALUE and len(seen) >= _DENSE * (max(seen) + 1)
        return (self._counts_objects and len(seen) > 2) or (is_dense and not self._evidence.pictures_as_masks)

    def _is_black_and_white(self) -> bool:
        """Only 0 and 255, and no list that has both as indices."""
        seen = set(self._evidence.numbers)
        return seen == {0, VOID_NUMBER} and not any(
            table.has_indices and VOID_NUMBER in {c.index for c in table.classes} | table.void
            for table in self._lists
        )

    def _is_smeared(self) -> bool:
        """Whether the numbers between 0 and 255 are edges of black and white areas and not classes."""
        evidence = self._evidence
        numbers = evidence.numbers
        between = [n for n in numbers if 0 < n < VOID_NUMBER]
        if not between or evidence.palette or min(numbers) < 0 or max(numbers) > VOID_NUMBER:
            return False
        low = [n for n in numbers if n <= _NEAR]
        high = [n for n in numbers if n >= VOID_NUMBER - _NEAR]
        middle = [n for n in between if n not in {*low, *high}]
        extremes = sum(numbers[n] for n in (*low, *high))
        # Indices are low numbers without gaps; smeared edges reach into the upper half.
        if not any(n >= 128 for n in between) or extremes < _MIN_EXTREMES * numbers.total():
            return False
        # JPEG may shift whole areas by a step or two, but then it does so near black and near white.
        is_shifted = len(low) > 2 and len(high) > 2
        edges = middle if is_shifted else between
        solid = sum(evidence.solid[n] for n in edges)
        return solid <= _MAX_SOLID * max(1, sum(numbers[n] for n in edges)) and not self._lists_name(
            set(between)
        )

    def _has_blurred_greys(self) -> bool:
        """Whether all masks are in a format that blurs and have areas of three or more greys."""
        evidence = self._evidence
        return evidence.lossy == evidence.masks > 0 and len(evidence.grey_areas()) > 2

    def _lists_name(self, numbers: set[int]) -> bool:
        """Whether a class list has all of these indices."""
        return any(numbers <= {c.index for c in table.classes} for table in self._lists)

    def _greys_are_colours(self) -> bool:
        """Whether a list has the greys as colours but not as indices."""
        numbers = set(self._evidence.numbers)
        for table in self._lists:
            colours = {c.colour for c in table.classes}
            indices = {c.index for c in table.classes} | table.void | table.unlabelled | {VOID_NUMBER}
            if table.has_colours and not numbers <= indices and set(self._evidence.grey_colours()) <= colours:
                return True
        return False

    def _contradicting_list(self) -> ClassListFile | None:
        """The list whose colours the palette has, but at other indices."""
        palette = {n: self._evidence.palette.get(n) for n in self._evidence.numbers}
        for table in self._lists:
            if not table.has_colours:
                continue
            by_index = {c.index: c.colour for c in table.classes}
            colours = set(by_index.values())
            named = [colour for n, colour in palette.items() if n != VOID_NUMBER]
            known = [colour for colour in named if colour in colours]
            same = all(by_index.get(n) == colour for n, colour in palette.items() if n != VOID_NUMBER)
            # A palette of greys, or one without the list's colours, is how some program shows indices.
            if not same and len(named) > 1 and len(known) == len(named):
                return table
        return None

    # Binary -------------------------------------------------------------------------------------

    def _binary(self) -> tuple[tuple[DatasetClass, ...], MaskReader]:
        evidence = self._evidence
        numbers = evidence.numbers
        names, source = self._binary_names()
        top = VOID_NUMBER if evidence.colours or not numbers else max(numbers)
        classes = (
            DatasetClass(0, names[0], default_colour(1)),
            DatasetClass(top, names[1], default_colour(2)),
        )
        if source:
            self._notes.append(f"Class names are from {source}.")
        greys = {n: count for n, count in numbers.items() if n not in (0, top)}
        numbers_objects = self._numbers_objects()
        # Low numbers are no greys: above black everything is foreground.
        threshold = 0.0 if evidence.palette or numbers_objects or top < _FIRST_GREY else top / 2
        if numbers_objects:
            self._doubts.append(value_doubts.object_numbers(evidence, names[1], is_united=True))
        elif greys and threshold:
            self._doubts.append(value_doubts.smeared_edges(evidence, names, top, threshold))
        elif self._defaults is not None and top == VOID_NUMBER:
            self._doubts.append(value_doubts.black_and_white(evidence, names[1], self._defaults.title))
        elif not source:
            self._notes.append("The masks are black and white: background and foreground.")
        return classes, MaskReader(ValueReading.BINARY, threshold=threshold)

    def _binary_names(self) -> tuple[tuple[str, str], str]:
        for table in self._lists:
            names = [c.name for c in sorted(table.classes, key=lambda c: c.index) if c.index >= 0]
            if len(names) == 2:
                return (names[0], names[1]), table.name
            if len(names) == 1:
                return ("background", names[0]), table.name
        return ("background", "foreground"), ""

    # Index --------------------------------------------------------------------------------------

    def _index(self) -> tuple[tuple[DatasetClass, ...], MaskReader]:
        evidence = self._evidence
        seen = set(evidence.numbers)
        outside = {n for n in seen if n < 0}
        if outside:
            self._doubts.append(value_doubts.no_data(evidence, sorted(outside)))
        fitted = best_list(self._lists, evidence)
        if fitted is not None:
            return self._listed(fitted, outside)
        if self._lists:
            table = self._lists[0]
            missing = sorted(seen - {c.index for c in table.classes} - {VOID_NUMBER} - outside)
            self._doubts.append(value_doubts.class_list_unused(evidence, table, missing))
        if self._defaults is not None:
            indices = {c.index for c in self._defaults.classes} | {VOID_NUMBER}
            if seen - outside <= indices:
                return self._default(self._defaults, outside)
        return self._unnamed(outside)

    def _listed(self, fitted: FittedList, outside: set[int]) -> tuple[tuple[DatasetClass, ...], MaskReader]:
        table = fitted.table
        self._notes.append(f"Class names are from {table.name}.")
        self._doubts += fitted.doubts
        indices = {c.index for c in table.classes}
        void = table.void if VOID_NUMBER in indices else table.void | {VOID_NUMBER}
        numbers = values_by_index(table.classes, void, table.unlabelled) | dict.fromkeys(outside, UNLABELLED)
        colours = {c.colour: value for value, c in reversed(list(enumerate(table.classes, 1)))}
        reader = MaskReader(
            ValueReading.INDEX, numbers, colours if table.has_colours else {}, source=table.name
        )
        return table.classes, reader

    def _default(
        self, defaults: DefaultClasses, outside: set[int]
    ) -> tuple[tuple[DatasetClass, ...], MaskReader]:
        classes = self._used(defaults, {c for c in defaults.classes if self._evidence.numbers[c.index]})
        self._assume_defaults(defaults, {c.name: self._evidence.numbers[c.index] for c in classes})
        numbers = values_by_index(classes, frozenset([VOID_NUMBER]))
        colours = {c.colour: value for value, c in enumerate(classes, 1)}
        if defaults.void_colour is not None:
            colours = {defaults.void_colour: VOID} | colours
        reader = MaskReader(
            ValueReading.INDEX, numbers | dict.fromkeys(outside, UNLABELLED), colours, defaults.title
        )
        return classes, reader

    def _used(self, defaults: DefaultClasses, seen: set[DatasetClass]) -> tuple[DatasetClass, ...]:
        """The classes of a layout that occur; all where not every mask was looked at."""
        if not self._evidence.is_complete or not seen:
            return defaults.classes
        return tuple(c for c in defaults.classes if c in seen)

    def _assume_defaults(self, defaults: DefaultClasses, counts: dict[str, int]) -> None:
        """Note the class set of the layout, and doubt it unless the file names are those of the dataset."""
        count = sum(1 for pixels in counts.values() if pixels)
        self._notes.append(
            f"The classes are those of {defaults.title}, of which {count} occur; the border of objects is void."
        )
        if defaults.is_certain:
            return
        self._doubts.append(value_doubts.assumed_layout(defaults.title, counts))

    def _unnamed(self, outside: set[int]) -> tuple[tuple[DatasetClass, ...], MaskReader]:
        evidence = self._evidence
        seen = sorted(set(evidence.numbers) - outside)
        if len(seen) > MAX_CLASS_VALUE + 1 or evidence.pictures_as_masks:
            raise FormatError(
                f"The masks contain more than {MAX_CLASS_VALUE} different values, so these cannot be classes. If they "
                "are black and white with smeared edges, use --values binary; if they number objects, use masks of "
                "classes instead."
            )
        is_binary = len(seen) == 2 and seen[0] == 0
        spread = _is_evenly_spread(seen)
        is_alone = seen == [VOID_NUMBER]
        is_void = VOID_NUMBER in seen and not (is_binary or spread or is_alone)
        void = frozenset([VOID_NUMBER]) if is_void else frozenset()
        rest = [v for v in seen if v not in void]
        names = {0: "background", seen[-1]: "foreground"} if is_binary or is_alone else {}
        classes = tuple(
            DatasetClass(v, names.get(v, f"class {v}"), default_colour(n)) for n, v in enumerate(rest, 1)
        )
        mapped = ", ".join(str(v) for v in rest[:12]) + (" …" if len(rest) > 12 else "")
        told = f"No file names the values, so each becomes a class: {mapped}"
        if rest:
            self._notes.append(f"{told} (255 is void)." if void else f"{told}.")
        if is_alone:
            self._doubts.append(value_doubts.only_255(evidence))
        if void and len(classes) < MAX_CLASS_VALUE:
            classes = (*classes, DatasetClass(VOID_NUMBER, _VOID_CLASS, (128, 128, 128), ClassTarget.VOID))
            void = frozenset()
        if spread:
            self._doubts.append(value_doubts.spread_greys(evidence, seen))
        elif self._numbers_objects():
            self._doubts.append(value_doubts.object_numbers(evidence, "foreground", is_united=False))
        numbers = values_by_index(classes, void) | dict.fromkeys(outside, UNLABELLED)
        return classes, MaskReader(ValueReading.INDEX, numbers)

    # Colours ------------------------------------------------------------------------------------

    def _colour(self, reading: ValueReading) -> tuple[tuple[DatasetClass, ...], MaskReader]:
        evidence = self._evidence
        numbers = evidence.palette_colours() if evidence.palette else evidence.grey_colours()
        seen = evidence.colours + numbers
        if not evidence.colours and self._has_blurred_greys():
            seen = Counter({(n, n, n): evidence.solid[n] for n in evidence.grey_areas()})
            self._doubts.append(value_doubts.blurred_greys(evidence, sorted(evidence.grey_areas())))
        table = self._list_of_colours(set(seen))
        if table is None and (len(seen) > MAX_CLASS_VALUE or evidence.pictures_as_masks):
            raise FormatError(
                "The masks contain more than 254 different values or colours, so these cannot be classes. JPEG blurs "
                "the colours of masks: save them as PNG, or list the colours in a class_dict.csv (name,r,g,b)."
            )
        border = self._defaults.void_colour if self._defaults is not None else None
        known = class_set_of_colours({c for c in seen if seen[c] > 50 and c != border} or set(seen))
        classes: tuple[DatasetClass, ...]
        if table is not None:
            classes = table.classes
            self._notes.append(f"Class names and colours are from {table.name}.")
        elif self._defaults is not None and self._has_default_colours(self._defaults, set(seen)):
            classes = self._used(self._defaults, {c for c in self._defaults.classes if seen[c.colour]})
            self._assume_defaults(self._defaults, {c.name: seen[c.colour] for c in classes})
        elif known:
            classes = class_set(known)
            self._notes.append(f"The colours are those of the class set “{known}”, so its names are used.")
            if self._lists:
                self._notes.append(
                    f"{self._lists[0].name} is not used: its colours do not occur in the masks."
                )
            self._doubts.append(value_doubts.assumed_colours(evidence, known, classes))
        else:
            ordered = sorted(seen, key=lambda c: (-seen[c], c))
            classes = tuple(
                DatasetClass(n, "colour #{:02x}{:02x}{:02x}".format(*c), c) for n, c in enumerate(ordered, 1)
            )
            self._notes.append("No file names the colours, so each becomes a class.")
        colours: dict[Colour, int] = {}
        for value, c in enumerate(classes, 1):
            colours.setdefault(c.colour, value)
        if border is not None:
            colours.setdefault(border, VOID)
        if missing := [c for c in seen if c not in colours]:
            shown = ", ".join("#{:02x}{:02x}{:02x}".format(*c) for c in missing[:5])
            self._notes.append(
                f"{len(missing)} colours belong to no class ({shown}); their pixels stay unlabelled."
            )
        if evidence.transparent:
            self._notes.append(
                "Transparent pixels stay unlabelled "
                f"({percent_text(evidence.transparent / max(1, evidence.pixels), 1)})."
            )
        return classes, MaskReader(reading, {}, colours)

    @staticmethod
    def _has_default_colours(defaults: DefaultClasses, seen: set[Colour]) -> bool:
        return len(seen & {c.colour for c in defaults.classes}) * 2 > len(seen - {defaults.void_colour})

    def _list_of_colours(self, seen: set[Colour]) -> ClassListFile | None:
        for table in self._lists:
            listed = {c.colour for c in table.classes} if table.has_colours else set()
            if listed and (len(listed & seen) * 2 >= len(seen) or self._evidence.lossy):
                return table
        return None


def _is_evenly_spread(numbers: Sequence[int]) -> bool:
    """Such as 0, 128, 255 or 0, 85, 170, 255: classes drawn as greys so that people see them."""
    if len(numbers) < 3 or numbers[0] != 0 or numbers[-1] not in (254, 255, 256):
        return False
    step = numbers[-1] / (len(numbers) - 1)
    return step > 8 and all(abs(n - place * step) <= 1 for place, n in enumerate(numbers))
