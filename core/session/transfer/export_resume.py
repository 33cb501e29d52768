"""What an export that was stopped has left beside its place, so that the next one goes on from there.

    .NAME.unfinished/
        export.json     what was wished; an export that wishes anything else begins anew
        pictures.jsonl  a line for each finished picture: its id, what it was made of, its files, where its parts lie
        parts.jsonl     what the format wants to know of each picture at the end, which may be large
        dataset/        becomes NAME

A line is only trusted where the picture, its label and everything else that it was made of are still the same and its
files have the sizes that they had.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import msgspec
from filelock import FileLock, Timeout

from core.base.errors import FormatError

_OPTIONS, _PICTURES, _PARTS, _LOCK, DATASET = (
    "export.json",
    "pictures.jsonl",
    "parts.jsonl",
    "lock",
    "dataset",
)


@dataclass(frozen=True, slots=True)
class ExportedItem:
    """A picture that is written. files: sizes by name below the dataset; tally: what it adds to the card; problems:
    sentences; at and size: bytes of its parts."""

    id: int
    signature: str
    files: dict[str, int]
    tally: dict[str, Any]
    pairs: int
    predictions: int
    problems: list[str]
    at: int = 0
    size: int = 0


def resume_folder(out: Path) -> Path:
    return out.with_name(f".{out.name}.unfinished")


def count_finished(out: Path, options: dict[str, Any]) -> tuple[int, bool]:
    """How many pictures an export to this place has left finished, and whether it had the same wish. Cheap."""
    folder = resume_folder(out)
    try:
        same = json.loads((folder / _OPTIONS).read_text("utf-8")) == json.loads(json.dumps(options))
        with (folder / _PICTURES).open("rb") as lines:
            return sum(1 for _ in lines), same
    except (OSError, ValueError):
        return 0, False


class ResumableExport:
    """One export under way. Belongs to the thread that runs it, and to no other process at the same time.

    Raises FormatError when somebody else exports to this place now or something else lies there, and OSError.
    """

    def __init__(self, out: Path, options: dict[str, Any], *, restart: bool = False) -> None:
        self._folder = resume_folder(out)
        self._missing = [parent for parent in out.parents if not parent.exists()]
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self._folder / _LOCK, thread_local=False)
        try:
            self._lock.acquire(blocking=False)
        except Timeout as taken:
            raise FormatError(
                f"Another export to {out} is running. Wait for it, or choose another folder."
            ) from taken
        try:
            self._open(options, restart)
        except BaseException:
            self._lock.release()
            raise

    @property
    def root(self) -> Path:
        """Where the dataset is written."""
        return self._folder / DATASET

    def find(self, picture_id: int, signature: str) -> ExportedItem | None:
        """The picture as it was finished, from exactly this; asked once for each."""
        found = self._finished.get(picture_id)
        if found is None or found.signature != signature:
            return None
        for name, size in found.files.items():
            try:
                if (self.root / name).stat().st_size != size:
                    return None
            except OSError:
                return None
        self._finished[picture_id] = _without_details(found)
        return found

    def record(self, finished: ExportedItem, parts: list[Any]) -> ExportedItem:
        """A picture is written. Its parts come first, so that a line never speaks of what is not there."""
        self._parts.seek(0, os.SEEK_END)
        at = self._parts.tell()
        size = self._parts.write(msgspec.json.encode(parts) + b"\n")
        self._parts.flush()
        row = replace(finished, at=at, size=size)
        self._pictures.write(msgspec.json.encode(row) + b"\n")
        self._pictures.flush()
        self._finished[row.id] = _without_details(row)
        return row

    def parts(self, ids: Iterable[int], sink: int, check_cancelled: Callable[[], None]) -> Iterator[Any]:
        """What was noted for one of the datasets, picture by picture, tile by tile. `going_on` may raise."""
        for picture_id in ids:
            check_cancelled()
            row = self._finished[picture_id]
            self._parts.seek(row.at)
            for number, part in msgspec.json.decode(self._parts.read(row.size)):
                if number == sink:
                    yield part

    def remove_strays(self, ids: Iterable[int]) -> None:
        """Take away what belongs to none of these pictures: half of one, or the tables of an end that was cut short."""
        known = {os.path.normpath(name) for picture_id in ids for name in self._finished[picture_id].files}
        for folder, inside, names in os.walk(self.root, topdown=False):
            for name in names:
                if os.path.relpath(os.path.join(folder, name), self.root) not in known:  # noqa: PTH118  (many)
                    Path(folder, name).unlink()
            for name in inside:
                with contextlib.suppress(OSError):  # stays when something is in it
                    Path(folder, name).rmdir()

    def close(self, *, keep: bool) -> None:
        """Let go of the place; what is finished stays for the next export when it is to be kept and there is any."""
        for file in (self._pictures, self._parts):
            with contextlib.suppress(OSError):  # a full disk says so once more
                file.close()
        if not keep or not self._finished:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.release()
        if not keep or not self._finished:
            shutil.rmtree(self._folder, ignore_errors=True)  # Windows keeps a file that is locked
            for parent in self._missing:  # only goes when it is empty: when nothing was exported
                with contextlib.suppress(OSError):
                    parent.rmdir()

    def _open(self, options: dict[str, Any], restart: bool) -> None:
        options = json.loads(json.dumps(options))
        names = {path.name for path in self._folder.iterdir()} - {_LOCK}
        if names and not names <= {_OPTIONS, _PICTURES, _PARTS, DATASET}:
            raise FormatError(
                f"{self._folder} is in the way; it holds more than a stopped export. Move it away."
            )
        if restart or self._record() != options:
            # The record first: without it nothing of the rest is believed.
            for name in (_OPTIONS, _PICTURES, _PARTS):
                (self._folder / name).unlink(missing_ok=True)
            if self.root.exists():
                shutil.rmtree(self.root)
            (self._folder / _OPTIONS).write_text(json.dumps(options), "utf-8")
        self.root.mkdir(exist_ok=True)
        self._finished = {row.id: row for row in _read_items(self._folder / _PICTURES)}
        self._pictures: IO[bytes] = (self._folder / _PICTURES).open("ab")
        self._parts: IO[bytes] = (self._folder / _PARTS).open("a+b")

    def _record(self) -> Any:
        try:
            return json.loads((self._folder / _OPTIONS).read_text("utf-8"))
        except (OSError, ValueError):
            return None


def _without_details(row: ExportedItem) -> ExportedItem:
    """What is still wanted of a picture that was counted: of a large dataset all of them are in memory."""
    return replace(row, signature="", tally={}, problems=[])


def discard(out: Path) -> None:
    """Forget what an export to this place has left. Raises FormatError when one is running."""
    if count_finished(out, {})[0] or (resume_folder(out) / _OPTIONS).exists():
        ResumableExport(out, {}, restart=True).close(keep=False)


def _read_items(path: Path) -> Iterator[ExportedItem]:
    """The lines that are whole; behind the last one the file is cut off, so that the next line begins a line."""
    good = 0
    try:
        with path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                with contextlib.suppress(ValueError, TypeError):
                    yield msgspec.json.decode(line, type=ExportedItem)
                good += len(line)
        os.truncate(path, good)
    except FileNotFoundError:
        return
