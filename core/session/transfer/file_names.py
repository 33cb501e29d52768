"""What exported pictures are called: by their own names or by a pattern, no two alike, fit for any file system."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from string import Formatter

from core.base.errors import FormatError
from core.formats.writers.base import NO_SPLIT
from core.project.records import PictureRecord

PATTERN = "{name}"
MAX_NAME_BYTES = 150
"""Bytes of a name as UTF-8: of the 255 that disks take, formats need some for what they add."""
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
"""What Windows does not take in a name, or no system does."""
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
_WIDTH = re.compile(r"^0?\d{0,2}d?$")


def file_names(records: Sequence[PictureRecord], pattern: str = PATTERN) -> dict[int, str]:
    """File names without ending. `pattern` may hold {name}, {split} and {index}, which counts from 0 ({index:05}).

    Raises FormatError for a pattern that cannot be understood or gives two pictures one name.
    """
    plain = _unique_names(records)
    if pattern == PATTERN:
        return plain
    _check_pattern(pattern)
    names = {
        r.id: safe_name(pattern.format(name=plain[r.id], split=str(r.split or NO_SPLIT), index=index))
        for index, r in enumerate(records)
    }
    twice = [name for name, count in Counter(n.casefold() for n in names.values()).items() if count > 1]
    if twice:
        raise FormatError(
            f"The pattern “{pattern}” calls more than one picture “{twice[0]}”. Add {{name}} or {{index}} to it."
        )
    return names


def make_unique(names: dict[int, str], spell: Callable[[str], str]) -> dict[int, str]:
    """Names spelt in a way that takes something from them, and still no two alike."""
    taken: dict[str, int] = {}
    found = {}
    for number, name in names.items():
        plain = spell(name)
        while (turn := taken.get(plain.casefold(), 0) + 1) > 1:
            taken[plain.casefold()] = turn
            plain = f"{plain}-{turn}"
        taken[plain.casefold()] = 1
        found[number] = plain
    return found


def shorten(name: str) -> str:
    """At most LONGEST bytes of it, never half a letter: disks count bytes, and a Chinese letter has three."""
    return name.encode("utf-8", "ignore")[:MAX_NAME_BYTES].decode("utf-8", "ignore")


def safe_name(name: str) -> str:
    """The name with what file systems refuse replaced, not too long, and never empty."""
    clean = shorten(_FORBIDDEN.sub("_", name).lstrip(". ")).rstrip(". ") or "picture"
    return f"_{clean}" if _RESERVED.match(clean) else clean


def _check_pattern(pattern: str) -> None:
    known = {"name", "split", "index"}
    try:
        parts = [
            (field, spec, turn) for _, field, spec, turn in Formatter().parse(pattern) if field is not None
        ]
    except ValueError as problem:
        raise FormatError(f"The pattern “{pattern}” cannot be understood: {problem}.") from problem
    for field, spec, turn in parts:
        if field not in known or turn or not _WIDTH.match(spec or "") or (spec and field != "index"):
            raise FormatError(
                f"The pattern “{pattern}” may hold {{name}}, {{split}} and {{index}}, the last with a width: "
                "{index:05}."
            )


def _unique_names(records: Sequence[PictureRecord]) -> dict[int, str]:
    """The picture's own name where it is the only one of that name, else longer ones."""
    names = {r.id: _candidate_name(r, 0) for r in records}
    turn = 1
    # More than one turn: "x__a", made from x/a.jpg, may meet a picture that is really called so.
    while len(taken := Counter(name.casefold() for name in names.values())) < len(names):
        names |= {r.id: _candidate_name(r, turn) for r in records if taken[names[r.id].casefold()] > 1}
        turn += 1
    return names


def _candidate_name(record: PictureRecord, turn: int) -> str:
    """Longer at every turn: the name, with its folders, with its suffix (a.jpg beside a.png), with its number."""
    match turn:
        case 0:
            return safe_name(_stem(record.name))
        case 1:
            return safe_name(_stem(record.path).replace("/", "__"))
        case _:
            # The number comes last and is never cut off.
            return safe_name(record.path.replace("/", "__").replace(".", "-")) + f"-{record.id}" * (turn - 2)


def _stem(name: str) -> str:
    return name.rsplit(".", 1)[0]
