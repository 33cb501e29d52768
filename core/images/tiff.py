"""Reads TIFFs that Pillow does not: more than 8 bits, floats, signed values, many channels, larger than 4 GB, rare
compressions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.base.errors import ImageError
from core.images.error_messages import PictureTooLargeError, check_pixel_limit
from core.images.file_kind import check_regular_file
from core.images.orientation import ORIENTATION_TAG, turn_upright
from core.images.raster import MAX_CHANNELS, Raster

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage, TiffPageSeries

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MAX_SEGMENT_VALUES = 1 << 28
"""Values in one tile or strip; a damaged file that claims more would allocate gigabytes before it fails."""

MAX_IMAGE_BYTES = 1 << 32
"""Largest picture, in bytes as stored, that is held in memory; `MAX_PIXELS` pixels of three 32-bit channels fit."""

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_BITS, _PHOTOMETRIC, _SAMPLES, _EXTRA, _KIND, _NODATA = 258, 262, 277, 338, 339, 42113


def is_tiff(path: Path) -> bool:
    """Whether the file has the magic number of TIFF or BigTIFF. Raises OSError."""
    with path.open("rb") as file:
        return file.read(4) in MAGIC


def exceeds_pillow(image: Image.Image) -> bool:
    """Whether Pillow, which opened this TIFF, would drop bits or channels of it."""
    tags = getattr(image, "tag_v2", {})
    if image.format != "TIFF" or tags.get(_PHOTOMETRIC) not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        return False
    bits, kinds = _as_tuple(tags.get(_BITS, 1)), _as_tuple(tags.get(_KIND, 1))
    colours = 3 if tags.get(_PHOTOMETRIC) == _RGB else 1
    more = tags.get(_SAMPLES, 1) - colours
    is_alpha = more == 1 and set(_as_tuple(tags.get(_EXTRA, 0))) <= {1, 2}
    return max(bits) > 8 or set(kinds) - {1, 4} != set() or (more > 0 and not is_alpha)


def tiff_size(path: Path) -> tuple[int, int]:
    """(width, height) in upright pixels, from the header. Raises ImageError."""
    with open_tiff(path) as tiff:
        page = first_page(tiff)
        width, height = page.imagewidth, page.imagelength
        return (height, width) if orientation_of(page) >= 5 else (width, height)


def read_tiff(path: Path, max_pixels: int) -> Raster:
    """The first picture of the file, upright, with all channels. Raises ImageError."""
    with open_tiff(path) as tiff:
        page = first_page(tiff)
        check_pixel_limit(path, (page.imagewidth, page.imagelength), max_pixels)
        check_layout(path, tiff)
        _check_memory(path, tiff)
        return raster_from_page(_stored_values(tiff), page)


def read_tiff_values(path: Path, max_pixels: int) -> NDArray[Any]:
    """(H, W, C) as stored, upright: of a mask, whose values are no colours. Raises ImageError."""
    with open_tiff(path) as tiff:
        page = first_page(tiff)
        check_pixel_limit(path, (page.imagewidth, page.imagelength), max_pixels)
        check_layout(path, tiff)
        _check_memory(path, tiff)
        return turn_upright(_stored_values(tiff), orientation_of(page))


def raster_from_page(numbers: NDArray[Any], page: TiffPage) -> Raster:
    """The raster of (H, W, C) stored values, in the file's own orientation."""
    if page.photometric == _WHITE_IS_ZERO and numbers.dtype.kind == "u":
        numbers = np.iinfo(numbers.dtype).max - numbers
    numbers = _blend_transparency(numbers, page)
    is_colour = page.photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) and numbers.shape[2] == 3
    turned = turn_upright(numbers, orientation_of(page))
    return Raster.from_values(turned, one_window=is_colour, nodata=nodata_of(page))


@contextmanager
def open_tiff(path: Path) -> Iterator[TiffFile]:
    """The file opened by tifffile. Every failure inside the `with` becomes ImageError."""
    import tifffile  # takes a quarter of a second, needed only for such pictures

    check_regular_file(path)
    try:
        with tifffile.TiffFile(path) as tiff:
            yield tiff
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything for damaged files
        if "requires" in str(error) and "codec" in str(error):
            message = f"“{path}” uses a compression that Maskloop cannot read ({error}). Save it as plain TIFF or PNG."
        else:
            message = f"“{path}” cannot be opened: its content is damaged. Copy it again from its source."
        raise ImageError(message) from error


def first_page(tiff: TiffFile) -> TiffPage:
    """The page that is shown of a file with several."""
    page = tiff.pages.first
    if page.imagewidth < 1 or page.imagelength < 1:
        raise ImageError(f"“{tiff.filehandle.path}” contains no picture. Save it again.")
    return page


