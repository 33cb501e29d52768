"""Makes new entries of a folder survive a power cut."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def fsync_folder(folder: Path) -> None:
    """Flush the entries of `folder` to the disk: flushing a file keeps its content, but not its name in the folder.

    Does nothing where folders cannot be flushed (Windows, some network drives).
    """
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def create_folder(folder: Path) -> None:
    """Create a folder and its missing parents, so that they survive a power cut. Raises OSError."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        fsync_folder(path.parent)
