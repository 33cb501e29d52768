"""Words for what is wrong with a picture file: what happened, why, what to do."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from core.base.errors import ImageError

_AGAIN = "Copy it again from where it came from."


class PictureTooLargeError(ImageError):
    """The picture has more pixels than are decoded at once."""


def check_pixel_limit(path: Path, size: tuple[int, int], max_pixels: int) -> None:
    """Raises ImageError when `size` (width, height) is more than `max_pixels`."""
    width, height = size
    if width * height > max_pixels:
        raise PictureTooLargeError(
            f"“{path}” claims to be {width:,} x {height:,} pixels; Maskloop opens at most "
            f"{max_pixels / 1e6:,.0f} million pixels. Cut it into tiles or make it smaller."
        )


def describe_read_error(path: Path, error: Exception, max_pixels: int) -> str:
    """What to tell somebody whose picture made Pillow or the file system raise `error`."""
    file = f"“{path}”"
    match error:
        case FileNotFoundError():
            told = f"{file} is not there any more. It may have been moved, renamed or deleted."
        case PermissionError():
            told = f"{file} cannot be opened: you are not allowed to read it. Change its permissions."
        case IsADirectoryError():
            told = f"{file} is a folder, not a picture. Choose a file in it."
        case MemoryError():
            told = f"{file} does not fit into the free memory. Close other programs or make it smaller."
        case Image.DecompressionBombError():
            millions = f"{max_pixels / 1e6:,.0f} million pixels"
            told = (
                f"{file} claims to be far larger than the {millions} that Maskloop opens. "
                "Cut it into tiles or make it smaller."
            )
        case UnidentifiedImageError() if _is_empty(path):
            told = f"{file} cannot be opened: the file is empty. {_AGAIN}"
        case UnidentifiedImageError():
            told = (
                f"{file} cannot be opened: it is not a picture in a format that Maskloop reads, or its "
                "beginning is damaged. Save it as PNG or JPEG, or copy it again."
            )
        case OSError(errno=int(), strerror=str(reason)):
            told = f"{file} cannot be read from the disk ({reason}). Check the drive and try again."
        case _ if "truncated" in str(error):
            told = f"{file} cannot be opened: it ends too early. {_AGAIN}"
        case _:
            told = f"{file} cannot be opened: its content is damaged. {_AGAIN}"
    return told


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False
