"""Converts a JPEG or PNG that is too large to be decoded whole into a tiled TIFF, row by row, with libvips.

libvips is loaded only in the process of `core.images.conversion_worker`.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.base.errors import DiskError, ImageError
from core.images.error_messages import PictureTooLargeError
from core.images.image_reader import MAX_TILED_PIXELS, open_image, read_size, stored_orientation
from core.images.tiff import is_tiff

if TYPE_CHECKING:
    from pyvips import Image

TILE_SIDE = 512
_GREY = 128
"""Behind transparent pixels, as for pictures that are read whole."""
_BYTES_PER_PIXEL = 2.0
"""Free disk that a conversion needs: three bytes a pixel and a third more for the smaller copies, compressed."""
_MAX_RATIO = 1100
"""zlib makes at most 1,032 bytes of one, and a JPEG has at least half a byte for a block of 64 pixels."""
_TAIL_BYTES = 4096
"""Of the file, in which its last marker is; some programs write more behind it."""


def needs_conversion(path: Path, max_pixels: int) -> bool:
    """Whether the file is a JPEG or PNG of more than `max_pixels` pixels. Raises ImageError."""
    width, height = read_size(path)
    return width * height > max_pixels and not is_tiff(path)


def check_convertible(path: Path) -> None:
    """Raises ImageError for a file that cannot be decoded row by row, or cannot have the pixels that it claims."""
    with open_image(path, MAX_TILED_PIXELS) as image:
        is_interlaced = bool(image.info.get("interlace"))
        is_progressive = bool(image.info.get("progressive") or image.info.get("progression"))
        width, height = image.size
    if is_interlaced or is_progressive:
        kind = "an interlaced PNG" if is_interlaced else "a progressive JPEG"
        raise PictureTooLargeError(
            f"“{path}” has {width * height / 1e6:,.0f} million pixels and is {kind}, which can only be decoded as a "
            "whole. Save it without that option, or as a tiled TIFF."
        )
    if path.stat().st_size * _MAX_RATIO < width * height // 8:
        raise ImageError(
            f"“{path}” claims to be {width:,} x {height:,} pixels, but is too small to contain them. It is damaged; "
            "copy it again from its source."
        )


def convert(source: Path, target: Path, report: Callable[[float], object]) -> None:
    """Write the upright picture as a tiled TIFF with smaller copies. `report` gets the share done, 0..1.

    Never holds more than some rows. Raises ImageError for a damaged file, DiskError when the disk is full.
    """
    check_convertible(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    _check_disk(source, target)
    with open_image(source, MAX_TILED_PIXELS) as image:
        loader, orientation = f"{image.format or ''}load".lower(), stored_orientation(image)
    import pyvips

    plain = target.with_suffix(".upright.part")
    try:
        opened = getattr(pyvips.Image, loader)(str(source), access="sequential", fail_on="truncated")
        pixels = _displayable(opened)
        if orientation == 1:
            _write(pixels, target, report, 0.0, 1.0)
            return
        # Turning needs rows in any order, which only a file of tiles gives.
        _write(pixels, plain, report, 0.0, 0.5, pyramid=False)
        stored = pyvips.Image.tiffload(str(plain))
        _write(_turned(stored, orientation), target, report, 0.5, 1.0)
    except pyvips.Error as error:
        raise _reason(source, target, error) from error
    finally:
        plain.unlink(missing_ok=True)


def _displayable(image: Image) -> Image:
    """Grey or RGB of 8 or 16 bits, without transparency and metadata."""
    if image.hasalpha():
        image = image.flatten(background=[_GREY * (257 if image.format == "ushort" else 1)])
    if image.interpretation not in ("b-w", "grey16", "srgb", "rgb", "rgb16"):
        image = image.colourspace("srgb")
    image = image.copy()
    if image.get_typeof("orientation"):
        image.remove("orientation")
    return image


def _turned(image: Image, orientation: int) -> Image:
    """Upright: orientation 2..8 as EXIF defines it."""
    if orientation in (2, 4, 5, 7):
        image = image.fliphor()
    turns = {3: "d180", 4: "d180", 5: "d270", 6: "d90", 7: "d90", 8: "d270"}
    return image.rot(turns[orientation]) if orientation in turns else image


def _write(
    image: Image,
    target: Path,
    report: Callable[[float], object],
    start: float,
    end: float,
    *,
    pyramid: bool = True,
) -> None:
    image = image.copy()
    image.set_progress(True)
    last = -1

    def evaluated(_image: Any, progress: Any) -> None:
        nonlocal last
        if progress.percent != last:
            last = progress.percent
            report(start + (end - start) * min(progress.percent, 100) / 100)

    image.signal_connect("eval", evaluated)
    image.tiffsave(
        str(target),
        tile=True,
        tile_width=TILE_SIDE,
        tile_height=TILE_SIDE,
        pyramid=pyramid,
        bigtiff=True,
        compression="deflate",
        level=1,
        predictor="horizontal",
        keep="none",
    )
    report(end)


def _check_disk(source: Path, target: Path) -> None:
    width, height = read_size(source)
    needed = round(width * height * _BYTES_PER_PIXEL)
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise DiskError(
            f"“{source.name}” has {width * height / 1e6:,.0f} million pixels and must be converted into tiles, which "
            f"takes about {needed / 1e9:.1f} GB in {target.parent}; {free / 1e9:.1f} GB are free. Free some space and "
            "open it again."
        )


def _reason(source: Path, target: Path, error: Exception) -> ImageError | DiskError:
    text = str(error)
    if os.strerror(errno.ENOSPC) in text or shutil.disk_usage(target.parent).free < 1 << 20:
        return DiskError(
            f"The disk is full, so “{source.name}” could not be converted. Free some space and open it again."
        )
    if _ends_too_early(source):
        return ImageError(f"“{source}” cannot be opened: it ends too early. Copy it again from its source.")
    return ImageError(f"“{source}” cannot be opened: its content is damaged. Copy it again from its source.")


def _ends_too_early(path: Path) -> bool:
    """Whether the marker is missing with which a PNG or JPEG ends."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        tail = file.read()
    return b"IEND" not in tail and b"\xff\xd9" not in tail
