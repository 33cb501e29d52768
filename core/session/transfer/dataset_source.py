"""Opens a dataset for a project: one with its own pictures, or masks alone for the pictures of the project."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from core.base.errors import FormatError
from core.formats.dataset_tree import DatasetTree
from core.formats.dataset_types import Dataset
from core.formats.doubt import ValueReading
from core.formats.mask_fit import with_fitted_masks
from core.formats.mask_sets.masks_alone import open_masks
from core.formats.readers import mask_folders
from core.formats.readers.registry import AUTO, open_dataset


def open_for_project(
    tree: DatasetTree,
    format_name: str,
    folder: Path,
    pictures: Callable[[], Collection[str]],
    *,
    values: ValueReading | None = None,
    fit_masks: bool = False,
    is_listed: bool = False,
) -> Dataset:
    """Open a dataset; one of masks alone gets the pictures of the project after which they are named.

    folder, pictures: of the project; is_listed: whether the files of the tree were chosen one by one, so that they are
    masks alone or nothing; values, fit_masks: as in `open_dataset` and `with_fitted_masks`. Raises FormatError.
    """
    try:
        if is_listed:
            dataset = open_masks(tree.root, folder, pictures(), values, tree.files)
        else:
            dataset = open_dataset(tree.root, format_name, tree, values)
    except FormatError:
        if is_listed or format_name not in (AUTO, mask_folders.NAME):
            raise
        found = _masks_alone(tree.root, folder, pictures(), values)
        if found is None:
            raise
        dataset = found
    return with_fitted_masks(dataset) if fit_masks else dataset


def _masks_alone(
    root: Path, folder: Path, pictures: Collection[str], values: ValueReading | None
) -> Dataset | None:
    try:
        return open_masks(root, folder, pictures, values) if pictures else None
    except FormatError:
        return None
