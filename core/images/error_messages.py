"""Messages for picture files that cannot be read: what happened, why, and what to do."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from core.base.errors import ImageError

_COPY_AGAIN = "Copy it again from its source."


class PictureTooLargeError(ImageError):
    """The picture has more pixels than are decoded at once."""


def check_pixel_limit(path: Path, size: tuple[int, int], max_pixels: int) -> None:
    """Raises PictureTooLargeError when `size` (width, height) has more than `max_pixels`."""
    width, height = size
    if width * height > max_pixels:
        raise PictureTooLargeError(
            f"“{path}” claims to be {width:,} x {height:,} pixels; Maskloop opens at most "
            f"{max_pixels / 1e6:,.0f} million pixels. Cut it into tiles or make it smaller."
        )


def describe_read_error(path: Path, error: Exception, max_pixels: int) -> str:
    """The message for an exception that Pillow or the file system raised for a picture file."""
    file = f"“{path}”"
    match error:
        case FileNotFoundError():
            message = f"{file} no longer exists. It may have been moved, renamed or deleted."
        case PermissionError():
            message = f"{file} cannot be opened: you are not allowed to read it. Change its permissions."
        case IsADirectoryError():
            message = f"{file} is a folder, not a picture. Choose a file in it."
        case MemoryError():
            message = f"{file} does not fit into the free memory. Close other programs or make it smaller."
        case Image.DecompressionBombError():
            message = (
                f"{file} claims to be far larger than the {max_pixels / 1e6:,.0f} million pixels that Maskloop "
                "opens. Cut it into tiles or make it smaller."
            )
        case UnidentifiedImageError() if _is_empty(path):
            message = f"{file} cannot be opened: the file is empty. {_COPY_AGAIN}"
        case UnidentifiedImageError():
            message = (
                f"{file} cannot be opened: it is not a picture in a format that Maskloop reads, or its "
                "beginning is damaged. Save it as PNG or JPEG, or copy it again."
            )
        case OSError(errno=int(), strerror=str(reason)):
            message = f"{file} cannot be read from the disk ({reason}). Check the drive and try again."
        case _ if "truncated" in str(error):
            message = f"{file} cannot be opened: it ends too early. {_COPY_AGAIN}"
        case _:
            message = f"{file} cannot be opened: its content is damaged. {_COPY_AGAIN}"
    return message


def _is_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:
        return False
