"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A file beside `path` to write, renamed to it at the end, and removed after an error. Its folder is made.

    Nothing is flushed to the disk: after a power cut the file may be the old one. Raises OSError.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")  # short, because the name of `path` may be long
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):  # renamed, or an earlier error says more
            temporary.unlink()
