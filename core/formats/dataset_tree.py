"""The file listing of a dataset folder, with name lookup and size-limited readers for its files."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import defaultdict
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
import yaml
from defusedxml.common import DefusedXmlException

from core.base.errors import FormatError
from core.images.folder import natural_key
from core.images.image_reader import PICTURE_SUFFIXES

MAX_FILES = 2_000_000
MAX_JSON_BYTES = 1 << 30
"""Largest JSON file that is read; the COCO annotations of 118,000 pictures are 0.45 GB."""
MAX_TEXT_BYTES = 64 << 20
"""Largest XML, text or CSV file that is read."""
MALFORMED_ERRORS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, StopIteration)
"""Exceptions that access to malformed JSON raises: missing keys, wrong types, infinite numbers."""
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


class DatasetTree:
    """The files below `root`: names relative to it, with forward slashes, in natural order, without hidden files.

    A file name found inside a dataset is never opened as a path: `find` looks it up among the listed names, so a
    dataset cannot refer to files outside its folder. A folder reached through links is listed once.
    """

    def __init__(self, root: Path) -> None:
        """Raises FormatError if the folder does not exist or contains more than MAX_FILES files."""
        if not root.exists():
            raise FormatError(f"There is no folder {root}. Check the name and try again.")
        if not root.is_dir():
            raise FormatError(f"{root} is a file. Choose the folder that contains the dataset.")
        self.root = Path(os.path.normpath(root.absolute()))
        self.files = tuple(sorted(_list_files(self.root), key=natural_key))
        self._read_names: set[str] = set()

    @property
    def read_names(self) -> frozenset[str]:
        """Names of the files read as text since `forget_reads`; a file whose start or end was looked at is not one."""
        return frozenset(self._read_names)

    def note_read(self, name: str) -> None:
        """For a reader that opens a file by its path."""
        self._read_names.add(name)

    def forget_reads(self) -> None:
        self._read_names.clear()

    @cached_property
    def pictures(self) -> tuple[str, ...]:
        """Names with the suffix of an image file."""
        return tuple(name for name in self.files if PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES)

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.files:
            found[name.rsplit("/", 1)[-1].casefold()].append(name)
        return found

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.pictures:
            found[stem_of(name).casefold()].append(name)
        return found

    @cached_property
    def folders(self) -> frozenset[str]:
        """All folders that contain a file at any depth; "" is the root."""
        found = {""}
        for name in self.files:
            parts = name.split("/")[:-1]
            found.update("/".join(parts[:n]) for n in range(1, len(parts) + 1))
        return frozenset(found)

    def path(self, name: str) -> Path:
        """The path of a listed name."""
        return self.root / name

    def files_ending(self, *endings: str) -> list[str]:
        """Names with one of these endings (lower case), ignoring case."""
        return [name for name in self.files if name.casefold().endswith(endings)]

    def files_named(self, name: str) -> list[str]:
        """Names whose last part is `name`, ignoring case."""
        return self._by_name.get(name.casefold(), [])

    def find(self, reference: str, near_folder: str = "") -> str | None:
        """The listed file that a reference in a dataset means: the same last part, then the most folders in common with
        the reference, then the nearest to `near_folder`. None if there is none or the best match is not unique."""
        parts = [p for p in reference.replace("\\", "/").split("/") if p not in ("", ".", "..")]
        if not parts:
            return None
        return _best_match(self.files_named(parts[-1]), parts, near_folder)

    def find_picture(self, reference: str, near_folder: str = "", split: str | None = None) -> str | None:
        """Like `find` among pictures only. Pictures of `split` are preferred; if no picture has the name, one with
        another suffix is taken."""
        parts = [p for p in reference.replace("\\", "/").split("/") if p not in ("", ".", "..")]
        if not parts:
            return None
        last = parts[-1]
        for names in (
            [n for n in self.files_named(last) if PurePosixPath(n).suffix.lower() in PICTURE_SUFFIXES],
            self.pictures_with_stem(last),
            self.pictures_with_stem(stem_of(last)),
        ):
            same = [n for n in names if split is not None and split_of(n) == split]
            if found := _best_match(same or names, parts, near_folder):
                return found
        return None

    def pictures_with_stem(self, stem: str) -> list[str]:
        """Pictures with this name without suffix, ignoring case."""
        return self._by_stem.get(stem.casefold(), [])

    def read_ends(self, name: str, size: int = 1 << 16) -> str:
        """Start and end of a file (`size` bytes) as text, to find the keys of a large JSON; empty if unreadable."""
        path = self.path(name)
        try:
            with path.open("rb") as file:
                begin = file.read(size)
                length = path.stat().st_size
                file.seek(max(size, length - size))
                return (begin + file.read(size)).decode("utf-8-sig", "replace")
        except OSError:
            return ""

    def read_yaml(self, name: str) -> Any:
        """A YAML file, plain values only (safe_load). Raises FormatError naming the file."""
        try:
            return yaml.safe_load(self.read_text(name, 1 << 20))
        except (yaml.YAMLError, RecursionError) as problem:
            raise FormatError(
                f"{self.path(name)} is not valid YAML: {str(problem).splitlines()[0]}."
            ) from problem

    def read_text(self, name: str, limit: int = MAX_TEXT_BYTES) -> str:
        """A UTF-8 text file. Raises FormatError naming the file."""
        path = self.path(name)
        try:
            if path.stat().st_size > limit:
                raise FormatError(
                    f"{path} is larger than the limit of {limit >> 20} MB. Split it into smaller files."
                )
            text = path.read_bytes().decode("utf-8-sig")
            self._read_names.add(name)
            return text
        except OSError as problem:
            raise FormatError(f"{path} cannot be read: {problem.strerror or problem}.") from problem
        except UnicodeDecodeError as problem:
            raise FormatError(f"{path} cannot be read: it is not UTF-8 text. Save it as UTF-8.") from problem

    def read_head(self, name: str, size: int = 4096) -> str:
        """The first `size` bytes of a file as text; empty if it cannot be read."""
        try:
            with self.path(name).open("rb") as file:
                return file.read(size).decode("utf-8-sig", "replace")
        except OSError:
            return ""

    def read_lines(self, name: str) -> list[str]:
        """The non-empty lines of a text file, stripped. Raises FormatError."""
        return [line.strip() for line in self.read_text(name).splitlines() if line.strip()]

    def read_json(self, name: str) -> Any:
        """A JSON file. Raises FormatError naming the file."""
        try:
            return json.loads(self.read_text(name, MAX_JSON_BYTES))
        except (ValueError, RecursionError) as problem:
            raise FormatError(f"{self.path(name)} is not valid JSON: {problem}.") from problem

    def read_xml(self, name: str) -> Element:
        """An XML file; entities, external references and document types are refused. Raises FormatError."""
        try:
            found: Element = defusedxml.ElementTree.fromstring(self.read_text(name), forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError, RecursionError) as problem:
            raise FormatError(f"{self.path(name)} is not valid XML: {problem}.") from problem
        return found

    def read_csv(self, name: str) -> list[list[str]]:
        """The non-empty rows of a CSV file with stripped cells. Raises FormatError."""
        try:
            rows = list(csv.reader(io.StringIO(self.read_text(name)), skipinitialspace=True))
        except csv.Error as problem:
            raise FormatError(f"{self.path(name)} is not a valid CSV table: {problem}.") from problem
        return [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]


def stem_of(name: str) -> str:
    """The last part of a name without its suffix."""
    last = name.rsplit("/", 1)[-1]
    return last.rsplit(".", 1)[0] if "." in last.lstrip(".") else last


def folder_of(name: str) -> str:
    """The folder of a name; "" is the root."""
    return name.rpartition("/")[0]


def split_of(name: str) -> str | None:
    """train, val or test if a folder in the name says so, the outermost first; otherwise None."""
    for part in name.split("/")[:-1]:
        if (found := SPLIT_NAMES.get(part.casefold().rstrip("0123456789"))) is not None:  # train2017
            return found
    return None


def _best_match(names: list[str], reference: list[str], near_folder: str) -> str | None:
    if len(names) <= 1:
        return names[0] if names else None
    ranked = sorted(names, key=lambda name: _match_score(name, reference, near_folder), reverse=True)
    first, second = (_match_score(name, reference, near_folder) for name in ranked[:2])
    return ranked[0] if first > second else None


def _match_score(name: str, reference: list[str], near_folder: str) -> tuple[int, int, int]:
    parts = name.split("/")
    tail = 0
    for part, other in zip(reversed(parts[:-1]), reversed(reference[:-1]), strict=False):
        if part.casefold() != other.casefold():
            break
        tail += 1
    close = 0
    for part, other in zip(parts[:-1], near_folder.split("/"), strict=False):
        if part != other:
            break
        close += 1
    return tail, close, -len(parts)


def _list_files(root: Path) -> list[str]:
    names: list[str] = []
    seen: set[tuple[int, int]] = set()
    for folder, inside, files in os.walk(root, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            inside.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        inside[:] = sorted(name for name in inside if not name.startswith((".", "__MACOSX")))
        below = os.path.relpath(folder, root).replace(os.sep, "/")
        lead = "" if below == "." else f"{below}/"
        names.extend(lead + name for name in files if not name.startswith("."))
        if len(names) > MAX_FILES:
            raise FormatError(
                f"{root} contains more than {MAX_FILES:,} files. Choose a folder closer to the dataset."
            )
    return names
