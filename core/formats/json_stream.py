"""A streaming reader for one large JSON object: list elements are yielded one at a time and never kept.

The ends of the objects in a list are found for a whole chunk of the file at once, by counting brackets outside strings;
the objects are then parsed together. That is ten times as fast as parsing them one by one, with the same result: every
element is parsed, and where bracket count and parser disagree, the elements are parsed one by one.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.formats.malformed import MalformedValueError

_CHUNK = 1 << 18
_FIRST_SIZE = 1 << 12
"""Bytes that are tried first when elements are parsed one by one."""
MAX_ELEMENT_BYTES = 64 << 20
"""Largest list element, and largest value that is not a list, in bytes."""
MAX_PLAIN_VALUES = 2_000_000
"""Numbers and texts in lists that are made for objects; each is parsed for itself."""
_WHITE_SPACE = re.compile(rb"[ \t\n\r]*")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""
_QUOTE, _ESCAPE, _OPENS, _CLOSES = 1, 2, 3, 4
_KINDS = np.zeros(256, np.uint8)
_KINDS[[ord(c) for c in '"\\[{]}']] = _QUOTE, _ESCAPE, _OPENS, _OPENS, _CLOSES, _CLOSES


class JsonElement(NamedTuple):
    """The value of `key`, or one element of the list there; `start` and `end` are byte offsets in the file."""

    key: str
    value: Any
    start: int
    end: int


def iter_json(path: Path, partial_types: Mapping[str, type] | None = None) -> Iterator[JsonElement]:
    """All elements in file order. Raises OSError, and ValueError if the file is not a valid JSON object.

    partial_types: by key, the msgspec.Struct into which the elements of that list are decoded, without other fields.
    Elements that do not match the struct are returned as dicts.
    """
    with path.open("rb") as file:
        yield from _JsonReader(file, partial_types or {}).elements()


def read_spans(file: IO[bytes], spans: list[tuple[int, int]]) -> list[Any]:
    """Parse the elements in these byte spans; one span may hold several consecutive elements. Raises ValueError."""
    parts = []
    for start, end in spans:
        file.seek(start)
        parts.append(file.read(end - start))
    found: list[Any] = parse_json(b"[" + b",".join(parts) + b"]")
    return found


def parse_json(text: bytes) -> Any:
    """Parse JSON. Raises ValueError, and RecursionError if it is nested too deeply.

    NaN and lone surrogates are not valid JSON, but many programs write them, so Python's parser is the fallback.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return json.loads(text.decode("utf-8"))


