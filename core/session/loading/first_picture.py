"""The first picture of a folder before its project is open: a picture is read sooner than a project is opened."""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from core.base.errors import MaskloopError
from core.base.lane import Lane
from core.images.folder import scan
from core.images.image_reader import opens_in_parts, read_raster
from core.images.pyramid import Pyramid
from core.project.layout import HOME, shown_first

GIANT_PIXELS = 200_000_000
"""A TIFF with more pixels is shown from its tiles; decoding it whole would take seconds and a gigabyte."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A picture that has been read, for the screen and for `Opening`, which need not read it again."""

    path: Path
    pyramid: Pyramid


def glimpse(folder: Path, home: Path | None = None) -> Glimpse | None:
    """The picture that will most likely be shown first: that of last time, or the first of a folder that is new.

    None when that is not known without the project, or the picture cannot be read; opening says why.
    """
    with contextlib.suppress(MaskloopError, OSError):
        path = _likely_first(folder, home or folder / HOME)
        if path is not None and not opens_in_parts(path, GIANT_PIXELS):
            return Glimpse(path, Pyramid.of_raster(read_raster(path)))
    return None


def begin_glimpse(folder: Path, home: Path | None = None) -> Future[Glimpse | None]:
    """The same on a thread of its own, which ends with it."""
    lane = Lane("glimpse")
    found = lane.submit(glimpse, folder, home)
    lane.close(wait=False)
    return found


def _likely_first(folder: Path, home: Path) -> Path | None:
    if home.is_dir():
        first = shown_first(home)
        path = Path(os.path.normpath(folder / first)) if first else None
        return path if path and path.is_relative_to(folder) and path.is_file() else None
    if (folder / "classes.json").exists():
        return None  # a data set of ours: some of its pictures are masks
    return next(scan(folder), None)
