"""Reads regions of a TIFF that is too large to be read whole, from its tiles or strips, as 8-bit RGB."""

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
"""Pixels of a stored tile or strip; a larger one cannot be read as a part."""
BAND_PIXELS = 1 << 26
"""Pixels decoded at once when the whole picture is processed."""
SAMPLED_SEGMENTS = 24
"""Tiles, spread over the picture, from which the display window is measured."""

_GREY_OR_COLOUR = (0, 1, 2, 6)  # what tifffile decodes into grey or RGB: YCbCr comes out as RGB
_WHITE_IS_ZERO = 0


class TiffRegionReader:
    """An open file. Any thread may read: reads from the disk take turns, decoding runs in parallel."""

    def __init__(self, path: Path) -> None:
        """Raises ImageError, also when the picture is not stored in parts that can be read alone."""
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
        self._window = self._measure_window() if page.dtype != np.uint8 else None

    @property
    def has_overview(self) -> bool:
        """Whether the file contains a reduced copy that is quickly read whole."""
        smallest = self._pages[-1]
        return len(self._pages) > 1 and smallest.imagewidth * smallest.imagelength <= MAX_SEGMENT_PIXELS

    def read_region(self, level: int, box: Box) -> NDArray[np.uint8]:
        """(h, w, 3) uint8 RGB of `box`, in pixels of the picture at 1 / 2**level of its size; `box` must lie inside.

        Reads the smallest overview that is detailed enough. Raises ImageError.
        """
        page = self._coarsest_sufficient(2**level)
        wide, high = self.size[0] / page.imagewidth, self.size[1] / page.imagelength
        halving_count = round(math.log2(wide))
        # Nearly all overviews are halvings, up to rounding.
        if max(abs(wide / 2**halving_count - 1), abs(high / 2**halving_count - 1)) < 0.01:
            wide = high = 2**halving_count
        x, y = 2**level / wide, 2**level / high
        # An overview whose size was rounded down repeats its last pixel.
        left, top = min(int(box.x0 * x), page.imagewidth - 1), min(int(box.y0 * y), page.imagelength - 1)
        source = Box(left, top, max(left + 1, round(box.x1 * x)), max(top + 1, round(box.y1 * y)))
        source = source.clipped(page.imagewidth, page.imagelength)
        part = self._rgb(page, source)
        for _ in range(level - halving_count if x == y == 2 ** (level - halving_count) else 0):
            part = halve(part)
        if part.shape[:2] == (box.height, box.width):
            return part
        return np.asarray(cv2.resize(part, (box.width, box.height), interpolation=cv2.INTER_AREA), np.uint8)

    def _coarsest_sufficient(self, factor: int) -> Any:
        """The smallest stored copy with at least one pixel for each requested one."""
        return [page for page in self._pages if self.size[0] / page.imagewidth <= factor * 1.01][-1]

    def _rgb(self, page: Any, box: Box) -> NDArray[np.uint8]:
        values = self._stored_values(page, box)
        if values.shape[2] < 3:
            values = values[:, :, :1]
        values = values[:, :, :3]
        if self._window is None:
            shown = values
        else:
            low, high = self._window
            with np.errstate(invalid="ignore", over="ignore"):
                scaled = (values.astype(np.float32) - low) * (np.float32(255) / (high - low))
            shown = np.clip(np.nan_to_num(scaled), 0, 255).round().astype(np.uint8)
        if page.photometric == _WHITE_IS_ZERO:
            shown = np.uint8(255) - shown
        return np.repeat(shown, 3, axis=2) if shown.shape[2] == 1 else np.ascontiguousarray(shown)

    def _stored_values(self, page: Any, box: Box) -> NDArray[Any]:
        """(h, w, C) as stored; zero where the file leaves out a tile."""
        wide, high = _segment_size(page)
        across = -(-page.imagewidth // wide)
        down = -(-page.imagelength // high)
        planes = page.samplesperpixel if page.planarconfig == 2 else 1
        result = np.zeros((box.height, box.width, page.samplesperpixel), page.dtype)
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
                    result[into.slices][:, :, channels] = part[out_of.slices]
        return result

    def _segment(self, page: Any, index: int) -> NDArray[Any] | None:
        """One stored tile or strip, decoded: (h, w, C); None when the file leaves it out."""
        try:
            offset, count = page.dataoffsets[index], page.databytecounts[index]
            if count == 0:
                return None
            with self._lock:
                self._tiff.filehandle.seek(offset)
                encoded = self._tiff.filehandle.read(count)
            jpeg_tables = (
                {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader} if _is_jpeg(page) else {}
            )
            decoded = page.decode(encoded, index, **jpeg_tables)[0]
        except Exception as error:  # decoders raise anything for damaged files
            raise ImageError(
                f"A part of “{self._path}” cannot be read: its content is damaged. Copy it again from its "
                "source."
            ) from error
        return None if decoded is None else decoded[0]

    def _measure_window(self) -> tuple[np.float32, np.float32]:
        """(low, high): stored values shown as black and white, from the smallest overview or from tiles spread over
        the picture."""
        page = self._pages[-1] if self.has_overview else self._pages[0]
        total = len(page.dataoffsets)
        chosen = (
            range(total)
            if self.has_overview
            else sorted({*np.linspace(0, total - 1, SAMPLED_SEGMENTS).astype(int)})
        )
        parts = [part for n in chosen if (part := self._segment(page, int(n))) is not None]
        shown = [part[:: max(1, len(part) // 128), :: max(1, part.shape[1] // 128)] for part in parts]
        every = np.concatenate([np.ravel(part[:, :, :3]) for part in shown] or [np.zeros(1, page.dtype)])
        raster = Raster.from_values(every[None, :], one_window=True, nodata=nodata_of(self._pages[0]))
        low, high = (raster.offset + raster.step * end for end in raster.windows[0])
        return np.float32(low), np.float32(high if high > low else low + 1)


def read_downscaled(path: Path, long_side: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """(h, w, 3) uint8 RGB of a picture that is never held whole, halved as long as its long side stays at least
    `long_side`, and the (width, height) of the picture. Raises ImageError."""
    parts = TiffRegionReader(path)
    width, height = parts.size
    level = max(0, math.floor(math.log2(max(width, height) / long_side)))
    wide, high = -(-width // 2**level), -(-height // 2**level)
    reduced = np.empty((high, wide, 3), np.uint8)
    # Bands of full width: a strip would be decoded again for each part of a row.
    rows = max(1, (BAND_PIXELS // width) >> level)
    for top in range(0, high, rows):
        box = Box(0, top, wide, min(high, top + rows))
        reduced[box.slices] = parts.read_region(level, box)
    return reduced, parts.size


def _segment_size(page: Any) -> tuple[int, int]:
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
        and np.prod(_segment_size(page)) <= MAX_SEGMENT_PIXELS
    ]


def _check_readable_by_region(path: Path, page: Any) -> None:
    part = int(np.prod(_segment_size(page)))
    if part > MAX_SEGMENT_PIXELS or part * page.samplesperpixel > MAX_SEGMENT_VALUES:
        raise ImageError(
            f"“{path}” is too large to be read whole, and it is not stored in tiles. "
            "Save it as an upright tiled TIFF in grey or RGB, or cut it into pieces."
        )
    if page.photometric not in _GREY_OR_COLOUR or page.dtype is None or page.dtype.kind not in "uif":
        raise ImageError(
            f"“{path}” is too large to be read whole, and its colour type cannot be read in parts. "
            "Save it as an upright tiled TIFF in grey or RGB, or cut it into pieces."
        )
    if orientation_of(page) != 1:
        raise ImageError(
            f"“{path}” is too large to be read whole, and it is stored rotated. "
            "Save it as an upright tiled TIFF in grey or RGB, or cut it into pieces."
        )
