"""Reads picture and mask files as upright arrays. Every failure becomes an ImageError with a message for people."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin, UnidentifiedImageError

from core.base.errors import ImageError
from core.images.error_messages import PictureTooLargeError, check_pixel_limit, describe_read_error
from core.images.file_kind import check_regular_file
from core.images.orientation import ORIENTATION_TAG, turn_upright
from core.images.raster import STRIP_ROWS, Raster
from core.images.tiff import exceeds_pillow, is_tiff, read_tiff, tiff_size

PICTURE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".tif", ".tiff", ".webp", ".bmp", ".dib", ".gif",
    ".avif", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm", ".pnm", ".qoi",
})  # fmt: skip
"""Lower-case suffixes of files offered as pictures; the reader goes by a file's content."""

MAX_PIXELS = 300_000_000
"""Largest picture that is decoded whole: 17,320 pixels square, 0.9 GB as RGB."""
LARGE_JPEG_PIXELS = 16_000_000
"""Size from which loading a faster JPEG decoder pays."""
MAX_TILED_PIXELS = 4_000_000_000
"""Largest picture that is opened tile by tile; its label takes a byte for each pixel once something is painted."""

# Only these readers of Pillow are let near a file: EPS would start Ghostscript, others open further files. The
# first five are loaded by `Image.open` anyway; a longer walk down the list imports all of Pillow.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "TIFF", "WEBP", "AVIF", "JPEG2000", "QOI", "DIB")

_BACKGROUND = (128, 128, 128, 255)
"""Mid-grey behind transparent pixels: always the same, so that a network sees the same picture in every run."""

_NEW_SUBFILE_TYPE = 254
"""TIFF 6.0, NewSubfileType: its lowest bit marks a page as a reduced copy of another."""

log = logging.getLogger(__name__)


class ColourMaskError(ImageError):
    """The mask contains colours instead of class values; it needs a table from colours to classes."""


def read_size(path: Path) -> tuple[int, int]:
    """(width, height) in upright pixels, from the header alone; also of a file that is opened tile by tile.

    Raises ImageError.
    """
    try:
        with open_image(path) as image:
            width, height = image.size
            # Pillow decodes a whole PNG to look for EXIF, so first see whether there is any.
            turned = (image.format != "PNG" or _png_has_exif(path)) and stored_orientation(image) >= 5
            return (height, width) if turned else (width, height)
    except UnusualTiffError:
        return tiff_size(path)
    except PictureTooLargeError:
        if is_tiff(path):
            width, height = tiff_size(path)
            check_pixel_limit(path, (width, height), MAX_TILED_PIXELS)
            return width, height
        return _size_to_convert(path)


def _size_to_convert(path: Path) -> tuple[int, int]:
    """The size of a picture that is too large to be decoded whole, if its format can be decoded row by row."""
    with open_image(path, MAX_TILED_PIXELS) as image:
        if image.format not in ("JPEG", "PNG"):
            check_pixel_limit(path, image.size, MAX_PIXELS)
        turned = (image.format != "PNG" or _png_has_exif(path)) and stored_orientation(image) >= 5
        return (image.height, image.width) if turned else image.size


def needs_tiled_reading(path: Path, max_pixels: int) -> bool:
    """Whether the file is a TIFF of more than `max_pixels` pixels. Raises ImageError."""
    width, height = read_size(path)
    try:
        return width * height > max_pixels and is_tiff(path)
    except OSError as error:
        raise ImageError(describe_read_error(path, error, MAX_PIXELS)) from error


def count_frames(path: Path) -> int:
    """Number of frames or pages in the file; only the first is ever shown. Raises ImageError.

    Reduced copies, as a TIFF may contain, do not count.
    """
    try:
        with open_image(path) as image:
            count = int(getattr(image, "n_frames", 1))
            if count > 1 and isinstance(image, TiffImagePlugin.TiffImageFile):
                image.seek(1)
                if int(image.tag_v2.get(_NEW_SUBFILE_TYPE, 0)) & 1:
                    return 1
            return count
    except UnusualTiffError:
        return 1


