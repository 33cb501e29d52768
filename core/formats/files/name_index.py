"""Finds the file that a reference in a dataset means, among the listed names and never on the disk.

A reference may be a path of another machine, an address on the web or in a cloud, percent-encoded, or written with
other Unicode forms than the name of the file.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, unquote_plus

MAX_REFERENCE_LETTERS = 4096
"""A longer reference means no file."""
UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the names of uploaded files."""


def name_key(name: str) -> str:
    """Equal for names that differ only in case or in composed (NFC) and decomposed (NFD) letters."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class FileNameIndex:
    """Listed names by `key_of` the name: exact letters first, then percent-decoded names."""

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        """names: (what it is found by, listed name)."""
        self._by_key: dict[str, list[str]] = defaultdict(list)
        self._by_decoded: dict[str, list[str]] = defaultdict(list)
        for key, name in names:
            self._by_key[name_key(key)].append(name)
            if "%" in key and (decoded := unquote(key)) != key:
                self._by_decoded[name_key(decoded)].append(name)

    def find(self, key: str) -> list[str]:
        wanted = name_key(key)
        return self._by_key.get(wanted) or self._by_decoded.get(wanted, [])


def reference_parts(reference: str) -> list[str]:
    """The folders and the name in a path of any system."""
    return [part for part in reference.replace("\\", "/").split("/") if part not in ("", ".", "..")]


def reference_forms(reference: str) -> Iterator[list[str]]:
    """What a reference may mean, the most literal first, each as `reference_parts` and never empty.

    The path may stand in the query of an address (`?d=`, `?filepath=`), also as base64 (`?fileuri=`) or as an address
    itself, and with percent codes. A picture in a data address is no reference."""
    if len(reference) > MAX_REFERENCE_LETTERS or reference.lstrip().startswith("data:"):
        return
    seen: set[tuple[str, ...]] = set()
    for form in _spellings(reference):
        parts = reference_parts(form)
        if parts and (key := tuple(parts)) not in seen:
            seen.add(key)
            yield parts


def _spellings(reference: str, depth: int = 2) -> Iterator[str]:
    """depth: of addresses in the queries of addresses."""
    is_address = "://" in reference
    if not is_address:
        yield reference
        yield reference.strip()
    address, _, query = reference.partition("#")[0].partition("?")
    path = address.partition("://")[2].partition("/")[2] if is_address else address
    values = [value for pair in query.split("&") if (value := pair.partition("=")[2])]
    if len(values) > 1 or " " in query:
        values.append(query.partition("=")[2])  # with & that should have been encoded
    in_query = [form for value in values for form in _from_query(value, depth)]
    if "." not in path.rpartition("/")[2]:
        # The name stands in the query, as in “…/data/local-files/?d=folder/a.jpg”.
        yield from in_query
    if path:
        yield path
        yield unquote(path)
        yield unquote(unquote(path))
    yield from in_query
    yield unquote(reference)


def _from_query(value: str, depth: int) -> Iterator[str]:
    decoded = unquote(value)
    if "." not in decoded:
        decoded = _from_base64(decoded)
    if "." not in decoded:
        return
    if "://" in decoded:
        if depth:
            yield from _spellings(decoded, depth - 1)
        return
    yield decoded
    yield unquote(decoded)
    yield unquote_plus(value)


def _from_base64(value: str) -> str:
    """Both alphabets are read; empty if it is no text in base64."""
    plain = value.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode("utf-8")
    except ValueError:
        return ""


def without_upload_prefix(parts: list[str]) -> list[str] | None:
    """The same without what Label Studio puts before the names of uploaded files; None if there is nothing of it."""
    original = UPLOAD_PREFIX.sub("", parts[-1])
    return [*parts[:-1], original] if original != parts[-1] else None


def best_match(names: list[str], reference: list[str], near_folder: str) -> str | None:
    """The name with most folders in common with the reference, then the nearest to `near_folder`, then the one in the
    same letters. None if there is none or two are equally good."""
    if len(names) <= 1:
        return names[0] if names else None
    ranked = sorted(((_score(name, reference, near_folder), name) for name in names), reverse=True)
    return ranked[0][1] if ranked[0][0] > ranked[1][0] else None


def _score(name: str, reference: list[str], near_folder: str) -> tuple[int, int, int, bool, int]:
    parts = name.split("/")
    folders, wanted = [name_key(p) for p in parts[:-1]], [name_key(p) for p in reference[:-1]]
    tail = 0
    for part, other in zip(reversed(folders), reversed(wanted), strict=False):
        if part != other:
            break
        tail += 1
    close = 0
    for part, other in zip(parts[:-1], near_folder.split("/"), strict=False):
        if part != other:
            break
        close += 1
    return tail, len(set(folders) & set(wanted)), close, parts[-1] == reference[-1], -len(parts)
