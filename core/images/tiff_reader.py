"""Parts of a TIFF that is too large to be read whole: any box, from the file's own tiles or strips, as 8-bit RGB."""

from __future__ import annotations

import math
import threading
import weakref
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.base.errors import ImageError
from core.base.geometry import Box
from core.images.pyramid import halve
from core.images.raster import Raster
from core.images.tiff import (
    MAX_SEGMENT_VALUES,
    check_layout,
    first_page,
    first_series,
    nodata_of,
    open_tiff,
    orientation_of,
)

MAX_SEGMENT_PIXELS = 1 << 25
"""Pixels of a stored tile or strip: more at once would not be a part any more."""
BAND_PIXELS = 1 << 26
"""Pixels unpacked at once where all of the picture is gone through."""
SAMPLED_SEGMENTS = 24
"""Tiles looked at to find the darkest and brightest values, spread over the picture."""

_GREY_OR_COLOUR = (0, 1, 2, 6)  # what tifffile decodes into grey or RGB: YCbCr comes out as RGB
_WHITE_IS_ZERO = 0


class TiffRegionReader:
    """An open file. Any thread may read; the disk is asked by one at a time, unpacking goes on beside each other."""

    def __init__(self, path: Path) -> None:
        """Raises ImageError, also when the picture is not laid out in parts."""
        import tifffile

        with open_tiff(path) as tiff:
            page = first_page(tiff)
            check_layout(path, tiff)
            self.size = (int(page.imagewidth), int(page.imagelength))
            _check_readable_by_region(path, page)
        self._path, self._lock = path, threading.Lock()
        self._tiff = tifffile.TiffFile(path)
        weakref.finalize(self, self._tiff.close)
        self._pages: list[Any] = [first_page(self._tiff), *_overviews(self._tiff)]
        self._window = self._look_around() if page.dtype != np.uint8 else None

    @property
    def has_overview(self) -> bool:
        """Whether the file holds a copy of itself that is quickly read whole."""
        smallest = self._pages[-1]
        return len(self._pages) > 1 and smallest.imagewidth * smallest.imagelength <= MAX_SEGMENT_PIXELS

    def read_region(self, level: int, box: Box) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB of the pixels of `box` at 1 / 2**level of the size. `box` must lie inside.

        Where the file holds a smaller copy that is fine enough, only that is read. Raises ImageError.
        """
        page = self._finest_needed(2**level)
        wide, high = self.size[0] / page.imagewidth, self.size[1] / page.imagelength
        halvings = round(math.log2(wide))
        if (
            max(abs(wide / 2**halvings - 1), abs(high / 2**halvings - 1)) < 0.01
        ):  # nearly all copies are halved
            wide = high = 2**halvings
        x, y = 2**level / wide, 2**level / high
        # Of a copy that was rounded down the last pixel stands for what is missing.
        left, top = min(int(box.x0 * x), page.imagewidth - 1), min(int(box.y0 * y), page.imagelength - 1)
        near = Box(left, top, max(left + 1, round(box.x1 * x)), max(top + 1, round(box.y1 * y)))
        near = near.clipped(page.imagewidth, page.imagelength)
        part = self._rgb(page, near)
        for _ in range(level - halvings if x == y == 2 ** (level - halvings) else 0):
            part = halve(part)
        if part.shape[:2] == (box.height, box.width):
            return part
        return np.asarray(cv2.resize(part, (box.width, box.height), interpolation=cv2.INTER_AREA), np.uint8)

    def _finest_needed(self, factor: int) -> Any:
        """The smallest stored copy that still has a pixel for each wanted one."""
        return [page for page in self._pages if self.size[0] / page.imagewidth <= factor * 1.01][-1]

    def _rgb(self, page: Any, box: Box) -> NDArray[np.uint8]:
        numbers = self._numbers(page, box)
        if numbers.shape[2] < 3:
            numbers = numbers[:, :, :1]
        numbers = numbers[:, :, :3]
        if self._window is None:
            seen = numbers
        else:
            low, high = self._window
            with np.errstate(invalid="ignore", over="ignore"):
                scaled = (numbers.astype(np.float32) - low) * (np.float32(255) / (high - low))
            seen = np.clip(np.nan_to_num(scaled), 0, 255).round().astype(np.uint8)
        if page.photometric == _WHITE_IS_ZERO:
            seen = np.uint8(255) - seen
        return np.repeat(seen, 3, axis=2) if seen.shape[2] == 1 else np.ascontiguousarray(seen)

    def _numbers(self, page: Any, box: Box) -> NDArray[Any]:
        """(h, w, C) as stored; a tile that the file left out is zero."""
        wide, high = _part_size(page)
        across = -(-page.imagewidth // wide)
        down = -(-page.imagelength // high)
        planes = page.samplesperpixel if page.planarconfig == 2 else 1
        made = np.zeros((box.height, box.width, page.samplesperpixel), page.dtype)
        for row in range(box.y0 // high, (box.y1 - 1) // high + 1):
            for column in range(box.x0 // wide, (box.x1 - 1) // wide + 1):
                for plane in range(min(planes, 3)):
                    part = self._segment(page, (plane * down + row) * across + column)
                    if part is None:
                        continue
                    whole = Box(column * wide, row * high, column * wide + wide, row * high + high)
                    shared = whole.clipped(column * wide + part.shape[1], row * high + part.shape[0])
                    shared = shared.intersection(box)
                    into, out_of = shared.moved(-box.x0, -box.y0), shared.moved(-whole.x0, -whole.y0)
                    channels = slice(plane, plane + 1) if planes > 1 else slice(None)
                    made[into.slices][:, :, channels] = part[out_of.slices]
        return made

    def _segment(self, page: Any, index: int) -> NDArray[Any] | None:
        """One stored tile or strip, unpacked: (h, w, C)."""
        try:
            offset, count = page.dataoffsets[index], page.databytecounts[index]
            if count == 0:
                return None
            with self._lock:
                self._tiff.filehandle.seek(offset)
                packed = self._tiff.filehandle.read(count)
            more = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader} if _is_jpeg(page) else {}
            unpacked = page.decode(packed, index, **more)[0]
        except Exception as error:  # readers of damaged files raise anything
            raise ImageError(
                f"A part of “{self._path}” cannot be read: its content is damaged. Copy it again from where it came "
                "from."
            ) from error
        return None if unpacked is None else unpacked[0]

    def _look_around(self) -> tuple[np.float32, np.float32]:
        """The numbers shown as black and white, from the smallest copy or from tiles spread over the picture."""
        page = self._pages[-1] if self.has_overview else self._pages[0]
        total = len(page.dataoffsets)
        chosen = (
            range(total)
            if self.has_overview
            else sorted({*np.linspace(0, total - 1, SAMPLED_SEGMENTS).astype(int)})
        )
        parts = [part for n in chosen if (part := self._segment(page, int(n))) is not None]
        seen = [part[:: max(1, len(part) // 128), :: max(1, part.shape[1] // 128)] for part in parts]
        every = np.concatenate([np.ravel(part[:, :, :3]) for part in seen] or [np.zeros(1, page.dtype)])
        raster = Raster.from_values(every[None, :], one_window=True, nodata=nodata_of(self._pages[0]))
        low, high = (raster.offset + raster.step * end for end in raster.windows[0])
        return np.float32(low), np.float32(high if high > low else low + 1)


def read_downscaled(path: Path, long_side: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """(h, w, 3) uint8 RGB of a picture that is never held whole, halved as often as its long side stays at least
    `long_side`, and the (width, height) of the picture. Raises ImageError."""
    parts = TiffRegionReader(path)
    width, height = parts.size
    level = max(0, math.floor(math.log2(max(width, height) / long_side)))
    wide, high = -(-width // 2**level), -(-height // 2**level)
    reduced = np.empty((high, wide, 3), np.uint8)
    # Rows of whole width: a file in strips would be unpacked again for each piece of a row.
    rows = max(1, (BAND_PIXELS // width) >> level)
    for top in range(0, high, rows):
        box = Box(0, top, wide, min(high, top + rows))
        reduced[box.slices] = parts.read_region(level, box)
    return reduced, parts.size


def _part_size(page: Any) -> tuple[int, int]:
    """(width, height) of a stored tile or strip."""
    if page.is_tiled:
        return int(page.tilewidth), int(page.tilelength)
    return int(page.imagewidth), int(min(page.rowsperstrip, page.imagelength))


def _is_jpeg(page: Any) -> bool:
    return int(page.compression) in (6, 7, 33007, 34892)


def _overviews(tiff: Any) -> list[Any]:
    series = first_series(tiff)
    first = first_page(tiff)
    if series is None:
        return []
    pages = [level.keyframe for level in series.levels[1:]]
    alike = (first.dtype, first.samplesperpixel, first.photometric)
    ratio = first.imagewidth / first.imagelength
    return [
        page
        for page in pages
        if (page.dtype, page.samplesperpixel, page.photometric) == alike
        and 0 < page.imagewidth < first.imagewidth
        and abs(page.imagewidth / page.imagelength / ratio - 1) < 0.02
        and np.prod(_part_size(page)) <= MAX_SEGMENT_PIXELS
    ]


def _check_readable_by_region(path: Path, page: Any) -> None:
    part = int(np.prod(_part_size(page)))
    if part > MAX_SEGMENT_PIXELS or part * page.samplesperpixel > MAX_SEGMENT_VALUES:
        reason = "is too large to be read whole, and it is not stored in tiles"
    elif page.photometric not in _GREY_OR_COLOUR or page.dtype is None or page.dtype.kind not in "uif":
        reason = "is too large to be read whole, and its kind of colours cannot be read in parts"
    elif orientation_of(page) != 1:
        reason = "is too large to be read whole, and it is stored turned"
    else:
        return
    raise ImageError(
        f"“{path}” {reason}. Save it as a tiled TIFF, upright, in grey or RGB, or cut it into pieces."
    )
