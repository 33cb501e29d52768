"""Finds the picture that an annotation program names by an address: a path, a web address, or cloud storage."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from core.formats.dataset_tree import DatasetTree
from core.formats.files.annotation_files import PictureTree
from core.formats.files.name_index import reference_forms, without_upload_prefix
from core.images.image_reader import PICTURE_SUFFIXES

_NOT_KEPT = re.compile(r"[^-\w.]")
"""Characters that web servers remove from the names of uploaded files."""


class AddressBook:
    """Looks up addresses among the pictures of a dataset. Nothing is opened, and nothing is fetched."""

    def __init__(self, tree: DatasetTree) -> None:
        self._tree = PictureTree(tree)
        self._uploaded: dict[str, list[str]] = defaultdict(list)
        for name in tree.pictures:
            self._uploaded[_uploaded_name(name.rsplit("/", 1)[-1])].append(name)

    def find(self, addresses: Iterable[str], near_folder: str = "") -> str | None:
        """The listed picture that one of the addresses means, the first one first; None if there is none."""
        for address in addresses:
            if found := self._tree.find_picture(address, near_folder):
                return found
            for parts in reference_forms(address):
                for form in (parts, without_upload_prefix(parts)):
                    same = self._uploaded.get(_uploaded_name(form[-1]), []) if form else []
                    if len(same) == 1:
                        return same[0]
        return None


def address_paths(address: str) -> list[str]:
    """The paths that an address may mean, names of pictures first."""
    forms = ["/".join(parts) for parts in reference_forms(address)]
    return sorted(forms, key=lambda form: PurePosixPath(form).suffix.lower() not in PICTURE_SUFFIXES)


def _uploaded_name(name: str) -> str:
    """The name of a file as web servers store it: blanks become _, other special characters are dropped."""
    return _NOT_KEPT.sub("", name.strip().replace(" ", "_")).casefold()
