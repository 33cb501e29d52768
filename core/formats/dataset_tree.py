"""The file listing of a dataset folder, with name lookup and size-limited readers for its files."""

from __future__ import annotations

import codecs
from functools import cached_property
from os.path import normpath
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element

from core.base.errors import FormatError
from core.formats.files import parsers
from core.formats.files.folder_files import list_files
from core.formats.files.name_index import FileNameIndex, best_match, reference_forms
from core.formats.malformed import MALFORMED_ERRORS, MalformedValueError
from core.images.folder import natural_key
from core.images.image_reader import PICTURE_SUFFIXES

__all__ = ["MALFORMED_ERRORS", "SPLIT_NAMES", "DatasetTree", "folder_of", "split_of", "stem_of"]

MAX_JSON_BYTES = 1 << 30
"""Largest JSON file that is read; the COCO annotations of 118,000 pictures are 0.45 GB."""
MAX_TEXT_BYTES = 64 << 20
"""Largest XML, text or CSV file that is read."""
MAX_YAML_BYTES = 1 << 20
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
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
    dataset cannot refer to files outside its folder. Only regular files are listed, and no links that lead out of the
    folder; `refused` has the others. A folder reached through links is listed once.
    """

    def __init__(self, root: Path) -> None:
        """Raises FormatError if the folder does not exist or contains more than MAX_FILES files."""
        if not root.exists():
            raise FormatError(f"There is no folder {root}. Check the name and try again.")
        if not root.is_dir():
            raise FormatError(f"{root} is a file. Choose the folder that contains the dataset.")
        self.root = Path(normpath(root.absolute()))
        listing = list_files(self.root)
        self.files = tuple(sorted(listing.files, key=natural_key))
        self.refused = tuple(sorted(listing.refused))
        """(name, reason) of pipes, devices, links out of the folder, and folders that cannot be opened."""
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
    def _by_name(self) -> FileNameIndex:
        return FileNameIndex((name.rsplit("/", 1)[-1], name) for name in self.files)

    @cached_property
    def _by_stem(self) -> FileNameIndex:
        return FileNameIndex((stem_of(name), name) for name in self.pictures)

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
        """Names whose last part is `name`, ignoring case and the form of letters with accents (NFC, NFD)."""
        return self._by_name.find(name)

    def find(self, reference: str, near_folder: str = "") -> str | None:
        """The listed file that a reference in a dataset means: the same last part, then the most folders in common with
        the reference, then the nearest to `near_folder`. None if there is none or the best match is not unique.

        The reference may be an address, and percent-encoded (`core.formats.files.name_index`)."""
        for parts in reference_forms(reference):
            if found := best_match(self.files_named(parts[-1]), parts, near_folder):
                return found
        return None

    def find_picture(self, reference: str, near_folder: str = "", split: str | None = None) -> str | None:
        """Like `find` among pictures only. Pictures of `split` are preferred; if no picture has the name, one with
        another suffix is taken."""
        for parts in reference_forms(reference):
            for names in self._pictures_called(parts[-1]):
                same = [n for n in names if split is not None and split_of(n) == split]
                if found := best_match(same or names, parts, near_folder):
                    return found
        return None

    def explain_missing(self, reference: str) -> str:
        """Why `find_picture` found nothing, as a clause."""
        for parts in reference_forms(reference):
            several = next((names for names in self._pictures_called(parts[-1]) if len(names) > 1), None)
            if several:
                return f"several pictures have this name, such as {several[0]} and {several[1]}"
        return "the picture does not exist"

    def _pictures_called(self, last: str) -> tuple[list[str], ...]:
        """Pictures that a name without folders may mean, the best first."""
        same = [n for n in self.files_named(last) if PurePosixPath(n).suffix.lower() in PICTURE_SUFFIXES]
        return same, self.pictures_with_stem(last), self.pictures_with_stem(stem_of(last))

    def pictures_with_stem(self, stem: str) -> list[str]:
        """Pictures with this name without suffix, ignoring case and the form of letters with accents."""
        return self._by_stem.find(stem)

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
        """A YAML file, plain values only. Raises FormatError naming the file."""
        try:
            return parsers.parse_yaml_text(self.read_text(name, MAX_YAML_BYTES))
        except MalformedValueError as problem:
            raise FormatError(f"{self.path(name)} is not valid YAML: {problem}.") from problem

    def read_text(self, name: str, limit: int = MAX_TEXT_BYTES) -> str:
        """A text file in UTF-8, or with the byte order mark of UTF-16 or UTF-32. Raises FormatError naming the file."""
        path = self.path(name)
        try:
            with path.open("rb") as file:
                content = file.read(limit + 1)
            if len(content) > limit:
                raise FormatError(
                    f"{path} is larger than the limit of {limit >> 20} MB. Split it into smaller files."
                )
            encoding = next((e for mark, e in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8-sig")
            text = content.decode(encoding)
        except (OSError, ValueError) as problem:
            if isinstance(problem, UnicodeDecodeError):
                raise FormatError(
                    f"{path} cannot be read: it is not UTF-8 text. Save it as UTF-8."
                ) from problem
            reason = problem.strerror if isinstance(problem, OSError) else "its name is not valid"
            raise FormatError(f"{path} cannot be read: {reason or problem}.") from problem
        self._read_names.add(name)
        return text

    def read_head(self, name: str, size: int = 4096) -> str:
        """The first `size` bytes of a file as text; empty if it cannot be read."""
        try:
            with self.path(name).open("rb") as file:
                return file.read(size).decode("utf-8-sig", "replace")
        except OSError:
            return ""

    def read_lines(self, name: str) -> list[str]:
        """The non-empty lines of a text file, stripped. Raises FormatError."""
        try:
            return parsers.split_lines(self.read_text(name))
        except MalformedValueError as problem:
            raise FormatError(f"{self.path(name)} cannot be read: {problem}.") from problem

    def read_json(self, name: str) -> Any:
        """A JSON file. Raises FormatError naming the file."""
        try:
            return parsers.parse_json_text(self.read_text(name, MAX_JSON_BYTES))
        except MalformedValueError as problem:
            raise FormatError(f"{self.path(name)} is not valid JSON: {problem}.") from problem

    def read_xml(self, name: str) -> Element:
        """An XML file; entities, external references and document types are refused. Raises FormatError."""
        try:
            return parsers.parse_xml_text(self.read_text(name))
        except MalformedValueError as problem:
            raise FormatError(f"{self.path(name)} is not valid XML: {problem}.") from problem

    def read_csv(self, name: str) -> list[list[str]]:
        """The non-empty rows of a CSV file with stripped cells. Raises FormatError."""
        try:
            return parsers.parse_csv_text(self.read_text(name))
        except MalformedValueError as problem:
            raise FormatError(f"{self.path(name)} is not a valid CSV table: {problem}.") from problem


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
