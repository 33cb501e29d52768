"""Finds the COCO annotation files of a dataset and tells instance files from panoptic ones."""

from __future__ import annotations

import re

from core.formats.dataset_tree import SPLIT_NAMES, DatasetTree, split_of, stem_of
from core.formats.files.annotation_files import large_files

_KEYS = ('"images"', '"annotations"', '"categories"')


def instance_files(tree: DatasetTree) -> list[str]:
    """Files with instance or stuff annotations."""
    return [name for name in _annotation_files(tree) if not _is_panoptic(tree, name)]


def panoptic_files(tree: DatasetTree) -> list[str]:
    """Files with panoptic segments."""
    return [name for name in _annotation_files(tree) if _is_panoptic(tree, name)]


def split_of_file(file: str) -> str | None:
    """The split in the name of an annotation file, such as instances_val2017.json, otherwise that of its folders."""
    words = re.split(r"[^a-z]+", stem_of(file).casefold())
    return next((SPLIT_NAMES[w] for w in words if w in SPLIT_NAMES), split_of(file))


def _annotation_files(tree: DatasetTree) -> list[str]:
    """Recognised by keys at the start and end of a file: the files are too large to be parsed for this.

    Of a file with long lists only one of the keys may be seen, and rows that have the ids of annotations.
    """
    return [name for name in large_files(tree, ".json") if _is_annotation_file(tree.read_ends(name))]


def _is_annotation_file(text: str) -> bool:
    """text: start and end of a file."""
    if not text.lstrip().startswith("{"):
        return False
    has_rows = '"image_id"' in text and '"category_id"' in text
    return has_rows or (
        sum(key in text for key in _KEYS) >= 2 and ('"file_name"' in text or '"image_id"' in text)
    )


def _is_panoptic(tree: DatasetTree, name: str) -> bool:
    return '"segments_info"' in tree.read_ends(name)