def read_picture(
    path: Path, *, max_pixels: int = MAX_PIXELS, min_side: int | None = None
) -> NDArray[np.uint8]:
    """The first frame or page, upright: (H, W, 3) uint8 RGB, as displayed.

    More than 8 bits are mapped through a display window (`core.images.raster`); of more than three channels the first
    three are taken; transparent pixels are blended with mid-grey. With `min_side` (pixels) a JPEG may be decoded at a
    half, a quarter or an eighth of its size as long as both sides keep that many. Raises ImageError; for more than
    `max_pixels` before decoding.
    """
    return _read(path, max_pixels, min_side).to_rgb()


def read_raster(path: Path, *, max_pixels: int = MAX_PIXELS) -> Raster:
    """The first frame or page, upright, with the bit depth and all channels of the file. Raises ImageError."""
    return _read(path, max_pixels, None)


def read_model_input(path: Path, channels: int, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """(H, W, channels) uint8: the input of a network with that many input channels.

    Grey pictures count as three channels. Raises ImageError, also when the picture has another number of channels.
    """
    pixels = _read(path, max_pixels, None).to_model_input()
    if pixels.shape[2] != channels:
        raise ImageError(
            f"“{path}” has {pixels.shape[2]} channels, but the network of this project has {channels} input "
            "channels; it is left out. Keep pictures of different kinds in separate projects."
        )
    return pixels


def _read(path: Path, max_pixels: int, min_side: int | None) -> Raster:
    try:
        with open_image(path, max_pixels) as image:
            if exceeds_pillow(image):
                try:
                    return read_tiff(path, max_pixels)
                except PictureTooLargeError:
                    raise
                except ImageError:
                    log.info("read by Pillow instead: %s", path)  # some old files are only read by libtiff
            if min_side is not None and isinstance(image, ImageFile.ImageFile):
                image.draft(image.mode, (min_side, min_side))  # does nothing but for JPEG
            elif image.format == "JPEG" and image.mode == "RGB":
                # Pillow decodes into 4 bytes a pixel and copies; these decode the same file into 3.
                picture = _decode_jpeg(path, image)
                if picture is not None:
                    return Raster.from_bytes(turn_upright(picture, stored_orientation(image)))
            deep = _high_bit_depth(image, path)
            if deep is not None:
                return Raster.from_values(turn_upright(deep, stored_orientation(image)), one_window=True)
            return Raster.from_bytes(turn_upright(_rgb_of(image), stored_orientation(image)))
    except UnusualTiffError:
        try:
            return read_tiff(path, max_pixels)
        except MemoryError as error:
            raise ImageError(describe_read_error(path, error, max_pixels)) from error


def is_upright(path: Path) -> bool:
    """Whether the file is upright without applying its EXIF orientation. Raises ImageError."""
    return read_orientation(path) == 1


def read_orientation(path: Path) -> int:
    """EXIF orientation 1..8 by which the stored pixels are turned upright. Raises ImageError."""
    try:
        with open_image(path) as image:
            # Pillow decodes a whole PNG to look for EXIF, so first see whether there is any.
            return 1 if image.format == "PNG" and not _png_has_exif(path) else stored_orientation(image)
    except UnusualTiffError:
        return 1


def read_mask(path: Path, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The stored values of a mask, upright: (H, W) uint8, or uint16 when the file has more than 8 bits.

    Palette files give their indices and 1-bit files 0 and 1; palettes and transparency are ignored. Greyscale files of
    2 or 4 bits give 0..3 or 0..15, not greys scaled to 0..255. Raises ColourMaskError for colours, else ImageError.
    """
    try:
        with open_image(path, max_pixels) as image:
            values = _mask_values(image, path)
            return turn_upright(values, stored_orientation(image))
    except UnusualTiffError as error:
        raise ImageError(
            f"“{path}” cannot be used as a mask: this kind of TIFF is not supported. "
            "Save it again as an 8-bit or 16-bit PNG of class values."
        ) from error


# Opening, and what every reader needs --------------------------------------------------------------


@contextmanager
def open_image(path: Path, max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """The file opened by Pillow, not yet decoded. Every failure inside the `with` becomes ImageError."""
    # Pillow warns above its own limit and refuses above twice that, also for pictures hidden inside the file.
    # Its check stays on as a second barrier; the exact one is in check_pixel_limit.
    Image.MAX_IMAGE_PIXELS = max(max_pixels, MAX_PIXELS)
    check_regular_file(path)
    try:
        with _NO_WARNINGS, Image.open(path, formats=_FORMATS) as image:
            check_pixel_limit(path, image.size, max_pixels)
            if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(ORIENTATION_TAG, 1) != 1:
                image.filename = (
                    ""  # Pillow maps a plain file by its turned size, and garbles it; else it decodes
                )
            yield image
    except (ImageError, UnusualTiffError):
        raise
    except Image.DecompressionBombError as error:
        raise PictureTooLargeError(describe_read_error(path, error, max_pixels)) from error
    except UnidentifiedImageError as error:
        raise _unusual_tiff(path) or ImageError(describe_read_error(path, error, max_pixels)) from error
    except (
        Exception
    ) as error:  # readers of damaged files raise anything: TypeError, SyntaxError, struct.error ..
        raise ImageError(describe_read_error(path, error, max_pixels)) from error


def stored_orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8 that is still to be applied; 1 when there is none or the metadata is damaged."""
    if image.format == "TIFF":
        return 1  # Pillow turns a TIFF itself, and its size says so already before
    try:
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # metadata must not decide whether the pixels are shown
        return 1
    return orientation if orientation in range(1, 9) else 1


def _high_bit_depth(image: Image.Image, path: Path) -> NDArray[Any] | None:
    """(H, W) or (H, W, 3) values of an opened picture with more than 8 bits; None for all others."""
    deep = _decode_16_bit(path, image) if raw_mode_of(image).startswith("RGB;16") else None
    if deep is None and image.mode.startswith(("I", "F")):
        load_pixels(image)
        return np.asarray(image)
    return deep


def _rgb_of(image: Image.Image) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 RGB of an opened picture, not yet upright. Raises whatever Pillow raises."""
    load_pixels(image)
    width, height = image.size
    picture = np.empty((height, width, 3), np.uint8)
    has_transparency = image.has_transparency_data
    for top in range(0, height, STRIP_ROWS):
        strip = image.crop((0, top, width, min(top + STRIP_ROWS, height)))
        if has_transparency:
            strip = Image.alpha_composite(Image.new("RGBA", strip.size, _BACKGROUND), strip.convert("RGBA"))
        picture[top : top + STRIP_ROWS] = np.asarray(strip.convert("RGB"))
    return picture


def load_pixels(image: Image.Image) -> None:
    """Decodes the pixels; a PNG that is cut off after its pixels passes."""
    try:
        image.load()
    except OSError:
        if image.format != "PNG" or getattr(image, "tile", True):  # the list of what is still to be decoded
            raise


def _mask_values(image: Image.Image, path: Path) -> NDArray[np.uint8] | NDArray[np.uint16]:
    raw_mode = raw_mode_of(image)  # gone once the pixels are decoded
    if image.mode not in ("1", "P", "L", "PA", "LA", "La") and not image.mode.startswith(("I", "F")):
        raise ColourMaskError(
            f"“{path}” is a colour mask: its pixels are colours ({image.mode}), not class values. "
            "Import it as a dataset with a list of class colours, or save it as an 8-bit PNG of class values."
        )
    if image.mode == "LA" and ";16" in raw_mode:
        raise ImageError(
            f"“{path}” cannot be used as a mask: it mixes 16-bit values with transparency. "
            "Save it again as an 8-bit or 16-bit PNG of class values."
        )
    load_pixels(image)
    if not image.mode.startswith(("I", "F")):
        values = np.asarray(image if len(image.mode) == 1 else image.getchannel(0)).astype(np.uint8)
        # Pillow spreads the greys of few bits over 0..255; in a mask three steps of grey mean 1, 2 and 3.
        return values // {"L;2": 85, "L;4": 17}.get(raw_mode[:3], 1)
    wide = np.asarray(image)
    whole = wide.astype(np.uint16) if np.all((wide >= 0) & (wide <= 65535)) else None
    if whole is None or not np.array_equal(whole, wide):
        raise ImageError(
            f"“{path}” cannot be used as a mask: some values are not whole numbers from 0 to 65,535. "
            "Save it again as an 8-bit or 16-bit PNG of class values."
        )
    return whole


def raw_mode_of(image: Image.Image) -> str:
    """How the file lays out its pixels, in Pillow's words ("L;2", "RGB;16B"); empty when unknown."""
    tiles = getattr(image, "tile", None) or ()
    arguments = tiles[0][3] if tiles else ""
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _png_has_exif(path: Path) -> bool:
    """Whether any chunk of a PNG, before or after its pixels, may contain an orientation."""
    with path.open("rb", buffering=0) as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = int.from_bytes(head[:4]), head[4:]
            if kind == b"eXIf":
                return True
            if kind in (b"tEXt", b"zTXt", b"iTXt"):
                keyword = file.read(min(length, 32))
                if keyword.startswith((b"Raw profile type exif", b"XML:com.adobe.xmp")):
                    return True
                length -= len(keyword)
            file.seek(length + 4, 1)
    return False


# OpenCV, where it does better than Pillow ----------------------------------------------------------


def _decode_jpeg(path: Path, image: Image.Image) -> NDArray[np.uint8] | None:
    """(H, W, 3) uint8 RGB, orientation not applied; None when the file is truncated, which OpenCV would not report."""
    content = path.read_bytes()
    end_of_image, last_scan = content.rfind(b"\xff\xd9"), content.rfind(b"\xff\xda")
    if end_of_image < last_scan:
        return None
    if image.width * image.height > LARGE_JPEG_PIXELS:
        return _decode_large(content, image.size)
    return _decoded(content, image.size, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)


def _decode_large(content: bytes, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    """The same pixels in half the time, decoded directly into the array; OpenCV 5 holds them twice for a moment."""
    import imagecodecs  # worth loading only here

    picture = np.empty((size[1], size[0], 3), np.uint8)
    try:
        imagecodecs.jpeg8_decode(content, out=picture)
    except (imagecodecs.Jpeg8Error, ValueError):
        return None
    return picture


def _decode_16_bit(path: Path, image: Image.Image) -> NDArray[Any] | None:
    """(H, W, 3) uint16 RGB of a file whose lower 8 bits Pillow would drop; None when OpenCV cannot decode it."""
    if image.format == "TIFF" and image.getexif().get(ORIENTATION_TAG, 1) != 1:
        return None  # OpenCV and Pillow turn TIFFs differently
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    return _decoded(path.read_bytes(), image.size, flags)


def _decoded(content: bytes, size: tuple[int, int], flags: int) -> NDArray[Any] | None:
    try:
        pixels: NDArray[Any] | None = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        return None
    return pixels if pixels is not None and pixels.shape[1::-1] == size else None


class UnusualTiffError(Exception):
    """A TIFF that Pillow does not read."""


def _unusual_tiff(path: Path) -> UnusualTiffError | None:
    try:
        return UnusualTiffError() if is_tiff(path) else None
    except OSError:
        return None


class _SuppressedWarnings:
    """Suppresses Pillow's warnings about unusual files while any thread reads one.

    `warnings.catch_warnings` alone is not thread-safe: two overlapping threads restore each other's filters.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._filters: warnings.catch_warnings[None] | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._readers == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module="PIL")
            self._readers += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if self._readers == 0 and self._filters is not None:
                self._filters.__exit__(None, None, None)
                self._filters = None


_NO_WARNINGS = _SuppressedWarnings()
