"""A simulated disk: it is given every write and flush of a process, and tells what a power cut would leave.

Only data that was flushed (fsync or fdatasync) before the cut is certain to be there, and an entry of a folder only
once the folder was flushed. Later writes may be there, be lost, or be there in part: each sector of a file holds the
result of any of the writes to it, the file has the length after any of them, and folder entries change in the order in
which they were changed (journaling file systems guarantee that). A sector is never half written, as SQLite assumes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

TRACED = "openat,write,pwrite64,ftruncate,fsync,fdatasync,mkdir,unlink,unlinkat,rename,renameat,renameat2"


@dataclass
class File:
    """The flushed content of a file, and the changes since: (offset, bytes), or a new length."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes] | int] = field(default_factory=list)

    def flush(self) -> None:
        for act in self.pending:
            _apply(self.safe, act)
        self.pending.clear()

    def after_cut(self, chance: np.random.Generator, sector: int, kept: float) -> bytes:
        """What may be found afterwards. Of the writes to a sector none reached it with probability 1 - `kept`."""
        touches: dict[int, list[int]] = {}
        lengths, length = [len(self.safe)], len(self.safe)
        for number, act in enumerate(self.pending):
            start, stop = (act, length) if isinstance(act, int) else (act[0], act[0] + len(act[1]))
            length = act if isinstance(act, int) else max(length, stop)
            lengths.append(length)
            for place in range(start // sector, -(-stop // sector)):
                touches.setdefault(place, []).append(number)
        # Of each sector, the last write that reached it.
        last: dict[int, list[int]] = {}
        for place, numbers in touches.items():
            if chance.random() < kept:
                last.setdefault(int(chance.choice(numbers)) if kept < 1 else numbers[-1], []).append(place)
        working, found = bytearray(self.safe), bytearray(self.safe)
        for number, act in enumerate(self.pending):
            _apply(working, act)
            for place in last.get(number, ()):
                _apply(found, (place * sector, bytes(working[place * sector : (place + 1) * sector])))
        length = lengths[-1] if kept == 1 else lengths[0] if kept == 0 else int(chance.choice(lengths))
        return bytes(found[:length]).ljust(length, b"\0")


def _apply(content: bytearray, act: tuple[int, bytes] | int) -> None:
    if isinstance(act, int):
        content[act:] = bytes(max(0, act - len(content)))
        return
    offset, new = act
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(new)] = new


class Disk:
    """Everything below one folder, which is empty at first. Paths are absolute, as the process used them."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._files: dict[str, File] = {}
        self._safe_names: dict[str, File | None] = {}  # None is a folder
        self._pending_names: dict[str, list[tuple[str, File | None, bool]]] = {}

    def apply(self, call: Call) -> None:
        """Apply a system call that has succeeded."""
        path = call.path
        if not path.startswith(self._root + "/") and path != self._root:
            return
        match call.name:
            case "mkdir":
                self._name(path, None)
            case "openat" if "O_CREAT" in call.flags and path not in self._files:
                self._files[path] = File()
                self._name(path, self._files[path])
            case "openat" if "O_TRUNC" in call.flags:
                self._files[path].pending.append(0)
            case "pwrite64":
                self._files[path].pending.append((call.number, call.content))
            case "ftruncate":
                self._files[path].pending.append(call.number)
            case "fsync" | "fdatasync" if path in self._files:
                self._files[path].flush()
            case "fsync" | "fdatasync":
                for name, file, there in self._pending_names.pop(path, []):
                    _rename(self._safe_names, name, file, there)
            case "unlink":
                self._name(path, self._files.pop(path), there=False)
            case "rename":
                raise NotImplementedError(f"{path} was renamed; this disk does not know that yet")

    def after_cut(self, chance: np.random.Generator, into: Path) -> None:
        """Write a possible state after the power cut into the empty folder `into`."""
        sector = int(chance.choice((512, 4096)))
        # Nothing but what is certain, everything (as if only the program had died), or something between.
        kept = float(chance.choice((0, 1, chance.random())))
        names = dict(self._safe_names)
        for changes in self._pending_names.values():
            some = {0.0: 0, 1.0: len(changes)}.get(kept, int(chance.integers(len(changes) + 1)))
            for name, file, there in changes[:some]:
                _rename(names, name, file, there)
        for name in sorted(names):
            inside = into / PurePosixPath(name).relative_to(self._root)
            file = names[name]
            if not inside.parent.is_dir():
                continue  # its folder has not survived
            if file is None:
                inside.mkdir()
            else:
                inside.write_bytes(file.after_cut(chance, sector, kept))

    def _name(self, path: str, file: File | None, *, there: bool = True) -> None:
        self._pending_names.setdefault(os.path.dirname(path), []).append((path, file, there))  # noqa: PTH120


def _rename(names: dict[str, File | None], name: str, file: File | None, there: bool) -> None:
    if there:
        names[name] = file
    else:
        names.pop(name, None)


@dataclass(frozen=True)
class Call:
    """One line of strace: number is an offset or a length, flags are those of openat."""

    name: str
    path: str
    flags: str = ""
    number: int = 0
    content: bytes = b""


_TEXT = r'"((?:\\x[0-9a-f]{2})*)"'
_HANDLE = r"(?:\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?"
_LINE = re.compile(r"(\d+) +(\w+)\((.*)\) += (\d+)(?:<.*>)?$")
_BEGUN = re.compile(r"(\d+) +(.*) <unfinished \.\.\.>$")
_ENDED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)$")


def calls_in(trace: Path) -> Iterator[Call]:
    """The calls that changed something, in the order in which they ended (`strace -f -y -xx -e trace=TRACED`)."""
    begun: dict[str, str] = {}
    with trace.open("r", encoding="ascii") as lines:
        for line in lines:
            text = line.rstrip("\n")
            if half := _BEGUN.match(text):
                begun[half[1]] = half[2]
                continue
            if half := _ENDED.match(text):
                text = f"{half[1]} {begun.pop(half[1])}{half[2]}"
            if whole := _LINE.match(text):
                yield from _call(whole[2], whole[3], int(whole[4]))


def _call(name: str, arguments: str, answer: int) -> Iterator[Call]:
    match name:
        case "openat" | "mkdir" | "unlink" | "unlinkat" | "rename" | "renameat" | "renameat2":
            named = re.search(rf"{_TEXT}(.*)", arguments)
            path = _bytes(named[1]).decode() if named else ""
            kind = {"unlinkat": "unlink", "renameat": "rename", "renameat2": "rename"}.get(name, name)
            if path.startswith("/"):  # relative ones are none of ours: all that we give is absolute
                yield Call(kind, path, flags=named[2] if named else "")
        case "write" | "pwrite64":
            found = re.match(rf"{_HANDLE}, {_TEXT}(?:, \d+(?:, (\d+))?)$", arguments)
            if found and not found[2]:
                content = _bytes(found[3])[:answer]
                yield Call(name, _bytes(found[1]).decode(), number=int(found[4] or 0), content=content)
        case _:
            if (found := re.match(rf"{_HANDLE}(?:, (\d+))?", arguments)) and not found[2]:
                yield Call(name, _bytes(found[1]).decode(), number=int(found[3] or 0))


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
