"""Finds the pictures of a folder."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from core.base.errors import ImageError
from core.formats.mask_layout import MASKS, PREDICTIONS, is_mask_dataset
from core.images.folder import has_pictures, is_encodable_name, scan_folder
from core.project.project import HOME_FOLDER
from core.session.transfer.excluded_masks import ExcludedPaths

log = logging.getLogger(__name__)


def picture_filter(folder: Path, excluded: ExcludedPaths) -> Callable[[str], bool]:
    """Whether a path (relative, with forward slashes) is a picture to label.

    No pictures are: the masks of a dataset in `folder`, `excluded` masks of an import, and names that are not text.
    """
    masks = (f"{MASKS}/", f"{PREDICTIONS}/") if is_mask_dataset(folder) else ()

    def is_picture(path: str) -> bool:
        return not path.startswith(masks) and not excluded.excludes(path) and is_encodable_name(path)

    return is_picture


def list_pictures(
    folder: Path, excluded: ExcludedPaths | None = None, on_refused: Callable[[str], object] = log.warning
) -> Iterator[str]:
    """Paths of all pictures below `folder`, relative, with forward slashes, in natural order; lazy.

    on_refused: gets a sentence about each pipe, device, socket, or link out of the folder
    """
    is_picture = picture_filter(folder, excluded or ExcludedPaths())
    return filter(
        is_picture, (path.relative_to(folder).as_posix() for path in scan_folder(folder, on_refused))
    )


def check_folder(folder: Path) -> None:
    """Raises ImageError when `folder` holds no picture to label, before a project is created in it."""
    if (folder / HOME_FOLDER).is_dir():
        return
    if not folder.exists():
        raise ImageError(f"There is no folder {folder}. Check the name and try again.")
    if not folder.is_dir():
        raise ImageError(f"{folder} is a file. Open the folder that holds your pictures instead.")
    if not has_pictures(folder):
        refused: list[str] = []
        next(scan_folder(folder, refused.append), None)
        if refused:
            raise ImageError(f"There are no pictures in {folder} that may be opened: {refused[0]}")
        raise ImageError(
            f"There are no pictures in {folder}. Put pictures there (JPEG, PNG, TIFF, WebP, BMP and other kinds) or "
            "open another folder."
        )
