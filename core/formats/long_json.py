"""One large JSON object, read piece by piece: what stands in its lists is handed over one at a time and never held."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_CHUNK = 1 << 18
LARGEST_PIECE = 256 << 20
"""Bytes of one element of a list, or of one value that is no list."""
_BLANK = re.compile(r"[ \t\n\r]*")
_MARK = "\xef\xbb\xbf"
"""The byte order mark of UTF-8, each byte as a letter."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A value under `key` of the object, or an element of the list there; `start` and `end` are bytes of the file."""

    key: str
    value: Any
    start: int
    end: int


def pieces_of(path: Path) -> Iterator[Piece]:
    """All pieces, in the order of the file. Raises OSError, and ValueError where it is no sound JSON object."""
    with path.open("rb") as file:
        yield from _Reading(file).pieces()


def again(file: IO[bytes], spans: list[tuple[int, int]]) -> list[Any]:
    """The elements that lie in these bytes; one span may hold several that follow each other. Raises ValueError."""
    parts = []
    for start, end in spans:
        file.seek(start)
        parts.append(file.read(end - start))
    found: list[Any] = json.loads(b"[" + b",".join(parts) + b"]")
    return found


class _Reading:
    """Bytes are taken for letters (Latin-1), so that places in the text are places in the file; each piece is UTF-8."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._text = file.read(_CHUNK).decode("latin-1")
        self._at = len(_MARK) if self._text.startswith(_MARK) else 0
        self._before = 0
        """Bytes of the file before `_text`."""
        self._decode = json.JSONDecoder().raw_decode

    def pieces(self) -> Iterator[Piece]:
        self._expect("{")
        if self._next() == "}":
            return
        while True:
            key = str(self._value().value)
            self._expect(":")
            if self._next() == "[":
                yield from self._elements(key)
            else:
                piece = self._value()
                yield Piece(key, piece.value, piece.start, piece.end)
            if self._expect(",}") == "}":
                return

    def _elements(self, key: str) -> Iterator[Piece]:
        self._expect("[")
        if self._next() == "]":
            self._at += 1
            return
        while True:
            piece = self._value()
            yield Piece(key, piece.value, piece.start, piece.end)
            if self._expect(",]") == "]":
                return

    def _next(self) -> str:
        """The next letter that is no blank, left where it is."""
        while True:
            found = _BLANK.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(_CHUNK):
                raise ValueError("it ends too early")

    def _expect(self, letters: str) -> str:
        found = self._next()
        if found not in letters:
            raise ValueError(f"{found!r} at byte {self._before + self._at}")
        self._at += 1
        return found

    def _value(self) -> Piece:
        self._next()
        want = _CHUNK
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except ValueError:
                value, end = None, len(self._text)
                if not self._more(want):
                    raise
            else:
                # A number may go on behind what has been read.
                if end < len(self._text) or not self._more(want):
                    break
            want = min(want * 2, LARGEST_PIECE)
            if len(self._text) - self._at > LARGEST_PIECE:
                raise ValueError(f"a part of it is larger than {LARGEST_PIECE >> 20} MB")
        text = self._text[self._at : end]
        if not text.isascii():
            value = json.loads(text.encode("latin-1"))
        start = self._before + self._at
        self._at = end
        return Piece("", value, start, self._before + end)

    def _more(self, size: int) -> bool:
        """Whether there was more of the file to read; what has been used is let go."""
        fresh = self._file.read(size)
        self._before += self._at
        self._text, self._at = self._text[self._at :] + fresh.decode("latin-1"), 0
        return bool(fresh)
