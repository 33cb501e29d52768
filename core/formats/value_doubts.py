"""The doubts about readings of mask values, each with its sentence, evidence and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.base.number_text import percent_text
from core.base.text import count_of
from core.formats.class_list_files import ClassListFile
from core.formats.dataset_types import DatasetClass
from core.formats.doubt import Doubt, DoubtAnswer, ValueReading
from core.formats.mask_evidence import MaskEvidence

MAX_SHARES = 12
"""Values whose share of the pixels is stated."""
ANY_NAME = "NAME"
"""Stands in an answer for the name that a person gives."""


def smeared_edges(evidence: MaskEvidence, names: tuple[str, str], top: int, threshold: float) -> Doubt:
    """names: of background and foreground; top: the number of white."""
    greys = {n: count for n, count in evidence.numbers.items() if n not in (0, top)}
    share = sum(greys.values()) / evidence.numbers.total()
    return Doubt(
        "smeared-edges",
        f"The masks are black and white, with {count_of(len(greys), 'grey')} between ({percent_text(share, 1)} "
        f"of the pixels) that form edges and no areas; values above {threshold:g} were read as {names[1]}, the others "
        f"as {names[0]}.",
        (("black", evidence.share(0)), ("white", evidence.share(top)), ("greys", share)),
        (
            DoubtAnswer(f"black is {names[0]}, white is {names[1]}", ValueReading.BINARY, (), True),
            DoubtAnswer("each value is a class", ValueReading.INDEX),
        ),
    )


def black_and_white(evidence: MaskEvidence, foreground: str, layout: str) -> Doubt:
    """layout: the dataset whose folders these are, in which 255 is void."""
    return Doubt(
        "black-and-white",
        f"The masks hold only 0 and 255, so 255 was read as {foreground} and not as void, and the classes are not "
        f"those of {layout}.",
        (("0", evidence.share(0)), ("255", evidence.share(255))),
        (
            DoubtAnswer(f"255 is {foreground}", ValueReading.BINARY, (), True),
            DoubtAnswer("255 is void", ValueReading.INDEX),
        ),
        (foreground,),
    )


def class_list_unused(evidence: MaskEvidence, table: ClassListFile, missing: Sequence[int]) -> Doubt:
    """missing: numbers of the masks that the list does not have."""
    shown = ", ".join(map(str, missing[:5])) or "other values"
    return Doubt(
        "class-list-unused",
        f"{table.name} was not used: it lists {count_of(len(table.classes), 'class', 'classes')}, and the masks hold "
        f"{shown}, which it does not list.",
        tuple((str(n), evidence.share(n)) for n in missing[:MAX_SHARES]),
    )


def assumed_layout(title: str, counts: Mapping[str, int]) -> Doubt:
    """title: of the dataset whose classes were assumed; counts: pixels by class."""
    shown = [name for name, count in counts.items() if count]
    total = max(1, sum(counts.values()))
    return Doubt(
        "assumed-class-set",
        f"No file names the classes; because of the folder names they were taken for those of {title}: "
        f"{', '.join(shown[:8])}.",
        tuple((name, counts[name] / total) for name in shown[:MAX_SHARES]),
        _rename(shown),
        tuple(shown),
    )


def assumed_colours(evidence: MaskEvidence, title: str, classes: Sequence[DatasetClass]) -> Doubt:
    """title: of the class set whose colours the masks have."""
    counts = {c.name: evidence.colours[c.colour] for c in classes if evidence.colours[c.colour]}
    total = max(1, evidence.colours.total())
    shown = list(counts)
    return Doubt(
        "assumed-class-set",
        f"No file names the colours; {len(shown)} of them are colours of the class set “{title}”, whose names were "
        f"assumed: {', '.join(shown[:8])}.",
        tuple((name, counts[name] / total) for name in shown[:MAX_SHARES]),
        _rename(shown),
        tuple(shown),
    )


def spread_greys(evidence: MaskEvidence, seen: Sequence[int]) -> Doubt:
    shown = ", ".join(map(str, seen[:MAX_SHARES]))
    return Doubt(
        "spread-greys",
        f"The masks hold the evenly spread greys {shown}; each became a class, also {seen[-1]}, which is void in many "
        "datasets.",
        tuple((str(n), evidence.share(n)) for n in seen[:MAX_SHARES]),
        (
            DoubtAnswer("each grey is a class", None, (), True),
            DoubtAnswer(f"{seen[-1]} is void", None, ((f"class {seen[-1]}", "void"),)),
            DoubtAnswer("only black and white count", ValueReading.BINARY),
        ),
        (f"class {seen[-1]}",),
    )


def blurred_greys(evidence: MaskEvidence, seen: Sequence[int]) -> Doubt:
    """seen: the greys that fill areas."""
    return Doubt(
        "blurred-greys",
        f"The masks are stored in a format that blurs, and have areas of the greys {', '.join(map(str, seen))}; each "
        "became a class, and pixels that are unlike all of them are void.",
        tuple((str(n), evidence.share(n)) for n in seen[:MAX_SHARES]),
        (
            DoubtAnswer("each grey is a class", ValueReading.COLOUR, (), True),
            DoubtAnswer("only black and white count", ValueReading.BINARY),
        ),
    )


def palettes_differ(evidence: MaskEvidence, *, is_followed: bool) -> Doubt:
    """is_followed: whether the colours were read and not the numbers."""
    done = (
        "the colours were read, not the numbers" if is_followed else "the numbers were read, not the colours"
    )
    total = max(1, evidence.by_palette.total())
    return Doubt(
        "palettes-differ",
        f"The palettes of the masks give different colours to the same number; {done}.",
        tuple(
            ("#{:02x}{:02x}{:02x}".format(*colour), count / total)
            for colour, count in evidence.by_palette.most_common(MAX_SHARES)
        ),
        (
            DoubtAnswer("the colour is the class", ValueReading.PALETTE, (), is_followed),
            DoubtAnswer("the number is the class", ValueReading.INDEX, (), not is_followed),
        ),
    )


def only_255(evidence: MaskEvidence) -> Doubt:
    rest = "; transparent pixels stay unlabelled" if evidence.transparent else ""
    return Doubt(
        "only-255",
        f"The masks hold no other value than 255, which was read as foreground and not as void{rest}.",
        (("255", (evidence.pixels - evidence.transparent) / max(1, evidence.pixels)),),
        (
            DoubtAnswer("255 is foreground", None, (), True),
            DoubtAnswer("255 is void", None, (("foreground", "void"),)),
        ),
        ("foreground",),
    )


def no_data(evidence: MaskEvidence, numbers: Sequence[int]) -> Doubt:
    shown = ", ".join(map(str, numbers[:5]))
    return Doubt(
        "no-data",
        f"The value {shown} is no class number and was taken for “no data”: these pixels stay unlabelled.",
        tuple((str(n), evidence.share(n)) for n in numbers[:5]),
    )


def palette_order(evidence: MaskEvidence, table: ClassListFile, *, is_followed: bool) -> Doubt:
    """is_followed: whether the colours of the palette decide."""
    return Doubt(
        "palette-order",
        f"The palettes of the masks give the values other colours than {table.name} does; the colours were "
        f"{'followed' if is_followed else 'ignored'}.",
        tuple((str(n), evidence.share(n)) for n in sorted(evidence.numbers)[:MAX_SHARES]),
        (
            DoubtAnswer("the colours say the class", ValueReading.PALETTE, (), is_followed),
            DoubtAnswer("the stored numbers say the class", ValueReading.INDEX, (), not is_followed),
        ),
    )


def object_numbers(evidence: MaskEvidence, foreground: str, *, is_united: bool) -> Doubt:
    """is_united: whether all objects were read as one class."""
    count = sum(n > 0 for n in evidence.numbers)
    told = f"all of them were read as {foreground}" if is_united else "each of them was read as a class"
    return Doubt(
        "object-numbers",
        f"The masks seem to number objects, not classes ({count:,} numbers); {told}.",
        tuple((str(n), evidence.share(n)) for n in sorted(evidence.numbers)[:MAX_SHARES]),
        (
            DoubtAnswer(f"all objects are {foreground}", ValueReading.BINARY, (), is_united),
            DoubtAnswer("each number is a class", ValueReading.INDEX, (), not is_united),
        ),
    )


def classes_of_files(classes: Sequence[str], masks: Mapping[str, int]) -> Doubt:
    """classes: named after the files or folders of masks; masks: how many each has."""
    total = max(1, sum(masks.values()))
    return Doubt(
        "classes-of-files",
        f"Each mask shows one class, which was named after its folder or file: {', '.join(classes[:8])}; what no mask "
        "shows is background.",
        tuple((name, masks[name] / total) for name in classes[:MAX_SHARES]),
        (
            DoubtAnswer(
                "all of them are one class",
                None,
                tuple((name, "foreground") for name in classes[:MAX_SHARES]),
            ),
            *_rename(classes),
        ),
        tuple(classes),
    )


def paired_by_number(count: int) -> Doubt:
    """count: of pairs"""
    return Doubt(
        "paired-by-number",
        f"{count_of(count, 'mask')} {'has' if count == 1 else 'have'} another name than the picture; they were paired "
        "by the number in the name.",
    )


def _rename(names: Sequence[str]) -> tuple[DoubtAnswer, ...]:
    return tuple(DoubtAnswer(f"{name} is another class", None, ((name, ANY_NAME),)) for name in names[:3])
