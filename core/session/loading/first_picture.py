"""Reads the first picture of a folder before its project is open: that is faster than opening the project."""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from core.base.errors import MaskloopError
from core.base.lane import Lane
from core.images.file_kind import check_picture_file
from core.images.folder import scan_folder
from core.images.image_reader import needs_tiled_reading, read_raster
from core.images.pyramid import Pyramid
from core.project.project_files import HOME_FOLDER, first_picture_path

TILED_FROM_PIXELS = 200_000_000
"""A TIFF with more pixels is shown tile by tile; decoding it whole would take seconds and a gigabyte."""


@dataclass(frozen=True, slots=True)
class FirstPicture:
    """A decoded picture, for the canvas and for `PictureLoader`, which need not read it again."""

    path: Path
    pyramid: Pyramid


def read_first_picture(folder: Path, home: Path | None = None) -> FirstPicture | None:
    """The picture that will most likely be shown first: the one shown last, or the first of a new folder.

    None when the project is needed to know it, or the picture cannot be read; opening the project then says why.
    """
    with contextlib.suppress(MaskloopError, OSError):
        path = _likely_first(folder, home or folder / HOME_FOLDER)
        if path is not None:
            check_picture_file(path, folder)
        if path is not None and not needs_tiled_reading(path, TILED_FROM_PIXELS):
            return FirstPicture(path, Pyramid.from_raster(read_raster(path)))
    return None


def prefetch_first_picture(folder: Path, home: Path | None = None) -> Future[FirstPicture | None]:
    """`read_first_picture` on a thread that ends with it."""
    lane = Lane("first picture")
    found = lane.submit(read_first_picture, folder, home)
    lane.shutdown(wait=False)
    return found


def _likely_first(folder: Path, home: Path) -> Path | None:
    if home.is_dir():
        first = first_picture_path(home)
        path = Path(os.path.normpath(folder / first)) if first else None
        return path if path and path.is_relative_to(folder) and path.is_file() else None
    if (folder / "classes.json").exists():
        return None  # a mask dataset of ours: some of its pictures are masks
    return next(scan_folder(folder), None)
