"""Local files and folders in a drop or on the clipboard."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QDropEvent


def dropped_folder(event: QDropEvent) -> Path | None:
    """The first local folder that is dropped; for a file, the folder it lies in; None for anything else."""
    paths = dropped_paths(event.mimeData())
    if not paths:
        return None
    return paths[0] if paths[0].is_dir() else paths[0].parent


def dropped_paths(mime: QMimeData) -> list[Path]:
    """The local files and folders among the URLs that are dropped or pasted."""
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
