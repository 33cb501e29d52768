"""The file listing of a dataset folder, with name lookup."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, wraps
from os.path import normpath
from pathlib import Path, PurePosixPath
from typing import TypeVar
from weakref import WeakKeyDictionary

from core.base.errors import FormatError
from core.formats.files.file_reader import FileReader
from core.formats.files.folder_files import FolderFiles, list_files
from core.formats.files.name_index import FileNameIndex, best_match, reference_forms
from core.formats.malformed import MALFORMED_ERRORS
from core.images.folder import natural_key
from core.images.image_reader import PICTURE_SUFFIXES

__all__ = [
    "MALFORMED_ERRORS",
    "SPLIT_NAMES",
    "DatasetTree",
    "folder_of",
    "once_per_tree",
    "split_of",
    "stem_of",
]

R = TypeVar("R")
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


class DatasetTree(FileReader):
    """The files below `root`: names relative to it, with forward slashes, in natural order, without hidden files.

    A file name found inside a dataset is never opened as a path: `find` looks it up among the listed names, so a
    dataset cannot refer to files outside its folder. Only regular files are listed, and no links that lead out of the
    folder; `refused` has the others. A folder reached through links is listed once.

    It is as large as the listing, so no sample keeps it: `reader` reads files by name alone.
    """

    def __init__(self, root: Path, files: Iterable[str] | None = None) -> None:
        """files: names of the only files that belong to the dataset, None for all.

        Raises FormatError if the folder does not exist or contains more than MAX_FILES files.
        """
        if not root.exists():
            raise FormatError(f"There is no folder {root}. Check the name and try again.")
        if not root.is_dir():
            raise FormatError(f"{root} is a file. Choose the folder that contains the dataset.")
        super().__init__(Path(normpath(root.absolute())))
        listing = list_files(self.root) if files is None else FolderFiles(list(files))
        self.files = tuple(sorted(listing.files, key=natural_key))
        self.refused = tuple(sorted(listing.refused))
        """(name, reason) of pipes, devices, links out of the folder, and folders that cannot be opened."""
        self._read_names: set[str] = set()
        self._by_ending: dict[tuple[str, ...], list[str]] = {}

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

    @property
    def reader(self) -> FileReader:
        return FileReader(self.root)

    def files_ending(self, *endings: str) -> list[str]:
        """Names with one of these endings (lower case), ignoring case."""
        if endings not in self._by_ending:
            found = [name for name in self.files if name.casefold().endswith(endings)]
            self._by_ending[endings] = found
        return list(self._by_ending[endings])

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


def once_per_tree(function: Callable[[DatasetTree], R]) -> Callable[[DatasetTree], R]:
    """Keeps the result for each tree, as recognising and opening ask the same. The result must not be changed.

    The files that the function reads as text are noted in `read_names` only the first time."""
    found: WeakKeyDictionary[DatasetTree, R] = WeakKeyDictionary()

    @wraps(function)
    def call(tree: DatasetTree) -> R:
        if tree not in found:
            found[tree] = function(tree)
        return found[tree]

    return call


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