def first_series(tiff: TiffFile) -> TiffPageSeries | None:
    """The pages that belong to the first, which may be its channels or its reduced copies; None when it is alone."""
    series = tiff.series[0] if tiff.series else None
    return series if series is not None and series.keyframe.index == tiff.pages.first.index else None


def check_layout(path: Path, tiff: TiffFile) -> None:
    """Raises ImageError for more channels than can be used, and for a file that claims impossibly large tiles."""
    page = first_page(tiff)
    channels = page.samplesperpixel * len(_pages(tiff))
    if channels > MAX_CHANNELS:
        raise ImageError(
            f"“{path}” has {channels} channels; Maskloop reads up to {MAX_CHANNELS}. "
            "Save it again with fewer channels."
        )
    if page.imagedepth > 1 or math.prod(page.chunks) > MAX_SEGMENT_VALUES:
        raise ImageError(
            f"“{path}” has a layout that Maskloop does not support. Save it again as a plain TIFF."
        )


def orientation_of(page: TiffPage) -> int:
    tag = page.tags.get(ORIENTATION_TAG)
    return int(tag.value) if tag is not None and tag.value in range(1, 9) else 1


def nodata_of(page: TiffPage) -> float | None:
    """The number that stands for "not measured", as GDAL stores it."""
    tag = page.tags.get(_NODATA)
    try:
        return None if tag is None else float(tag.value)
    except (TypeError, ValueError):
        return None


def _check_memory(path: Path, tiff: TiffFile) -> None:
    """Raises PictureTooLargeError: a sparse file may be small and still decode to more than the memory holds."""
    page = first_page(tiff)
    channels = page.samplesperpixel * len(_pages(tiff))
    size = page.imagewidth * page.imagelength * channels * page.bitspersample // 8
    if size > MAX_IMAGE_BYTES:
        raise PictureTooLargeError(
            f"“{path}” would take {size / 1e9:,.1f} GB of memory; Maskloop opens at most "
            f"{MAX_IMAGE_BYTES / 1e9:,.1f} GB at once. Save it with fewer channels or fewer bits, or cut it into tiles."
        )


def _stored_values(tiff: TiffFile) -> NDArray[Any]:
    """(H, W, C) as stored."""
    layers = [_channels_last(page.asarray(maxworkers=1), page) for page in _pages(tiff)]
    return layers[0] if len(layers) == 1 else np.concatenate(layers, axis=2)


def _channels_last(stored: NDArray[Any], page: Any) -> NDArray[Any]:
    if stored.ndim < 2:
        raise ValueError("the page has no rows")  # open_tiff says that the file is damaged
    shape = stored.reshape(stored.shape[-3:]) if stored.ndim > 3 else stored
    if shape.ndim == 2:
        return shape[:, :, None]
    return np.moveaxis(shape, 0, 2) if page.keyframe.axes.startswith("S") else shape


def _pages(tiff: TiffFile) -> list[Any]:
    """The pages whose channels make up the first picture: usually one; in microscopy files one for each channel."""
    first, series = first_page(tiff), first_series(tiff)
    if series is None or "C" not in series.axes or "C" in first.axes:
        return [first]
    leading = len(series.shape) - len(first.shape)
    if leading < 1 or "C" not in series.axes[:leading]:
        return [first]
    place = series.axes.index("C")
    apart = math.prod(series.shape[place + 1 : leading])
    pages = [series.pages[n * apart] for n in range(series.shape[place])]
    return pages if all(page is not None and page.shape == first.shape for page in pages) else [first]


def _blend_transparency(numbers: NDArray[Any], page: TiffPage) -> NDArray[Any]:
    """Without an alpha channel: transparent pixels are blended with mid-grey, as in every other format."""
    extra = [int(kind) for kind in page.extrasamples]
    if numbers.shape[2] < 2 or len(extra) != 1 or extra[0] not in (1, 2) or page.samplesperpixel > 4:
        return numbers
    if numbers.dtype.kind != "u":
        return numbers[:, :, :-1]
    most = float(np.iinfo(numbers.dtype).max)
    flat = np.empty((*numbers.shape[:2], numbers.shape[2] - 1), numbers.dtype)
    for row, stored in enumerate(numbers):
        colours, alpha = stored[:, :-1].astype(np.float64), stored[:, -1:] / most
        solid = colours if extra[0] == 1 else colours * alpha  # 1: multiplied already
        flat[row] = np.clip(solid + (1 - alpha) * (most * 128 / 255), 0, most).round()
    return flat


def _as_tuple(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)
