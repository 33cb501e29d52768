"""What a search finds, as a line that can be done something with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PaletteItem:
    """One line: `kind` says what it is in a word; `colour` shows a chip in place of an icon."""

    title: str
    kind: str
    activate: Callable[[], object]
    note: str = ""
    keys: str = ""
    icon: str = ""
    colour: tuple[int, int, int] | None = None


SearchFunction = Callable[[str], Sequence[PaletteItem]]
