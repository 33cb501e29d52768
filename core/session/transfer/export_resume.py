"""The state of an unfinished export, kept beside its destination so that the next export can resume.

    .NAME.unfinished/
        export.json     the options; an export with other options restarts
        pictures.jsonl  a line for each exported picture: id, signature, files, position of its parts
        parts.jsonl     what the writer needs of each picture for the files at the end, which may be large
        dataset/        becomes NAME

A line counts only if the signature is still the same and the files have the sizes noted.
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
    """An exported picture. Stored by field name in `pictures.jsonl`.

    files: size by path below the dataset; tally: counts for the dataset card; pairs, predictions: 0 or 1
    problems: sentences; at, size: position and length in bytes of its parts in `parts.jsonl`
    """

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
    """How many pictures an unfinished export to `out` has written, and whether its options are the same. Fast."""
    folder = resume_folder(out)
    try:
        same = json.loads((folder / _OPTIONS).read_text("utf-8")) == json.loads(json.dumps(options))
        with (folder / _PICTURES).open("rb") as lines:
            return sum(1 for _ in lines), same
    except (OSError, ValueError):
        return 0, False


class ResumableExport:
    """An export under way. Belongs to the thread that runs it; a file lock keeps out other processes."""

    def __init__(self, out: Path, options: dict[str, Any], *, restart: bool = False) -> None:
        """Resume, or restart when asked to or when the options differ.

        Raises FormatError when another process exports to `out`, or other files are in the way, and OSError.
        """
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
        """The folder in which the dataset is written."""
        return self._folder / DATASET

    def find(self, picture_id: int, signature: str) -> ExportedItem | None:
        """The picture if it is exported already with this signature. To be called once for each picture."""
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
        """Note an exported picture. Its parts are written first, so that a line never points to missing parts."""
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
        """The parts for one dataset, by its number, in order of pictures and tiles. `check_cancelled` may raise."""
        for picture_id in ids:
            check_cancelled()
            row = self._finished[picture_id]
            self._parts.seek(row.at)
            for number, part in msgspec.json.decode(self._parts.read(row.size)):
                if number == sink:
                    yield part

    def remove_strays(self, ids: Iterable[int]) -> None:
        """Delete files of none of these pictures: half-written ones, or tables of an interrupted end."""
        known = {os.path.normpath(name) for picture_id in ids for name in self._finished[picture_id].files}
        for folder, inside, names in os.walk(self.root, topdown=False):
            for name in names:
                if os.path.relpath(os.path.join(folder, name), self.root) not in known:  # noqa: PTH118  (many)
                    Path(folder, name).unlink()
            for name in inside:
                with contextlib.suppress(OSError):  # not empty
                    Path(folder, name).rmdir()

    def close(self, *, keep: bool) -> None:
        """Release the lock. With `keep` the exported pictures, if any, stay for the next export."""
        for file in (self._pictures, self._parts):
            with contextlib.suppress(OSError):  # a full disk fails once more
                file.close()
        if not keep or not self._finished:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._lock.release()
        if not keep or not self._finished:
            shutil.rmtree(self._folder, ignore_errors=True)  # Windows cannot delete a locked file
            for parent in self._missing:  # removed only if empty: nothing was exported
                with contextlib.suppress(OSError):
                    parent.rmdir()

    def _open(self, options: dict[str, Any], restart: bool) -> None:
        options = json.loads(json.dumps(options))
        names = {path.name for path in self._folder.iterdir()} - {_LOCK}
        if names and not names <= {_OPTIONS, _PICTURES, _PARTS, DATASET}:
            raise FormatError(
                f"{self._folder} contains files that are not from an interrupted export. Move it to another folder."
            )
        if restart or self._stored_options() != options:
            # The options first: without them the rest is ignored.
            for name in (_OPTIONS, _PICTURES, _PARTS):
                (self._folder / name).unlink(missing_ok=True)
            if self.root.exists():
                shutil.rmtree(self.root)
            (self._folder / _OPTIONS).write_text(json.dumps(options), "utf-8")
        self.root.mkdir(exist_ok=True)
        self._finished = {row.id: row for row in _read_items(self._folder / _PICTURES)}
        self._pictures: IO[bytes] = (self._folder / _PICTURES).open("ab")
        self._parts: IO[bytes] = (self._folder / _PARTS).open("a+b")

    def _stored_options(self) -> Any:
        try:
            return json.loads((self._folder / _OPTIONS).read_text("utf-8"))
        except (OSError, ValueError):
            return None


def _without_details(row: ExportedItem) -> ExportedItem:
    """Without what is no longer needed once the picture is counted: all pictures are kept in memory."""
    return replace(row, signature="", tally={}, problems=[])


def discard(out: Path) -> None:
    """Delete an unfinished export to `out`. Raises FormatError when it is running."""
    if count_finished(out, {})[0] or (resume_folder(out) / _OPTIONS).exists():
        ResumableExport(out, {}, restart=True).close(keep=False)


def _read_items(path: Path) -> Iterator[ExportedItem]:
    """The complete lines. A broken last line is cut off the file, so that the next one starts on a new line."""
    complete_bytes = 0
    try:
        with path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                with contextlib.suppress(ValueError, TypeError):
                    yield msgspec.json.decode(line, type=ExportedItem)
                complete_bytes += len(line)
        os.truncate(path, complete_bytes)
    except FileNotFoundError:
        return
