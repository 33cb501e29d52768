"""The account of a dataset: every file and every object came in, was left out with a reason, or does not belong.

Counts are exact; of the things with one reason only the first KEPT_PLACES are named, so that an account of millions of
objects stays small.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from core.base.errors import MaskloopError
from core.base.text import count_of
from core.formats.dataset_tree import DatasetTree
from core.formats.malformed import SharedReasonError

KEPT_PLACES = 20
"""Places named for each reason."""
KEPT_REASONS = 500
"""Reasons told apart; what comes later is counted as OTHER_REASONS."""
OTHER_REASONS = "other reasons, too many to list"
NOT_AN_AREA = "points, lines and bounding boxes are not areas"
_UNUSED_PICTURE = "no annotation of this format refers to the picture"
_FOREIGN_FILE = "it is not a file of this format"


class AccountKind(StrEnum):
    """What is counted: files of the folder; entries of a list or an annotation file that name a picture; objects."""

    FILE = "file"
    ENTRY = "entry"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class AccountRow:
    """Things of one kind with one reason.

    reason: a clause with the thing as its subject (“the outline has two corners”), or a whole sentence that names the
    place (`is_sentence`); places: the first ones, as names relative to the dataset, with what is meant inside a file
    after a comma (“a.json, shape 3”); summary: a whole sentence for several, with {count} and {place}
    """

    kind: AccountKind
    reason: str
    count: int
    places: tuple[str, ...]
    is_sentence: bool = False
    summary: str = ""

    def sentence(self, root: Path) -> str:
        """One sentence for people. `root` is the folder of the dataset."""
        if self.is_sentence:
            return self.reason
        place = f"{root}{os.sep}{self.places[0]}" if self.places else str(root)
        if self.summary and self.count > 1:
            return self.summary.format(count=f"{self.count:,}", place=place)
        if self.count == 1:
            return f"{place} was left out: {self.reason}."
        return f"{self._things()} were left out, for example {place}: {self.reason}."

    def line(self, root: Path, lead: str) -> str:
        """For a list: `lead` (“Left out: ”), what it was, and why."""
        if self.is_sentence:
            return f"{lead}{self.reason}"
        place = f"{root}{os.sep}{self.places[0]}" if self.places else str(root)
        if self.count == 1:
            return f"{lead}{place}: {self.reason}."
        return f"{lead}{self._things()}, for example {place}: {self.reason}."

    def _things(self) -> str:
        return count_of(self.count, self.kind.value, "entries" if self.kind == AccountKind.ENTRY else "")

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind.value,
            "reason": self.reason,
            "count": self.count,
            "places": list(self.places),
        }


@dataclass(frozen=True, slots=True)
class Account:
    """A finished account, or the part of it that one picture adds.

    files, objects: that came in; in the part of a picture `files` is negative when a file turned out to be unusable.
    unrelated: what does not belong to the dataset; named_files: names of the files that
    were left out or do not belong
    """

    files: int = 0
    objects: int = 0
    left_out: tuple[AccountRow, ...] = ()
    unrelated: tuple[AccountRow, ...] = ()
    named_files: frozenset[str] = field(default=frozenset(), repr=False)

    def count_left_out(self, kind: AccountKind | None = None) -> int:
        return sum(row.count for row in self.left_out if kind in (None, row.kind))

    def count_unrelated(self, kind: AccountKind | None = None) -> int:
        return sum(row.count for row in self.unrelated if kind in (None, row.kind))

    def sentences(self, root: Path) -> tuple[str, ...]:
        """What was left out, a sentence for each reason."""
        return tuple(row.sentence(root) for row in self.left_out)

    def lines(self, root: Path, lead: str = "Left out: ") -> tuple[str, ...]:
        """What was left out, as a list: a line for each reason."""
        return tuple(row.line(root, lead) for row in self.left_out)

    def summary(self) -> str:
        """The counts in one sentence; empty if nothing was counted."""
        parts = []
        for kind, used in ((AccountKind.FILE, self.files), (AccountKind.OBJECT, self.objects)):
            left, others = self.count_left_out(kind), self.count_unrelated(kind)
            if not used + left + others:
                continue
            said = [f"{used:,} came in"] + [f"{left:,} left out"] * bool(left)
            said += [f"{others:,} not part of the dataset"] * bool(others)
            parts.append(f"{count_of(used + left + others, kind.value)}: {', '.join(said)}")
        if entries := self.count_left_out(AccountKind.ENTRY):
            parts.append(f"{count_of(entries, 'entry', 'entries')} left out")
        return f"Account: {'; '.join(parts)}." if parts else ""

    def as_json(self) -> dict[str, Any]:
        """Counts by kind, and the reasons with places."""
        counts = {
            f"{kind.value}s": {
                "used": used,
                "left_out": self.count_left_out(kind),
                "unrelated": self.count_unrelated(kind),
            }
            for kind, used in ((AccountKind.FILE, self.files), (AccountKind.OBJECT, self.objects))
        }
        return {
            **counts,
            "entries": {"left_out": self.count_left_out(AccountKind.ENTRY)},
            "left_out": [row.as_json() for row in self.left_out],
            "unrelated": [row.as_json() for row in self.unrelated],
        }


@dataclass(slots=True)
class _Group:
    count: int = 0
    places: list[str] = field(default_factory=list)
    is_sentence: bool = False
    summary: str = ""

    def row(self, kind: AccountKind, reason: str) -> AccountRow:
        return AccountRow(kind, reason, self.count, tuple(self.places), self.is_sentence, self.summary)


class AccountBuilder:
    """Collects an account. One thread owns it; `result` gives the immutable account.

    account.left_out("labels/a.txt, line 3", "the outline has an odd count of numbers", AccountKind.OBJECT)
    account.left_out("masks/b.png", "no picture has this name")
    account.failed("masks/c.png", problem)              # a MaskloopError whose sentence names the place
    account.does_not_belong("a.json, shape 4", NOT_AN_AREA, AccountKind.OBJECT)
    account.came_in(objects=12)
    """

    def __init__(self, account: Account | None = None) -> None:
        self._files = self._objects = 0
        self._left_out: dict[tuple[AccountKind, str], _Group] = {}
        self._unrelated: dict[tuple[AccountKind, str], _Group] = {}
        self._named_files: set[str] = set()
        if account is not None:
            self.add(account)

    def came_in(self, *, files: int = 0, objects: int = 0) -> None:
        self._files += files
        self._objects += objects

    def left_out(
        self,
        place: str,
        reason: str,
        kind: AccountKind = AccountKind.FILE,
        *,
        count: int = 1,
        summary: str = "",
    ) -> None:
        """`place`, `reason` and `summary` as in AccountRow. A file is counted once, with its first reason."""
        if self._is_new(place, kind):
            _add(self._left_out, AccountRow(kind, reason, count, (place,), False, summary))

    def failed(self, place: str, problem: MaskloopError, kind: AccountKind = AccountKind.FILE) -> None:
        """Left out because of an error whose sentence names the place."""
        if not self._is_new(place, kind):
            return
        if isinstance(problem, SharedReasonError):
            shown = f"{place}, {problem.detail}" if problem.detail else place
            _add(self._left_out, AccountRow(kind, problem.reason, 1, (shown,)))
        else:
            _add(self._left_out, AccountRow(kind, str(problem), 1, (place,), True))

    def does_not_belong(
        self, place: str, reason: str, kind: AccountKind = AccountKind.FILE, *, count: int = 1
    ) -> None:
        """Not meant to become a label: a readme, a point, a second mask of the same content."""
        if self._is_new(place, kind):
            _add(self._unrelated, AccountRow(kind, reason, count, (place,)))

    def _is_new(self, place: str, kind: AccountKind) -> bool:
        if kind != AccountKind.FILE:
            return True
        is_new = place not in self._named_files
        self._named_files.add(place)
        return is_new

    def add(self, account: Account) -> None:
        """Add another account, such as that of one picture."""
        self._files += account.files
        self._objects += account.objects
        self._named_files |= account.named_files
        for row in account.left_out:
            _add(self._left_out, row)
        for row in account.unrelated:
            _add(self._unrelated, row)

    def has_named(self, name: str) -> bool:
        """Whether a file was left out or does not belong."""
        return name in self._named_files

    def result(self) -> Account:
        return Account(
            self._files,
            self._objects,
            tuple(group.row(*key) for key, group in self._left_out.items()),
            tuple(group.row(*key) for key, group in self._unrelated.items()),
            frozenset(self._named_files),
        )


def account_files(tree: DatasetTree, used: Iterable[Path], account: Account) -> Account:
    """`account` with every file of the folder: used, left out already, or unrelated.

    used: the files that the samples are read from; files that the reader read, such as class lists, count as used too.
    """
    builder = AccountBuilder(account)
    lead = f"{tree.root}{os.sep}"
    names = {text.removeprefix(lead).replace(os.sep, "/") for text in map(str, used) if text.startswith(lead)}
    names |= tree.read_names
    pictures = set(tree.pictures)
    count = 0
    for name in tree.files:
        if builder.has_named(name):
            continue
        if name in names:
            count += 1
        else:
            builder.does_not_belong(name, _UNUSED_PICTURE if name in pictures else _FOREIGN_FILE)
    builder.came_in(files=count)
    return builder.result()


def _add(groups: dict[tuple[AccountKind, str], _Group], row: AccountRow) -> None:
    key = row.kind, row.reason
    if key not in groups and len(groups) >= KEPT_REASONS:
        key = row.kind, OTHER_REASONS
        row = AccountRow(row.kind, OTHER_REASONS, row.count, row.places)
    group = groups.setdefault(key, _Group(0, [], row.is_sentence, row.summary))
    group.count += row.count
    group.places += row.places[: max(0, KEPT_PLACES - len(group.places))]
