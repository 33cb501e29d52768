"""What it takes for a new name in a folder to survive a power cut."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Have the disk keep the names in `folder`: flushing a file keeps what is in it, not that it is called so.

    Does nothing where folders cannot be flushed (Windows, some network drives): nothing better can be had there.
    """
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def create_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, so that a power cut leaves them there. Raises OSError."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in missing:
        sync_folder(place.parent)
