"""File and folder names of Maskloop's own dataset format, shared by its reader and writers."""

from __future__ import annotations

from pathlib import Path

CLASSES_FILE = "classes.json"
IMAGES, MASKS, PREDICTIONS = "images", "masks", "predictions"


def is_mask_dataset(root: Path) -> bool:
    """Whether a folder has the layout of this format. Cheap: no file is read."""
    return (root / CLASSES_FILE).is_file() and (root / IMAGES).is_dir() and (root / MASKS).is_dir()
