"""What readers with one annotation file per picture share: keys of large files, pictures by name, joined samples."""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import tempfile
import weakref
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from core.base.display_text import quoted
from core.base.errors import FormatError, ImageError
from core.formats.account import AccountBuilder, AccountKind
from core.formats.dataset_tree import DatasetTree, stem_of
from core.formats.dataset_types import Dataset, LoadedMask, Sample, Values
from core.formats.files.file_reader import MAX_JSON_BYTES
from core.formats.files.name_index import UPLOAD_PREFIX, name_key, reference_forms, without_upload_prefix
from core.formats.malformed import MalformedValueError, SharedReasonError
from core.images.image_reader import read_size

_CHUNK = 1 << 20
MANY_FILES = 200
MAX_EMBEDDED_BYTES = 4 << 30
"""Pictures inside annotation files that are written to a temporary folder, all together."""
_SIGNATURES = (
    (b"\xff\xd8\xff", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"GIF8", ".gif"),
    (b"BM", ".bmp"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
    (b"RIFF", ".webp"),
)


class FoundPicture(str):
    """The name of a listed picture that was looked up already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture that was looked up: its name in the dataset, and the file. A picture from an annotation file keeps the
    temporary folder it lies in."""

    name: FoundPicture
    path: Path
    folder: _TemporaryFolder | None = None


class PictureTree(DatasetTree):
    """The listing of another tree, with more ways to find a picture.

    A name may begin with the prefix of an upload. Pictures inside annotation files count as listed once added.
    """

    def __init__(self, tree: DatasetTree) -> None:
        self.__dict__ |= tree.__dict__
        self._embedded: dict[str, Path] = {}
        self._embedded_bytes = 0
        self._folder: _TemporaryFolder | None = None

    def path(self, name: str) -> Path:
        return self._embedded.get(name) or super().path(name)

    def find_picture(self, reference: str, near_folder: str = "", split: str | None = None) -> str | None:
        if isinstance(reference, FoundPicture):
            return str(reference)
        if found := super().find_picture(reference, near_folder, split):
            return found
        for parts in reference_forms(reference):
            original = without_upload_prefix(parts)
            if original and (found := super().find_picture("/".join(original), near_folder, split)):
                return found
        return None

    def picture_file(self, picture: FoundPicture) -> PictureFile:
        folder = self._folder if picture in self._embedded else None
        return PictureFile(picture, self.path(picture), folder)

    def missing_picture(self, name: str, reference: str) -> FormatError:
        """The error of an annotation file without a picture."""
        reason, about = self.explain_missing(reference), quoted(reference)
        is_plain = "/" not in reference and "\\" not in reference
        return SharedReasonError(
            f"{self.path(name)} was left out: {reason}. It is about the picture {about}; put that into the folder "
            "of the dataset.",
            f"{reason}; put it into the folder of the dataset",
            "" if is_plain and is_named_like(reference, name) else f"about {about}",
        )

    def add_embedded(self, name: str, data: Any) -> FoundPicture:
        """Write the picture in an annotation file (base64) to a temporary folder, which is kept as long as this tree.

        Its name is that of the annotation file. Raises MalformedValueError.
        """
        content = decode_base64(data, "its “imageData”")
        suffix = next((suffix for start, suffix in _SIGNATURES if content.startswith(start)), None)
        if suffix is None:
            raise MalformedValueError("its “imageData” is not a picture")
        picture = FoundPicture(name.rsplit(".", 1)[0] + suffix)
        if picture in self._embedded:
            return picture
        if self._embedded_bytes + len(content) > MAX_EMBEDDED_BYTES:
            raise MalformedValueError(
                f"the annotation files contain pictures of more than {MAX_EMBEDDED_BYTES >> 30} GB; save them as files"
            )
        self._folder = self._folder or _TemporaryFolder()
        path = self._folder.path / f"{len(self._embedded)}{suffix}"
        try:
            path.write_bytes(content)
            read_size(path)
        except OSError as problem:
            raise MalformedValueError(
                f"its picture could not be written to {path.parent} ({problem.strerror or problem})"
            ) from problem
        except ImageError as problem:
            path.unlink(missing_ok=True)
            raise MalformedValueError("its “imageData” is a damaged picture") from problem
        self._embedded[str(picture)] = path
        self._embedded_bytes += len(content)
        return picture


class _TemporaryFolder:
    """A folder that is deleted together with this object, but not with its copies in other processes."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or Path(tempfile.mkdtemp(prefix="maskloop-pictures-"))
        if path is None:
            weakref.finalize(self, _remove_folder, self.path, os.getpid())

    def __reduce__(self) -> tuple[type[_TemporaryFolder], tuple[Path]]:
        return _TemporaryFolder, (self.path,)


def _remove_folder(path: Path, process: int) -> None:
    if os.getpid() == process:  # not a fork of it
        shutil.rmtree(path, ignore_errors=True)


def is_named_like(picture: str, name: str) -> bool:
    """Whether a picture and an annotation file have one name; percent codes and the prefix of an upload may differ."""
    own, stem = _plain_stem(picture), _plain_stem(name)
    return own in (stem, UPLOAD_PREFIX.sub("", stem))


def _plain_stem(name: str) -> str:
    return name_key(unquote(unquote(stem_of(name))))


def decode_base64(data: Any, subject: str) -> bytes:
    """Bytes from base64 text, which may be a data address and have line breaks. Raises MalformedValueError."""
    if not isinstance(data, str):
        raise MalformedValueError(f"{subject} is not base64 text")
    text = data.partition(",")[2] if data.startswith("data:") else data
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as problem:
        raise MalformedValueError(f"{subject} is not base64 text") from problem


def holds_keys(
    tree: DatasetTree, name: str, groups: Sequence[Sequence[str]], foreign: Sequence[str] = ()
) -> bool:
    """Whether a JSON file contains a key of each group, given with their quotes.

    Start and end are looked at first; the middle of a large file only if they have no key of another format, `foreign`.
    At most MAX_JSON_BYTES are read, in small parts.
    """
    ends = tree.read_ends(name)
    missing = [[key.encode() for key in group] for group in groups if not any(key in ends for key in group)]
    if not missing or any(key in ends for key in foreign):
        return not missing
    overlap = max(len(key) for group in missing for key in group) - 1
    try:
        with tree.path(name).open("rb") as file:
            part, done = file.read(_CHUNK), 0
            while part and missing and done <= MAX_JSON_BYTES:
                missing = [group for group in missing if not any(key in part for key in group)]
                done += len(part)
                more = file.read(_CHUNK)
                part = part[-overlap:] + more if more else b""
    except OSError:
        return False
    return not missing


def sample_files(tree: DatasetTree, ending: str, count: int) -> list[str]:
    """About `count` files with this ending from all over the dataset; empty files say nothing and are passed over."""
    names = tree.files_ending(ending)
    step = max(1, len(names) // count)
    spread = (name for start in range(step) for name in names[start::step])
    found: list[str] = []
    for name in spread:
        if tree.read_head(name, 64).strip():
            found.append(name)
            if len(found) == count:
                break
    return found


def large_files(tree: DatasetTree, ending: str) -> list[str]:
    """Files with this ending that may be about many pictures each.

    A dataset with more than MANY_FILES of them has one per picture; then only those in the folder itself, and those
    called annotations, come into question."""
    names = tree.files_ending(ending)
    if len(names) <= MANY_FILES:
        return names
    return [name for name in names if "annotation" in name.casefold() or "/" not in name][:MANY_FILES]


def stated_size(width: Any, height: Any) -> tuple[int, int] | None:
    """A picture size from an annotation file; None unless both are positive numbers."""
    try:
        size = int(width), int(height)
    except (TypeError, ValueError, OverflowError):
        return None
    return size if min(size) > 0 else None


def join_samples(dataset: Dataset, uncovered: int) -> Dataset:
    """Annotations of one picture become one sample; the objects of later ones cover those of earlier ones.

    uncovered: the value of pixels that no object covers
    """
    groups: dict[tuple[Path, object], list[Sample]] = defaultdict(list)
    for sample in dataset.samples:
        groups[sample.picture, sample.crop].append(sample)
    if len(groups) == len(dataset.samples):
        return dataset
    joined = [_join(group, dataset.root, uncovered) for group in groups.values()]
    several = next(group for group in groups.values() if len(group) > 1)
    names = " and ".join(_source_of(sample, dataset.root) for sample in several[:2])
    count = sum(len(group) > 1 for group in groups.values())
    note = f"{names} are about one picture and were put together."
    if count > 1:
        note = f"{count:,} pictures have several annotation files, which were put together, such as {names}."
    return replace(dataset, samples=tuple(joined), notes=(*dataset.notes, note))


def _join(group: Sequence[Sample], root: Path, uncovered: int) -> Sample:
    first = group[0]
    if len(group) == 1:
        return first
    reads = [(_source_of(s, root), s.read_mask) for s in group if s.read_mask is not None]
    tags = tuple(dict.fromkeys(tag for sample in group for tag in sample.tags))
    sources = tuple(dict.fromkeys(path for sample in group for path in sample.sources))
    return replace(first, read_mask=partial(_read_joined, reads, uncovered), tags=tags, sources=sources)


def _read_joined(reads: Sequence[tuple[str, Callable[[], LoadedMask]]], uncovered: int) -> LoadedMask:
    """reads: by annotation file; uncovered: the value of pixels that no object covers.

    Raises FormatError and ImageError if no file can be read.
    """
    account = AccountBuilder()
    values: Values | None = None
    notes: list[str] = []
    problems: list[FormatError | ImageError] = []
    for name, read in reads:
        try:
            mask = read()
        except (FormatError, ImageError) as problem:
            problems.append(problem)
            account.failed(name, problem, AccountKind.ENTRY)
            continue
        if values is not None and mask.values.shape != values.shape:
            height, width = mask.values.shape
            reason = (
                f"it is about a picture of {width} x {height} pixels, another file of the same picture is not"
            )
            account.left_out(name, reason, AccountKind.ENTRY)
            continue
        values = mask.values if values is None else np.where(mask.values != uncovered, mask.values, values)
        account.add(mask.account)
        notes += mask.notes
    if values is None:
        raise problems[0]
    return LoadedMask(values, notes=tuple(notes), account=account.result())


def _source_of(sample: Sample, root: Path) -> str:
    path = sample.sources[0] if sample.sources else sample.picture
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
