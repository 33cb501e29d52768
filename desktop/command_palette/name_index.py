"""Finds pictures by a part of their path, within a frame among a hundred thousand."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from core.project.records import PictureRecord


class NameIndex:
    """All paths joined into one text, one a line, so that a search is one `str.find`.

    Immutable; built on any thread, read on any thread.
    """

    def __init__(self, records: Iterable[PictureRecord]) -> None:
        self._ids: list[int] = []
        self._starts: list[int] = []
        lines: list[str] = []
        at = 0
        for record in records:
            line = _plain(record.path)
            self._ids.append(record.id)
            self._starts.append(at)
            lines.append(line)
            at += len(line) + 1
        self._text = "\n".join(lines)

    def __len__(self) -> int:
        return len(self._ids)

    def find(self, part: str, most: int) -> list[int]:
        """Ids of the first `most` pictures, in list order, whose path contains `part`, ignoring case."""
        wanted = _plain(part).strip()
        found: list[int] = []
        at = self._text.find(wanted) if wanted else -1
        while at >= 0 and len(found) < most:
            row = bisect_right(self._starts, at) - 1
            found.append(self._ids[row])
            if row + 1 == len(self._starts):
                break
            at = self._text.find(wanted, self._starts[row + 1])
        return found


def _plain(text: str) -> str:
    """For comparison: case folded, on one line."""
    return text.casefold().replace("\n", " ")
