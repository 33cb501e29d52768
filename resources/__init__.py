"""Icons and the stylesheet of the window, and the page of a report, as files of a package."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path


def resource_path(name: str) -> Path:
    """Where a file or folder of this package lies."""
    return _root() / name


@lru_cache(maxsize=1)
def _root() -> Path:
    return Path(str(files("resources")))