class _JsonReader:
    """`_text` is a chunk of the file, `_position` the read position in it."""

    def __init__(self, file: IO[bytes], partial_types: Mapping[str, type]) -> None:
        self._decoders = {key: msgspec.json.Decoder(list[kind]) for key, kind in partial_types.items()}  # type: ignore[valid-type]
        self._file = file
        self._text = file.read(_CHUNK)
        self._position = len(_BYTE_ORDER_MARK) if self._text.startswith(_BYTE_ORDER_MARK) else 0
        self._offset = 0
        """File offset of `_text`."""
        self._one_by_one_until = 0
        """File offset up to which elements are parsed one by one, because parsing them together failed."""
        self._plain_values = 0
        self._decode = json.JSONDecoder().raw_decode

    def elements(self) -> Iterator[JsonElement]:
        self._expect(b"{")
        if self._peek() == b"}":
            return
        while True:
            key = str(self._value().value)
            self._expect(b":")
            if self._peek() == b"[":
                yield from self._elements(key)
            else:
                yield self._value(key)
            if self._expect(b",}") == b"}":
                return

    def _elements(self, key: str) -> Iterator[JsonElement]:
        self._expect(b"[")
        if self._peek() == b"]":
            self._position += 1
            return
        while True:
            if objects := self._consecutive_objects(key):
                yield from objects
            else:
                yield self._count_plain(self._value(key))
            if self._expect(b",]") == b"]":
                return
            self._peek()

    def _count_plain(self, element: JsonElement) -> JsonElement:
        self._plain_values += not isinstance(element.value, dict)
        if self._plain_values > MAX_PLAIN_VALUES:
            raise MalformedValueError(
                f"its lists have more than {MAX_PLAIN_VALUES:,} values that are no objects"
            )
        return element

    def _consecutive_objects(self, key: str) -> list[JsonElement]:
        """The complete consecutive objects at this position; empty if they have to be parsed one by one."""
        if (
            self._offset + self._position < self._one_by_one_until
            or self._text[self._position : self._position + 1] != b"{"
        ):
            return []
        self._one_by_one_until = self._offset + len(self._text)
        starts, ends = _objects(self._text, self._position)
        if not len(ends):
            return []
        last = int(ends[-1])
        try:
            values = self._parse_list(key, b"[" + self._text[self._position : last] + b"]")
        except (ValueError, RecursionError):
            return []
        if len(values) != len(ends):
            return []
        before, self._position, self._one_by_one_until = self._offset, last, 0
        places = zip((starts + before).tolist(), (ends + before).tolist(), strict=True)
        return [JsonElement(key, value, *place) for value, place in zip(values, places, strict=True)]

    def _parse_list(self, key: str, text: bytes) -> list[Any]:
        if key in self._decoders:
            with contextlib.suppress(msgspec.DecodeError):
                return self._decoders[key].decode(text)
        found: list[Any] = parse_json(text)
        return found

    def _peek(self) -> bytes:
        """The next byte that is not white space, without consuming it."""
        while True:
            found = _WHITE_SPACE.match(self._text, self._position)
            self._position = found.end() if found else self._position
            if self._position < len(self._text):
                return self._text[self._position : self._position + 1]
            if not self._read_more(_CHUNK):
                raise MalformedValueError("it ends too early")

    def _expect(self, expected: bytes) -> bytes:
        found = self._peek()
        if found not in expected:
            raise MalformedValueError(
                f"{expected.decode()[-1]} is missing at byte {self._offset + self._position:,}"
            )
        self._position += 1
        return found

    def _value(self, key: str = "") -> JsonElement:
        """Bytes are decoded as Latin-1, so that positions in the text are byte offsets; each element is then decoded as
        UTF-8."""
        self._peek()
        size, chunk_size = _FIRST_SIZE, _CHUNK
        while True:
            text = self._text[self._position : self._position + size].decode("latin-1")
            is_rest = self._position + size >= len(self._text)
            try:
                value, end = self._decode(text)
            except ValueError:
                value, end = None, len(text)
                if is_rest and not self._read_more(chunk_size):
                    raise
            else:
                # A number may continue in the next chunk: "1", "1." and "1e+" all begin with a number.
                if end + 2 < len(text) or (is_rest and not self._read_more(chunk_size)):
                    break
            size = min(size * 8, MAX_ELEMENT_BYTES + 1)
            if is_rest:
                chunk_size = min(chunk_size * 2, MAX_ELEMENT_BYTES)
            if len(text) > MAX_ELEMENT_BYTES:
                raise MalformedValueError(f"an element is larger than {MAX_ELEMENT_BYTES >> 20} MB")
        if not text[:end].isascii():
            value = json.loads(text[:end].encode("latin-1"))
        start = self._offset + self._position
        self._position += end
        return JsonElement(key, value, start, start + end)

    def _read_more(self, size: int) -> bool:
        """Read on and drop what has been consumed. Returns whether there was anything left to read."""
        chunk = self._file.read(size)
        self._offset += self._position
        self._text, self._position = self._text[self._position :] + chunk, 0
        return bool(chunk)


def _objects(text: bytes, at: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Start and end offsets of the complete objects and lists that follow each other from `at` on."""
    codes = np.frombuffer(text, np.uint8, offset=at)
    kinds = _KINDS[codes]
    places = np.flatnonzero(kinds)
    kinds = kinds[places]
    if (kinds == _ESCAPE).any():
        places, kinds = _without_escaped(places, kinds)
    outside = (np.cumsum(kinds == _QUOTE) & 1 == 0) & (kinds != _QUOTE)
    places, opens = places[outside], kinds[outside] == _OPENS
    depth = np.cumsum(np.where(opens, 1, -1))
    # A depth below zero is the end of the enclosing list.
    stop = int(np.argmax(depth < 0)) if (depth < 0).any() else len(depth)
    places, opens, depth = places[:stop], opens[:stop], depth[:stop]
    ends = places[~opens & (depth == 0)] + 1 + at
    starts = places[opens & (depth == 1)][: len(ends)] + at
    return starts, ends


def _without_escaped(
    places: NDArray[np.int64], kinds: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Drop escaped quotes: those preceded by an odd number of backslashes."""
    slashes = places[kinds == _ESCAPE]
    first = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
    odd = np.diff(first, append=len(slashes)) % 2 == 1
    last = slashes[np.append(first[1:], len(slashes)) - 1]
    keep = (kinds != _ESCAPE) & ~((kinds == _QUOTE) & np.isin(places, last[odd] + 1))
    return places[keep], kinds[keep]
