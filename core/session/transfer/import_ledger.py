"""Records which pictures an import has stored, so that a stopped import can resume. A cache: it may be deleted."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import IO


class ImportLedger:
    """A JSON line for each imported picture: its path in the project, a signature of the files it was made from, and a
    digest of its label in the dataset. The files of a grown dataset change, such as one annotation file for all
    pictures; a label with the same digest does not.

    Without it an import reads everything again and finds nothing to change.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        """folder: of all ledgers, in the project's cache; root: of the dataset."""
        name = hashlib.blake2b(str(root).encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
        self._path = folder / f"{name}.jsonl"
        self._known: dict[str, tuple[str, str]] = {}
        self._file: IO[str] | None = None
        with contextlib.suppress(OSError, ValueError), self._path.open(encoding="utf-8") as lines:
            for line in lines:
                with contextlib.suppress(ValueError):  # the last line of an import that was killed
                    path, signature, *digest = json.loads(line)
                    self._known[str(path)] = str(signature), str(digest[0]) if digest else ""

    def has(self, path: str, signature: str) -> bool:
        return path in self._known and self._known[path][0] == signature

    def label_digest(self, path: str) -> str:
        """Of the label that was imported; empty if that is not known."""
        return self._known.get(path, ("", ""))[1]

    def add(self, path: str, signature: str, label_digest: str = "") -> None:
        """Errors of the disk are ignored: without the line only resuming takes longer."""
        with contextlib.suppress(OSError, ValueError):
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("a", encoding="utf-8", buffering=1)
            self._file.write(json.dumps([path, signature, label_digest]) + "\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def signature_of(files: Iterable[Path], *facts: bytes | str) -> str:
    """Hash of the size and modification time of every file, and of `facts` that decide how it is imported."""
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
