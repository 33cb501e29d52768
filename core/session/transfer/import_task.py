"""Imports one picture in a worker process: copies its file and reads its mask. The project is not touched here."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.base.atomic_file import atomic_file
from core.base.errors import FormatError, ImageError, ProjectError
from core.base.geometry import Box
from core.formats.account import Account
from core.formats.dataset_types import Sample
from core.formats.sample_label import leave_out_picture, read_label
from core.images.file_kind import check_picture_file
from core.images.folder import is_encodable_name
from core.images.image_reader import read_picture, read_size
from core.labels.label_map import Values
from core.project.content.file_content import observe_file
from core.project.packed_picture import PackedPicture, pack_label
from core.project.records import Split


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """A picture to import.

    path: in the project; signature: of the files it is made from; known: whether the project has a picture there
    is_imported: whether an earlier import stored it with this signature; label_digest: of the label that it stored
    labelled_size: (width, height) of the picture in the project, None if it is not labelled there
    """

    sample: Sample
    path: str
    split: Split | None
    signature: str
    known: bool = False
    is_imported: bool = False
    label_digest: str = ""
    labelled_size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class ImportItem:
    """A picture whose file is in the project's folder and whose mask is read.

    values: (H, W) uint8 class values of the project, None without a mask, or when they are in `packed_picture`
    packed_picture: row and label for a picture that the project does not have yet
    account: what this picture adds to that of the dataset; counts: (256,) int64 pixels by value of a LoadedMask
    confidence: of a mask that had to be guessed, 0..1; is_complete: whether the label did not have to be left out
    has_label: whether any pixel is labelled; label_digest: of the label in class values, empty without one
    is_copied: whether the file was not there before; is_unchanged: whether an earlier import stored this label
    """

    path: str
    split: Split | None
    tags: tuple[str, ...]
    signature: str
    size: tuple[int, int]
    values: Values | None = None
    packed_picture: PackedPicture | None = None
    notes: tuple[str, ...] = ()
    account: Account = field(default_factory=Account)
    confidence: float = 1.0
    is_complete: bool = True
    has_mask: bool = False
    has_label: bool = False
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    label_digest: str = ""
    is_copied: bool = False
    is_unchanged: bool = False

    def label(self) -> Values | None:
        """Class values (H, W) uint8, None without a mask."""
        return (
            self.values if self.packed_picture is None or not self.has_mask else self.packed_picture.values()
        )


@dataclass(frozen=True, slots=True)
class ImportTask:
    """Imports pictures in any process.

    folder: of the project's pictures; table: (256,) uint8, from values of a LoadedMask to class values
    root: of the dataset
    """

    folder: Path
    table: NDArray[np.uint8]
    root: Path

    def __call__(self, request: ImportRequest) -> ImportItem | Account | None:
        """None when it is imported already, an account when it cannot be. Raises ProjectError when the disk refuses."""
        if request.is_imported:
            return None
        try:
            return self._read(request)
        except (ImageError, FormatError) as problem:
            return leave_out_picture(request.sample, problem, self.root)

    def _read(self, request: ImportRequest) -> ImportItem:
        """Raises ImageError, FormatError and ProjectError."""
        sample, path = request.sample, request.path
        check_picture_file(
            self.folder / path, self.folder
        )  # nothing is written through a link that leads out
        was_there = False
        with contextlib.suppress(OSError):  # a name that is too long for the disk
            was_there = (self.folder / path).exists()
        size = self._copy_picture(request)
        label = read_label(sample, size, self.root)
        values: Values | None = None
        if label.values is not None:
            values = np.asarray(cv2.LUT(np.ascontiguousarray(label.values), self.table), np.uint8)
        has_mask = values is not None
        digest = "" if values is None else _digest_of(values)
        has_label = values is not None and bool(values.any())
        packed_picture = None
        if not request.known:
            packed_picture, values = self._pack(request, size, values), None
        return ImportItem(
            path,
            request.split,
            sample.tags,
            request.signature,
            size,
            values,
            packed_picture,
            label.notes,
            label.account,
            label.confidence,
            has_mask or sample.read_mask is None,
            has_mask,
            has_label,
            label.counts,
            digest,
            not was_there,
            was_there and digest != "" and digest == request.label_digest,
        )

    def _pack(self, request: ImportRequest, size: tuple[int, int], values: Values | None) -> PackedPicture:
        seen = observe_file(0, self.folder / request.path)
        digest, age = (seen.digest, seen.age) if seen is not None else (None, None)
        tags = tuple(sorted(set(request.sample.tags)))
        label = None if values is None else pack_label(values)
        return PackedPicture(request.path, *size, digest, request.split, tags, label, age)

    def _copy_picture(self, request: ImportRequest) -> tuple[int, int]:
        """Copy the picture to its path in the project. Returns its upright size (width, height).

        Raises ImageError, FormatError when another picture is there or it is labelled at another size, and
        ProjectError when the disk refuses.
        """
        sample, target = request.sample, self.folder / request.path
        try:
            check_picture_place(sample, target)
            size = (sample.crop.width, sample.crop.height) if sample.crop else read_size(sample.picture)
            check_label_size(request.path, size, request.labelled_size)
            if target.exists():
                return size
            if sample.crop is not None:
                _crop_picture(sample.picture, sample.crop, target)
            else:
                with atomic_file(target) as temporary:
                    shutil.copyfile(sample.picture, temporary)
        except OSError as problem:
            if problem.errno == errno.ENAMETOOLONG:
                raise FormatError(
                    f"The name {target.name} is too long for the disk; give the file a shorter one."
                ) from problem
            raise ProjectError(
                f"{sample.picture.name} could not be copied to {target.parent}: {problem}."
            ) from problem
        return size


def check_picture_place(sample: Sample, target: Path) -> None:
    """Whether the picture of a sample can be at `target`: a file that is there must be the same, or for a part of a
    picture have its size. Raises FormatError, ImageError, and OSError."""
    if not is_encodable_name(str(sample.picture)):
        raise FormatError(f"The name {sample.picture.name!r} is not readable text; rename the file.")
    if target == sample.picture or not target.exists():
        return
    if sample.crop is not None:
        is_same = read_size(target) == (sample.crop.width, sample.crop.height)
    else:
        is_same = filecmp.cmp(sample.picture, target, shallow=False)
    if not is_same:
        raise FormatError(f"Another picture called {target.name} is already in {target.parent}; it was kept.")


def check_label_size(path: str, size: tuple[int, int], labelled: tuple[int, int] | None) -> None:
    """`size`, `labelled`: (width, height) of the picture and of its label in the project, None without one. Raises
    FormatError if they differ."""
    if labelled is not None and labelled != size:
        raise FormatError(
            f"{path} is labelled at {labelled[0]} x {labelled[1]} pixels in this project, and the picture of the "
            f"dataset has {size[0]} x {size[1]}; the label of the project was kept."
        )


def _digest_of(values: Values) -> str:
    return hashlib.blake2b(
        np.ascontiguousarray(values).data, digest_size=12, salt=b"%d" % values.shape[1]
    ).hexdigest()


def _crop_picture(source: Path, part: Box, target: Path) -> None:
    """Write a part of a picture as a PNG."""
    pixels = read_picture(source)[part.slices]
    with atomic_file(target) as temporary:
        Image.fromarray(np.ascontiguousarray(pixels)).save(temporary, "PNG")
