"""What an import has brought in already, so that one that was stopped goes on where it was. It may be lost."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO


class ImportLedger:
    """One line of JSON for each picture that is in: its place, and a signature of all that it was made of.

    Lies in the project's cache. Without it an import reads everything again and finds that nothing changes.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        name = hashlib.blake2b(str(root).encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
        self._path = folder / f"{name}.jsonl"
        self._known: dict[str, str] = {}
        self._file: IO[str] | None = None
        with contextlib.suppress(OSError, ValueError), self._path.open(encoding="utf-8") as lines:
            for line in lines:
                with contextlib.suppress(ValueError):  # the last line of an import that was killed
                    place, signature = json.loads(line)
                    self._known[str(place)] = str(signature)

    def has(self, place: str, signature: str) -> bool:
        return self._known.get(place) == signature

    def add(self, place: str, signature: str) -> None:
        """A disk that refuses is no reason to stop: only resuming is lost."""
        with contextlib.suppress(OSError, ValueError):
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("a", encoding="utf-8", buffering=1)
            self._file.write(json.dumps([place, signature]) + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def signature_of(files: Iterable[Path], *facts: bytes | str) -> str:
    """Size and time of every file and whatever else decides what a picture becomes, as one short text."""
    digest = hashlib.blake2b(digest_size=12)
    for path in files:
        with contextlib.suppress(OSError):
            status = path.stat()
            digest.update(
                f"{path}|{status.st_size}|{status.st_mtime_ns}\n".encode("utf-8", "surrogateescape")
            )
    for fact in facts:
        digest.update(fact if isinstance(fact, bytes) else fact.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
