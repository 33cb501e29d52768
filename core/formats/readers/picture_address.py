"""Finds the picture that an annotation program names by an address: a path, a web address, or cloud storage."""

from __future__ import annotations

import base64
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, unquote, urlsplit

from core.formats.dataset_tree import DatasetTree
from core.images.image_reader import PICTURE_SUFFIXES

MAX_LETTERS = 4096
"""A longer text is not an address; pictures embedded in a data address are far longer."""
_UPLOAD = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio puts before the name of an uploaded file."""
_NOT_KEPT = re.compile(r"[^-\w.]")
"""Characters that web servers remove from the names of uploaded files."""


class AddressBook:
    """Looks up addresses among the pictures of a dataset. Nothing is opened, and nothing is fetched."""

    def __init__(self, tree: DatasetTree) -> None:
        self._tree = tree
        self._uploaded: dict[str, list[str]] = defaultdict(list)
        for name in tree.pictures:
            self._uploaded[_uploaded_name(name)].append(name)

    def find(self, addresses: Iterable[str], near_folder: str = "") -> str | None:
        """The listed picture that one of the addresses means, the first one first; None if there is none."""
        for address in addresses:
            for candidate in address_paths(address):
                if found := self._tree.find_picture(candidate, near_folder):
                    return found
                if len(same := self._uploaded.get(_uploaded_name(candidate), [])) == 1:
                    return same[0]
        return None


def address_paths(address: str) -> list[str]:
    """The paths that an address may mean, the likeliest first.

    The path may stand in a query (`?d=`, `?filepath=`), also as base64 (`?fileuri=`), with percent codes, and after
    the prefix of an upload.
    """
    texts: dict[str, None] = {}
    for text in _parts_of(address):
        for plain in (text, unquote(text), unquote(unquote(text))):
            texts.setdefault(plain.replace("\\", "/"))
    found = dict.fromkeys(texts)
    for text in texts:
        folder, slash, last = text.rpartition("/")
        found.setdefault(f"{folder}{slash}{_UPLOAD.sub('', last)}")
    return sorted(
        (text for text in found if PurePosixPath(text).name), key=lambda text: not _is_picture(text)
    )


def _parts_of(address: str, depth: int = 2) -> list[str]:
    """Path, values of the query, and the text as it is; the value of a query may be an address again."""
    text = address.strip()
    if not text or len(text) > MAX_LETTERS or text.startswith("data:"):
        return []
    try:
        parts = urlsplit(text)
    except ValueError:
        return [text]
    if not parts.query and not parts.netloc:
        return [text, parts.path]
    inner = [value for _, value in parse_qsl(parts.query)]
    inner += [parts.query.partition("=")[2]]  # blanks and & that should have been encoded
    inner += [decoded for value in inner if (decoded := _decoded(value))]
    found = [parts.path]
    for value in inner:
        found += _parts_of(value, depth - 1) if depth else [value]
    return [*found, text]


def _decoded(value: str) -> str:
    """A path in base64; empty if it is none."""
    try:
        text = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode()
    except ValueError:
        return ""
    return text if _is_picture(text) else ""


def _is_picture(path: str) -> bool:
    return PurePosixPath(path).suffix.lower() in PICTURE_SUFFIXES


def _uploaded_name(path: str) -> str:
    """The name of a file as web servers store it: blanks become _, other special characters are dropped."""
    return _NOT_KEPT.sub("", path.rsplit("/", 1)[-1].strip().replace(" ", "_")).casefold()
