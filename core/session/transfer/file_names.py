"""File names of exported pictures: from their own names or a pattern, unique and valid on any file system."""

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
"""Longest name as UTF-8. File systems allow 255 bytes; formats need some of them for suffixes."""
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
"""Characters that Windows, or any system, does not allow in a name."""
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
_WIDTH = re.compile(r"^0?\d{0,2}d?$")


def file_names(records: Sequence[PictureRecord], pattern: str = PATTERN) -> dict[int, str]:
    """File names without suffix, by picture id.

    pattern: may contain {name}, {split} and {index}, which counts from 0 and may have a width, {index:05}. Raises
    FormatError for an invalid pattern, and for one that gives two pictures the same name.
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
            f"The pattern “{pattern}” names more than one picture “{twice[0]}”. Add {{name}} or {{index}} to it."
        )
    return names


def make_unique(names: dict[int, str], simplify: Callable[[str], str]) -> dict[int, str]:
    """The simplified names, with numbers added where two became the same."""
    used: dict[str, int] = {}
    unique = {}
    for picture_id, name in names.items():
        plain = simplify(name)
        while (count := used.get(plain.casefold(), 0) + 1) > 1:
            used[plain.casefold()] = count
            plain = f"{plain}-{count}"
        used[plain.casefold()] = 1
        unique[picture_id] = plain
    return unique


def shorten(name: str) -> str:
    """At most MAX_NAME_BYTES of the name as UTF-8, cut between characters."""
    return name.encode("utf-8", "ignore")[:MAX_NAME_BYTES].decode("utf-8", "ignore")


def safe_name(name: str) -> str:
    """The name without forbidden characters and reserved names, not too long, never empty."""
    clean = shorten(_FORBIDDEN.sub("_", name).lstrip(". ")).rstrip(". ") or "picture"
    return f"_{clean}" if _RESERVED.match(clean) else clean


def _check_pattern(pattern: str) -> None:
    known = {"name", "split", "index"}
    try:
        fields = [
            (field, spec, conversion)
            for _, field, spec, conversion in Formatter().parse(pattern)
            if field is not None
        ]
    except ValueError as problem:
        raise FormatError(f"The pattern “{pattern}” cannot be understood: {problem}.") from problem
    for field, spec, conversion in fields:
        if field not in known or conversion or not _WIDTH.match(spec or "") or (spec and field != "index"):
            raise FormatError(
                f"The pattern “{pattern}” may only contain {{name}}, {{split}} and {{index}}, the last with a width: "
                "{index:05}."
            )


def _unique_names(records: Sequence[PictureRecord]) -> dict[int, str]:
    """The picture's own name where it is unique, else longer ones."""
    names = {r.id: _candidate_name(r, 0) for r in records}
    attempt = 1
    # More than once: "x__a", made from x/a.jpg, may be the real name of another picture.
    while len(used := Counter(name.casefold() for name in names.values())) < len(names):
        names |= {r.id: _candidate_name(r, attempt) for r in records if used[names[r.id].casefold()] > 1}
        attempt += 1
    return names


def _candidate_name(record: PictureRecord, attempt: int) -> str:
    """Longer at every attempt: the name, with folders, with the suffix (a.jpg beside a.png), with the picture id."""
    match attempt:
        case 0:
            return safe_name(_stem(record.name))
        case 1:
            return safe_name(_stem(record.path).replace("/", "__"))
        case _:
            # The id comes last, so that it is never cut off.
            return safe_name(record.path.replace("/", "__").replace(".", "-")) + f"-{record.id}" * (
                attempt - 2
            )


def _stem(name: str) -> str:
    return name.rsplit(".", 1)[0]
